#include "tui/input/keymap.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "shared/err.h"

#include "tui/canvas/text.h"

static const struct {
	const char *name;
	int key;
} names[] = {
	{"Enter", KEY_CODE_ENTER},
	{"Tab", KEY_CODE_TAB},
	{"Esc", KEY_CODE_ESCAPE},
	{"Space", ' '},
	{"Up", KEY_CODE_UP},
	{"Down", KEY_CODE_DOWN},
	{"Left", KEY_CODE_LEFT},
	{"Right", KEY_CODE_RIGHT},
	{"Home", KEY_CODE_HOME},
	{"End", KEY_CODE_END},
	{"PgUp", KEY_CODE_PAGE_UP},
	{"PgDn", KEY_CODE_PAGE_DOWN},
	{"Ins", KEY_CODE_INSERT},
	{"Del", KEY_CODE_DELETE},
	{"Backspace", KEY_CODE_BACKSPACE},
};

static bool parse_function_key(const char *name, size_t len, int *ret_key)
{
	int n = 0;

	if (len < 2 || len > 3 || name[0] != 'F')
		return false;
	for (size_t i = 1; i < len; i++) {
		if (name[i] < '0' || name[i] > '9')
			return false;
		n = n * 10 + (name[i] - '0');
	}
	if (n < 1 || n > 12)
		return false;
	*ret_key = KEY_CODE_F1 + n - 1;
	return true;
}

static bool parse_plain(const char *name, size_t len, int *ret_key)
{
	if (len == 1 && *name > ' ' && *name < 0x7F) {
		*ret_key = *name;
		return true;
	}
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strlen(names[i].name) == len && memcmp(names[i].name, name, len) == 0) {
			*ret_key = names[i].key;
			return true;
		}
	}
	return parse_function_key(name, len, ret_key);
}

bool key_parse(const char *name, size_t len, int *ret_key, unsigned *ret_mods)
{
	unsigned mods = 0;
	int key;

	for (; len > 2 && name[1] == '-' && strchr("CAS", name[0]); name += 2, len -= 2)
		mods |= name[0] == 'C' ? MOD_CTRL : name[0] == 'A' ? MOD_ALT : MOD_SHIFT;
	if (len == 0 || !parse_plain(name, len, &key))
		return false;
	*ret_key = key;
	*ret_mods = mods;
	return true;
}

/* The next name of a row's keys; false at the end. */
static bool next_name(const char **keys, const char **ret_name, size_t *ret_len)
{
	*keys += strspn(*keys, " ");
	*ret_name = *keys;
	*ret_len = strcspn(*keys, " ");
	*keys += *ret_len;
	return *ret_len > 0;
}

static bool row_has(const struct binding *row, int key, unsigned mods)
{
	const char *keys = row->keys, *name;
	size_t len;
	unsigned its_mods;
	int its_key;

	while (next_name(&keys, &name, &len))
		if (key_parse(name, len, &its_key, &its_mods) && its_key == key && its_mods == mods)
			return true;
	return false;
}

int keymap_action(const struct keymap *map, unsigned context, const struct event *event)
{
	if (event->kind != EVENT_KEY && event->kind != EVENT_TEXT)
		return 0;
	for (size_t i = 0; i < map->count; i++)
		if ((map->rows[i].contexts & context) &&
		    row_has(&map->rows[i], event->key, event->mods))
			return map->rows[i].action;
	return 0;
}

void key_label(const struct binding *row, char ret[KEY_NAME_MAX])
{
	const char *keys = row->keys, *name;
	size_t len;

	ret[0] = '\0';
	if (!next_name(&keys, &name, &len))
		return;
	if (len == 3 && name[0] == 'C' && name[1] == '-')
		snprintf(ret, KEY_NAME_MAX, "^%c", name[2] >= 'a' ? name[2] - 32 : name[2]);
	else
		snprintf(ret, KEY_NAME_MAX, "%.*s", (int)len, name);
}

static bool taken_before(const struct keymap *map, size_t row, int key, unsigned mods)
{
	for (size_t i = 0; i < row; i++)
		if ((map->rows[i].contexts & map->rows[row].contexts) &&
		    row_has(&map->rows[i], key, mods))
			return true;
	return false;
}

int keymap_check(const struct keymap *map, size_t *ret_row)
{
	for (size_t i = 0; i < map->count; i++) {
		const char *keys = map->rows[i].keys, *name;
		size_t len;
		unsigned mods;
		int key;

		*ret_row = i;
		if (map->rows[i].action <= 0 || !map->rows[i].help)
			return ERR_STATE;
		while (next_name(&keys, &name, &len)) {
			if (!key_parse(name, len, &key, &mods))
				return ERR_UNKNOWN;
			if (taken_before(map, i, key, mods))
				return ERR_STATE;
		}
	}
	return 0;
}
