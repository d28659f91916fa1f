/* Values of the daemon's results as people read them, and objects and lists of them. */
#ifndef CTL_SHOW_H
#define CTL_SHOW_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/buf.h"

enum show_kind {
	SHOW_TEXT,     /* null: "-" */
	SHOW_LONG,     /* likewise; in a table it is cut where it does not fit */
	SHOW_COUNT,    /* 1,000,000; null: "-" */
	SHOW_USD,      /* $0.25; null: "-" */
	SHOW_BYTES,    /* 1.5 MiB */
	SHOW_PERCENT,  /* of 0..1 */
	SHOW_MS,       /* 1.25 s */
	SHOW_AGE,      /* "2 h ago"; null: "never" */
	SHOW_UNTIL,    /* "in 7 d"; null: "never" */
	SHOW_TIME,     /* as it is, without the T and the Z */
	SHOW_LIST,     /* a, b; null: "all" */
	SHOW_SINCE,    /* how long ago: "2 h"; null: "-" */
	SHOW_YES,      /* "yes" or "no" */
	SHOW_SUBJECT,  /* of the whole object: project, key or "everybody" */
	SHOW_DURATION, /* seconds: 3 d 4 h */
};

/* One member of an object: a column of a table or a line of a sheet. */
struct show_field {
	const char *title, *member;
	enum show_kind kind;
};

/* Milliseconds since 1970 of a time as results have it, with or without a fraction. */
bool show_parse_time(const char *text, int64_t *ret_ms);

/* Appends the value of the field in `object`. */
void show_value(struct buf *to, const struct show_field *field, const json_t *object);

/* One line per object.  quiet: only the first column, no titles. */
void show_list(const json_t *rows, const struct show_field *fields, size_t count, bool quiet,
	       const char *when_empty);
/* One line per field. */
void show_sheet(const json_t *object, const struct show_field *fields, size_t count);

#define SHOW_COUNT_OF(fields) (sizeof(fields) / sizeof *(fields))

#endif
