/* Three conversations through one worker:
 *
 *   1. replayed, three turns, the last one holding `@./<file>` of a file that exists: mention,
 *      history, system prompt, max_tokens, tools, e-mail
 *   2. replayed, one turn: whether the reset after 1 left nothing behind
 *   3. in the request body: whether it arrives as it is, and alone
 *
 * When the worker does not survive a reset, the next conversation gets a new one and the reset has
 * failed.  After each turn the body that the upstream saw is checked; an item is passed only by a
 * check that found what it looked for. */
#include "daemon/pool/selftest.h"

#include <errno.h>
#include <ftw.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shared/err.h"
#include "shared/json.h"
#include "shared/log.h"

#include "daemon/pool/cli_env.h"
#include "daemon/pool/selftest_checks.h"
#include "daemon/pool/selftest_upstream.h"
#include "daemon/pool/worker.h"

enum { OVERALL_TIMEOUT_MS = 60000, WORKERS_MAX = 4 };

struct selftest {
	uv_loop_t *loop;
	struct selftest_report report;
	struct selftest_upstream *upstream;
	struct worker_spec spec;
	struct worker *worker;
	struct job *job;
	struct string_list argv, env;
	uv_timer_t timer;
	enum selftest_step step;
	unsigned workers;
	bool replaced; /* the worker of the step before did not survive its reset */
	bool ending;
	unsigned body_failures;
	unsigned open; /* things that must close before the end */
	char *dir, *tmp, *home, *file;
	char secret[33], mention[512];
	void (*done)(void *ctx, const struct selftest_report *report);
	void *ctx;
};

const char *selftest_item_name(enum selftest_item item)
{
	static const char *const names[SELFTEST_ITEMS] = {"mention",    "reset",    "system_prompt",
							  "max_tokens", "no_tools", "history",
							  "no_email",   "body"};

	return names[item];
}

const char *selftest_item_text(enum selftest_item item)
{
	static const char *const texts[SELFTEST_ITEMS] = {
		"a file named with @ in a prompt is not read",
		"a reset leaves nothing of the conversation behind",
		"the system prompt can be changed between requests",
		"the token limit reaches the model",
		"the model is offered no tools",
		"earlier turns reach the model in order",
		"the owner's e-mail address is not sent",
		"a conversation can be sent as the request body, alone and unchanged",
	};

	return texts[item];
}

bool selftest_is_safe(const struct selftest_report *report)
{
	return report->ran && report->passed[SELFTEST_MENTION] &&
	       report->passed[SELFTEST_NO_TOOLS] && report->passed[SELFTEST_HISTORY] &&
	       report->passed[SELFTEST_NO_EMAIL];
}

/* ---- the end ---- */

static int remove_entry(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	if (ftw->level > 0 && remove(path) != 0)
		log_warn("selftest", "cannot remove %s: %s", path, err_str(-errno));
	return 0;
}

static void closed_one(struct selftest *t)
{
	if (--t->open > 0)
		return;
	if (t->dir)
		nftw(t->dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
	t->done(t->ctx, &t->report);
	job_unref(t->job);
	string_list_done(&t->argv);
	string_list_done(&t->env);
	free(t->dir);
	free(t->tmp);
	free(t->home);
	free(t->file);
	free(t);
}

static void upstream_closed(void *ctx)
{
	closed_one(ctx);
}

static void timer_closed(uv_handle_t *handle)
{
	closed_one(handle->data);
}

static void end(struct selftest *t)
{
	if (t->ending)
		return;
	t->ending = true;
	if (t->worker)
		worker_kill(t->worker);
	selftest_upstream_stop(t->upstream, upstream_closed, t);
	uv_close((uv_handle_t *)&t->timer, timer_closed);
}

static void fail(struct selftest *t, const char *why)
{
	if (t->ending)
		return;
	t->report.ran = false;
	snprintf(t->report.error, sizeof t->report.error, "%s", why);
	end(t);
}

/* ---- driving ---- */

static void ignore_text(struct job *job, const char *text, size_t len)
{
	(void)job;
	(void)text;
	(void)len;
}

static const struct job_ops job_ops = {.text = ignore_text};

static struct job *make_job(const struct selftest *t)
{
	struct job *job = job_new(&job_ops, NULL);

	if (!job)
		return NULL;
	snprintf(job->id, sizeof job->id, "selftest-%d", (int)t->step + 1);
	job->prompt.model = strdup("haiku");
	job->prompt.system = strdup(SELFTEST_SYSTEM);
	job->prompt.messages = selftest_conversation(t->step, t->mention);
	job->prompt.extra = json_pack("{s:f}", "temperature", 0.5);
	job->prompt.max_tokens = SELFTEST_MAX_OUTPUT;
	if (!job->prompt.model || !job->prompt.system || !job->prompt.messages ||
	    job_prompt_seal(&job->prompt) != 0) {
		job_unref(job);
		return NULL;
	}
	return job;
}

static void start_worker(struct selftest *t);

static void run_step(struct selftest *t)
{
	job_unref(t->job);
	t->job = make_job(t);
	if (!t->job) {
		fail(t, "out of memory");
		return;
	}
	selftest_upstream_forget(t->upstream);
	t->spec.body_mode = t->step == SELFTEST_IN_BODY;
	worker_run(t->worker, t->job);
}

static void on_ready(struct worker *w)
{
	struct selftest *t = w->owner;

	if (t->ending)
		return;
	if (t->step == SELFTEST_STEPS) {
		t->report.ran = true;
		end(t);
	} else {
		run_step(t);
	}
}

/* A conversation that failed says nothing about the CLI's safety: the test is to be tried again,
 * not believed.  Only the body mode may be missing for good: it is given a second try. */
static void conversation_failed(struct selftest *t, enum fault fault)
{
	char why[64];

	if (t->step == SELFTEST_IN_BODY && t->body_failures++ > 0) {
		t->step++;
		return;
	}
	if (t->step == SELFTEST_IN_BODY)
		return; /* the step is run again */
	snprintf(why, sizeof why, "conversation %d ended with %s", (int)t->step + 1,
		 fault_name(fault));
	fail(t, why);
}

static void on_turn_end(struct worker *w, struct job *job, bool login_rejected)
{
	struct selftest *t = w->owner;
	const json_t *body = selftest_upstream_body(t->upstream);

	(void)login_rejected;
	if (t->ending)
		return;
	if (job->result.fault != FAULT_NONE || !body) {
		conversation_failed(t, job->result.fault);
		return;
	}
	selftest_check(t->step,
		       &(struct selftest_sight){.body = body,
						.requests = selftest_upstream_requests(t->upstream),
						.sent = job->prompt.messages,
						.mention = t->mention,
						.secret = t->secret,
						.dir = t->dir,
						.replaced = t->replaced},
		       &t->report);
	t->replaced = false;
	t->step++;
}

static void on_initialized(struct worker *w, const json_t *reply)
{
	(void)w;
	(void)reply;
}

static void on_plan(struct worker *w, const json_t *info)
{
	(void)w;
	(void)info;
}

static void on_failed(struct worker *w, const char *why)
{
	struct selftest *t = w->owner;

	if (!w->was_ready)
		fail(t, why);
}

static void on_gone(struct worker *w)
{
	struct selftest *t = w->owner;

	worker_free(w);
	t->worker = NULL;
	if (!t->ending && t->step == SELFTEST_STEPS) {
		t->report.ran = true;
		end(t);
	} else if (!t->ending && t->workers < WORKERS_MAX) {
		t->replaced = true;
		start_worker(t);
	} else {
		fail(t, "the worker does not stay alive");
	}
	closed_one(t);
}

static const struct worker_events worker_events = {.ready = on_ready,
						   .turn_end = on_turn_end,
						   .initialized = on_initialized,
						   .plan = on_plan,
						   .failed = on_failed,
						   .gone = on_gone};

static void start_worker(struct selftest *t)
{
	t->worker = worker_start(t->loop, ++t->workers, &t->spec, &worker_events, t);
	if (t->worker)
		t->open++;
	else
		fail(t, "out of memory");
}

static void timed_out(uv_timer_t *timer)
{
	fail(timer->data, "it took too long");
}

/* ---- the beginning ---- */

static bool make_files(struct selftest *t, const char *scratch_dir)
{
	unsigned char random[16];
	FILE *f;

	randombytes_buf(random, sizeof random);
	sodium_bin2hex(t->secret, sizeof t->secret, random, sizeof random);
	t->dir = strdup(scratch_dir);
	if (!t->dir || asprintf(&t->tmp, "%s/tmp", scratch_dir) < 0 ||
	    asprintf(&t->home, "%s/home", scratch_dir) < 0 ||
	    asprintf(&t->file, "%s/selftest-file.txt", scratch_dir) < 0)
		return false;
	snprintf(t->mention, sizeof t->mention, SELFTEST_MENTION_TEXT, scratch_dir);
	if ((mkdir(t->tmp, 0700) != 0 && errno != EEXIST) ||
	    (mkdir(t->home, 0700) != 0 && errno != EEXIST))
		return false;
	f = fopen(t->file, "we");
	if (!f)
		return false;
	fprintf(f, "%s\n", t->secret);
	return fclose(f) == 0;
}

static bool make_spec(struct selftest *t, const struct conf *conf, const char *cli_path,
		      int64_t cli_version)
{
	struct cli_login login = {.home = t->home, .config_dir = t->home};

	cli_argv(&t->argv, cli_path, cli_version);
	cli_env(&t->env, &login, conf, NULL);
	string_list_addf(&t->env, "ANTHROPIC_BASE_URL=http://127.0.0.1:%u",
			 selftest_upstream_port(t->upstream));
	string_list_add(&t->env, "ANTHROPIC_API_KEY=selftest");
	/* claude-sim's faults are to be found here too; nothing else of claude.env reaches the
	 * test. */
	for (size_t i = 0; i < conf->claude.env.count; i++)
		if (strcmp(conf->claude.env.keys[i], "CLAUDE_SIM_FAULTS") == 0)
			string_list_addf(&t->env, "CLAUDE_SIM_FAULTS=%s",
					 conf->claude.env.values[i]);
	t->spec = (struct worker_spec){.spawn = {.path = cli_path,
						 .argv = t->argv.items,
						 .env = t->env.items,
						 .cwd = t->dir},
				       .tmp_root = t->tmp,
				       .system_prompt = "You are a helpful assistant.",
				       .start_timeout = conf->pool.start_timeout,
				       .first_byte_timeout = 10000,
				       .idle_timeout = 10000,
				       .interrupt_timeout = conf->pool.interrupt_timeout,
				       .stop_timeout = conf->pool.stop_timeout,
				       .max_line = 1024 * 1024,
				       .max_answer = 1024 * 1024};
	return !t->argv.failed && !t->env.failed;
}

struct selftest *selftest_run(uv_loop_t *loop, const struct conf *conf, const char *cli_path,
			      int64_t cli_version, const char *scratch_dir,
			      void (*done)(void *ctx, const struct selftest_report *report),
			      void *ctx)
{
	struct selftest *t = calloc(1, sizeof *t);

	if (!t)
		return NULL;
	t->loop = loop;
	t->done = done;
	t->ctx = ctx;
	t->upstream = selftest_upstream_new(loop);
	if (!t->upstream) {
		free(t);
		return NULL;
	}
	uv_timer_init(loop, &t->timer);
	t->timer.data = t;
	t->open = 2;
	if (!make_files(t, scratch_dir) || !make_spec(t, conf, cli_path, cli_version)) {
		fail(t, "the scratch directory cannot be used");
		return t;
	}
	uv_timer_start(&t->timer, timed_out, OVERALL_TIMEOUT_MS, 0);
	start_worker(t);
	return t;
}

void selftest_cancel(struct selftest *t)
{
	if (t)
		fail(t, "cancelled");
}
