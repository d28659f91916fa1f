/* The port with WebSockets and HTTP on it, without the API, for test_ws.py and test_nginx.py.
 *
 * A WebSocket, on /ws or /v1/stream, takes messages that say what to do:
 *   echo TEXT            send TEXT back
 *   len                  send "len N" of this message back ("len" and anything behind it)
 *   who                  send "conn N", N being the connection's number
 *   flood COUNT BYTES    send so many messages of so many bytes, each beginning with its number
 *   close CODE REASON    close
 *   bound BYTES          reload with this max_message, for all connections; answers "bound"
 *
 * HTTP:
 *   GET  /v1/events      begins an event stream and waits
 *   GET  /v1/go          writes another event to those streams and ends them
 *   ANY  /ws, /v1/stream 426
 *   ANY  else            who asks, and what for, as JSON
 *
 * What happens is told on stdout, a JSON object a line.  SIGTERM stops; the exit status is 1 when
 * something is left behind.
 *
 *   ws_echo [name=value]...   max_connections, max_message, max_rate, ping_interval, stall_timeout,
 *                             high, low; nofile: limit of descriptors; fd: an inherited listening
 *                             socket */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include "shared/log.h"

#include "daemon/http/listener.h"
#include "daemon/http/server.h"
#include "daemon/http/upgrade.h"
#include "daemon/ws/ws.h"

#define STREAMS_MAX 16

struct app {
	uv_loop_t loop;
	struct listener *listener;
	struct ws_server *ws;
	struct ws_conf conf;
	struct http_server *http;
	struct exchange *streams[STREAMS_MAX]; /* that wait for /v1/go */
	uv_signal_t sigterm;
	int fd; /* a listening socket that was inherited; 0: none */
	size_t high, low;
	int64_t number; /* of the next connection */
	int open_parts;
};

static void tell(const char *what, const struct ws_conn *w, long n)
{
	printf("{\"event\":\"%s\",\"conn\":%" PRIdPTR ",\"n\":%ld}\n", what, (intptr_t)ws_user(w),
	       n);
	fflush(stdout);
}

static void on_open(void *ctx, struct ws_conn *w)
{
	struct app *app = ctx;

	ws_watch(w, app->high, app->low);
	tell("open", w, 0);
}

static void flood(struct ws_conn *w, const char *args)
{
	long count, bytes;
	char *text;

	if (sscanf(args, "%ld %ld", &count, &bytes) != 2 || bytes < 16)
		return;
	text = malloc((size_t)bytes + 1);
	for (long i = 0; text && i < count; i++) {
		memset(text, 'x', (size_t)bytes);
		text[snprintf(text, 16, "%ld", i)] = ' ';
		if (!ws_send(w, text, (size_t)bytes))
			break;
	}
	free(text);
	tell("flooded", w, (long)ws_queued(w));
}

static void reload(struct app *app, struct ws_conn *w)
{
	ws_server_configure(app->ws, &app->conf);
	ws_send(w, "bound", 5);
}

static void on_message(void *ctx, struct ws_conn *w, const char *text, size_t len)
{
	struct app *app = ctx;
	char answer[64];
	int code, at = 0;

	if (strncmp(text, "echo ", 5) == 0)
		ws_send(w, text + 5, len - 5);
	else if (strncmp(text, "len", 3) == 0)
		ws_send(w, answer, (size_t)snprintf(answer, sizeof answer, "len %zu", len));
	else if (strcmp(text, "who") == 0)
		ws_send(w, answer,
			(size_t)snprintf(answer, sizeof answer, "conn %" PRIdPTR,
					 (intptr_t)ws_user(w)));
	else if (strncmp(text, "flood ", 6) == 0)
		flood(w, text + 6);
	else if (sscanf(text, "bound %zu", &app->conf.max_message) == 1)
		reload(app, w);
	else if (sscanf(text, "close %d %n", &code, &at) == 1)
		ws_close(w, (enum ws_close_code)code, text + at);
}

static void on_drained(void *ctx, struct ws_conn *w)
{
	(void)ctx;
	tell("drained", w, (long)ws_queued(w));
}

static void on_stalled(void *ctx, struct ws_conn *w)
{
	(void)ctx;
	tell("stalled", w, (long)ws_queued(w));
}

static void on_closed(void *ctx, struct ws_conn *w, int code)
{
	(void)ctx;
	tell("closed", w, code);
}

/* ---- HTTP ---- */

static void on_abort(void *user, struct exchange *x)
{
	struct app *app = user;

	for (size_t i = 0; i < STREAMS_MAX; i++)
		if (app->streams[i] == x)
			app->streams[i] = NULL;
}

static void start_events(struct app *app, struct exchange *x)
{
	size_t i = 0;

	while (i < STREAMS_MAX - 1 && app->streams[i])
		i++;
	app->streams[i] = x;
	exchange_set_user(x, app);
	exchange_on_abort(x, on_abort);
	exchange_stream_begin(x, 200, "text/event-stream");
	exchange_stream_write(x, "data: first\n\n", 13);
}

static void end_events(struct app *app)
{
	for (size_t i = 0; i < STREAMS_MAX; i++) {
		if (!app->streams[i])
			continue;
		exchange_stream_write(app->streams[i], "data: last\n\n", 12);
		exchange_stream_end(app->streams[i]);
		app->streams[i] = NULL;
	}
}

static void answer(struct exchange *x, int status)
{
	const char *host = exchange_header(x, "Host");
	size_t len;
	struct buf body;

	(void)exchange_body(x, &len);
	buf_init(&body, 4096);
	buf_printf(
		&body,
		"{\"method\":\"%s\",\"path\":\"%s\",\"host\":\"%s\",\"peer\":\"%s\",\"len\":%zu}",
		exchange_method(x), exchange_path(x), host ? host : "", exchange_peer(x), len);
	exchange_reply(x, status, "application/json", &body);
}

static bool is_stream(const char *path)
{
	return strcmp(path, "/ws") == 0 || strcmp(path, "/v1/stream") == 0;
}

static void on_request(void *ctx, struct exchange *x)
{
	struct app *app = ctx;
	const char *path = exchange_path(x);

	if (strcmp(path, "/v1/events") == 0) {
		start_events(app, x);
		return;
	}
	if (strcmp(path, "/v1/go") == 0)
		end_events(app);
	answer(x, is_stream(path) ? 426 : 200);
}

static void on_refuse(void *ctx, struct exchange *x, int status, const char *message)
{
	(void)ctx;
	(void)message;
	answer(x, status);
}

static void take_http(void *ctx, int fd, const struct sockaddr *addr, socklen_t len)
{
	http_server_adopt(((struct app *)ctx)->http, fd, addr, len);
}

/* ---- the port ---- */

static void *look(void *ctx, const char *head, size_t len, const struct sockaddr *addr,
		  socklen_t addr_len)
{
	struct app *app = ctx;
	struct upgrade_head *h;
	bool good;

	(void)addr;
	(void)addr_len;
	if (!ws_server_has_room(app->ws) || upgrade_head_parse(head, len, &h) < 0)
		return NULL;
	good = is_stream(upgrade_head_path(h)) &&
	       http_server_allows_host(app->http, upgrade_head_header(h, "host"));
	upgrade_head_free(h);
	return good ? (void *)(intptr_t)++app->number : NULL;
}

static void take_websocket(void *ctx, int fd, void *user)
{
	ws_server_adopt(((struct app *)ctx)->ws, fd, user);
}

static void part_closed(void *ctx)
{
	((struct app *)ctx)->open_parts--;
}

static void on_sigterm(uv_signal_t *handle, int signum)
{
	struct app *app = handle->data;

	(void)signum;
	app->open_parts = 3;
	listener_stop(app->listener, part_closed, app);
	http_server_stop(app->http, part_closed, app);
	ws_server_stop(app->ws, part_closed, app);
	uv_close((uv_handle_t *)handle, NULL);
}

static void set(struct app *app, struct ws_conf *conf, const char *name, long value)
{
	if (strcmp(name, "max_connections") == 0)
		conf->max_connections = (unsigned)value;
	else if (strcmp(name, "max_message") == 0)
		conf->max_message = (size_t)value;
	else if (strcmp(name, "max_rate") == 0)
		conf->max_rate = value;
	else if (strcmp(name, "ping_interval") == 0)
		conf->ping_interval = value;
	else if (strcmp(name, "stall_timeout") == 0)
		conf->stall_timeout = value;
	else if (strcmp(name, "high") == 0)
		app->high = (size_t)value;
	else if (strcmp(name, "low") == 0)
		app->low = (size_t)value;
	else if (strcmp(name, "fd") == 0)
		app->fd = (int)value;
	else if (strcmp(name, "nofile") == 0)
		setrlimit(RLIMIT_NOFILE, &(struct rlimit){(rlim_t)value, (rlim_t)value});
}

static const char *start(struct app *app, const struct ws_conf *conf)
{
	static const char *const hosts[] = {"127.0.0.1", "localhost", "llm.example.com", NULL};
	const struct http_conf http = {.max_body = 32 * 1024 * 1024,
				       .max_head = 16384,
				       .max_connections = 1000,
				       .head_timeout = 10000,
				       .body_timeout = 30000,
				       .idle_timeout = 60000,
				       .stall_timeout = 30000,
				       .hosts = hosts};
	const struct ws_handlers handlers = {on_open,    on_message, on_drained,
					     on_stalled, on_closed,  app};
	const struct http_handlers http_handlers = {
		.request = on_request, .refuse = on_refuse, .ctx = app};
	const struct listener_conf listener = {.head_timeout = 5000, .max_pending = 4096};
	const struct listener_targets targets = {take_http, look, take_websocket, app};

	uv_loop_init(&app->loop);
	app->conf = *conf;
	app->ws = ws_server_new(&app->loop, conf, &handlers);
	app->http = http_server_new(&app->loop, &http, &http_handlers);
	app->listener = listener_new(&app->loop, &listener, &targets);
	if (!app->ws || !app->http || !app->listener)
		return NULL;
	if ((app->fd ? listener_add_fd(app->listener, app->fd)
		     : listener_add(app->listener, "127.0.0.1:0")) < 0)
		return NULL;
	uv_signal_init(&app->loop, &app->sigterm);
	app->sigterm.data = app;
	uv_signal_start(&app->sigterm, on_sigterm, SIGTERM);
	return listener_address(app->listener, 0);
}

int main(int argc, char **argv)
{
	struct app app = {.high = 1024 * 1024, .low = 256 * 1024};
	struct ws_conf conf = {.max_connections = 3000,
			       .max_message = 1024 * 1024,
			       .max_rate = 1000000,
			       .ping_interval = 30000,
			       .stall_timeout = 20000};
	const char *address;
	int rc;

	signal(SIGPIPE, SIG_IGN);
	log_set_level(getenv("WS_ECHO_DEBUG") ? LOG_LEVEL_DEBUG : LOG_LEVEL_WARN);
	for (int i = 1; i < argc; i++) {
		char *equals = strchr(argv[i], '=');

		if (!equals)
			return 2;
		*equals = '\0';
		set(&app, &conf, argv[i], strtol(equals + 1, NULL, 10));
	}
	address = start(&app, &conf);
	if (!address)
		return 1;
	printf("%s\n", address);
	fflush(stdout);
	uv_run(&app.loop, UV_RUN_DEFAULT);
	rc = uv_loop_close(&app.loop);
	if (rc < 0 || app.open_parts) {
		fprintf(stderr, "left behind: loop %d, parts %d\n", rc, app.open_parts);
		return 1;
	}
	return 0;
}
