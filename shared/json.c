#include "shared/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/str.h"

enum { PARSE_FLAGS = JSON_REJECT_DUPLICATES | JSON_DECODE_ANY };

/* Counts structure outside strings; the text need not be valid JSON for the count to be a bound on
 * jansson's work. */
static bool within_bounds(const char *text, size_t len, const struct json_bounds *bounds)
{
	size_t values = 1;
	unsigned depth = 0;
	bool in_string = false;

	for (size_t i = 0; i < len; i++) {
		char c = text[i];

		if (in_string) {
			if (c == '\\')
				i++;
			else if (c == '"')
				in_string = false;
		} else if (c == '"') {
			in_string = true;
		} else if (c == '{' || c == '[') {
			values++;
			if (++depth > bounds->max_depth)
				return false;
		} else if (c == '}' || c == ']') {
			depth -= depth > 0;
		} else if (c == ',') {
			values++;
		}
		if (values > bounds->max_values)
			return false;
	}
	return true;
}

/* jansson quotes the text near the error as it is, control characters included; about NULs it names
 * a flag of its own. */
static void explain(const json_error_t *error, char *why, size_t why_size)
{
	char words[JSON_ERROR_TEXT_LENGTH];

	if (json_error_code(error) == json_error_null_character)
		snprintf(words, sizeof words, "\\u0000 is not allowed");
	else
		str_copy_clean(words, sizeof words, error->text);
	snprintf(why, why_size, "line %d, column %d: %s", error->line, error->column, words);
}

json_t *json_parse(const char *text, size_t len, const struct json_bounds *bounds, char *why,
		   size_t why_size)
{
	size_t flags = PARSE_FLAGS | (bounds->integers_as_reals ? JSON_DECODE_INT_AS_REAL : 0);
	json_error_t error;
	json_t *value;

	if (!within_bounds(text, len, bounds)) {
		snprintf(why, why_size, "too many or too deeply nested values");
		return NULL;
	}
	value = json_loadb(text, len, flags, &error);
	if (!value)
		explain(&error, why, why_size);
	return value;
}

static bool has_real(const json_t *value)
{
	const char *key;
	json_t *item;
	size_t i;

	if (json_is_real(value))
		return true;
	if (json_is_array(value)) {
		json_array_foreach(value, i, item)
		{
			if (has_real(item))
				return true;
		}
	} else if (json_is_object(value)) {
		json_object_foreach((json_t *)value, key, item)
		{
			if (has_real(item))
				return true;
		}
	}
	return false;
}

/* 15 digits write 0.7 as 0.7; a double that needs more gets all 17. */
char *json_dump_exact(const json_t *value, size_t *ret_len)
{
	size_t flags = JSON_COMPACT | JSON_ENCODE_ANY;
	char *text;

	if (has_real(value)) {
		json_t *back;

		text = json_dumps(value, flags | JSON_REAL_PRECISION(15));
		back = text ? json_loads(text, JSON_DECODE_ANY, NULL) : NULL;
		if (!json_equal((json_t *)value, back)) {
			free(text);
			text = json_dumps(value, flags | JSON_REAL_PRECISION(17));
		}
		json_decref(back);
	} else {
		text = json_dumps(value, flags);
	}
	if (text && ret_len)
		*ret_len = strlen(text);
	return text;
}

const char *json_get_str(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

int64_t json_get_int(const json_t *object, const char *key, int64_t otherwise)
{
	const json_t *v = json_object_get(object, key);

	return json_is_integer(v) ? (int64_t)json_integer_value(v) : otherwise;
}

double json_get_num(const json_t *object, const char *key, double otherwise)
{
	const json_t *v = json_object_get(object, key);

	return json_is_number(v) ? json_number_value(v) : otherwise;
}

bool json_get_true(const json_t *object, const char *key)
{
	return json_is_true(json_object_get(object, key));
}

static void add_escape(struct buf *b, unsigned c)
{
	switch (c) {
	case '"':
		buf_add(b, "\\\"", 2);
		break;
	case '\\':
		buf_add(b, "\\\\", 2);
		break;
	case '\n':
		buf_add(b, "\\n", 2);
		break;
	case '\r':
		buf_add(b, "\\r", 2);
		break;
	case '\t':
		buf_add(b, "\\t", 2);
		break;
	default:
		buf_printf(b, "\\u%04x", c);
	}
}

void json_add_string(struct buf *b, const char *s, size_t len)
{
	size_t from = 0;

	buf_add_char(b, '"');
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)s[i];
		/* U+0080..9F are control characters too: terminals act on them. */
		bool c1 = c == 0xC2 && i + 1 < len && (unsigned char)s[i + 1] < 0xA0;

		if (c >= 0x20 && c != '"' && c != '\\' && c != 0x7F && !c1)
			continue;
		buf_add(b, s + from, i - from);
		i += c1;
		add_escape(b, (unsigned char)s[i]);
		from = i + 1;
	}
	if (len > from)
		buf_add(b, s + from, len - from);
	buf_add_char(b, '"');
}

void json_add_string_lossy(struct buf *b, const char *s)
{
	size_t len = strlen(s);
	struct buf clean;

	if (str_is_utf8(s, len)) {
		json_add_string(b, s, len);
		return;
	}
	buf_init(&clean, len * 3);
	for (size_t i = 0, n; i < len; i += n) {
		for (n = 1; n <= 4 && n <= len - i && !str_is_utf8(s + i, n); n++)
			;
		if (n <= 4 && n <= len - i) {
			buf_add(&clean, s + i, n);
		} else {
			buf_add_str(&clean, "\xEF\xBF\xBD");
			n = 1;
		}
	}
	b->failed |= clean.failed;
	json_add_string(b, clean.data ? clean.data : "", clean.len);
	buf_done(&clean);
}
