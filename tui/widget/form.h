/* A form in a box: fields of text, numbers, choices and boxes to tick, checked when it is sent.
 * Takes all input while it is open. */
#ifndef TUI_WIDGET_FORM_H
#define TUI_WIDGET_FORM_H

#include <stdint.h>

#include "tui/canvas/canvas.h"
#include "tui/input/keymap.h"

#define FORM_FIELDS_MAX 16
#define FORM_WHY_MAX 120

enum field_kind { FIELD_TEXT, FIELD_NUMBER, FIELD_CHOICE, FIELD_CHECK };

struct field {
	const char *label;
	const char *hint; /* shown while one is in the field; NULL: none */
	enum field_kind kind;
	bool required;              /* text and numbers: may not be empty */
	int64_t min, max;           /* numbers, both included; both 0: any */
	const char *const *choices; /* ends in NULL */
	const char *initial;        /* a choice by its words; a box is ticked unless NULL or "" */
	/* A text that is not empty: 0, or not and a sentence in `why`.  NULL: any will do. */
	int (*check)(const char *text, char why[FORM_WHY_MAX]);
};

enum form_result { FORM_OK = INPUT_TAKEN + 1, FORM_CANCEL };

extern const struct keymap form_keymap;

struct form;

/* Fields are borrowed, title and ok (the word for sending it) copied.  NULL: out of memory. */
struct form *form_new(const char *title, const char *ok, const struct field *fields, int count);
void form_free(struct form *f);

void form_draw(struct form *f, struct area a); /* in the middle of the area */

/* INPUT_TAKEN, FORM_CANCEL, or FORM_OK: every field has been checked.  The owner frees the form. */
int form_input(struct form *f, const struct event *event);

const char *form_text(const struct form *f, int field);          /* without spaces at its ends */
bool form_number(const struct form *f, int field, int64_t *ret); /* false: left empty */
int form_choice(const struct form *f, int field);                /* index in choices */
bool form_checked(const struct form *f, int field);

/* What somebody else found wrong (the daemon's answer); the field gets the cursor. */
void form_set_error(struct form *f, int field, const char *why);

#endif
