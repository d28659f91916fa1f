#include "daemon/http/bare.h"

#include <microhttpd.h>
#include <stdio.h>
#include <sys/socket.h>

#include "shared/str.h"

#define DROP_AT_MOST (256 * 1024)

static const char *error_type(int status)
{
	return status >= 500 ? "server_error" : "invalid_request_error";
}

static const char *error_code(int status)
{
	switch (status) {
	case 413:
		return "\"request_too_large\"";
	case 500:
		return "\"internal_error\"";
	case 503:
		return "\"overloaded\"";
	default:
		return "null";
	}
}

const char *bare_retry(int status)
{
	switch (status) {
	case 503:
		return "Retry-After: 1\r\n";
	case 408:
	case 500:
		return "";
	default:
		return "x-should-retry: false\r\n";
	}
}

size_t bare_body(char out[BARE_SIZE], int status, const char *message)
{
	int n = snprintf(
		out, BARE_SIZE,
		"{\"error\":{\"message\":\"%.120s\",\"type\":\"%s\",\"param\":null,\"code\":%s}}",
		message, error_type(status), error_code(status));

	return n < 0 ? 0 : (size_t)n;
}

void bare_reply(int fd, int status, const char *message)
{
	char body[BARE_SIZE], head[512], scratch[4096], id[37];
	const size_t len = bare_body(body, status, message);
	struct iovec iov[2] = {{head, 0}, {body, len}};
	const struct msghdr msg = {.msg_iov = iov, .msg_iovlen = 2};
	size_t dropped = 0;
	ssize_t got;
	int n;

	str_uuid4(id);
	n = snprintf(head, sizeof head,
		     "HTTP/1.1 %d %s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n"
		     "Connection: close\r\nx-request-id: %s\r\nopenai-processing-ms: 0\r\n%s\r\n",
		     status, MHD_get_reason_phrase_for((unsigned)status), len, id,
		     bare_retry(status));
	iov[0].iov_len = n < 0 ? 0 : (size_t)n;
	while (dropped < DROP_AT_MOST &&
	       (got = recv(fd, scratch, sizeof scratch, MSG_DONTWAIT)) > 0)
		dropped += (size_t)got;
	(void)!sendmsg(fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
}
