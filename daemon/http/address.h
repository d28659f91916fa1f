/* Socket addresses as text, both ways. */
#ifndef DAEMON_HTTP_ADDRESS_H
#define DAEMON_HTTP_ADDRESS_H

#include <netdb.h>
#include <stddef.h>
#include <sys/socket.h>

#define ADDRESS_SIZE 72 /* "[v6%scope]:port", or a shortened Unix path */

/* "127.0.0.1:8080", "[::1]:8080", "unix", or "?"; always terminated. */
void address_format(char out[ADDRESS_SIZE], const struct sockaddr *addr, socklen_t len);

/* Resolves "HOST:PORT", "[V6]:PORT", ":PORT" or "*:PORT" for listening; may block.  0 (freeaddrinfo
 * the result), -errno or ERR_SYNTAX. */
int address_resolve(const char *text, struct addrinfo **ret_list);

#endif
