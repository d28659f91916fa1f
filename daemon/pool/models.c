#include "daemon/pool/models.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/err.h"
#include "shared/json.h"
#include "shared/str.h"

#define NAME_CHARS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-[]"

/* "$2/$10 per Mtok" in a description: dollars in and out per million tokens, which is micro-dollars
 * per token. */
static void take_price(const char *description, struct model *m)
{
	const char *dollar = description ? strchr(description, '$') : NULL;
	double in, out;

	m->input_micro_usd_per_mtok = m->output_micro_usd_per_mtok = -1;
	for (; dollar; dollar = strchr(dollar + 1, '$')) {
		if (sscanf(dollar, "$%lf/$%lf per Mtok", &in, &out) != 2 || in < 0 || out < 0 ||
		    in > 1e5 || out > 1e5)
			continue;
		m->input_micro_usd_per_mtok = (int64_t)(in * 1e6 + 0.5);
		m->output_micro_usd_per_mtok = (int64_t)(out * 1e6 + 0.5);
		return;
	}
}

static bool take_row(const json_t *row, struct model *m)
{
	const char *name = json_get_str(row, "value");
	const char *id = json_get_str(row, "resolvedModel");
	const char *display = json_get_str(row, "displayName");

	if (!name || !str_in_set(name, 1, sizeof m->name - 1, NAME_CHARS))
		return false;
	if (!id || !str_in_set(id, 1, sizeof m->id - 1, NAME_CHARS))
		return false;
	*m = (struct model){.supports_effort = json_get_true(row, "supportsEffort")};
	strcpy(m->name, name);
	strcpy(m->id, id);
	str_copy_clean(m->display_name, sizeof m->display_name, display ? display : name);
	take_price(json_get_str(row, "description"), m);
	return true;
}

int models_load(struct models *m, const json_t *rows)
{
	size_t rows_count = json_array_size(rows), count = 0;
	struct model *items;

	if (rows_count == 0 || rows_count > 1000)
		return ERR_TYPE;
	items = calloc(rows_count, sizeof *items);
	if (!items)
		return -ENOMEM;
	for (size_t i = 0; i < rows_count; i++)
		count += take_row(json_array_get(rows, i), &items[count]);
	if (count == 0) {
		free(items);
		return ERR_TYPE;
	}
	if (count != m->count || memcmp(items, m->items, count * sizeof *items) != 0)
		m->generation++;
	free(m->items);
	m->items = items;
	m->count = count;
	return 0;
}

void models_done(struct models *m)
{
	free(m->items);
	*m = (struct models){0};
}

const struct model *models_find(const struct models *m, const char *name)
{
	for (size_t i = 0; i < m->count; i++)
		if (strcmp(m->items[i].name, name) == 0)
			return &m->items[i];
	for (size_t i = 0; i < m->count; i++)
		if (strcmp(m->items[i].id, name) == 0)
			return &m->items[i];
	return NULL;
}

const char *models_short_name(const struct models *m, const char *id)
{
	for (size_t i = 0; i < m->count; i++)
		if (strcmp(m->items[i].id, id) == 0 && strcmp(m->items[i].name, "default") != 0)
			return m->items[i].name; /* "default" is the CLI's word for one of them */
	return id;
}
