/* A worker's process: how it is started, and how it ends.  However it ends, by order, by itself or
 * by our doubt, it is reaped, its directory is removed, and a job it still had goes back to the
 * owner. */
#include <errno.h>
#include <ftw.h>
#include <glob.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shared/clock.h"
#include "shared/err.h"
#include "shared/log.h"
#include "shared/str.h"

#include "daemon/observe/metrics.h"
#include "daemon/pool/worker_private.h"

enum { TERM_AFTER_MS = 200, RSS_CHECK_US = 1000000 };

/* ---- the end ---- */

static int remove_entry(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	if (remove(path) != 0)
		log_warn("worker", "cannot remove %s: %s", path, err_str(-errno));
	return 0;
}

/* A process that ends by a signal leaves its session files behind. */
static void tidy_sessions(const struct worker *w)
{
	char pattern[4096];
	glob_t found;

	if (!w->spec->config_dir || w->child.process.pid <= 0)
		return;
	snprintf(pattern, sizeof pattern, "%s/sessions/%d.*", w->spec->config_dir,
		 (int)w->child.process.pid);
	if (glob(pattern, GLOB_NOSORT, NULL, &found) != 0)
		return;
	for (size_t i = 0; i < found.gl_pathc; i++)
		if (unlink(found.gl_pathv[i]) != 0)
			log_warn("worker", "cannot remove %s: %s", found.gl_pathv[i],
				 err_str(-errno));
	globfree(&found);
}

static void all_closed(struct worker *w)
{
	if (!w->timer_closed || !w->child_closed)
		return;
	if (w->tmp_dir)
		nftw(w->tmp_dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
	tidy_sessions(w);
	worker_enter(w, WORKER_DEAD);
	w->events->gone(w);
}

static void timer_closed(uv_handle_t *handle)
{
	struct worker *w = handle->data;

	w->timer_closed = true;
	all_closed(w);
}

static void child_closed(struct child *c)
{
	struct worker *w = c->user;

	w->child_closed = true;
	all_closed(w);
}

/* The job of a worker that cannot finish it goes back to the owner. */
static void lose_job(struct worker *w, const char *why)
{
	struct job *job = w->turn.job;

	if (!job)
		return;
	turn_lost(&w->turn, FAULT_WORKER,
		  "the worker process ended before the answer was complete");
	log_warn("worker", "%u: lost request %s: %s", w->id, job->id, why);
	w->turn.job = NULL;
	w->events->turn_end(w, job, false);
}

static void describe_exit(const struct worker *w, char *why, size_t size)
{
	if (w->child.term_signal)
		snprintf(why, size, "ended by signal %d", w->child.term_signal);
	else
		snprintf(why, size, "exited with status %d", w->child.exit_status);
}

static void process_exited(struct child *c)
{
	struct worker *w = c->user;
	char why[64];

	worker_read_rest(w); /* its last words may be the answer's end */
	describe_exit(w, why, sizeof why);
	worker_set_timer(w, TIMER_NONE, 0);
	child_close(c);
	uv_close((uv_handle_t *)&w->timer, timer_closed);
	if (w->state >= WORKER_DRAINING) {
		lose_job(w, why); /* killed with its job, as the last resort of a stop */
		return;
	}
	log_warn("worker", "%u (pid %d) %s while %s%s%s", w->id, (int)c->process.pid, why,
		 worker_state_name(w->state), w->err.len ? ", last words: " : "",
		 w->err.len ? w->err.data : "");
	memcpy(w->why, why, sizeof why);
	worker_enter(w, WORKER_DRAINING);
	w->events->failed(w, why);
	lose_job(w, why);
}

void worker_kill(struct worker *w)
{
	if (w->state >= WORKER_DEAD)
		return;
	child_signal(&w->child, SIGKILL);
	if (w->state != WORKER_DRAINING)
		worker_enter(w, WORKER_DRAINING);
	worker_set_timer(w, TIMER_NONE, 0);
}

/* For anything doubtful: the process is killed and its owner told why. */
void worker_distrust(struct worker *w, const char *why)
{
	if (w->state >= WORKER_DRAINING)
		return;
	metric_add(METRIC_WORKER_REPLACED, 1);
	log_warn("worker", "%u (pid %d) is replaced: it %s while %s%s%s", w->id,
		 (int)w->child.process.pid, why, worker_state_name(w->state),
		 w->err.len ? ", last words: " : "", w->err.len ? w->err.data : "");
	str_copy_clean(w->why, sizeof w->why, why);
	worker_kill(w);
	w->events->failed(w, why);
	lose_job(w, why);
}

static void input_shut(uv_shutdown_t *req, int status)
{
	(void)status; /* SIGTERM follows anyway */
	free(req);
}

/* The end of its input is what the CLI takes as the order to leave. */
static void shut_input(struct worker *w)
{
	uv_shutdown_t *req = malloc(sizeof *req);

	if (req && uv_shutdown(req, (uv_stream_t *)&w->child.in, input_shut) != 0)
		free(req);
}

void worker_stop(struct worker *w)
{
	if (w->state >= WORKER_DRAINING)
		return;
	worker_read_pause(w, false);
	worker_enter(w, WORKER_DRAINING);
	shut_input(w);
	worker_set_timer(w, TIMER_TERM, TERM_AFTER_MS);
}

void worker_free(struct worker *w)
{
	if (!w)
		return;
	buf_done(&w->in);
	buf_done(&w->err);
	free(w->tmp_dir);
	free(w);
}

/* ---- the beginning ---- */

static char **env_with_tmp(char *const *env, const char *tmp_dir, char **ret_first,
			   char **ret_second)
{
	size_t count = 0;
	char **all;

	while (env[count])
		count++;
	all = calloc(count + 3, sizeof *all);
	*ret_first = *ret_second = NULL;
	if (!all || asprintf(ret_first, "CLAUDE_CODE_TMPDIR=%s", tmp_dir) < 0 ||
	    asprintf(ret_second, "TMPDIR=%s", tmp_dir) < 0) {
		free(all);
		return NULL;
	}
	memcpy(all, env, count * sizeof *all);
	all[count] = *ret_first;
	all[count + 1] = *ret_second;
	return all;
}

static int spawn(struct worker *w, uv_loop_t *loop)
{
	struct spawn_spec spec = w->spec->spawn;
	char *first = NULL, *second = NULL;
	char **env = NULL;
	int rc = -ENOMEM;

	if (asprintf(&w->tmp_dir, "%s/%u", w->spec->tmp_root, w->id) < 0)
		w->tmp_dir = NULL;
	if (w->tmp_dir && mkdir(w->tmp_dir, 0700) != 0 && errno != EEXIST)
		rc = -errno;
	else if (w->tmp_dir)
		env = env_with_tmp(spec.env, w->tmp_dir, &first, &second);
	spec.env = env;
	if (env)
		rc = child_spawn(&w->child, loop, &spec);
	else
		w->child_closed = true; /* no handle was made */
	free(first);
	free(second);
	free(env);
	return rc;
}

static void begin(struct worker *w)
{
	struct buf out;

	if (w->spec->late_init) {
		worker_set_timer(w, TIMER_LATE_INIT,
				 0); /* READY must not be told from inside worker_start */
		return;
	}
	buf_init(&out, SIZE_MAX / 4);
	worker_write_initialize(w, w->spec->system_prompt, &out);
	worker_set_timer(w, TIMER_START, w->spec->start_timeout);
	worker_write(w, &out);
}

/* A process that runs but cannot be talked to is killed, and reaped as every other. */
static void abandon_start(struct worker *w)
{
	worker_enter(w, WORKER_DRAINING);
	if (!w->child_closed && !w->child.exited) {
		child_signal(&w->child, SIGKILL);
		return;
	}
	if (!w->child_closed)
		child_close(&w->child);
	uv_close((uv_handle_t *)&w->timer, timer_closed);
}

struct worker *worker_start(uv_loop_t *loop, unsigned id, const struct worker_spec *spec,
			    const struct worker_events *events, void *owner)
{
	struct worker *w = calloc(1, sizeof *w);
	int rc;

	if (!w)
		return NULL;
	w->id = id;
	w->spec = spec;
	w->events = events;
	w->owner = owner;
	w->started_us = w->idle_since_us = clock_mono_us();
	w->child.user = w;
	w->child.on_exit = process_exited;
	w->child.on_closed = child_closed;
	uv_timer_init(loop, &w->timer);
	w->timer.data = w;
	rc = spawn(w, loop);
	if (rc == 0)
		rc = worker_read_begin(w);
	if (rc != 0) {
		log_error("worker", "cannot start %s in %s: %s", spec->spawn.path, spec->spawn.cwd,
			  err_str(rc));
		abandon_start(w);
		return w;
	}
	metric_add(METRIC_WORKER_STARTS, 1);
	log_debug("worker", "%u starts, pid %d", id, (int)w->child.process.pid);
	begin(w);
	return w;
}

int64_t worker_read_rss(struct worker *w)
{
	int64_t now = clock_mono_us();
	char path[64];
	long pages = 0;
	FILE *f;

	if (now - w->last_rss_check_us < RSS_CHECK_US)
		return w->rss;
	w->last_rss_check_us = now;
	snprintf(path, sizeof path, "/proc/%d/statm", (int)w->child.process.pid);
	f = fopen(path, "re");
	if (!f)
		return w->rss;
	if (fscanf(f, "%*s %ld", &pages) == 1)
		w->rss = (int64_t)pages * sysconf(_SC_PAGESIZE);
	fclose(f);
	return w->rss;
}
