/* A list of the daemon's objects, in the order in which they came, found again by one of their
 * members.  The objects are kept as they were told: what is shown of them is the views'. */
#ifndef TUI_MODEL_ROWS_H
#define TUI_MODEL_ROWS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rows {
	json_t **items;   /* references; never changed in place: a change is another object */
	uint32_t *hashes; /* of the ids */
	uint32_t *names;  /* hashes of the names; 0 where there is none */
	size_t count, room;
	size_t max;     /* then the oldest goes */
	const char *id; /* the member that tells rows apart, a text or a number; NULL: none does */
	/* A member, a text, that rows may share; the id of rows without one.  NULL: there is none.
	 * Set it before the first row. */
	const char *name;
};

void rows_init(struct rows *r, const char *id, size_t max);
void rows_done(struct rows *r);
void rows_clear(struct rows *r);

/* All anew, from an array; anything else empties the list. */
void rows_set(struct rows *r, const json_t *array);
/* Takes the place of the row with the same id, or comes behind the others.  Borrowed.  Out of
 * memory it is left out. */
void rows_put(struct rows *r, const json_t *row);
void rows_drop(struct rows *r, const json_t *row); /* the row with the same id */
void rows_drop_at(struct rows *r, size_t row);

/* The same rows, shared; `to` is not initialised before, and is afterwards, also when it fails.  0,
 * -ENOMEM. */
int rows_copy(struct rows *to, const struct rows *from);

const json_t *rows_find(const struct rows *r, const char *id); /* NULL: there is none */
/* The row with the same id as this one, which may tell no more than that.  NULL: there is none. */
const json_t *rows_find_same(const struct rows *r, const json_t *row);
/* The last row with the name before row `before`; r->count: there is none. */
size_t rows_find_name(const struct rows *r, const char *name, size_t before);
/* The id as text, for tables; "" if the row has none.  Valid until the next call. */
const char *rows_id(const struct rows *r, size_t row);

#endif
