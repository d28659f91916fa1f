#include "shared/json_scan.h"

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

static void begin(struct json_scan *s, const char *text, size_t len, char bracket)
{
	*s = (struct json_scan){.at = text, .end = len ? text + len : text};
	skip_space(s);
	if (s->at == s->end || *s->at != bracket)
		fail(s);
	else
		s->at++;
}

void json_scan_begin(struct json_scan *s, const char *text, size_t len)
{
	begin(s, text, len, '{');
}

void json_scan_begin_array(struct json_scan *s, const char *text, size_t len)
{
	begin(s, text, len, '[');
}

/* s->at is at the closing bracket and stays there; behind it may only be space. */
static bool end_of_text(struct json_scan *s)
{
	struct json_scan rest = {.at = s->at + 1, .end = s->end};

	skip_space(&rest);
	if (rest.at < rest.end)
		fail(s);
	return false;
}

/* Moves over the comma between members or items; false at the end. */
static bool to_next(struct json_scan *s, char bracket)
{
	skip_space(s);
	if (s->at < s->end && *s->at == bracket)
		return end_of_text(s);
	if (s->begun) {
		if (s->at == s->end || *s->at != ',')
			return fail(s);
		s->at++;
		skip_space(s);
	}
	s->begun = true;
	return s->at < s->end || fail(s);
}

static bool take_value(struct json_scan *s, struct json_slice *ret)
{
	const char *from = s->at;

	if (!skip_value(s))
		return false;
	*ret = (struct json_slice){from, (size_t)(s->at - from)};
	return true;
}

bool json_scan_next(struct json_scan *s, struct json_slice *ret_key, struct json_slice *ret_value)
{
	const char *from;

	if (s->failed || !to_next(s, '}'))
		return false;
	from = s->at;
	if (*from != '"')
		return fail(s);
	if (!skip_string(s))
		return false;
	*ret_key = (struct json_slice){from + 1, (size_t)(s->at - from) - 2};
	skip_space(s);
	if (s->at == s->end || *s->at != ':')
		return fail(s);
	s->at++;
	skip_space(s);
	return take_value(s, ret_value);
}

bool json_scan_next_item(struct json_scan *s, struct json_slice *ret_item)
{
	return !s->failed && to_next(s, ']') && take_value(s, ret_item);
}

bool json_slice_is(const struct json_slice *s, const char *text)
{
	size_t len = strlen(text);

	return s->len == len && memcmp(s->at, text, len) == 0;
}
