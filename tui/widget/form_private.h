/* Inside of the form, for form.c (fields, checks, input) and form_draw.c. */
#ifndef TUI_WIDGET_FORM_PRIVATE_H
#define TUI_WIDGET_FORM_PRIVATE_H

#include "tui/widget/edit.h"
#include "tui/widget/form.h"

struct value {
	struct edit edit;       /* text, number */
	int choice;             /* choice; 0 or 1 of a box */
	char why[FORM_WHY_MAX]; /* "": nothing is wrong */
	struct rect shown;      /* the field's row, as drawn last */
};

struct form {
	char title[80], ok[32];
	const struct field *fields;
	int count;
	struct value values[FORM_FIELDS_MAX];
	int focus; /* a field, count: ok, count + 1: cancel */
	int top;   /* first field drawn */
	struct rect ok_rect, cancel_rect;
};

#endif
