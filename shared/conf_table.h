/* Settings as one table.  Its rows drive defaults, file, -o, checks, reload and documentation; a
 * program brings the table and the struct that the rows' offsets point into. */
#ifndef SHARED_CONF_TABLE_H
#define SHARED_CONF_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "shared/buf.h"
#include "shared/conf_value.h"

struct conf_table {
	const struct conf_key *keys;
	size_t count;
	size_t size; /* of the settings struct */
};

/* Fills an uninitialised struct.  0, -ENOMEM, or the error of a default that is out of its own
 * bounds. */
int conf_table_defaults(const struct conf_table *table, void *conf);
void conf_table_done(const struct conf_table *table,
		     void *conf); /* frees; the struct is all zero after */

const struct conf_key *conf_table_find(const struct conf_table *table,
				       const char *name); /* NULL: unknown */
bool conf_table_is_group(const struct conf_table *table,
			 const char *name); /* "pool" of "pool.workers" */
/* The key or group that `name` was probably meant to be; NULL: nothing is near. */
const char *conf_table_suggest(const struct conf_table *table, const char *name, char *out,
			       size_t size);

/* One reading of settings: collects what every source says into `conf` and every error into
 * `errors`, a line each. */
struct conf_reader {
	const struct conf_table *table;
	void *conf;
	struct buf *errors;
	char **origins; /* one per key: where it was set last, NULL: nowhere */
	int result;     /* 0, or the code of the first error */
};

/* Borrows all three; fills `conf` with the defaults.  0 or -ENOMEM, and then nothing needs to be
 * freed. */
int conf_reader_init(struct conf_reader *r, const struct conf_table *table, void *conf,
		     struct buf *errors);
void conf_reader_done(struct conf_reader *r); /* `conf` stays */

/* Errors go to r->errors and r->result.  `file` names the text in errors, and its folder is where
 * @include looks. */
void conf_reader_file(struct conf_reader *r, const char *file);
void conf_reader_text(struct conf_reader *r, const char *text, const char *file);
/* "key=value" each.  The first one of a list takes the place of what the file says, the next ones
 * are added; an empty value empties the list.  "key.NAME=value" sets one entry of a map. */
void conf_reader_overrides(struct conf_reader *r, const char *const *overrides, size_t count);

/* Adds "FILE:LINE: key: words" or "-o key: words", by where the key was set, and remembers the
 * first code. */
void conf_reader_error(struct conf_reader *r, int code, const char *key, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* Moves the reloadable values from `fresh` to `running`; or none, when another key differs:
 * ERR_STATE, a line for each. `fresh` is used up either way. */
int conf_table_reload(const struct conf_table *table, void *running, void *fresh,
		      struct buf *errors);

#endif
