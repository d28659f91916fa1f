/* Why this exists: in upstream mode claude-sim is a client of a Messages API (a stub, or the
 * daemon's self-test server) exactly as the CLI is, so that both can be compared request by request
 * and line by line.
 *
 * One connection per request, non-blocking, driven by the main loop's poll together with stdin: an
 * interrupt is obeyed at any moment by dropping the connection. */
#include "tests/sim/upstream.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/sim/emit.h"
#include "tests/sim/errors.h"
#include "tests/sim/http.h"
#include "tests/sim/login.h"
#include "tests/sim/message.h"
#include "tests/sim/plan.h"
#include "tests/sim/request.h"
#include "tests/sim/turn.h"

#define MS 1000000ll

struct upstream {
	struct sockaddr_in address;
	char host[64];
	char path[128]; /* of the base URL, without the final slash */
	int fd;
	bool connecting;
	struct jbuf out;
	size_t sent;
	struct http_response response;
};

struct upstream *upstream_new(const char *base_url)
{
	struct upstream *up = calloc(1, sizeof *up);
	unsigned port = 80;
	char name[48] = "";
	if (!up)
		return NULL;
	up->fd = -1;
	up->address.sin_family = AF_INET;
	int n = sscanf(base_url, "http://%47[^:/]:%u%127s", name, &port, up->path);
	const char *ip = strcmp(name, "localhost") ? name : "127.0.0.1";
	if (n < 1 || port > 65535 || inet_pton(AF_INET, ip, &up->address.sin_addr) != 1) {
		fprintf(stderr, "claude-sim: cannot use ANTHROPIC_BASE_URL %s\n", base_url);
		free(up);
		return NULL;
	}
	up->address.sin_port = htons((uint16_t)port);
	snprintf(up->host, sizeof up->host, "%s:%u", name, port);
	size_t len = strlen(up->path);
	if (len && up->path[len - 1] == '/')
		up->path[len - 1] = '\0';
	return up;
}

void upstream_free(struct upstream *up)
{
	if (!up)
		return;
	if (up->fd >= 0)
		close(up->fd);
	jbuf_done(&up->out);
	http_done(&up->response);
	free(up);
}

static int64_t limit_ms(const struct sim *sim, const char *name, int64_t fallback, int64_t min)
{
	const char *value = sim_env(sim, name);
	int64_t ms = value ? strtoll(value, NULL, 10) : 0;
	if (ms <= 0)
		ms = fallback;
	return ms < min ? min : ms;
}

static void write_request(struct sim *sim)
{
	struct upstream *up = sim->upstream;
	struct jbuf body = {0};
	const char *key = sim_env(sim, "ANTHROPIC_API_KEY"),
		   *token = sim_env(sim, "CLAUDE_CODE_OAUTH_TOKEN");
	request_body(sim, &body);
	jbuf_reset(&up->out);
	up->sent = 0;
	jbuf_printf(&up->out,
		    "POST %s/v1/messages?beta=true HTTP/1.1\r\nHost: %s\r\nContent-Type: "
		    "application/json\r\n"
		    "User-Agent: claude-cli/%s (external, sdk-cli)\r\nanthropic-version: "
		    "2023-06-01\r\n",
		    up->path, up->host, sim_version(sim));
	if (key)
		jbuf_printf(&up->out, "x-api-key: %.512s\r\n", key);
	else
		jbuf_printf(&up->out, "Authorization: Bearer %.512s\r\n",
			    token ? token : "claude-sim");
	jbuf_printf(&up->out, "Connection: close\r\nContent-Length: %zu\r\n\r\n", body.len);
	jbuf_add(&up->out, body.data, body.len);
	jbuf_done(&body);
}

void upstream_start(struct sim *sim)
{
	struct upstream *up = sim->upstream;
	struct turn *turn = &sim->turn;
	upstream_stop(sim);
	turn->attempts++;
	turn->phase = PHASE_UPSTREAM;
	turn->headers_seen = false;
	turn->due_ns = now_ns() + limit_ms(sim, "API_TIMEOUT_MS", 600000, 1) * MS;
	write_request(sim);
	http_reset(&up->response);
	up->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (up->fd < 0 || (connect(up->fd, (struct sockaddr *)&up->address, sizeof up->address) &&
			   errno != EINPROGRESS)) {
		turn_fail(sim, "refused", "");
		return;
	}
	up->connecting = true;
}

void upstream_stop(struct sim *sim)
{
	struct upstream *up = sim->upstream;
	if (!up || up->fd < 0)
		return;
	close(up->fd);
	up->fd = -1;
}

int upstream_fd(const struct sim *sim, short *ret_events)
{
	const struct upstream *up = sim->upstream;
	if (!up || up->fd < 0)
		return -1;
	*ret_events = POLLIN;
	if (up->connecting || up->sent < up->out.len)
		*ret_events |= POLLOUT;
	return up->fd;
}

void upstream_timeout(struct sim *sim)
{
	turn_fail(sim, sim->turn.headers_seen ? "stall" : "timeout", "");
}

/* --- events --- */

static int64_t number(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

static struct usage read_usage(const json_t *usage)
{
	return (struct usage){
		.input = number(usage, "input_tokens"),
		.output = number(usage, "output_tokens"),
		.cache_read = number(usage, "cache_read_input_tokens"),
		.cache_write = number(usage, "cache_creation_input_tokens"),
		.cache_write_1h = number(json_object_get(usage, "cache_creation"),
					 "ephemeral_1h_input_tokens"),
		.thinking =
			number(json_object_get(usage, "output_tokens_details"), "thinking_tokens"),
	};
}

static const char *word(const json_t *object, const char *key)
{
	const char *value = json_string_value(json_object_get(object, key));
	return value ? value : "";
}

static void on_block_start(struct sim *sim, const json_t *event, const char *raw, size_t len)
{
	struct jbuf *extra = &sim->turn.block_extra;
	json_t *block = json_object_get(event, "content_block");
	extra->len = 0;
	if (!strcmp(word(block, "type"), "tool_use")) {
		const char *id = word(block, "id"), *name = word(block, "name");
		jbuf_puts(extra, "{\"type\":\"tool_use\",\"id\":");
		jbuf_string(extra, id, strlen(id));
		jbuf_puts(extra, ",\"name\":");
		jbuf_string(extra, name, strlen(name));
		jbuf_puts(extra, ",\"input\":");
	}
	message_block_start(sim, raw, len, (int)number(event, "index"), word(block, "type"));
}

static void on_delta(struct sim *sim, const json_t *event, const char *raw, size_t len)
{
	static const char *const keys[] = {"text", "thinking", "partial_json"};
	json_t *delta = json_object_get(event, "delta");
	json_t *signature = json_object_get(delta, "signature");
	if (json_is_string(signature))
		jbuf_add(&sim->turn.block_extra, json_string_value(signature),
			 json_string_length(signature));
	for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
		json_t *text = json_object_get(delta, keys[i]);
		if (json_is_string(text))
			message_block_add(sim, json_string_value(text), json_string_length(text));
	}
	emit_event(sim, raw, len, false);
	if (!strcmp(sim->turn.faults.crash, "after")) {
		sim_flush(sim);
		_exit(134);
	}
}

static void on_message_delta(struct sim *sim, const json_t *event, const char *raw, size_t len)
{
	struct usage usage = read_usage(json_object_get(event, "usage"));
	const char *reason =
		json_string_value(json_object_get(json_object_get(event, "delta"), "stop_reason"));
	if (reason && !strcmp(reason, "refusal"))
		turn_refuse(sim);
	message_delta(sim, raw, len, reason, &usage);
}

static void on_error(struct sim *sim, const json_t *event)
{
	json_t *error = json_object_get(event, "error");
	sim->turn.stream_error = word(error, "type");
	turn_fail(sim, "sse", word(error, "message"));
	sim->turn.stream_error = NULL;
}

static void on_event(struct sim *sim, const char *raw, size_t len)
{
	json_t *event = json_loadb(raw, len, JSON_ALLOW_NUL, NULL);
	const char *type = word(event, "type");
	if (!strcmp(type, "message_start")) {
		json_t *message = json_object_get(event, "message");
		struct usage usage = read_usage(json_object_get(message, "usage"));
		message_start(sim, raw, len, word(message, "id"), word(message, "model"), &usage);
	} else if (!strcmp(type, "content_block_start")) {
		on_block_start(sim, event, raw, len);
	} else if (!strcmp(type, "content_block_delta")) {
		on_delta(sim, event, raw, len);
	} else if (!strcmp(type, "content_block_stop")) {
		message_block_stop(sim, raw, len);
	} else if (!strcmp(type, "message_delta")) {
		on_message_delta(sim, event, raw, len);
	} else if (!strcmp(type, "message_stop")) {
		emit_event(sim, raw, len, false);
		upstream_stop(sim);
		turn_message_done(sim);
	} else if (!strcmp(type, "error")) {
		on_error(sim, event);
	}
	json_decref(event);
}

/* Takes whole lines from the body; "data:" lines are events. */
static void read_events(struct sim *sim)
{
	struct upstream *up = sim->upstream;
	struct jbuf *body = &up->response.body;
	size_t start = 0;
	while (up->fd >= 0 && start < body->len) {
		char *line = body->data + start;
		char *end = memchr(line, '\n', body->len - start);
		if (!end)
			break;
		size_t len = (size_t)(end - line);
		start += len + 1;
		while (len && line[len - 1] == '\r')
			len--;
		if (len > 6 && !memcmp(line, "data: ", 6))
			on_event(sim, line + 6, len - 6);
	}
	memmove(body->data, body->data + start, body->len - start);
	body->len -= start;
}

/* --- the response --- */

static const char *header_of(void *context, const char *name)
{
	return http_header(context, name);
}

/* The real CLI repeats some refused requests even with retries off: a 400 twice (without some
 * betas), a 404 once, and under a subscription a 401 once. */
static bool repeats(struct sim *sim, int status, const char *kind)
{
	int attempts = sim->turn.attempts;
	if (status == 401 && login_is_subscription(sim) && attempts < 2) {
		emit_api_retry(sim, 300, 401, "authentication_failed");
		turn_retry(sim, 300);
		return true;
	}
	if ((!strcmp(kind, "400") && attempts < 3) || (status == 404 && attempts < 2)) {
		turn_retry(sim, 1);
		return true;
	}
	return false;
}

static void refused(struct sim *sim)
{
	struct http_response *r = &sim->upstream->response;
	json_t *body =
		json_loadb(r->body.data ? r->body.data : "", r->body.len, JSON_ALLOW_NUL, NULL);
	const char *message = word(json_object_get(body, "error"), "message");
	char kind[16];
	snprintf(kind, sizeof kind, "%d", r->status);
	if (r->status == 400 && strcasestr(message, "prompt is too long"))
		strcpy(kind, "context");
	if (r->status == 429 && login_is_subscription(sim))
		strcpy(kind, plan_rejected(sim) ? "plan" : "throttle");
	upstream_stop(sim);
	if (!repeats(sim, r->status, kind))
		turn_fail(sim, kind, message);
	json_decref(body);
}

static void on_head(struct sim *sim)
{
	struct upstream *up = sim->upstream;
	const char *id = http_header(&up->response, "request-id");
	sim->turn.headers_seen = true;
	snprintf(sim->turn.request_id, sizeof sim->turn.request_id, "%s", id ? id : "");
	plan_from_headers(sim, up->response.status, header_of, &up->response);
}

static void on_bytes(struct sim *sim)
{
	struct upstream *up = sim->upstream;
	http_parse(&up->response);
	if (up->response.status && !sim->turn.headers_seen)
		on_head(sim);
	if (up->response.status == 200)
		read_events(sim);
	else if (up->response.done)
		refused(sim);
	if (up->fd >= 0 && sim->turn.headers_seen)
		sim->turn.due_ns =
			now_ns() +
			limit_ms(sim, "CLAUDE_BYTE_STREAM_IDLE_TIMEOUT_MS", 180000, 10000) * MS;
}

/* The connection ended before the message did. */
static void on_end(struct sim *sim)
{
	struct upstream *up = sim->upstream;
	bool head = up->response.status != 0;
	if (head && up->response.status != 200)
		refused(sim);
	else
		turn_fail(sim, head ? "drop" : "reset", "");
}

static bool finish_connect(struct sim *sim)
{
	struct upstream *up = sim->upstream;
	int error = 0;
	socklen_t len = sizeof error;
	getsockopt(up->fd, SOL_SOCKET, SO_ERROR, &error, &len);
	if (error) {
		turn_fail(sim, error == ECONNREFUSED ? "refused" : "reset", "");
		return false;
	}
	up->connecting = false;
	return true;
}

static void read_some(struct sim *sim)
{
	struct upstream *up = sim->upstream;
	ssize_t n = recv(up->fd, jbuf_room(&up->response.in, 65536), 65536, 0);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		on_end(sim);
		return;
	}
	up->response.in.len += (size_t)n;
	on_bytes(sim);
	if (up->fd >= 0 && (up->response.done || up->response.broken))
		on_end(sim);
}

void upstream_io(struct sim *sim)
{
	struct upstream *up = sim->upstream;
	if (up->connecting && !finish_connect(sim))
		return;
	if (up->sent < up->out.len) {
		ssize_t n =
			send(up->fd, up->out.data + up->sent, up->out.len - up->sent, MSG_NOSIGNAL);
		if (n > 0)
			up->sent += (size_t)n;
	}
	read_some(sim);
}
