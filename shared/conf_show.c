/* Values of settings, the reading side: compare, move, and write as text. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "shared/conf_value.h"
#include "shared/units.h"

static const void *at(const struct conf_key *key, const void *conf)
{
	return (const char *)conf + key->offset;
}

static size_t width(const struct conf_key *key)
{
	switch (key->type) {
	case CONF_BOOL:
		return sizeof(bool);
	case CONF_RATIO:
		return sizeof(double);
	case CONF_STRING:
	case CONF_PATH:
		return sizeof(char *);
	case CONF_ENUM:
		return sizeof(int);
	case CONF_LIST:
		return sizeof(struct conf_texts);
	case CONF_MAP:
		return sizeof(struct conf_pairs);
	case CONF_INT:
	case CONF_DURATION:
	case CONF_SIZE:
		break;
	}
	return sizeof(int64_t);
}

static bool texts_equal(char *const *a, char *const *b, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(a[i], b[i]) != 0)
			return false;
	return true;
}

bool conf_value_equal(const struct conf_key *key, const void *a, const void *b)
{
	const struct conf_texts *list_a = at(key, a), *list_b = at(key, b);
	const struct conf_pairs *map_a = at(key, a), *map_b = at(key, b);
	const char *text_a, *text_b;

	switch (key->type) {
	case CONF_STRING:
	case CONF_PATH:
		text_a = *(char *const *)at(key, a);
		text_b = *(char *const *)at(key, b);
		return strcmp(text_a ? text_a : "", text_b ? text_b : "") == 0;
	case CONF_LIST:
		return list_a->count == list_b->count &&
		       texts_equal(list_a->items, list_b->items, list_a->count);
	case CONF_MAP:
		return map_a->count == map_b->count &&
		       texts_equal(map_a->keys, map_b->keys, map_a->count) &&
		       texts_equal(map_a->values, map_b->values, map_a->count);
	default:
		return memcmp(at(key, a), at(key, b), width(key)) == 0;
	}
}

void conf_value_move(const struct conf_key *key, void *to, void *from)
{
	char *source = (char *)from + key->offset;

	conf_value_clear(key, to);
	memcpy((char *)to + key->offset, source, width(key));
	memset(source, 0, width(key));
}

/* libconfig knows these escapes and \xNN. */
static void add_quoted(struct buf *out, const char *text)
{
	buf_add_char(out, '"');
	for (; text && *text; text++) {
		if (*text == '"' || *text == '\\')
			buf_printf(out, "\\%c", *text);
		else if (*text == '\n')
			buf_add_str(out, "\\n");
		else if ((unsigned char)*text < 0x20 || *text == 0x7F)
			buf_printf(out, "\\x%02x", (unsigned char)*text);
		else
			buf_add_char(out, *text);
	}
	buf_add_char(out, '"');
}

static void render_list(const struct conf_texts *list, struct buf *out)
{
	buf_add_str(out, list->count ? "[ " : "[]");
	for (size_t i = 0; i < list->count; i++) {
		buf_add_str(out, i ? ", " : "");
		add_quoted(out, list->items[i]);
	}
	buf_add_str(out, list->count ? " ]" : "");
}

static void render_map(const struct conf_pairs *map, bool secret, struct buf *out)
{
	buf_add_str(out, map->count ? "{ " : "{}");
	for (size_t i = 0; i < map->count; i++) {
		buf_printf(out, "%s = ", map->keys[i]);
		add_quoted(out, secret ? "***" : map->values[i]);
		buf_add_str(out, "; ");
	}
	buf_add_str(out, map->count ? "}" : "");
}

static void print_number(const struct conf_key *key, int64_t value, char out[UNITS_TEXT_MAX])
{
	if (key->type == CONF_DURATION)
		units_print_duration(value, out);
	else if (key->type == CONF_SIZE)
		units_print_size(value, out);
	else
		snprintf(out, UNITS_TEXT_MAX, "%" PRId64, value);
}

void conf_value_render(const struct conf_key *key, const void *conf, struct buf *out)
{
	const void *place = at(key, conf);
	char number[UNITS_TEXT_MAX];

	switch (key->type) {
	case CONF_BOOL:
		buf_add_str(out, *(const bool *)place ? "true" : "false");
		break;
	case CONF_RATIO:
		/* libconfig takes "1" for a whole number, which a ratio accepts. */
		buf_printf(out, "%.15g", *(const double *)place);
		break;
	case CONF_STRING:
	case CONF_PATH:
		add_quoted(out,
			   key->secret && **(char *const *)place ? "***" : *(char *const *)place);
		break;
	case CONF_ENUM:
		add_quoted(out, key->words[*(const int *)place]);
		break;
	case CONF_LIST:
		render_list(place, out);
		break;
	case CONF_MAP:
		render_map(place, key->secret, out);
		break;
	case CONF_INT:
	case CONF_DURATION:
	case CONF_SIZE:
		print_number(key, *(const int64_t *)place, number);
		if (key->type == CONF_INT)
			buf_add_str(out, number);
		else
			add_quoted(out, number);
		break;
	}
}

static void add_words(const char *const *words, struct buf *out)
{
	for (size_t i = 0; words[i]; i++) {
		if (i)
			buf_add_str(out, words[i + 1] ? ", " : " or ");
		buf_add_str(out, words[i]);
	}
}

void conf_value_bounds(const struct conf_key *key, struct buf *out)
{
	char min[UNITS_TEXT_MAX], max[UNITS_TEXT_MAX];

	print_number(key, key->min, min);
	print_number(key, key->max, max);
	switch (key->type) {
	case CONF_BOOL:
		buf_add_str(out, "true or false");
		break;
	case CONF_ENUM:
		add_words(key->words, out);
		break;
	case CONF_STRING:
		buf_printf(out, "a text of %s..%s bytes", min, max);
		break;
	case CONF_PATH:
		buf_printf(out, "a path of at most %s bytes", max);
		break;
	case CONF_LIST:
		buf_printf(out, "a list of %s..%s texts", min, max);
		break;
	case CONF_MAP:
		buf_printf(out, "a group of at most %s texts", max);
		break;
	case CONF_INT:
	case CONF_DURATION:
	case CONF_SIZE:
	case CONF_RATIO:
		buf_printf(out, "%s..%s", min, max);
		break;
	}
}
