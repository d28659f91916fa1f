#include "daemon/pool/json_scan.h"

#include <string.h>

static void skip_space(struct json_scan *s)
{
	while (s->at < s->end &&
	       (*s->at == ' ' || *s->at == '\t' || *s->at == '\r' || *s->at == '\n'))
		s->at++;
}

static bool fail(struct json_scan *s)
{
	s->failed = true;
	return false;
}

/* s->at is at the opening quote; moves behind the closing one. */
static bool skip_string(struct json_scan *s)
{
	const char *p = s->at + 1;

	for (;;) {
		const char *quote = memchr(p, '"', (size_t)(s->end - p));
		size_t backslashes = 0;

		if (!quote)
			return fail(s);
		while (quote - 1 - backslashes > s->at && quote[-1 - (long)backslashes] == '\\')
			backslashes++;
		p = quote + 1;
		if (backslashes % 2 == 0)
			break;
	}
	s->at = p;
	return true;
}

/* Objects and arrays are skipped by counting brackets outside strings; whoever needs the value
 * parses it properly. */
static bool skip_nested(struct json_scan *s)
{
	size_t depth = 0;

	while (s->at < s->end) {
		char c = *s->at;

		if (c == '"') {
			if (!skip_string(s))
				return false;
			continue;
		}
		s->at++;
		if (c == '{' || c == '[')
			depth++;
		else if ((c == '}' || c == ']') && --depth == 0)
			return true;
	}
	return fail(s);
}

static bool skip_value(struct json_scan *s)
{
	const char *from = s->at;

	if (s->at == s->end)
		return fail(s);
	if (*s->at == '"')
		return skip_string(s);
	if (*s->at == '{' || *s->at == '[')
		return skip_nested(s);
	while (s->at < s->end && !strchr(",}] \t\r\n\"{[", *s->at))
		s->at++;
	return s->at > from || fail(s);
}

void json_scan_begin(struct json_scan *s, const char *text, size_t len)
{
	*s = (struct json_scan){.at = text, .end = len ? text + len : text};
	skip_space(s);
	if (s->at == s->end || *s->at != '{')
		fail(s);
	else
		s->at++;
}

/* s->at is at the closing bracket and stays there; behind it may only be space. */
static bool end_of_object(struct json_scan *s)
{
	struct json_scan rest = {.at = s->at + 1, .end = s->end};

	skip_space(&rest);
	if (rest.at < rest.end)
		fail(s);
	return false;
}

/* Moves over what stands between members; false at the object's end. */
static bool to_member(struct json_scan *s)
{
	skip_space(s);
	if (s->at < s->end && *s->at == ',') {
		s->at++;
		skip_space(s);
	}
	if (s->at == s->end)
		return fail(s);
	if (*s->at == '}')
		return end_of_object(s);
	return *s->at == '"' || fail(s);
}

bool json_scan_next(struct json_scan *s, struct json_slice *ret_key, struct json_slice *ret_value)
{
	const char *from;

	if (s->failed || !to_member(s))
		return false;
	from = s->at;
	if (!skip_string(s))
		return false;
	*ret_key = (struct json_slice){from + 1, (size_t)(s->at - from) - 2};
	skip_space(s);
	if (s->at == s->end || *s->at != ':')
		return fail(s);
	s->at++;
	skip_space(s);
	from = s->at;
	if (!skip_value(s))
		return false;
	*ret_value = (struct json_slice){from, (size_t)(s->at - from)};
	return true;
}

bool json_slice_is(const struct json_slice *s, const char *text)
{
	size_t len = strlen(text);

	return s->len == len && memcmp(s->at, text, len) == 0;
}
