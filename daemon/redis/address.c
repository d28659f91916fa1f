/* redis.url, taken apart. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "shared/err.h"

#include "daemon/redis/redis.h"

enum {
	PORT = 6379,
	DATABASES = 100000,
	PATH_MAX_BYTES = sizeof((struct sockaddr_un *)0)->sun_path
};

static const char tcp[] = "redis://", unix_socket[] = "unix://", tls[] = "rediss://";

static int bad(char *why, size_t size, const char *words)
{
	snprintf(why, size, "%s", words);
	return ERR_SYNTAX;
}

static int hex(char c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
				      : -1;
}

/* Percent-decodes; NULL: out of memory, a bad escape, or a NUL. */
static char *decode(const char *from, size_t len)
{
	char *text = malloc(len + 1), *to = text;

	for (size_t i = 0; text && i < len; i++) {
		int high = -1, low = -1;

		if (from[i] != '%') {
			*to++ = from[i];
			continue;
		}
		if (i + 2 < len) {
			high = hex(from[i + 1]);
			low = hex(from[i + 2]);
		}
		if (high < 0 || low < 0 || high + low == 0) {
			free(text);
			return NULL;
		}
		*to++ = (char)(high * 16 + low);
		i += 2;
	}
	if (text)
		*to = '\0';
	return text;
}

/* "[USER]:PASSWORD" */
static int take_login(struct redis_address *a, const char *from, size_t len, char *why, size_t size)
{
	const char *colon = memchr(from, ':', len);
	size_t user = colon ? (size_t)(colon - from) : 0;

	if (!colon)
		return bad(why, size, "before the @ stands [USER]:PASSWORD");
	if (user) {
		a->user = decode(from, user);
		if (!a->user)
			return bad(why, size, "the user has a bad %XX");
	}
	a->password = decode(colon + 1, len - user - 1);
	if (!a->password || !*a->password)
		return bad(why, size, "the password is empty or has a bad %XX");
	return 0;
}

static int take_number(const char *from, size_t len, int most, int *to)
{
	long n = 0;

	if (len == 0 || len > 6)
		return ERR_SYNTAX;
	for (size_t i = 0; i < len; i++) {
		if (from[i] < '0' || from[i] > '9')
			return ERR_SYNTAX;
		n = n * 10 + (from[i] - '0');
	}
	if (n > most)
		return ERR_SYNTAX;
	*to = (int)n;
	return 0;
}

/* A name, or an address, an IPv6 one with its %zone. */
static bool is_host(const char *at, size_t len)
{
	return strspn(at, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-_:%") >=
	       len;
}

/* "HOST[:PORT][/DATABASE]" */
static int take_tcp(struct redis_address *a, const char *at, char *why, size_t size)
{
	size_t len = strcspn(at, "/"), host = len;
	const char *slash = at + len, *port = NULL;

	if (*at == '[') {
		const char *close = memchr(at, ']', len);

		if (!close)
			return bad(why, size, "an IPv6 address ends with ]");
		port = close + 1 < at + len ? close + 1 : NULL;
		at++;
		host = (size_t)(close - at);
	} else {
		port = memchr(at, ':', len);
		host = port ? (size_t)(port - at) : len;
	}
	a->port = PORT;
	if (port &&
	    (*port != ':' || take_number(port + 1, (size_t)(slash - port - 1), 65535, &a->port)))
		return bad(why, size, "the port must be a number up to 65535");
	if (*slash && slash[1] &&
	    take_number(slash + 1, strlen(slash + 1), DATABASES, &a->database))
		return bad(why, size, "the database must be a number");
	if (host == 0 || a->port == 0)
		return bad(why, size, "the host or its port is missing");
	if (!is_host(at, host))
		return bad(why, size, "the host may have letters, digits and .-_:% only");
	a->host = strndup(at, host);
	return a->host ? 0 : bad(why, size, "out of memory");
}

/* "/PATH[?db=DATABASE]" */
static int take_path(struct redis_address *a, const char *at, char *why, size_t size)
{
	size_t len = strcspn(at, "?");

	if (*at != '/' || len >= PATH_MAX_BYTES)
		return bad(why, size, "a Unix socket needs an absolute path of at most 107 bytes");
	if (at[len] && (strncmp(at + len, "?db=", 4) != 0 ||
			take_number(at + len + 4, strlen(at + len + 4), DATABASES, &a->database)))
		return bad(why, size, "only ?db=NUMBER may follow the path");
	a->path = decode(at, len);
	return a->path ? 0 : bad(why, size, "the path has a bad %XX");
}

static int parse(struct redis_address *a, const char *url, char *why, size_t size)
{
	bool is_unix = strncmp(url, unix_socket, sizeof unix_socket - 1) == 0;
	const char *at = url, *sign, *end;
	int rc = 0;

	if (strncmp(url, tls, sizeof tls - 1) == 0)
		return bad(why, size,
			   "TLS is not spoken: use a Unix socket, or a local TLS proxy such as "
			   "stunnel");
	if (!is_unix && strncmp(url, tcp, sizeof tcp - 1) != 0)
		return bad(why, size, "must begin with redis:// or unix://");
	at += is_unix ? sizeof unix_socket - 1 : sizeof tcp - 1;
	end = at + (is_unix && *at == '/' ? 0 : strcspn(at, "/?"));
	sign = memrchr(at, '@', (size_t)(end - at));
	if (sign) {
		rc = take_login(a, at, (size_t)(sign - at), why, size);
		at = sign + 1;
	}
	if (rc)
		return rc;
	return is_unix ? take_path(a, at, why, size) : take_tcp(a, at, why, size);
}

int redis_address_parse(const char *url, struct redis_address *ret_address, char *why, size_t size)
{
	struct redis_address a = {.host = NULL};
	int rc = parse(&a, url, why, size);

	if (rc) {
		redis_address_done(&a);
		return rc;
	}
	*ret_address = a;
	return 0;
}

void redis_address_done(struct redis_address *a)
{
	free(a->host);
	free(a->path);
	free(a->user);
	free(a->password);
	*a = (struct redis_address){.host = NULL};
}
