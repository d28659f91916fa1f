#include "tests/unit/api/fakes.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "shared/clock.h"
#include "shared/json.h"
#include "shared/log.h"

#include "daemon/api/replays.h"
#include "daemon/api/routing.h"

#include "tests/unit/test.h"

struct fakes fakes;
const struct cache_backend *fakes_cache_backend;

static struct model catalogue[] = {
	{"haiku", "claude-haiku-5-5", "Haiku 5.5", true, 1000000, 5000000},
	{"sonnet", "claude-sonnet-5-5", "Sonnet 5.5", true, -1, -1},
};

static void make_caches(void)
{
	const struct sessions_conf sessions = {
		.ttl_ms = 3600000, .max_size = 4096, .max_bytes = 65536};
	struct cache_backend memory, replays;

	if (fakes_cache_backend)
		memory = *fakes_cache_backend;
	else
		assert_int_equal(cache_ram_new(1 << 20, &memory), 0);
	fakes.cache = cache_new(&fakes.loop, &memory);
	assert_int_equal(replays_backend(NULL, &replays), 0);
	fakes.replays = cache_new(&fakes.loop, &replays);
	fakes.sessions = sessions_new(&sessions, NULL);
}

static bool host_allowed(void *ctx, const char *host)
{
	assert_ptr_equal(ctx, &fakes);
	assert_string_equal(host, "localhost:8080");
	return !fakes.foreign_host;
}

static bool room_for_stream(void *ctx)
{
	assert_ptr_equal(ctx, &fakes);
	return !fakes.no_room;
}

int fakes_setup(void **state)
{
	(void)state;
	clock_freeze(1000000000, 1700000000000000);
	log_set_level(LOG_LEVEL_ERROR);
	memset(&fakes, 0, sizeof fakes);
	fakes.health = POOL_READY;
	fakes.body_mode = true;
	fakes.models = (struct models){.items = catalogue, .count = 2};
	plan_limits_init(&fakes.plan);
	fakes.conf.routing.default_model = strdup("sonnet");
	fakes.conf.claude.system_prompt = strdup("Be helpful.");
	fakes.conf.docs.enabled = true;
	fakes.conf.docs.ui_dir = (char *)(uintptr_t) "/nonexistent";
	fakes.conf.pool.max_answer = 1024;
	fakes.conf.sessions.max_size = 4096;
	fakes.conf.pool.queue = 2;
	fakes.conf.pool.queue_timeout = 60000;
	fakes.conf.pool.request_timeout = 600000;
	fakes.conf.routing.sonnet_score = ROUTER_SONNET_SCORE;
	fakes.conf.routing.opus_score = ROUTER_OPUS_SCORE;
	fakes.conf.budget.max_answer_tokens = 1000;
	fakes.conf.http.max_batch = 10;
	fakes.conf.pool.workers = 2;
	fakes.conf.cache.ttl = 60000;
	fakes.conf.websocket.max_chats = 3;
	fakes.conf.websocket.auth_timeout = 100;
	uv_loop_init(&fakes.loop);
	fakes_admit_setup();
	make_caches();
	fakes.routing = routing_new(&fakes.conf, NULL, NULL);
	fakes.api = api_new(&(struct api_deps){.loop = &fakes.loop,
					       .conf = &fakes.conf,
					       .routing = fakes.routing,
					       .cache = fakes.cache,
					       .replays = fakes.replays,
					       .sessions = fakes.sessions,
					       .host_allowed = host_allowed,
					       .room_for_stream = room_for_stream,
					       .ctx = &fakes});
	fakes.handlers = api_handlers(fakes.api);
	return 0;
}

int fakes_teardown(void **state)
{
	(void)state;
	assert_int_equal(fakes.admit.open, 0);
	api_free(fakes.api);
	cache_free(fakes.cache, NULL, NULL);
	cache_free(fakes.replays, NULL, NULL);
	sessions_free(fakes.sessions);
	routing_free(fakes.routing);
	uv_run(&fakes.loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&fakes.loop), 0);
	free(fakes.conf.routing.default_model);
	free(fakes.conf.claude.system_prompt);
	clock_thaw();
	return 0;
}

/* ---- exchange ---- */

struct exchange *fake_exchange(const char *method, const char *path)
{
	struct exchange *x = calloc(1, sizeof *x);

	x->method = strdup(method);
	x->path = strdup(path);
	x->body = strdup("");
	x->started_us = clock_mono_us();
	buf_init(&x->sent, 1 << 28);
	return x;
}

struct exchange *fake_chat(const char *body)
{
	struct exchange *x = fake_exchange("POST", "/v1/chat/completions");

	fake_add_header(x, "Content-Type", "application/json");
	free(x->body);
	x->body = strdup(body);
	return x;
}

static void free_headers(struct fake_header *h, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		free(h[i].name);
		free(h[i].value);
	}
}

static void free_exchange(struct exchange *x)
{
	free_headers(x->in, x->in_count);
	free_headers(x->out, x->out_count);
	free(x->method);
	free(x->path);
	free(x->body);
	free(x->type);
	buf_done(&x->sent);
	free(x);
}

void fake_add_header(struct exchange *x, const char *name, const char *value)
{
	assert_true(x->in_count < FAKE_HEADERS);
	x->in[x->in_count++] = (struct fake_header){strdup(name), strdup(value)};
}

static const char *find(const struct fake_header *h, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (strcasecmp(h[i].name, name) == 0)
			return h[i].value;
	return NULL;
}

const char *fake_out(const struct exchange *x, const char *name)
{
	return find(x->out, x->out_count, name);
}

void fake_send(struct exchange *x)
{
	fakes.handlers.head(fakes.handlers.ctx, x);
	if (!x->status)
		fakes.handlers.request(fakes.handlers.ctx, x);
	fake_flush();
}

void fake_finish(struct exchange *x)
{
	assert_true(x->ended);
	fakes.handlers.finished(fakes.handlers.ctx, x, x->status);
	free_exchange(x);
}

void fake_abort(struct exchange *x)
{
	assert_false(x->ended);
	x->on_abort(x->user, x);
	fakes.handlers.finished(fakes.handlers.ctx, x, x->status);
	free_exchange(x);
}

void fake_assert_error(const struct exchange *x, int status, const char *code, const char *param)
{
	json_t *v = json_loads(x->sent.data, 0, NULL);
	const json_t *error = json_object_get(v, "error");

	assert_int_equal(x->status, status);
	assert_non_null(v);
	assert_string_equal(x->type, "application/json");
	assert_true(json_is_string(json_object_get(error, "message")));
	if (code)
		assert_string_equal(json_get_str(error, "code"), code);
	else
		assert_true(json_is_null(json_object_get(error, "code")));
	if (param)
		assert_string_equal(json_get_str(error, "param"), param);
	else
		assert_true(json_is_null(json_object_get(error, "param")));
	assert_non_null(fake_out(x, "x-request-id"));
	assert_non_null(fake_out(x, "openai-processing-ms"));
	json_decref(v);
}

const char *exchange_method(const struct exchange *x)
{
	return x->method;
}

const char *exchange_path(const struct exchange *x)
{
	return x->path;
}

const char *exchange_header(const struct exchange *x, const char *name)
{
	return find(x->in, x->in_count, name);
}

const char *exchange_body(const struct exchange *x, size_t *ret_len)
{
	*ret_len = strlen(x->body);
	return x->body;
}

const char *exchange_arg(const struct exchange *x, const char *name)
{
	(void)x;
	(void)name;
	return NULL;
}

int64_t exchange_started_us(const struct exchange *x)
{
	return x->started_us;
}

const char *exchange_peer(const struct exchange *x)
{
	(void)x;
	return "127.0.0.1:5";
}

void exchange_set_user(struct exchange *x, void *user)
{
	x->user = user;
}

void *exchange_user(const struct exchange *x)
{
	return x->user;
}

void exchange_on_abort(struct exchange *x, void (*fn)(void *user, struct exchange *x))
{
	x->on_abort = fn;
}

void exchange_add_header(struct exchange *x, const char *name, const char *value)
{
	assert_int_equal(x->status, 0);
	assert_true(x->out_count < FAKE_HEADERS);
	assert_non_null(value);
	assert_null(fake_out(x, name));
	x->out[x->out_count++] = (struct fake_header){strdup(name), strdup(value)};
}

void exchange_add_headerf(struct exchange *x, const char *name, const char *fmt, ...)
{
	char value[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(value, sizeof value, fmt, ap);
	va_end(ap);
	exchange_add_header(x, name, value);
}

void exchange_reply(struct exchange *x, int status, const char *content_type, struct buf *body)
{
	char *text;
	size_t len;

	assert_false(x->ended || x->streaming);
	x->status = status;
	x->type = content_type ? strdup(content_type) : NULL;
	text = buf_take(body, &len);
	assert_non_null(text);
	buf_add(&x->sent, text, len);
	free(text);
	x->ended = true;
}

void exchange_reply_static(struct exchange *x, int status, const char *content_type,
			   const void *data, size_t len)
{
	assert_false(x->ended || x->streaming);
	x->status = status;
	x->type = content_type ? strdup(content_type) : NULL;
	buf_add(&x->sent, data, len);
	x->ended = true;
}

void exchange_stream_begin(struct exchange *x, int status, const char *content_type)
{
	assert_int_equal(x->status, 0);
	x->status = status;
	x->type = strdup(content_type);
	x->streaming = true;
}

void exchange_stream_write(struct exchange *x, const void *data, size_t len)
{
	assert_true(x->streaming && !x->ended);
	buf_add(&x->sent, data, len);
}

size_t exchange_stream_queued(const struct exchange *x)
{
	return x->queued;
}

void exchange_stream_watch(struct exchange *x, size_t high, size_t low,
			   void (*on_drain)(void *user, struct exchange *x))
{
	x->high = high;
	x->low = low;
	x->on_drain = on_drain;
}

void exchange_stream_end(struct exchange *x)
{
	assert_true(x->streaming && !x->ended);
	x->ended = true;
}

void exchange_stream_cut(struct exchange *x)
{
	x->cut = x->ended = true;
}

/* ---- dispatch ---- */

enum fault dispatch_submit(struct dispatch *d, struct job *job)
{
	(void)d;
	if (fakes.refuse) {
		job->result.fault = fakes.refuse;
		job->result.retry_after_ms = 1500;
		return fakes.refuse;
	}
	assert_true(fakes.several || !fakes.job);
	assert_non_null(job->prompt.body);
	assert_non_null(job->prompt.model);
	job->state = JOB_RUNNING;
	job->times.submitted = clock_mono_us();
	clock_advance_ms(3);
	job->times.dispatched = clock_mono_us();
	fakes.job = job_ref(job);
	fakes.submitted++;
	return FAULT_NONE;
}

void dispatch_cancel(struct dispatch *d, struct job *job)
{
	(void)d;
	assert_true(fakes.several || job == fakes.job);
	fakes.cancelled++;
}

void dispatch_pause(struct dispatch *d, struct job *job, bool paused)
{
	(void)d;
	assert_true(fakes.several || job == fakes.job);
	if (paused)
		fakes.pauses++;
	else
		fakes.resumes++;
}

int64_t dispatch_held_us(const struct dispatch *d)
{
	(void)d;
	return fakes.held_us;
}

unsigned dispatch_queued(const struct dispatch *d)
{
	(void)d;
	return 2;
}

void pool_count(const struct pool *p, struct pool_counts *ret_counts)
{
	(void)p;
	*ret_counts = (struct pool_counts){.ready = 1, .busy = 4};
}

bool dispatch_draining(const struct dispatch *d)
{
	(void)d;
	return fakes.draining;
}

void fake_text(const char *text)
{
	if (!fakes.job->times.first_text)
		fakes.job->times.first_text = clock_mono_us();
	fakes.job->ops->text(fakes.job, text, strlen(text));
}

void fake_done(enum fault fault)
{
	struct job *job = fakes.job;

	clock_advance_ms(20);
	job->state = JOB_ENDED;
	job->times.ended = clock_mono_us();
	job->result.fault = fault;
	job->result.worker_id = 1;
	if (!fault) {
		strcpy(job->result.model_id, "claude-haiku-5-5-2026");
		job->result.stop = job->result.stop ? job->result.stop : JOB_STOP_END_TURN;
		job->result.usage = (struct job_usage){10, 5, 3, 2, 1, 978};
	}
	fakes.job = NULL;
	clock_advance_ms(4);
	job->ops->done(job);
	job_unref(job);
	fake_flush();
}

void fake_run_loop(void)
{
	uv_run(&fakes.loop, UV_RUN_ONCE);
	fake_flush();
}

/* ---- pool ---- */

enum pool_health pool_health(const struct pool *p)
{
	(void)p;
	return fakes.health;
}

const char *pool_health_name(enum pool_health health)
{
	return health == POOL_NOT_LOGGED_IN ? "not_logged_in" : "starting";
}

bool pool_body_mode(const struct pool *p)
{
	(void)p;
	assert_int_equal(fakes.health, POOL_READY);
	return fakes.body_mode;
}

const struct models *pool_models(const struct pool *p)
{
	(void)p;
	return &fakes.models;
}

unsigned pool_most_workers(const struct pool *p)
{
	(void)p;
	return (unsigned)fakes.conf.pool.workers;
}

const char *pool_cli_version(const struct pool *p)
{
	(void)p;
	return "2.1.330";
}

const struct plan_limits *pool_plan(const struct pool *p)
{
	(void)p;
	return &fakes.plan;
}
