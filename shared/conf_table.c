#include "shared/conf_table.h"

#include <stdio.h>
#include <string.h>

#include "shared/err.h"
#include "shared/suggest.h"

int conf_table_defaults(const struct conf_table *table, void *conf)
{
	char why[CONF_WHY_MAX];
	int r = 0;

	memset(conf, 0, table->size);
	for (size_t i = 0; i < table->count && !r; i++) {
		const struct conf_key *key = &table->keys[i];
		struct conf_key unbounded = *key;

		if (key->standard) {
			r = conf_value_set_text(key, conf, key->standard, why);
		} else if (key->type == CONF_STRING || key->type == CONF_PATH) {
			unbounded.min = 0;
			r = conf_value_set_text(&unbounded, conf, "", why);
		}
	}
	if (r)
		conf_table_done(table, conf);
	return r;
}

void conf_table_done(const struct conf_table *table, void *conf)
{
	for (size_t i = 0; i < table->count; i++)
		conf_value_clear(&table->keys[i], conf);
	memset(conf, 0, table->size);
}

const struct conf_key *conf_table_find(const struct conf_table *table, const char *name)
{
	for (size_t i = 0; i < table->count; i++)
		if (strcmp(table->keys[i].name, name) == 0)
			return &table->keys[i];
	return NULL;
}

bool conf_table_is_group(const struct conf_table *table, const char *name)
{
	size_t len = strlen(name);

	for (size_t i = 0; i < table->count; i++)
		if (strncmp(table->keys[i].name, name, len) == 0 && table->keys[i].name[len] == '.')
			return true;
	return false;
}

static const char *last_part(const char *name)
{
	const char *dot = strrchr(name, '.');

	return dot ? dot + 1 : name;
}

const char *conf_table_suggest(const struct conf_table *table, const char *name, char *out,
			       size_t size)
{
	unsigned allowed = suggest_allowed(name);
	unsigned best = allowed + 1;

	for (size_t i = 0; i < table->count; i++) {
		const char *candidate = table->keys[i].name;
		const char *dot = strchr(candidate, '.');
		unsigned whole = suggest_distance(candidate, strlen(candidate), name);
		unsigned group =
			dot ? suggest_distance(candidate, (size_t)(dot - candidate), name) : best;

		/* The right word in the wrong group is nearer than any misspelling but the
		 * smallest. */
		if (strcmp(last_part(candidate), last_part(name)) == 0 && whole > 1)
			whole = 1;
		if (whole < best) {
			best = whole;
			snprintf(out, size, "%s", candidate);
		}
		if (group < best) {
			best = group;
			snprintf(out, size, "%.*s", (int)(dot - candidate), candidate);
		}
	}
	return best <= allowed ? out : NULL;
}

static void report_fixed(const struct conf_key *key, const void *running, const void *fresh,
			 struct buf *errors)
{
	buf_printf(errors, "%s: a change needs a restart: ", key->name);
	conf_value_render(key, running, errors);
	buf_add_str(errors, " is in force, ");
	conf_value_render(key, fresh, errors);
	buf_add_str(errors, " is set\n");
}

int conf_table_reload(const struct conf_table *table, void *running, void *fresh,
		      struct buf *errors)
{
	int r = 0;

	for (size_t i = 0; i < table->count; i++) {
		const struct conf_key *key = &table->keys[i];

		if (key->reloadable || conf_value_equal(key, running, fresh))
			continue;
		report_fixed(key, running, fresh, errors);
		r = ERR_STATE;
	}
	for (size_t i = 0; i < table->count && !r; i++)
		if (table->keys[i].reloadable)
			conf_value_move(&table->keys[i], running, fresh);
	conf_table_done(table, fresh);
	return r;
}
