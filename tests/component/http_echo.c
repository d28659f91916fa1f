/* The HTTP layer without the API, for tests and measurements.  Routes:
 *
 *   GET  /hello                 a short answer at once, from the head already
 *   ANY  /echo                  method, path, query and body back
 *   POST /later                 the body back, from the loop, after the handler has returned
 *   GET  /stream?n=N&size=M     N chunks of M bytes, written as fast as the watermarks allow
 *   GET  /cut?n=N&size=M        the same, ended without a proper end
 *   GET  /flood?n=N&size=M      the same, ignoring the watermarks
 *   GET  /wait                  never answers; waits for the client to go away
 *   GET  /trickle               begins a stream, writes one chunk, then waits for the client to go
 * away GET  /stats                 counters as JSON POST /drain, /stop          what the daemon
 * does on those signals
 *
 * Prints the listening address on stdout.  Ends when stopped, with status 0 when every exchange was
 * finished once. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include <utlist.h>

#include "shared/err.h"
#include "shared/log.h"

#include "daemon/http/listener.h"
#include "daemon/http/server.h"

#define HIGH (256 * 1024)
#define LOW (64 * 1024)

struct app {
	uv_loop_t loop;
	struct http_server *server;
	struct http_conf conf;
	struct listener *listener;
	uv_signal_t sigterm;
	uv_timer_t later; /* answers what /later has put off */
	struct task *tasks;
	unsigned long heads, requests, refusals, finished, aborts, upgrades;
	size_t max_queued;
	bool stopping;
};

/* What one exchange is about; the exchange's user pointer. */
struct task {
	struct app *app;
	struct exchange *x; /* NULL: forgotten */
	long chunks, size;
	bool cut, flood, later;
	struct task *prev, *next;
};

static struct task *task_new(struct app *app, struct exchange *x)
{
	struct task *t = calloc(1, sizeof *t);

	if (!t)
		abort();
	t->app = app;
	t->x = x;
	DL_APPEND(app->tasks, t);
	exchange_set_user(x, t);
	return t;
}

static void task_free(struct task *t)
{
	DL_DELETE(t->app->tasks, t);
	free(t);
}

static void on_abort(void *user, struct exchange *x)
{
	struct task *t = user;

	t->app->aborts++;
	exchange_set_user(x, NULL);
	task_free(t);
}

static void reply_text(struct exchange *x, int status, const char *text)
{
	struct buf body;

	buf_init(&body, 65536);
	buf_add_str(&body, text);
	exchange_reply(x, status, "application/json", &body);
}

static long number(const struct exchange *x, const char *name)
{
	const char *value = exchange_arg(x, name);

	return value ? strtol(value, NULL, 10) : 0;
}

/* Writes until the stream is long enough or the queue is full; ends it when all is written. */
static void pump(struct task *t)
{
	static char block[65536];
	const size_t size = (size_t)t->size < sizeof block ? (size_t)t->size : sizeof block;
	struct app *app = t->app;

	memset(block, 'x', sizeof block);
	while (t->chunks > 0 && (t->flood || exchange_stream_queued(t->x) <= HIGH)) {
		exchange_stream_write(t->x, block, size);
		t->chunks--;
		if (exchange_stream_queued(t->x) > app->max_queued)
			app->max_queued = exchange_stream_queued(t->x);
	}
	if (t->chunks > 0)
		return;
	exchange_set_user(t->x, NULL);
	if (t->cut)
		exchange_stream_cut(t->x);
	else
		exchange_stream_end(t->x);
	task_free(t);
}

static void on_drain(void *user, struct exchange *x)
{
	(void)x;
	pump(user);
}

static void start_stream(struct app *app, struct exchange *x, bool cut, bool flood)
{
	struct task *t = task_new(app, x);

	t->chunks = number(x, "n");
	t->size = number(x, "size");
	t->cut = cut;
	t->flood = flood;
	exchange_on_abort(x, on_abort);
	exchange_stream_watch(x, HIGH, LOW, on_drain);
	exchange_stream_begin(x, 200, "text/plain");
	pump(t);
}

static void start_trickle(struct app *app, struct exchange *x)
{
	task_new(app, x);
	exchange_on_abort(x, on_abort);
	exchange_stream_begin(x, 200, "text/event-stream");
	exchange_stream_write(x, ": ping\n\n", 8);
}

static void start_wait(struct app *app, struct exchange *x, bool later)
{
	task_new(app, x)->later = later;
	exchange_on_abort(x, on_abort);
}

static void echo(struct exchange *x)
{
	const char *tag = exchange_header(x, "X-Tag");
	struct buf body;
	size_t len;
	const char *sent = exchange_body(x, &len);

	buf_init(&body, (size_t)64 * 1024 * 1024);
	exchange_add_headerf(x, "X-Method", "%s", exchange_method(x));
	exchange_add_header(x, "X-Path", exchange_path(x));
	exchange_add_header(x, "X-Query", exchange_query(x));
	exchange_add_header(x, "X-Bad", "a\r\nInjected: yes");
	if (tag)
		exchange_add_header(x, "X-Tag", tag);
	buf_add(&body, sent, len);
	exchange_reply(x, 200, "application/octet-stream", &body);
}

static void stats(struct app *app, struct exchange *x)
{
	struct buf body;
	struct task *t;
	int tasks;

	DL_COUNT(app->tasks, t, tasks);
	buf_init(&body, 4096);
	buf_printf(
		&body,
		"{\"heads\":%lu,\"requests\":%lu,\"refusals\":%lu,\"finished\":%lu,\"aborts\":%lu,"
		"\"upgrades\":%lu,\"max_queued\":%zu,\"connections\":%u,\"exchanges\":%u,\"tasks\":"
		"%d}",
		app->heads, app->requests, app->refusals, app->finished, app->aborts, app->upgrades,
		app->max_queued, http_server_connections(app->server),
		http_server_exchanges(app->server), tasks);
	exchange_reply(x, 200, "application/json", &body);
}

static void count_down(void *ctx)
{
	unsigned *left = ctx;

	--*left;
}

static unsigned handles_left = 2;

static void stop(struct app *app)
{
	if (app->stopping)
		return;
	app->stopping = true;
	listener_stop(app->listener, count_down, &handles_left);
	http_server_stop(app->server, count_down, &handles_left);
	uv_close((uv_handle_t *)&app->sigterm, NULL);
	uv_close((uv_handle_t *)&app->later, NULL);
}

static void on_later(uv_timer_t *handle)
{
	struct app *app = handle->data;
	struct task *t, *next;

	DL_FOREACH_SAFE(app->tasks, t, next)
	{
		struct exchange *x = t->x;

		if (!t->later)
			continue;
		task_free(t);
		exchange_set_user(x, NULL);
		echo(x);
	}
}

static void start_later(struct app *app, struct exchange *x)
{
	start_wait(app, x, true);
	if (!uv_is_active((uv_handle_t *)&app->later))
		uv_timer_start(&app->later, on_later, 0, 0);
}

static void reload(struct app *app)
{
	static const char *const hosts[] = {"localhost", NULL};
	struct http_conf conf = app->conf;

	conf.hosts = hosts;
	conf.idle_timeout = 200;
	http_server_configure(app->server, &conf);
}

static void on_head(void *ctx, struct exchange *x)
{
	struct app *app = ctx;

	app->heads++;
	if (strcmp(exchange_path(x), "/hello") == 0)
		reply_text(x, 200, "{\"hello\":\"world\"}");
	else if (strcmp(exchange_path(x), "/early") == 0)
		reply_text(x, 401, "{\"error\":{}}");
}

static void on_request(void *ctx, struct exchange *x)
{
	struct app *app = ctx;
	const char *path = exchange_path(x);

	app->requests++;
	if (strcmp(path, "/stream") == 0)
		start_stream(app, x, false, false);
	else if (strcmp(path, "/cut") == 0)
		start_stream(app, x, true, false);
	else if (strcmp(path, "/flood") == 0)
		start_stream(app, x, false, true);
	else if (strcmp(path, "/wait") == 0)
		start_wait(app, x, false);
	else if (strcmp(path, "/later") == 0)
		start_later(app, x);
	else if (strcmp(path, "/trickle") == 0)
		start_trickle(app, x);
	else if (strcmp(path, "/stats") == 0)
		stats(app, x);
	else if (strncmp(path, "/echo", 5) == 0)
		echo(x);
	else
		reply_text(x, strcmp(path, "/drain") && strcmp(path, "/stop") ? 404 : 200, "{}");
	if (strcmp(path, "/drain") == 0)
		http_server_drain(app->server);
	else if (strcmp(path, "/stop") == 0)
		stop(app);
	else if (strcmp(path, "/reload") == 0)
		reload(app);
}

static void on_refuse(void *ctx, struct exchange *x, int status, const char *message)
{
	struct app *app = ctx;
	char text[256];

	app->refusals++;
	snprintf(text, sizeof text, "{\"error\":{\"message\":\"%s\"}}", message);
	reply_text(x, status, text);
}

static void on_finished(void *ctx, struct exchange *x, int status)
{
	struct app *app = ctx;

	(void)status;
	(void)x;
	app->finished++;
}

static void on_sigterm(uv_signal_t *handle, int signum)
{
	(void)signum;
	stop(handle->data);
}

static void take_http(void *ctx, int fd, const struct sockaddr *addr, socklen_t len)
{
	http_server_adopt(((struct app *)ctx)->server, fd, addr, len);
}

/* Stands for the WebSocket side: counts, says so, and closes. */
static void *take_upgrade(void *ctx, const char *head, size_t len, const struct sockaddr *addr,
			  socklen_t addr_len)
{
	(void)addr;
	(void)addr_len;
	return len && head[0] == 'G' ? ctx : NULL;
}

static void take_websocket(void *ctx, int fd, void *user)
{
	static const char words[] = "HTTP/1.1 101 Switching Protocols\r\n\r\n";

	(void)user;
	((struct app *)ctx)->upgrades++;
	(void)!send(fd, words, sizeof words - 1, MSG_NOSIGNAL);
	close(fd);
}

struct options {
	const char *listen;
	struct http_conf http;
	struct listener_conf listener;
	bool websocket;
	int fd; /* a listening socket that was inherited; 0: none */
};

static int parse(struct options *o, int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		const char *value = strchr(argv[i], '=');
		const long n = value ? strtol(value + 1, NULL, 10) : 0;
		const size_t len = value ? (size_t)(value - argv[i]) : strlen(argv[i]);
		const struct {
			const char *name;
			int64_t *ms;
		} times[] = {{"--head-timeout", &o->http.head_timeout},
			     {"--body-timeout", &o->http.body_timeout},
			     {"--idle-timeout", &o->http.idle_timeout},
			     {"--stall-timeout", &o->http.stall_timeout},
			     {"--peek-timeout", &o->listener.head_timeout}};
		size_t t;

		for (t = 0; t < sizeof times / sizeof *times; t++)
			if (strlen(times[t].name) == len &&
			    strncmp(times[t].name, argv[i], len) == 0)
				*times[t].ms = n;
		if (strncmp(argv[i], "--listen=", 9) == 0)
			o->listen = argv[i] + 9;
		else if (strncmp(argv[i], "--fd=", 5) == 0)
			o->fd = (int)n;
		else if (strncmp(argv[i], "--max-body=", 11) == 0)
			o->http.max_body = (size_t)n;
		else if (strncmp(argv[i], "--max-bodies=", 13) == 0)
			o->http.max_bodies = (size_t)n;
		else if (strncmp(argv[i], "--max-connections=", 18) == 0)
			o->http.max_connections = (unsigned)n;
		else if (strncmp(argv[i], "--max-pending=", 14) == 0)
			o->listener.max_pending = (unsigned)n;
		else if (strncmp(argv[i], "--nofile=", 9) == 0)
			setrlimit(RLIMIT_NOFILE, &(struct rlimit){(rlim_t)n, (rlim_t)n});
		else if (strcmp(argv[i], "--websocket") == 0)
			o->websocket = true;
		else if (strcmp(argv[i], "--debug") == 0)
			log_set_level(LOG_LEVEL_DEBUG);
	}
	return 0;
}

int main(int argc, char **argv)
{
	static const char *const hosts[] = {"127.0.0.1", "localhost", "::1", NULL};
	struct options o = {.listen = "127.0.0.1:0",
			    .http = {.max_body = 1024 * 1024,
				     .max_head = 16384,
				     .max_connections = 10000,
				     .head_timeout = 10000,
				     .body_timeout = 30000,
				     .idle_timeout = 60000,
				     .stall_timeout = 30000,
				     .hosts = hosts},
			    .listener = {.head_timeout = 5000, .max_pending = 4096}};
	struct app app = {0};
	const struct http_handlers handlers = {on_head, on_request, on_refuse, on_finished, &app};
	struct listener_targets targets = {.http = take_http, .ctx = &app};
	int rc;

	signal(SIGPIPE, SIG_IGN);
	log_set_level(LOG_LEVEL_WARN);
	parse(&o, argc, argv);
	if (o.websocket) {
		targets.upgrade = take_upgrade;
		targets.websocket = take_websocket;
	}
	uv_loop_init(&app.loop);
	app.conf = o.http;
	app.server = http_server_new(&app.loop, &o.http, &handlers);
	app.listener = listener_new(&app.loop, &o.listener, &targets);
	if (!app.server || !app.listener)
		return 1;
	rc = o.fd ? listener_add_fd(app.listener, o.fd) : listener_add(app.listener, o.listen);
	if (rc < 0) {
		fprintf(stderr, "cannot listen on %s: %s\n", o.listen, err_str(rc));
		return 1;
	}
	uv_signal_init(&app.loop, &app.sigterm);
	uv_timer_init(&app.loop, &app.later);
	app.sigterm.data = app.later.data = &app;
	uv_signal_start(&app.sigterm, on_sigterm, SIGTERM);
	printf("%s\n", listener_address(app.listener, 0));
	fflush(stdout);
	uv_run(&app.loop, UV_RUN_DEFAULT);
	rc = uv_loop_close(&app.loop);
	if (rc < 0 || handles_left || app.tasks || app.finished < app.refusals ||
	    app.aborts > app.finished) {
		fprintf(stderr, "left behind: loop %d, stops %u, tasks %d\n", rc, handles_left,
			app.tasks != NULL);
		return 1;
	}
	return 0;
}
