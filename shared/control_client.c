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

enum { READ_SIZE = 64 * 1024 };

struct control_client {
	int fd;
	int64_t timeout_ms;
	int newest_id;
	struct buf in;
	size_t line; /* bytes at the front of `in` that are the last line read */
	struct control_hello hello;
};

static int wait_for(int fd, short events, int64_t until_ms)
{
	struct pollfd p = {.fd = fd, .events = events};

	for (;;) {
		int64_t left = until_ms - clock_mono_ms();
		int rc;

		if (left <= 0)
			return -ETIMEDOUT;
		rc = poll(&p, 1, (int)(left < 60000 ? left : 60000));
		if (rc > 0)
			return 0;
		if (rc < 0 && errno != EINTR)
			return -errno;
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
			rc = wait_for(c->fd, POLLOUT, until_ms);
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
static int read_line(struct control_client *c, const char **ret_line, size_t *ret_len)
{
	int64_t until_ms = clock_mono_ms() + c->timeout_ms;
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
		rc = wait_for(c->fd, POLLIN, until_ms);
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
	return rc == -ENOMEM ? CLIENT_NO_MEMORY : CLIENT_UNREACHABLE;
}

static enum client_failure next_message(struct control_client *c, struct rpc_message *m,
					char words[CLIENT_WORDS_MAX])
{
	char why[160];
	const char *line = "";
	size_t len = 0;
	int rc = read_line(c, &line, &len);

	if (rc < 0)
		return broken(rc, words);
	if (rpc_message_parse(m, line, len, why, sizeof why) == 0)
		return CLIENT_OK;
	snprintf(words, CLIENT_WORDS_MAX, "what answers on this socket is no ccapid: %s", why);
	return CLIENT_MISMATCH;
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
				       char words[CLIENT_WORDS_MAX])
{
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
	if (strcmp(c->hello.name, "ccapid") != 0)
		snprintf(words, CLIENT_WORDS_MAX,
			 "what answers on this socket calls itself '%s', not ccapid",
			 c->hello.name);
	else
		snprintf(words, CLIENT_WORDS_MAX,
			 "ccapid %s (pid %" PRId64 ") speaks control protocol %d, this is %s with "
			 "protocol %d\n%s",
			 c->hello.version, c->hello.pid, c->hello.protocol, CCAPI_VERSION,
			 CONTROL_PROTOCOL,
			 c->hello.protocol > CONTROL_PROTOCOL
				 ? "use the ccapictl that was installed with that daemon"
				 : "restart the daemon with the version that is installed: "
				   "systemctl restart ccapid");
	return CLIENT_MISMATCH;
}

enum client_failure control_client_open(const char *path, int64_t timeout_ms,
					struct control_client **ret_client,
					char words[CLIENT_WORDS_MAX])
{
	struct control_client *c = calloc(1, sizeof *c);
	struct rpc_message m;
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
		failure = next_message(c, &m, words);
	if (failure == CLIENT_OK) {
		failure = check_hello(c, &m, words);
		rpc_message_done(&m);
	}
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

/* ---- asking ---- */

static enum client_failure send_request(struct control_client *c, const char *method,
					const json_t *params, char words[CLIENT_WORDS_MAX])
{
	struct buf out;
	int rc;

	buf_init(&out, RPC_REQUEST_MAX + 1);
	rpc_write_request(&out, ++c->newest_id, method, params);
	if (out.failed) {
		snprintf(words, CLIENT_WORDS_MAX,
			 "the request is longer than the %d bytes that the daemon takes",
			 RPC_REQUEST_MAX);
		buf_done(&out);
		return CLIENT_UNREACHABLE;
	}
	rc = send_all(c, out.data, out.len);
	buf_done(&out);
	return rc < 0 ? broken(rc, words) : CLIENT_OK;
}

enum client_failure control_client_call(struct control_client *c, const char *method,
					const json_t *params, json_t **ret_result,
					struct rpc_error *ret_error, char words[CLIENT_WORDS_MAX])
{
	enum client_failure failure = send_request(c, method, params, words);

	while (failure == CLIENT_OK) {
		struct rpc_message m;
		bool ours;

		failure = next_message(c, &m, words);
		if (failure != CLIENT_OK)
			break;
		/* An error without an id can only speak of our one request. */
		ours = !m.method && (m.id == c->newest_id || (m.failed && m.id == 0));
		if (ours && m.failed) {
			*ret_error = m.error;
			failure = CLIENT_REFUSED;
		} else if (ours) {
			*ret_result = json_incref(m.result);
		}
		rpc_message_done(&m);
		if (ours)
			break;
	}
	return failure;
}
