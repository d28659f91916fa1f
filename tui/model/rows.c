#include "tui/model/rows.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/json.h"

enum { ROWS_FIRST = 16, ID_TEXT_SIZE = 32 };

void rows_init(struct rows *r, const char *id, size_t max)
{
	*r = (struct rows){.id = id, .max = max};
}

void rows_clear(struct rows *r)
{
	for (size_t i = 0; i < r->count; i++)
		json_decref(r->items[i]);
	r->count = 0;
}

void rows_done(struct rows *r)
{
	rows_clear(r);
	free(r->items);
	free(r->hashes);
	free(r->names);
	*r = (struct rows){.id = r->id, .name = r->name, .max = r->max};
}

/* FNV-1a.  Peers can make ids collide; then a look-up compares more texts, that is all. */
static uint32_t hash_text(const char *s)
{
	uint32_t h = 2166136261u;

	for (; *s; s++)
		h = (h ^ (unsigned char)*s) * 16777619u;
	return h;
}

static const char *name_text(const struct rows *r, const json_t *row)
{
	return r->name ? json_get_str(row, r->name) : NULL;
}

/* The id of a row as text, numbers printed into `scratch`; NULL: it has none. */
static const char *id_text(const struct rows *r, const json_t *row, char scratch[ID_TEXT_SIZE])
{
	const json_t *id = r->id ? json_object_get(row, r->id) : NULL;

	if (json_is_string(id))
		return json_string_value(id);
	if (!json_is_integer(id))
		return name_text(r, row);
	snprintf(scratch, ID_TEXT_SIZE, "%lld", (long long)json_integer_value(id));
	return scratch;
}

/* From the end: what is looked for is mostly what has come last. */
static size_t find(const struct rows *r, const char *id)
{
	uint32_t hash = hash_text(id);
	char scratch[ID_TEXT_SIZE];

	for (size_t i = r->count; i > 0; i--) {
		const char *other;

		if (r->hashes[i - 1] != hash)
			continue;
		other = id_text(r, r->items[i - 1], scratch);
		if (other && strcmp(other, id) == 0)
			return i - 1;
	}
	return r->count;
}

void rows_drop_at(struct rows *r, size_t row)
{
	if (row >= r->count)
		return;
	json_decref(r->items[row]);
	r->count--;
	memmove(r->items + row, r->items + row + 1, (r->count - row) * sizeof *r->items);
	memmove(r->hashes + row, r->hashes + row + 1, (r->count - row) * sizeof *r->hashes);
	memmove(r->names + row, r->names + row + 1, (r->count - row) * sizeof *r->names);
}

/* The old array stays when there is no memory for a larger one. */
static bool grow_hashes(uint32_t **hashes, size_t room)
{
	uint32_t *larger = realloc(*hashes, room * sizeof *larger);

	if (larger)
		*hashes = larger;
	return larger != NULL;
}

static bool grow(struct rows *r)
{
	size_t room = r->room > 0 ? r->room * 2 : ROWS_FIRST;
	json_t **items;

	if (r->count < r->room)
		return true;
	items = realloc(r->items, room * sizeof *items);
	if (!items)
		return false;
	r->items = items;
	if (!grow_hashes(&r->hashes, room) || !grow_hashes(&r->names, room))
		return false;
	r->room = room;
	return true;
}

static uint32_t hash_name(const struct rows *r, const json_t *row)
{
	const char *name = name_text(r, row);

	return name ? hash_text(name) : 0;
}

static void append(struct rows *r, const json_t *row, const char *id)
{
	if (r->count >= r->max)
		rows_drop_at(r, 0);
	if (r->max == 0 || !grow(r))
		return;
	r->hashes[r->count] = id ? hash_text(id) : 0;
	r->names[r->count] = hash_name(r, row);
	r->items[r->count++] = json_incref((json_t *)row);
}

void rows_set(struct rows *r, const json_t *array)
{
	json_t *row;
	size_t i;

	rows_clear(r);
	json_array_foreach((json_t *)array, i, row) rows_put(r, row);
}

void rows_put(struct rows *r, const json_t *row)
{
	char scratch[ID_TEXT_SIZE];
	const char *id;
	size_t at;

	if (!json_is_object(row))
		return;
	id = id_text(r, row, scratch);
	at = id ? find(r, id) : r->count;
	if (at == r->count) {
		append(r, row, id);
		return;
	}
	json_incref((json_t *)row);
	json_decref(r->items[at]);
	r->items[at] = (json_t *)row;
	r->names[at] = hash_name(r, row);
}

void rows_drop(struct rows *r, const json_t *row)
{
	char scratch[ID_TEXT_SIZE];
	const char *id = id_text(r, row, scratch);

	if (id)
		rows_drop_at(r, find(r, id));
}

const json_t *rows_find(const struct rows *r, const char *id)
{
	size_t at = find(r, id);

	return at < r->count ? r->items[at] : NULL;
}

const json_t *rows_find_same(const struct rows *r, const json_t *row)
{
	char scratch[ID_TEXT_SIZE];
	const char *id = id_text(r, row, scratch);

	return id ? rows_find(r, id) : NULL;
}

size_t rows_find_name(const struct rows *r, const char *name, size_t before)
{
	uint32_t hash = hash_text(name);

	for (size_t i = before < r->count ? before : r->count; i > 0; i--) {
		const char *other = r->names[i - 1] == hash ? name_text(r, r->items[i - 1]) : NULL;

		if (other && strcmp(other, name) == 0)
			return i - 1;
	}
	return r->count;
}

const char *rows_id(const struct rows *r, size_t row)
{
	static char scratch[ID_TEXT_SIZE];
	const char *id = row < r->count ? id_text(r, r->items[row], scratch) : NULL;

	return id ? id : "";
}

int rows_copy(struct rows *to, const struct rows *from)
{
	*to = (struct rows){.id = from->id, .name = from->name, .max = from->max};
	for (size_t i = 0; i < from->count; i++) {
		if (!grow(to))
			return -ENOMEM;
		to->hashes[i] = from->hashes[i];
		to->names[i] = from->names[i];
		to->items[to->count++] = json_incref(from->items[i]);
	}
	return 0;
}
