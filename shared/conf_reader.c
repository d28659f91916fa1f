/* Reading settings: a file through libconfig, then "key=value" words.
 *
 * Both walk to a row of the table by its dotted name and let conf_value set it.  An error never
 * stops the reading: the operator gets all of them at once.  Where each key was set last is kept,
 * so that checks which run later can still say FILE:LINE.  Only a file that libconfig cannot parse
 * as a whole is reported as one error: it says no more. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/conf_lint.h"
#include "shared/conf_table.h"
#include "shared/err.h"
#include "shared/str.h"

enum { NAME_SIZE = 128, LINE_SIZE = 1024 };

int conf_reader_init(struct conf_reader *r, const struct conf_table *table, void *conf,
		     struct buf *errors)
{
	int result;

	*r = (struct conf_reader){.table = table, .conf = conf, .errors = errors};
	r->origins = calloc(table->count, sizeof *r->origins);
	if (!r->origins)
		return -ENOMEM;
	result = conf_table_defaults(table, conf);
	if (result)
		free(r->origins);
	return result;
}

void conf_reader_done(struct conf_reader *r)
{
	for (size_t i = 0; i < r->table->count; i++)
		free(r->origins[i]);
	free(r->origins);
	r->origins = NULL;
}

/* One error line; words and names may come from the file, so control characters are taken out here.
 */
static void add_error(struct conf_reader *r, int code, const char *where, const char *name,
		      const char *words)
{
	char line[LINE_SIZE], clean[LINE_SIZE];

	if (!r->result)
		r->result = code;
	if (!where)
		snprintf(line, sizeof line, "%s: %s", name, words);
	else if (strcmp(where, "-o") == 0)
		snprintf(line, sizeof line, "-o %s: %s", name, words);
	else
		snprintf(line, sizeof line, "%s: %s: %s", where, name, words);
	str_copy_clean(clean, sizeof clean, line);
	buf_printf(r->errors, "%s\n", clean);
}

void conf_reader_error(struct conf_reader *r, int code, const char *key, const char *fmt, ...)
{
	const struct conf_key *row = conf_table_find(r->table, key);
	char words[CONF_WHY_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(words, sizeof words, fmt, ap);
	va_end(ap);
	add_error(r, code, row ? r->origins[row - r->table->keys] : NULL, key, words);
}

static void unknown_key(struct conf_reader *r, const char *where, const char *name)
{
	char words[CONF_WHY_MAX], near[NAME_SIZE];

	if (conf_table_suggest(r->table, name, near, sizeof near))
		snprintf(words, sizeof words, "unknown key; did you mean %s?", near);
	else
		snprintf(words, sizeof words, "unknown key");
	add_error(r, ERR_UNKNOWN, where, name, words);
}

/* Takes over `where`. */
static void set_origin(struct conf_reader *r, const struct conf_key *key, char *where)
{
	char **origin = &r->origins[key - r->table->keys];

	free(*origin);
	*origin = where;
}

/* "FILE:LINE" of a setting; included files are known to libconfig by the name in the @include.
 * NULL: out of memory. */
static char *setting_place(const config_setting_t *s, const char *file, const char *dir)
{
	const char *included = config_setting_source_file(s);
	unsigned line = config_setting_source_line(s);
	char *where;
	int n;

	if (!included)
		n = asprintf(&where, "%s:%u", file, line);
	else if (included[0] == '/')
		n = asprintf(&where, "%s:%u", included, line);
	else
		n = asprintf(&where, "%s/%s:%u", dir, included, line);
	return n < 0 ? NULL : where;
}

static void read_group(struct conf_reader *r, const config_setting_t *group, const char *prefix,
		       const char *file, const char *dir)
{
	int count = config_setting_length(group);

	for (int i = 0; i < count; i++) {
		const config_setting_t *s = config_setting_get_elem(group, (unsigned)i);
		char *where = setting_place(s, file, dir);
		char name[NAME_SIZE], why[CONF_WHY_MAX];
		const struct conf_key *key;
		int result;

		snprintf(name, sizeof name, "%s%s%s", prefix, *prefix ? "." : "",
			 config_setting_name(s));
		key = conf_table_find(r->table, name);
		if (key) {
			result = conf_value_set_setting(key, r->conf, s, why);
			if (result)
				add_error(r, result, where, name, why);
			set_origin(r, key, where);
			continue;
		}
		if (!conf_table_is_group(r->table, name))
			unknown_key(r, where, name);
		else if (config_setting_type(s) == CONFIG_TYPE_GROUP)
			read_group(r, s, name, file, dir); /* as deep as the table's names */
		else
			add_error(r, ERR_TYPE, where, name, "is a group: { key = value; }");
		free(where);
	}
}

void conf_reader_text(struct conf_reader *r, const char *text, const char *file)
{
	const char *slash = strrchr(file, '/');
	char *dir = slash == file ? strdup("/")
		    : slash       ? strndup(file, (size_t)(slash - file))
				  : strdup(".");
	config_t tree;
	int result = dir ? conf_lint(text, file, dir, r->errors) : -ENOMEM;

	if (result) {
		r->result = r->result ? r->result : result;
		free(dir);
		return;
	}
	config_init(&tree);
	config_set_include_dir(&tree, dir);
	if (config_read_string(&tree, text)) {
		read_group(r, config_root_setting(&tree), "", file, dir);
	} else {
		const char *included = config_error_file(&tree);

		buf_printf(r->errors, "%s%s%s:%d: %s\n", included ? dir : "", included ? "/" : "",
			   included ? included : file, config_error_line(&tree),
			   config_error_text(&tree));
		r->result = r->result ? r->result : ERR_SYNTAX;
	}
	config_destroy(&tree);
	free(dir);
}

void conf_reader_file(struct conf_reader *r, const char *file)
{
	char *text;
	int result = conf_file_read(file, &text);

	if (result) {
		buf_printf(r->errors, "%s: cannot read the settings: %s\n", file,
			   result == ERR_LIMIT    ? "the file is too long"
			   : result == ERR_SYNTAX ? "there is a NUL byte in it"
						  : err_str(result));
		r->result = r->result ? r->result : result;
		return;
	}
	conf_reader_text(r, text, file);
	free(text);
}

/* The map that `name` is an entry of ("claude.env.NAME"), with the entry's name; NULL: none. */
static const struct conf_key *find_map(const struct conf_table *table, const char *name,
				       const char **ret_entry)
{
	for (size_t i = 0; i < table->count; i++) {
		const struct conf_key *key = &table->keys[i];
		size_t len = strlen(key->name);

		if (key->type != CONF_MAP || strncmp(key->name, name, len) != 0 || name[len] != '.')
			continue;
		*ret_entry = name + len + 1;
		return key;
	}
	return NULL;
}

/* `begun` holds whether an earlier override has already started each list. */
static void override_one(struct conf_reader *r, const char *name, const char *value, bool *begun)
{
	const struct conf_key *key = conf_table_find(r->table, name);
	const char *entry = NULL;
	char why[CONF_WHY_MAX];
	int result = 0;

	if (!key)
		key = find_map(r->table, name, &entry);
	if (!key && conf_table_is_group(r->table, name)) {
		add_error(r, ERR_TYPE, "-o", name,
			  "is a group: set its keys, each by its whole name");
		return;
	}
	if (!key) {
		unknown_key(r, "-o", name);
		return;
	}
	if (key->type == CONF_LIST && (!begun[key - r->table->keys] || !*value))
		conf_value_clear(key, r->conf);
	begun[key - r->table->keys] = true;
	if (entry)
		result = conf_value_set_pair(key, r->conf, entry, value, why);
	else if (key->type != CONF_LIST || *value || key->min > 0)
		result = conf_value_set_text(key, r->conf, value, why);
	set_origin(r, key, strdup("-o"));
	if (result)
		add_error(r, result, "-o", name, why);
}

void conf_reader_overrides(struct conf_reader *r, const char *const *overrides, size_t count)
{
	bool *begun = calloc(r->table->count, sizeof *begun);

	if (!begun) {
		r->result = r->result ? r->result : -ENOMEM;
		return;
	}
	for (size_t i = 0; i < count; i++) {
		const char *equals = strchr(overrides[i], '=');
		char *name =
			strndup(overrides[i], equals ? (size_t)(equals - overrides[i]) : NAME_SIZE);

		if (!name)
			r->result = r->result ? r->result : -ENOMEM;
		else if (!equals || !*name)
			add_error(r, ERR_SYNTAX, "-o", name, "must be key=value");
		else
			override_one(r, name, equals + 1, begun);
		free(name);
	}
	free(begun);
}
