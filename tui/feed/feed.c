/* The feed's states, changed in enter():
 *
 *   WAITING --timer--> CONNECTING --> GREETING --hello--> SUBSCRIBING --answer--> LIVE
 *      ^                   |              |                    |                    |
 *      +---- lost ---------+--------------+--------------------+--------------------+
 *                          |              \-- another protocol --> OVER
 *                          \-- none of the sockets may be opened --> OVER
 *
 * Whoever listens there may be anything: what it says is parsed within bounds, what it does not say
 * is waited for no longer than a few beats, and what is no answer of ours is passed over.
 *
 * While LIVE the daemon says something every second.  When it has been silent for a while it hangs,
 * and what it said before is not true any more. */
#include "tui/feed/feed.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/buf.h"
#include "shared/err.h"
#include "shared/json.h"
#include "shared/paths.h"
#include "shared/str.h"

#include "ccapi_version.h"
#include "tui/feed/link.h"

enum {
	PATHS_MAX = 2,
	WORDS_MAX = 768,
	BEAT_MS = 2500,
	SILENT_BEATS = 2,   /* without a word while it is live: it hangs */
	GREETING_BEATS = 4, /* from connecting to the snapshot */
	RETRY_FIRST_MS = 200,
	RETRY_MAX_MS = 5000
};

enum state {
	STATE_WAITING,
	STATE_CONNECTING,
	STATE_GREETING,
	STATE_SUBSCRIBING,
	STATE_LIVE,
	STATE_OVER
};

struct call {
	int id; /* 0: the place is free */
	feed_answer *answer;
	void *ctx;
};

struct feed {
	struct feed_conf conf;
	struct feed_events events;
	void *owner;
	char *paths[PATHS_MAX];
	size_t path_count, path;
	enum state state;
	struct link *link;
	uv_timer_t retry, beat;
	int handles;
	bool heard;       /* since the last beat */
	int silent_beats; /* before it is live: all of them */
	int64_t retry_ms; /* of the next wait */
	int hello_id, subscribe_id, newest_id;
	struct call calls[FEED_CALLS_MAX];
	char words[WORDS_MAX]; /* of the paths that were tried, a line each */
	bool closed;
};

static const struct link_events link_events;

static void try_path(struct feed *f);

/* ---- losing it ---- */

static void answer_all(struct feed *f)
{
	struct rpc_error error;

	rpc_error_set(&error, RPC_TIMEOUT, NULL,
		      "the connection to ccapid broke off; it is not known whether it was done");
	for (int i = 0; i < FEED_CALLS_MAX && !f->closed; i++) {
		struct call call = f->calls[i];

		f->calls[i].id = 0;
		if (call.id != 0)
			call.answer(call.ctx, NULL, &error);
	}
}

static void on_retry(uv_timer_t *timer)
{
	struct feed *f = timer->data;

	f->path = 0;
	f->words[0] = '\0';
	try_path(f);
}

static void lost(struct feed *f, const char *words, bool for_good)
{
	int64_t wait_ms = f->retry_ms;

	link_close(f->link);
	f->link = NULL;
	uv_timer_stop(&f->beat);
	for_good = for_good || f->conf.once;
	f->state = for_good ? STATE_OVER : STATE_WAITING;
	answer_all(f);
	if (f->closed)
		return;
	if (!for_good) {
		uv_timer_start(&f->retry, on_retry, (uint64_t)wait_ms, 0);
		f->retry_ms = wait_ms * 2 > RETRY_MAX_MS ? RETRY_MAX_MS : wait_ms * 2;
	}
	f->events.lost(f->owner, words, for_good, for_good ? 0 : wait_ms);
}

/* ---- asking ---- */

static int ask(struct feed *f, const char *method, json_t *params)
{
	struct buf out;
	size_t len;
	char *bytes;
	int r;

	if (f->newest_id == INT32_MAX)
		f->newest_id = 0;
	buf_init(&out, RPC_REQUEST_MAX + 1);
	rpc_write_request(&out, ++f->newest_id, method, params);
	json_decref(params);
	bytes = buf_take(&out, &len);
	if (!bytes)
		return ERR_LIMIT;
	r = link_write(f->link, bytes, len);
	return r < 0 ? r : f->newest_id;
}

static struct call *find_call(struct feed *f, int id)
{
	for (int i = 0; i < FEED_CALLS_MAX; i++)
		if (f->calls[i].id == id)
			return &f->calls[i];
	return NULL;
}

int feed_call(struct feed *f, const char *method, json_t *params, feed_answer *answer, void *ctx)
{
	struct call *place = f->state == STATE_LIVE ? find_call(f, 0) : NULL;
	int id;

	if (!place) {
		json_decref(params);
		return f->state == STATE_LIVE ? ERR_LIMIT : ERR_STATE;
	}
	id = ask(f, method, params);
	if (id < 0)
		return id;
	*place = (struct call){.id = id, .answer = answer, .ctx = ctx};
	return 0;
}

bool feed_is_live(const struct feed *f)
{
	return f->state == STATE_LIVE;
}

/* ---- greeting ---- */

static enum verb_right right_of(const json_t *hello)
{
	const char *name = json_get_str(hello, "right");

	for (int i = RIGHT_READ; name && i < RIGHTS; i++)
		if (strcmp(name, verb_right_name((enum verb_right)i)) == 0)
			return (enum verb_right)i;
	return RIGHT_READ;
}

static void mismatch(struct feed *f, const char *version, int64_t protocol)
{
	char words[WORDS_MAX];

	snprintf(words, sizeof words,
		 "ccapitop " CCAPI_VERSION " speaks protocol %d of the control socket, ccapid %s "
		 "speaks %" PRId64 "\n%s",
		 CONTROL_PROTOCOL, version, protocol,
		 protocol > CONTROL_PROTOCOL
			 ? "use the ccapitop that was installed with that ccapid"
			 : "restart ccapid, it has been upgraded: systemctl restart ccapid");
	lost(f, words, true);
}

/* Our hello goes out whatever the daemon's said, so that its log has it too. */
static void greet(struct feed *f, const json_t *hello)
{
	const char *name = json_get_str(hello, "name"), *said = json_get_str(hello, "version");
	int64_t protocol = json_get_int(hello, "protocol", -1);
	char version[32];
	json_t *topics;
	int id;

	str_copy_clean(version, sizeof version, said ? said : "?");
	if (!name || strcmp(name, "ccapid") != 0) {
		lost(f, "what answers on this socket is no ccapid", false);
		return;
	}
	f->hello_id = ask(f, "hello",
			  json_pack("{si ss ss}", "protocol", CONTROL_PROTOCOL, "name", "ccapitop",
				    "version", CCAPI_VERSION));
	if (protocol != CONTROL_PROTOCOL) {
		mismatch(f, version, protocol);
		return;
	}
	topics = json_pack("{si si}", "recent", f->conf.recent, "logs", f->conf.logs);
	id = ask(f, "subscribe", topics);
	if (f->hello_id < 0 || id < 0) {
		lost(f, "ccapid takes no requests", false);
		return;
	}
	f->subscribe_id = id;
	f->state = STATE_SUBSCRIBING;
	f->events.hello(f->owner, version, json_get_int(hello, "pid", 0), right_of(hello));
}

static void take_greeting(struct feed *f, const struct rpc_message *m)
{
	char words[WORDS_MAX];

	if (m->failed) {
		snprintf(words, sizeof words, "ccapid turns the connection away: %s",
			 m->error.message);
		lost(f, words, false);
	} else if (m->method && strcmp(m->method, "hello") == 0) {
		greet(f, m->params);
	} else {
		lost(f, "what answers on this socket is no ccapid: it did not say hello", false);
	}
}

/* ---- answers and events ---- */

static void subscribed(struct feed *f, const struct rpc_message *m)
{
	char words[WORDS_MAX];

	f->subscribe_id = 0;
	if (m->failed || !json_is_object(json_object_get(m->result, "status"))) {
		snprintf(words, sizeof words, "ccapid does not tell what it does: %s",
			 m->failed ? m->error.message : "it is too old for this dashboard");
		lost(f, words, false);
		return;
	}
	f->state = STATE_LIVE;
	f->silent_beats = 0;
	f->retry_ms = RETRY_FIRST_MS;
	f->events.snapshot(f->owner, m->result);
}

static void take_answer(struct feed *f, const struct rpc_message *m)
{
	struct call *place = m->id > 0 ? find_call(f, m->id) : NULL;
	struct call call;

	if (m->id > 0 && m->id == f->subscribe_id) {
		subscribed(f, m);
		return;
	}
	if (m->id > 0 && m->id == f->hello_id && m->failed && m->error.code == RPC_VERSION) {
		lost(f, m->error.message, true);
		return;
	}
	if (!place)
		return;
	call = *place;
	place->id = 0;
	call.answer(call.ctx, m->failed ? NULL : m->result, m->failed ? &m->error : NULL);
}

static void take_notification(struct feed *f, const struct rpc_message *m)
{
	if (f->state != STATE_LIVE || !m->params)
		return;
	if (strcmp(m->method, "event") == 0)
		f->events.event(f->owner, m->params);
	else if (strcmp(m->method, "snapshot") == 0)
		f->events.snapshot(f->owner, m->params);
}

static void on_line(void *owner, const char *line, size_t len)
{
	struct feed *f = owner;
	struct rpc_message m;
	char why[160], words[WORDS_MAX];

	f->heard = true;
	if (rpc_message_parse(&m, line, len, why, sizeof why) < 0) {
		rpc_message_done(&m);
		snprintf(words, sizeof words, "what answers on this socket is no ccapid: %s", why);
		lost(f, words, false);
		return;
	}
	if (f->state == STATE_GREETING)
		take_greeting(f, &m);
	else if (m.method)
		take_notification(f, &m);
	else
		take_answer(f, &m);
	rpc_message_done(&m);
}

/* ---- connecting ---- */

static void on_beat(uv_timer_t *timer)
{
	struct feed *f = timer->data;
	char words[WORDS_MAX];

	f->silent_beats = f->heard && f->state == STATE_LIVE ? 0 : f->silent_beats + 1;
	f->heard = false;
	if (f->silent_beats < (f->state == STATE_LIVE ? SILENT_BEATS : GREETING_BEATS))
		return;
	snprintf(words, sizeof words, "ccapid is silent (%s): it hangs, or is stopped",
		 f->paths[f->path]);
	lost(f, words, false);
}

static void on_connected(void *owner)
{
	struct feed *f = owner;

	f->state = STATE_GREETING;
}

static void add_words(struct feed *f, const char *path, int code)
{
	size_t len = strlen(f->words);
	const char *between = len > 0 ? "\n" : "";

	if (code == UV_EACCES || code == UV_EPERM)
		snprintf(f->words + len, sizeof f->words - len,
			 "%s%s may not be opened by you: be root or the daemon's user, or join the "
			 "socket's group (control.group)",
			 between, path);
	else
		snprintf(f->words + len, sizeof f->words - len, "%scannot reach ccapid at %s: %s",
			 between, path, uv_strerror(code));
}

/* The places are tried in turn; when a connection breaks off that stood, the search begins anew. */
static void on_ended(void *owner, int code)
{
	struct feed *f = owner;
	bool connecting = f->state == STATE_CONNECTING;
	bool forbidden = code == UV_EACCES || code == UV_EPERM;
	char words[WORDS_MAX];

	if (!connecting) {
		snprintf(words, sizeof words, "ccapid closed the connection%s%s",
			 code == UV_EOF ? "" : ": ", code == UV_EOF ? "" : uv_strerror(code));
		lost(f, words, false);
		return;
	}
	add_words(f, f->paths[f->path], code);
	link_close(f->link);
	f->link = NULL;
	if (!forbidden && f->path + 1 < f->path_count) {
		f->path++;
		try_path(f);
		return;
	}
	lost(f, f->words, forbidden);
}

static void no_memory(uv_timer_t *timer)
{
	lost(timer->data, "out of memory", false);
}

static void try_path(struct feed *f)
{
	uint64_t beat_ms = f->conf.beat_ms > 0 ? (uint64_t)f->conf.beat_ms : BEAT_MS;

	f->state = STATE_CONNECTING;
	f->heard = false;
	f->silent_beats = 0;
	uv_timer_start(&f->beat, on_beat, beat_ms, beat_ms);
	f->link = f->path < f->path_count
			  ? link_open(f->conf.loop, f->paths[f->path], &link_events, f)
			  : NULL;
	if (!f->link)
		uv_timer_start(&f->retry, no_memory, 0, 0);
}

static const struct link_events link_events = {
	.connected = on_connected, .line = on_line, .ended = on_ended};

/* ---- life ---- */

static void add_path(struct feed *f, char *path)
{
	if (path)
		f->paths[f->path_count++] = path;
}

/* The places to look, the first one first. */
static void find_sockets(struct feed *f)
{
	const char *given = f->conf.socket ? f->conf.socket : getenv("CCAPI_SOCKET");
	struct paths_env env;

	if (given && *given) {
		add_path(f, strdup(given));
		return;
	}
	paths_env_read(&env);
	add_path(f, paths_control_socket(&env));
	if (f->path_count == 0 || strcmp(f->paths[0], paths_system_control_socket) != 0)
		add_path(f, strdup(paths_system_control_socket));
}

struct feed *feed_new(const struct feed_conf *conf, const struct feed_events *events, void *owner)
{
	struct feed *f = calloc(1, sizeof *f);

	if (!f)
		return NULL;
	f->conf = *conf;
	f->events = *events;
	f->owner = owner;
	f->retry_ms = RETRY_FIRST_MS;
	find_sockets(f);
	f->conf.socket = NULL; /* borrowed, and not needed any more */
	uv_timer_init(conf->loop, &f->retry);
	uv_timer_init(conf->loop, &f->beat);
	f->handles = 2;
	f->retry.data = f->beat.data = f;
	f->state = STATE_WAITING;
	uv_timer_start(&f->retry, on_retry, 0, 0);
	return f;
}

static void on_closed(uv_handle_t *handle)
{
	struct feed *f = handle->data;

	if (--f->handles > 0)
		return;
	for (size_t i = 0; i < f->path_count; i++)
		free(f->paths[i]);
	free(f);
}

void feed_close(struct feed *f)
{
	if (!f || f->closed)
		return;
	f->closed = true;
	f->state = STATE_OVER;
	link_close(f->link);
	f->link = NULL;
	uv_close((uv_handle_t *)&f->retry, on_closed);
	uv_close((uv_handle_t *)&f->beat, on_closed);
}
