/* Values of settings: from text, from a file's tree, to text.
 *
 * Every way in ends in one of the setters below (number, ratio, word, string, list, pair), which
 * check the row's bounds, so that no way can bring in what another would refuse.  A setter builds
 * the new value first and then replaces: on failure the old one stands.  Reasons name the bound and
 * the value given, cut and cleaned, because they reach a terminal. */
#include "shared/conf_value.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "shared/err.h"
#include "shared/paths.h"
#include "shared/str.h"
#include "shared/units.h"

static void *at(const struct conf_key *key, void *conf)
{
	return (char *)conf + key->offset;
}

/* Fills `why` with what the row takes and what it got instead. */
static int refuse(const struct conf_key *key, int code, const char *given, char why[CONF_WHY_MAX])
{
	struct buf bounds;
	char shown[64];

	str_copy_clean(shown, sizeof shown, given);
	buf_init(&bounds, CONF_WHY_MAX / 2);
	conf_value_bounds(key, &bounds);
	snprintf(why, CONF_WHY_MAX, "must be %s, not %s%s",
		 bounds.data ? bounds.data : "something else", shown[0] ? shown : "\"\"",
		 strlen(given) >= sizeof shown ? "..." : "");
	buf_done(&bounds);
	return code;
}

static int no_memory(char why[CONF_WHY_MAX])
{
	snprintf(why, CONF_WHY_MAX, "out of memory");
	return -ENOMEM;
}

static int set_number(const struct conf_key *key, void *conf, int64_t value, const char *given,
		      char why[CONF_WHY_MAX])
{
	if (value < key->min || value > key->max)
		return refuse(key, ERR_LIMIT, given, why);
	*(int64_t *)at(key, conf) = value;
	return 0;
}

static int set_ratio(const struct conf_key *key, void *conf, double value, const char *given,
		     char why[CONF_WHY_MAX])
{
	if (!isfinite(value) || value < (double)key->min || value > (double)key->max)
		return refuse(key, ERR_LIMIT, given, why);
	*(double *)at(key, conf) = value;
	return 0;
}

static int set_word(const struct conf_key *key, void *conf, const char *text,
		    char why[CONF_WHY_MAX])
{
	for (int i = 0; key->words[i]; i++) {
		if (strcmp(key->words[i], text) != 0)
			continue;
		*(int *)at(key, conf) = i;
		return 0;
	}
	return refuse(key, ERR_UNKNOWN, text, why);
}

/* The text in bounds, as a path made absolute if it is one; the caller frees it. */
static int check_string(const struct conf_key *key, const char *text, char **ret_copy,
			char why[CONF_WHY_MAX])
{
	struct paths_env env;
	char *copy;
	size_t len;

	if (!str_is_utf8(text, strlen(text))) {
		snprintf(why, CONF_WHY_MAX, "must be UTF-8 text");
		return ERR_TYPE;
	}
	if (key->type == CONF_PATH) {
		paths_env_read(&env);
		copy = paths_absolute(&env, text);
	} else {
		copy = strdup(text);
	}
	if (!copy)
		return no_memory(why);
	len = strlen(copy);
	if (len < (size_t)key->min || len > (size_t)key->max) {
		snprintf(why, CONF_WHY_MAX, "must have %" PRId64 "..%" PRId64 " bytes, not %zu",
			 key->min, key->max, len);
		free(copy);
		return ERR_LIMIT;
	}
	*ret_copy = copy;
	return 0;
}

static int set_string(const struct conf_key *key, void *conf, const char *text,
		      char why[CONF_WHY_MAX])
{
	char *copy, **place = at(key, conf);
	int r = check_string(key, text, &copy, why);

	if (r)
		return r;
	free(*place);
	*place = copy;
	return 0;
}

static void free_texts(struct conf_texts *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->items[i]);
	free(list->items);
	*list = (struct conf_texts){0};
}

static int add_item(const struct conf_key *key, struct conf_texts *list, const char *text,
		    char why[CONF_WHY_MAX])
{
	size_t len = strlen(text);
	char **items;

	if (!len || len > CONF_ITEM_MAX || !str_is_utf8(text, len)) {
		snprintf(why, CONF_WHY_MAX, "each value must be UTF-8 text of 1..%d bytes",
			 CONF_ITEM_MAX);
		return len > CONF_ITEM_MAX ? ERR_LIMIT : ERR_TYPE;
	}
	if (list->count >= (size_t)key->max) {
		snprintf(why, CONF_WHY_MAX, "must have at most %" PRId64 " values", key->max);
		return ERR_LIMIT;
	}
	items = reallocarray(list->items, list->count + 1, sizeof *items);
	if (!items)
		return no_memory(why);
	list->items = items;
	items[list->count] = strdup(text);
	if (!items[list->count])
		return no_memory(why);
	list->count++;
	return 0;
}

int conf_value_set_pair(const struct conf_key *key, void *conf, const char *name, const char *text,
			char why[CONF_WHY_MAX])
{
	struct conf_pairs *map = at(key, conf);
	char **keys, **values, *name_copy, *text_copy;

	if (!*name || strlen(name) > CONF_PAIR_NAME_MAX || strlen(text) > CONF_PAIR_VALUE_MAX ||
	    !str_is_utf8(text, strlen(text))) {
		snprintf(why, CONF_WHY_MAX,
			 "names must have 1..%d bytes, values be UTF-8 text of at most %d bytes",
			 CONF_PAIR_NAME_MAX, CONF_PAIR_VALUE_MAX);
		return ERR_LIMIT;
	}
	text_copy = strdup(text);
	if (!text_copy)
		return no_memory(why);
	for (size_t i = 0; i < map->count; i++) {
		if (strcmp(map->keys[i], name) != 0)
			continue;
		free(map->values[i]);
		map->values[i] = text_copy;
		return 0;
	}
	if (map->count >= (size_t)key->max) {
		free(text_copy);
		snprintf(why, CONF_WHY_MAX, "must have at most %" PRId64 " entries", key->max);
		return ERR_LIMIT;
	}
	name_copy = strdup(name);
	keys = reallocarray(map->keys, map->count + 1, sizeof *keys);
	map->keys = keys ? keys : map->keys;
	values = reallocarray(map->values, map->count + 1, sizeof *values);
	map->values = values ? values : map->values;
	if (!name_copy || !keys || !values) {
		free(name_copy);
		free(text_copy);
		return no_memory(why);
	}
	keys[map->count] = name_copy;
	values[map->count++] = text_copy;
	return 0;
}

static int set_bool_text(const struct conf_key *key, void *conf, const char *text,
			 char why[CONF_WHY_MAX])
{
	static const char *const yes[] = {"true", "yes", "on"}, *const no[] = {"false", "no",
									       "off"};

	for (size_t i = 0; i < 3; i++) {
		if (strcasecmp(text, yes[i]) == 0 || strcasecmp(text, no[i]) == 0) {
			*(bool *)at(key, conf) = strcasecmp(text, yes[i]) == 0;
			return 0;
		}
	}
	return refuse(key, ERR_TYPE, text, why);
}

static int set_number_text(const struct conf_key *key, void *conf, const char *text,
			   char why[CONF_WHY_MAX])
{
	int64_t value;
	char *end;
	int r = 0;

	if (key->type == CONF_DURATION) {
		r = units_parse_duration(text, &value);
	} else if (key->type == CONF_SIZE) {
		r = units_parse_size(text, &value);
	} else {
		errno = 0;
		value = strtoll(text, &end, 10);
		if (errno == ERANGE)
			r = ERR_LIMIT;
		else if (end == text || *end || strchr(" \t\n\v\f\r+", text[0]))
			r = ERR_TYPE;
	}
	return r ? refuse(key, r == ERR_SYNTAX ? ERR_TYPE : r, text, why)
		 : set_number(key, conf, value, text, why);
}

static int set_ratio_text(const struct conf_key *key, void *conf, const char *text,
			  char why[CONF_WHY_MAX])
{
	if (!str_in_set(text, 1, 32, "0123456789.") || strchr(text, '.') != strrchr(text, '.') ||
	    strcmp(text, ".") == 0)
		return refuse(key, ERR_TYPE, text, why);
	return set_ratio(key, conf, strtod(text, NULL), text, why);
}

int conf_value_set_text(const struct conf_key *key, void *conf, const char *text,
			char why[CONF_WHY_MAX])
{
	switch (key->type) {
	case CONF_BOOL:
		return set_bool_text(key, conf, text, why);
	case CONF_INT:
	case CONF_DURATION:
	case CONF_SIZE:
		return set_number_text(key, conf, text, why);
	case CONF_RATIO:
		return set_ratio_text(key, conf, text, why);
	case CONF_STRING:
	case CONF_PATH:
		return set_string(key, conf, text, why);
	case CONF_ENUM:
		return set_word(key, conf, text, why);
	case CONF_LIST:
		return add_item(key, at(key, conf), text, why);
	case CONF_MAP:
		break;
	}
	snprintf(why, CONF_WHY_MAX, "takes one entry at a time: %s.NAME=VALUE", key->name);
	return ERR_TYPE;
}

/* A setting of a file in a few characters, for messages. */
static void show_setting(const config_setting_t *s, char out[64])
{
	switch (config_setting_type(s)) {
	case CONFIG_TYPE_INT:
	case CONFIG_TYPE_INT64:
		snprintf(out, 64, "%lld", config_setting_get_int64(s));
		break;
	case CONFIG_TYPE_FLOAT:
		snprintf(out, 64, "%g", config_setting_get_float(s));
		break;
	case CONFIG_TYPE_BOOL:
		snprintf(out, 64, "%s", config_setting_get_bool(s) ? "true" : "false");
		break;
	case CONFIG_TYPE_STRING:
		snprintf(out, 64, "the text \"%.40s\"", config_setting_get_string(s));
		break;
	case CONFIG_TYPE_GROUP:
		snprintf(out, 64, "a group");
		break;
	default:
		snprintf(out, 64, "a list");
	}
}

static int wrong_type(const struct conf_key *key, const config_setting_t *s, char why[CONF_WHY_MAX])
{
	char given[64];

	show_setting(s, given);
	return refuse(key, ERR_TYPE, given, why);
}

static int set_list_setting(const struct conf_key *key, void *conf, const config_setting_t *s,
			    char why[CONF_WHY_MAX])
{
	struct conf_texts fresh = {0};
	bool single = config_setting_type(s) == CONFIG_TYPE_STRING;
	int count = single ? 1 : config_setting_length(s), r = 0;

	for (int i = 0; i < count && !r; i++) {
		const config_setting_t *item = single ? s : config_setting_get_elem(s, (unsigned)i);
		const char *text = config_setting_get_string(item);

		r = text ? add_item(key, &fresh, text, why) : wrong_type(key, item, why);
	}
	if (!r && count < key->min)
		r = refuse(key, ERR_LIMIT, "an empty list", why);
	if (r) {
		free_texts(&fresh);
		return r;
	}
	conf_value_clear(key, conf);
	*(struct conf_texts *)at(key, conf) = fresh;
	return 0;
}

static int set_map_setting(const struct conf_key *key, void *conf, const config_setting_t *s,
			   char why[CONF_WHY_MAX])
{
	int count = config_setting_length(s), r = 0;

	for (int i = 0; i < count && !r; i++) {
		const config_setting_t *item = config_setting_get_elem(s, (unsigned)i);
		const char *text = config_setting_get_string(item);

		if (text) {
			r = conf_value_set_pair(key, conf, config_setting_name(item), text, why);
		} else {
			snprintf(why, CONF_WHY_MAX, "%.64s must be text in quotes",
				 config_setting_name(item));
			r = ERR_TYPE;
		}
	}
	return r;
}

/* Whole numbers in a file: durations in seconds, everything else as it is. */
static int set_int_setting(const struct conf_key *key, void *conf, const config_setting_t *s,
			   char why[CONF_WHY_MAX])
{
	int64_t value = config_setting_get_int64(s);
	char given[64];

	show_setting(s, given);
	if (key->type == CONF_RATIO)
		return set_ratio(key, conf, (double)value, given, why);
	if (key->type == CONF_DURATION && __builtin_mul_overflow(value, 1000, &value))
		return refuse(key, ERR_LIMIT, given, why);
	return set_number(key, conf, value, given, why);
}

int conf_value_set_setting(const struct conf_key *key, void *conf, const config_setting_t *s,
			   char why[CONF_WHY_MAX])
{
	bool measure = key->type == CONF_DURATION || key->type == CONF_SIZE;
	char given[64];

	switch (config_setting_type(s)) {
	case CONFIG_TYPE_BOOL:
		if (key->type != CONF_BOOL)
			break;
		*(bool *)at(key, conf) = config_setting_get_bool(s);
		return 0;
	case CONFIG_TYPE_INT:
	case CONFIG_TYPE_INT64:
		if (key->type == CONF_INT || key->type == CONF_RATIO || measure)
			return set_int_setting(key, conf, s, why);
		break;
	case CONFIG_TYPE_FLOAT:
		show_setting(s, given);
		if (key->type == CONF_RATIO)
			return set_ratio(key, conf, config_setting_get_float(s), given, why);
		break;
	case CONFIG_TYPE_STRING:
		if (key->type == CONF_LIST)
			return set_list_setting(key, conf, s, why);
		if (key->type == CONF_STRING || key->type == CONF_PATH || key->type == CONF_ENUM ||
		    measure)
			return conf_value_set_text(key, conf, config_setting_get_string(s), why);
		break;
	case CONFIG_TYPE_ARRAY:
	case CONFIG_TYPE_LIST:
		if (key->type == CONF_LIST)
			return set_list_setting(key, conf, s, why);
		break;
	case CONFIG_TYPE_GROUP:
		if (key->type == CONF_MAP)
			return set_map_setting(key, conf, s, why);
		break;
	default:
		break;
	}
	return wrong_type(key, s, why);
}

void conf_value_clear(const struct conf_key *key, void *conf)
{
	void *place = at(key, conf);
	struct conf_pairs *map = place;

	switch (key->type) {
	case CONF_STRING:
	case CONF_PATH:
		free(*(char **)place);
		*(char **)place = NULL;
		break;
	case CONF_LIST:
		free_texts(place);
		break;
	case CONF_MAP:
		for (size_t i = 0; i < map->count; i++) {
			free(map->keys[i]);
			free(map->values[i]);
		}
		free(map->keys);
		free(map->values);
		*map = (struct conf_pairs){0};
		break;
	case CONF_BOOL:
		*(bool *)place = false;
		break;
	case CONF_ENUM:
		*(int *)place = 0;
		break;
	case CONF_RATIO:
		*(double *)place = 0;
		break;
	case CONF_INT:
	case CONF_DURATION:
	case CONF_SIZE:
		*(int64_t *)place = 0;
		break;
	}
}
