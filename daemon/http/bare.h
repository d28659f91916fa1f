/* Answers written without libmicrohttpd, for connections that it cannot answer (any more). */
#ifndef DAEMON_HTTP_BARE_H
#define DAEMON_HTTP_BARE_H

#include <stddef.h>

#define BARE_SIZE 256

/* The JSON body that every such answer has; returns its length.  `message` is plain ASCII without
 * quotes. */
size_t bare_body(char out[BARE_SIZE], int status, const char *message);

/* The header lines that tell whether to try again, "" or each with its CRLF. */
const char *bare_retry(int status);

/* Sends one whole `Connection: close` answer as far as the socket takes it at once; what the client
 * has sent and nobody read is dropped, so that closing does not reset the connection before the
 * answer is read. */
void bare_reply(int fd, int status, const char *message);

#endif
