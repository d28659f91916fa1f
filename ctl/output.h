/* What reaches the terminal: tables that fit it, and nothing that it would take for a command. */
#ifndef CTL_OUTPUT_H
#define CTL_OUTPUT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "shared/buf.h"

/* Once, at the start: widths of characters depend on it. */
void output_init(void);

/* The width of what `f` writes to: the terminal's, else $COLUMNS, else 0: no bound. */
unsigned output_width(FILE *f);

/* Appends the text with a ? for everything that is no visible character: control characters,
 * changes of direction, bytes that are not UTF-8.  CLEAN_LINES: \n stays, \r\n becomes it;
 * CLEAN_TEXT: tabs stay too. */
enum clean_how { CLEAN_LINE, CLEAN_LINES, CLEAN_TEXT };
void output_clean(struct buf *to, const char *text, enum clean_how how);
void output_text(FILE *f, const char *text, enum clean_how how); /* the same, printed */

/* Columns that the (clean) text takes on the terminal. */
unsigned output_columns(const char *text);

/* One line of JSON; control characters are escaped. */
int output_json(FILE *f, const json_t *value);

struct table_column {
	const char *title;
	bool right; /* numbers */
	bool cut;   /* is cut where it does not fit, not left out, if a few columns are left */
};

struct table;

/* Columns are borrowed.  NULL: out of memory. */
struct table *table_new(const struct table_column *columns, size_t count);
void table_free(struct table *t);
/* The next cell, from left to right, line by line; cleaned and copied. */
void table_add(struct table *t, const char *text);
/* A line between the rows above and those below. */
void table_rule(struct table *t);
/* Columns that do not fit are left out, from the right; the first one is cut instead.  width 0: no
 * bound.  titles: with the first line. */
void table_print(const struct table *t, FILE *f, unsigned width, bool titles);

#endif
