/* The head of a request that asks for a WebSocket, as the listener has peeked at it: who may have
 * one is decided before the connection is handed over, because a refusal is an ordinary HTTP
 * answer. */
#ifndef DAEMON_HTTP_UPGRADE_H
#define DAEMON_HTTP_UPGRADE_H

#include <stdbool.h>
#include <stddef.h>

struct upgrade_head;

/* The size of the head at the beginning of these bytes, through its empty line; 0: it is not
 * complete. */
size_t upgrade_head_size(const char *bytes, size_t len);

/* Takes a complete head apart, through its empty line.  0, ERR_SYNTAX (it is for the HTTP server to
 * say what is wrong), -ENOMEM.  upgrade_head_free() frees. */
int upgrade_head_parse(const char *head, size_t len, struct upgrade_head **ret_head);
void upgrade_head_free(struct upgrade_head *h); /* NULL ok */

const char *upgrade_head_path(const struct upgrade_head *h); /* decoded, without the query */
/* In any case of letters; NULL: not sent.  A header that is sent twice has its first value, except
 * that ERR_SYNTAX is returned by parse where that would be unsafe (Host, Content-Length). */
const char *upgrade_head_header(const struct upgrade_head *h, const char *name);

#endif
