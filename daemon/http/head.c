/* What is checked in a request's head before anybody acts on it.
 *
 * Two programs that read one byte stream must agree where a request ends, or one client's bytes
 * become another's request (request smuggling).  libmicrohttpd takes the first of several lengths
 * and ignores what it does not know, so everything about which a proxy in front could think
 * otherwise is refused here, and its connection closed.
 *
 * Nothing in this file may read past the lengths that it is given: heads are not text until they
 * are checked. */
#include "daemon/http/head.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "shared/err.h"
#include "shared/str.h"

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* Decodes percent escapes into `to` (room for len bytes) and terminates; moves *to behind that.
 * ERR_SYNTAX for a bad escape, NUL, or anything but UTF-8. */
static int decode(const char *raw, size_t len, bool plus_is_space, char **to)
{
	char *out = *to, *const start = *to;
	size_t i;

	for (i = 0; i < len; i++) {
		char c = raw[i];

		if (c == '%') {
			const int high = i + 2 < len ? hex(raw[i + 1]) : -1;
			const int low = i + 2 < len ? hex(raw[i + 2]) : -1;

			if (high < 0 || low < 0)
				return ERR_SYNTAX;
			c = (char)(high * 16 + low);
			i += 2;
		} else if (c == '+' && plus_is_space) {
			c = ' ';
		}
		if (c == '\0')
			return ERR_SYNTAX;
		*out++ = c;
	}
	if (!str_is_utf8(start, (size_t)(out - start)))
		return ERR_SYNTAX;
	*out++ = '\0';
	*to = out;
	return 0;
}

static int decode_args(const char *query, size_t len, char **to)
{
	const char *const end = query + len;
	const char *from, *next, *equals;
	int rc = 0;

	for (from = query; from < end && rc == 0; from = next + 1) {
		next = memchr(from, '&', (size_t)(end - from));
		if (!next)
			next = end;
		if (next == from)
			continue;
		equals = memchr(from, '=', (size_t)(next - from));
		rc = decode(from, (size_t)((equals ? equals : next) - from), true, to);
		if (rc == 0)
			rc = decode(equals ? equals + 1 : next,
				    equals ? (size_t)(next - equals - 1) : 0, true, to);
	}
	return rc;
}

static bool is_visible(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)s[i] <= ' ' || s[i] == 0x7f)
			return false;
	return true;
}

/* The length of "http://authority" in front of the path; 0: origin-form. */
static size_t skip_authority(const char *raw, size_t len, const char **ret_authority,
			     size_t *ret_len)
{
	static const char *const schemes[] = {"http://", "https://"};
	size_t i, at;

	for (i = 0; i < sizeof schemes / sizeof *schemes; i++) {
		const size_t n = strlen(schemes[i]);

		if (len < n || strncasecmp(raw, schemes[i], n) != 0)
			continue;
		for (at = n; at < len && raw[at] != '/' && raw[at] != '?';)
			at++;
		*ret_authority = raw + n;
		*ret_len = at - n;
		return at;
	}
	return 0;
}

int head_target_parse(const char *raw, size_t len, struct head_target *ret_target)
{
	struct head_target t = {0};
	const char *authority = NULL, *path, *query, *const end = raw + len;
	size_t authority_len = 0, query_len;
	char *to;

	if (len == 0 || !is_visible(raw, len))
		return ERR_SYNTAX;
	path = raw + skip_authority(raw, len, &authority, &authority_len);
	query = memchr(path, '?', (size_t)(end - path));
	if (!query)
		query = end;
	query_len = query < end ? (size_t)(end - query - 1) : 0;
	if (path != query && path[0] != '/' && !(len == 1 && path[0] == '*'))
		return ERR_SYNTAX;
	if (path == query && !authority)
		return ERR_SYNTAX;
	/* path, query, authority, and the arguments, whose decoded form adds at most a NUL to each
	 * name */
	to = malloc(3 * len + 8);
	if (!to)
		return -ENOMEM;
	t.path = to;
	if (decode(path == query ? "/" : path, path == query ? 1 : (size_t)(query - path), false,
		   &to) < 0)
		goto bad;
	t.query = to;
	memcpy(to, query == end ? "" : query + 1, query_len);
	to += query_len;
	*to++ = '\0';
	if (authority) {
		t.authority = to;
		memcpy(to, authority, authority_len);
		to += authority_len;
		*to++ = '\0';
	}
	t.args = to;
	if (decode_args(t.query, query_len, &to) < 0)
		goto bad;
	t.args_len = (size_t)(to - t.args);
	*ret_target = t;
	return 0;
bad:
	free(t.path);
	return ERR_SYNTAX;
}

void head_target_done(struct head_target *target)
{
	free(target->path);
	*target = (struct head_target){0};
}

const char *head_target_arg(const struct head_target *target, const char *name)
{
	const char *at = target->args, *const end = at + target->args_len;

	while (at < end) {
		const char *value = at + strlen(at) + 1;

		if (strcmp(at, name) == 0)
			return value;
		at = value + strlen(value) + 1;
	}
	return NULL;
}

/* Cuts ":port" off; false if what is there is no port. */
static bool without_port(const char *host, size_t *len)
{
	const char *colon = *len && host[0] == '[' ? memchr(host, ']', *len) : host;
	size_t i;

	if (!colon || *len == 0)
		return false;
	if (host[0] == '[')
		colon++;
	else
		colon = memchr(host, ':', *len);
	if (!colon || colon == host + *len)
		return true;
	if (*colon != ':')
		return false;
	for (i = (size_t)(colon - host) + 1; i < *len; i++)
		if (host[i] < '0' || host[i] > '9')
			return false;
	*len = (size_t)(colon - host);
	return true;
}

static bool same_text(const char *a, const char *b, size_t b_len)
{
	return strlen(a) == b_len && strncasecmp(a, b, b_len) == 0;
}

bool head_host_allowed(const char *const *hosts, const char *host, size_t len)
{
	if (!without_port(host, &len) || len == 0)
		return false;
	for (; hosts && *hosts; hosts++) {
		if (same_text(*hosts, host, len))
			return true;
		/* the list may write an IPv6 address without its brackets */
		if (host[0] == '[' && len > 2 && same_text(*hosts, host + 1, len - 2))
			return true;
	}
	return false;
}

bool head_is_token(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		const char c = s[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		      (c && strchr("!#$%&'*+-.^_`|~", c))))
			return false;
	}
	return len > 0;
}

static bool is_field_value(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (((unsigned char)s[i] < ' ' && s[i] != '\t') || s[i] == 0x7f)
			return false;
	return true;
}

void head_note(struct head_fields *f, const char *name, size_t name_len, const char *value,
	       size_t value_len)
{
	while (value_len && (value[value_len - 1] == ' ' || value[value_len - 1] == '\t'))
		value_len--;
	if (!head_is_token(name, name_len) || !is_field_value(value, value_len))
		f->malformed = true;
	if (same_text("host", name, name_len)) {
		f->hosts++;
		f->host = value;
		f->host_len = value_len;
	} else if (same_text("content-length", name, name_len)) {
		if (f->length &&
		    (f->length_len != value_len || memcmp(f->length, value, value_len) != 0))
			f->lengths_differ = true;
		f->length = value;
		f->length_len = value_len;
	} else if (same_text("transfer-encoding", name, name_len)) {
		f->encodings++;
		f->encoding = value;
		f->encoding_len = value_len;
	}
}

static int check_length(const struct head_fields *f, size_t max_body, const char **ret_message)
{
	uint64_t value = 0;
	size_t i;

	for (i = 0; i < f->length_len; i++) {
		if (f->length[i] < '0' || f->length[i] > '9')
			break;
		if (value < UINT64_MAX / 16)
			value = value * 10 + (uint64_t)(f->length[i] - '0');
	}
	if (i < f->length_len || i == 0) {
		*ret_message = "Content-Length is not a number";
		return 400;
	}
	if (value > max_body) {
		*ret_message = "the request body is too large";
		return 413;
	}
	return 0;
}

static int check_framing(const struct head_fields *f, const struct head_rules *rules,
			 const char **ret_message)
{
	const char *why = NULL;

	if (f->malformed)
		why = "malformed header line";
	else if (f->encodings && f->length)
		why = "both Content-Length and Transfer-Encoding";
	else if (f->lengths_differ)
		why = "several differing Content-Length headers";
	else if (f->encodings > 1 ||
		 (f->encodings &&
		  (!rules->chunked_known || !same_text("chunked", f->encoding, f->encoding_len))))
		why = "unsupported Transfer-Encoding";
	if (why) {
		*ret_message = why;
		return 400;
	}
	return 0;
}

int head_check(const struct head_fields *f, const struct head_target *target,
	       const struct head_rules *rules, const char **ret_message)
{
	int status = check_framing(f, rules, ret_message);

	if (status)
		return status;
	if (!target->path) {
		*ret_message = "malformed request target";
		return 400;
	}
	if (target->authority &&
	    !head_host_allowed(rules->hosts, target->authority, strlen(target->authority))) {
		*ret_message = "the request target names another host";
		return 400;
	}
	if (f->hosts > 1 || (!f->hosts && rules->host_required) || (f->hosts && !f->host_len)) {
		*ret_message = f->hosts > 1 ? "several Host headers" : "the Host header is missing";
		return 400;
	}
	if (f->hosts && !head_host_allowed(rules->hosts, f->host, f->host_len)) {
		*ret_message = "this Host is not served here";
		return 403;
	}
	return f->length ? check_length(f, rules->max_body, ret_message) : 0;
}
