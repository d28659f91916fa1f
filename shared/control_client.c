/* The client.  It reads whole lines with a deadline each; what it has read beyond a line waits in
 * the buffer for the next.  The socket is non-blocking so that no call can outlast its deadline. */
#include "shared/control_client.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "shared/buf.h"
#include "shared/clock.h"
#include "shared/json.h"
#include "shared/str.h"

#include "ccapi_version.h"

enum { READ_SIZE = 64 * 1024, FOR_EVER = -1 };

struct control_client {
	int fd;
	int64_t timeout_ms;
	int newest_id;
	struct buf in;
	size_t line; /* bytes at the front of `in` that are the last line read */
	struct control_hello hello;
};

/* Until the socket is ready: 0; wake_fd (-1: none) is: -ECANCELED; until_ms has passed (FOR_EVER:
 * never does): -ETIMEDOUT. */
static int wait_for(int fd, short events, int64_t until_ms, int wake_fd)
{
	struct pollfd p[] = {{.fd = fd, .events = events}, {.fd = wake_fd, .events = POLLIN}};

	for (;;) {
		int64_t left = until_ms == FOR_EVER ? 60000 : until_ms - clock_mono_ms();
		int rc;

		if (left <= 0)
			return -ETIMEDOUT;
		rc = poll(p, 2, (int)(left < 60000 ? left : 60000));
		if (rc < 0 && errno != EINTR)
			return -errno;
		if (rc > 0)
			return p[1].revents ? -ECANCELED : 0;
	}
}

static int send_all(struct control_client *c, const char *data, size_t len)
{
	int64_t until_ms = clock_mono_ms() + c->timeout_ms;

	while (len > 0) {
		ssize_t n = send(c->fd, data, len, MSG_NOSIGNAL);
		int rc = 0;

		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return -errno;
		if (n < 0) {
			rc = wait_for(c->fd, POLLOUT, until_ms, -1);
			if (rc < 0)
				return rc;
			continue;
		}
		data += n;
		len -= (size_t)n;
	}
	return 0;
}

/* The next line without its newline, valid until the next read. */
static int read_line(struct control_client *c, int64_t until_ms, int wake_fd, const char **ret_line,
		     size_t *ret_len)
{
	size_t seen = 0;

	buf_drop_front(&c->in, c->line);
	c->line = 0;
	for (;;) {
		const char *end = NULL;
		char *to;
		ssize_t n;
		int rc;

		if (c->in.len > seen)
			end = memchr(c->in.data + seen, '\n', c->in.len - seen);
		if (end) {
			*ret_line = c->in.data;
			*ret_len = (size_t)(end - c->in.data);
			c->line = *ret_len + 1;
			return 0;
		}
		seen = c->in.len;
		to = buf_reserve(&c->in, READ_SIZE);
		if (!to)
			return -EMSGSIZE;
		n = recv(c->fd, to, READ_SIZE, 0);
		if (n == 0)
			return -EPIPE;
		if (n > 0) {
			c->in.len += (size_t)n;
			c->in.data[c->in.len] = '\0';
			continue;
		}
		if (errno != EAGAIN && errno != EINTR)
			return -errno;
		rc = wait_for(c->fd, POLLIN, until_ms, wake_fd);
		if (rc < 0)
			return rc;
	}
}

static enum client_failure broken(int rc, char words[CLIENT_WORDS_MAX])
{
	if (rc == -EPIPE || rc == -ECONNRESET)
		snprintf(words, CLIENT_WORDS_MAX,
			 "the daemon closed the connection; its log says why");
	else if (rc == -ETIMEDOUT)
		snprintf(words, CLIENT_WORDS_MAX, "the daemon did not answer in time");
	else
		snprintf(words, CLIENT_WORDS_MAX, "talking to the daemon failed: %s",
			 strerror(-rc));
	if (rc == -ECANCELED)
		return CLIENT_INTERRUPTED;
	return rc == -ENOMEM ? CLIENT_NO_MEMORY : CLIENT_UNREACHABLE;
}

static enum client_failure read_message(struct control_client *c, int64_t until_ms, int wake_fd,
					struct rpc_message *m, char words[CLIENT_WORDS_MAX])
{
	char why[160];
	const char *line = "";
	size_t len = 0;
	int rc = read_line(c, until_ms, wake_fd, &line, &len);

	if (rc < 0)
		return broken(rc, words);
	if (rpc_message_parse(m, line, len, why, sizeof why) == 0)
		return CLIENT_OK;
	snprintf(words, CLIENT_WORDS_MAX, "what answers on this socket is no ccapid: %s", why);
	return CLIENT_MISMATCH;
}

/* The next message, with the time-out of an answer. */
static enum client_failure next_message(struct control_client *c, struct rpc_message *m,
					char words[CLIENT_WORDS_MAX])
{
	return read_message(c, clock_mono_ms() + c->timeout_ms, -1, m, words);
}

/* ---- asking ---- */

static enum client_failure send_line(struct control_client *c, struct buf *line,
				     char words[CLIENT_WORDS_MAX])
{
	int rc;

	if (line->failed) {
		snprintf(words, CLIENT_WORDS_MAX,
			 "the request is longer than the %d bytes that the daemon takes",
			 RPC_REQUEST_MAX);
		return CLIENT_UNREACHABLE;
	}
	rc = send_all(c, line->data, line->len);
	return rc < 0 ? broken(rc, words) : CLIENT_OK;
}

enum client_failure control_client_send(struct control_client *c, const char *method,
					const json_t *params, char words[CLIENT_WORDS_MAX])
{
	enum client_failure failure;
	struct buf out;

	buf_init(&out, RPC_REQUEST_MAX + 1);
	rpc_write_request(&out, ++c->newest_id, method, params);
	failure = send_line(c, &out, words);
	buf_done(&out);
	return failure;
}

/* Whether it answers what was asked last.  An error without an id can only speak of our one
 * request. */
static bool is_answer(const struct control_client *c, const struct rpc_message *m)
{
	return !m->method && (m->id == c->newest_id || (m->failed && m->id == 0));
}

static enum client_failure wait_for_answer(struct control_client *c, json_t **ret_result,
					   struct rpc_error *ret_error,
					   char words[CLIENT_WORDS_MAX])
{
	for (;;) {
		struct rpc_message m;
		enum client_failure failure = next_message(c, &m, words);
		bool ours;

		if (failure != CLIENT_OK)
			return failure;
		ours = is_answer(c, &m);
		if (ours && m.failed) {
			*ret_error = m.error;
			failure = CLIENT_REFUSED;
		} else if (ours) {
			*ret_result = json_incref(m.result);
		}
		rpc_message_done(&m);
		if (ours)
			return failure;
	}
}

enum client_failure control_client_call(struct control_client *c, const char *method,
					const json_t *params, json_t **ret_result,
					struct rpc_error *ret_error, char words[CLIENT_WORDS_MAX])
{
	enum client_failure failure = control_client_send(c, method, params, words);

	return failure == CLIENT_OK ? wait_for_answer(c, ret_result, ret_error, words) : failure;
}

enum client_failure control_client_call_secret(struct control_client *c, const char *method,
					       const char *param, const char *secret,
					       json_t **ret_result, struct rpc_error *ret_error,
					       char words[CLIENT_WORDS_MAX])
{
	enum client_failure failure;
	struct buf out;

	buf_init(&out, RPC_REQUEST_MAX + 1);
	/* All the room at once: growing would leave copies behind. */
	buf_reserve(&out, RPC_REQUEST_MAX);
	buf_printf(&out, "{\"jsonrpc\":\"2.0\",\"id\":%d,\"method\":\"%s\",\"params\":{\"%s\":",
		   ++c->newest_id, method, param);
	json_add_string_lossy(&out, secret);
	buf_add_str(&out, "}}\n");
	failure = send_line(c, &out, words);
	if (out.data)
		explicit_bzero(out.data, out.cap);
	buf_done(&out);
	return failure == CLIENT_OK ? wait_for_answer(c, ret_result, ret_error, words) : failure;
}

static bool is_readable(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	return fd >= 0 && poll(&p, 1, 0) > 0;
}

enum client_failure control_client_next(struct control_client *c, int wake_fd,
					struct rpc_message *ret_message,
					char words[CLIENT_WORDS_MAX])
{
	enum client_failure failure = CLIENT_OK;
	struct rpc_message m;

	/* Where one line follows the other there is no wait that could be ended. */
	if (is_readable(wake_fd))
		return CLIENT_INTERRUPTED;
	for (;;) {
		failure = read_message(c, FOR_EVER, wake_fd, &m, words);
		if (failure != CLIENT_OK)
			return failure;
		if (m.method || is_answer(c, &m))
			break;
		rpc_message_done(&m);
	}
	*ret_message = m;
	return CLIENT_OK;
}

/* ---- opening ---- */

/* Waits while the listener's queue is full, which a non-blocking socket would not.  0 or errno. */
static int connect_within(struct control_client *c, const struct sockaddr_un *at)
{
	struct timeval limit = {.tv_sec = c->timeout_ms / 1000,
				.tv_usec = c->timeout_ms % 1000 * 1000};

	c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (c->fd < 0 || setsockopt(c->fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) < 0)
		return errno;
	if (connect(c->fd, (const struct sockaddr *)at, sizeof *at) < 0)
		return errno == EAGAIN ? ETIMEDOUT : errno;
	return fcntl(c->fd, F_SETFL, O_NONBLOCK) < 0 ? errno : 0;
}

static enum client_failure connect_to(struct control_client *c, const char *path,
				      char words[CLIENT_WORDS_MAX])
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int rc;

	if (strlen(path) >= sizeof at.sun_path) {
		snprintf(words, CLIENT_WORDS_MAX,
			 "%s: a socket's path may have at most %zu characters", path,
			 sizeof at.sun_path - 1);
		return CLIENT_UNREACHABLE;
	}
	memcpy(at.sun_path, path, strlen(path) + 1);
	rc = connect_within(c, &at);
	if (rc == 0)
		return CLIENT_OK;
	if (rc == EACCES || rc == EPERM) {
		snprintf(words, CLIENT_WORDS_MAX,
			 "%s may not be opened by you\n"
			 "run it as root or as the daemon's user, or join the socket's group "
			 "(control.group)",
			 path);
		return CLIENT_FORBIDDEN;
	}
	snprintf(words, CLIENT_WORDS_MAX, "cannot reach the daemon at %s: %s", path, strerror(rc));
	return CLIENT_UNREACHABLE;
}

static void read_hello(struct control_hello *h, const json_t *params)
{
	const char *name = json_get_str(params, "name"), *right = json_get_str(params, "right");
	const char *version = json_get_str(params, "version");
	int64_t protocol = json_get_int(params, "protocol", -1);

	h->protocol = protocol >= 0 && protocol <= INT32_MAX ? (int)protocol : -1;
	h->pid = json_get_int(params, "pid", 0);
	str_copy_clean(h->name, sizeof h->name, name ? name : "");
	str_copy_clean(h->version, sizeof h->version, version ? version : "?");
	h->right = RIGHT_READ;
	for (int i = RIGHT_READ; right && i < RIGHTS; i++)
		if (strcmp(right, verb_right_name((enum verb_right)i)) == 0)
			h->right = (enum verb_right)i;
}

static enum client_failure check_hello(struct control_client *c, const struct rpc_message *m,
				       const char *name, char words[CLIENT_WORDS_MAX])
{
	bool newer;

	if (m->failed) {
		snprintf(words, CLIENT_WORDS_MAX, "the daemon turns the connection away: %s",
			 m->error.message);
		return CLIENT_UNREACHABLE;
	}
	if (!m->method || strcmp(m->method, "hello") != 0) {
		snprintf(words, CLIENT_WORDS_MAX,
			 "what answers on this socket is no ccapid: it did not say hello");
		return CLIENT_MISMATCH;
	}
	read_hello(&c->hello, m->params);
	if (strcmp(c->hello.name, "ccapid") == 0 && c->hello.protocol == CONTROL_PROTOCOL)
		return CLIENT_OK;
	newer = c->hello.protocol > CONTROL_PROTOCOL;
	if (strcmp(c->hello.name, "ccapid") != 0)
		snprintf(words, CLIENT_WORDS_MAX,
			 "what answers on this socket calls itself '%s', not ccapid",
			 c->hello.name);
	else
		snprintf(words, CLIENT_WORDS_MAX,
			 "ccapid %s (pid %" PRId64 ") speaks protocol %d of the control socket, %s "
			 "%s speaks %d\n%s%s%s",
			 c->hello.version, c->hello.pid, c->hello.protocol, name, CCAPI_VERSION,
			 CONTROL_PROTOCOL,
			 newer ? "upgrade " : "restart ccapid, which is older than ", name,
			 newer ? ": the daemon is newer" : ": systemctl restart ccapid");
	return CLIENT_MISMATCH;
}

/* Says who we are.  The daemon logs it if it speaks another protocol, so this is said even where we
 * end; one that does not know the method yet is well all the same. */
static enum client_failure say_hello(struct control_client *c, const char *name,
				     char words[CLIENT_WORDS_MAX])
{
	json_t *params = json_pack("{s:i,s:s,s:s}", "protocol", CONTROL_PROTOCOL, "name", name,
				   "version", CCAPI_VERSION);
	enum client_failure failure = CLIENT_NO_MEMORY;

	if (params)
		failure = control_client_send(c, "hello", params, words);
	else
		snprintf(words, CLIENT_WORDS_MAX, "out of memory");
	json_decref(params);
	return failure;
}

static enum client_failure hear_answer(struct control_client *c, char words[CLIENT_WORDS_MAX])
{
	struct rpc_error e;
	json_t *result = NULL;
	enum client_failure failure = wait_for_answer(c, &result, &e, words);

	json_decref(result);
	if (failure != CLIENT_REFUSED || e.code != RPC_VERSION)
		return failure == CLIENT_REFUSED ? CLIENT_OK : failure;
	snprintf(words, CLIENT_WORDS_MAX, "%s%s%.200s", e.message, e.hint[0] ? "\n" : "", e.hint);
	return CLIENT_MISMATCH;
}

static enum client_failure exchange_hellos(struct control_client *c, const char *name,
					   char words[CLIENT_WORDS_MAX])
{
	char unheard[CLIENT_WORDS_MAX];
	struct rpc_message m;
	enum client_failure failure = next_message(c, &m, words);

	if (failure != CLIENT_OK)
		return failure;
	failure = check_hello(c, &m, name, words);
	rpc_message_done(&m);
	if (failure == CLIENT_OK)
		failure = say_hello(c, name, words);
	else if (strcmp(c->hello.name, "ccapid") == 0)
		say_hello(c, name, unheard);
	return failure == CLIENT_OK ? hear_answer(c, words) : failure;
}

enum client_failure control_client_open(const char *path, const char *name, int64_t timeout_ms,
					struct control_client **ret_client,
					char words[CLIENT_WORDS_MAX])
{
	struct control_client *c = calloc(1, sizeof *c);
	enum client_failure failure;

	if (!c) {
		snprintf(words, CLIENT_WORDS_MAX, "out of memory");
		return CLIENT_NO_MEMORY;
	}
	c->fd = -1;
	c->timeout_ms = timeout_ms;
	buf_init(&c->in, RPC_RESPONSE_MAX + READ_SIZE);
	failure = connect_to(c, path, words);
	if (failure == CLIENT_OK)
		failure = exchange_hellos(c, name, words);
	if (failure != CLIENT_OK) {
		control_client_close(c);
		return failure;
	}
	*ret_client = c;
	return CLIENT_OK;
}

void control_client_close(struct control_client *c)
{
	if (!c)
		return;
	if (c->fd >= 0)
		close(c->fd);
	buf_done(&c->in);
	free(c);
}

const struct control_hello *control_client_hello(const struct control_client *c)
{
	return &c->hello;
}
