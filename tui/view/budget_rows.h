/* The rows of the budgets view: everybody, each project and each key with budgets; one row for each
 * budget, and one for everybody and for each project that has none. */
#ifndef TUI_VIEW_BUDGET_ROWS_H
#define TUI_VIEW_BUDGET_ROWS_H

#include <jansson.h>
#include <stddef.h>

#include "tui/model/model.h"

enum { BUDGET_ROW_ID = 128 };

struct budget_row {      /* references */
	json_t *whom;    /* {"project": ...}, {"key": ...} or {} */
	json_t *budget;  /* NULL: none */
	json_t *project; /* as projects.list has it; NULL: not a project's, or not known */
	char id[BUDGET_ROW_ID];
};

struct budget_rows {
	struct budget_row *items;
	size_t count, room;
};

void budget_rows_make(struct budget_rows *r, const struct model *m); /* anew */
void budget_rows_done(struct budget_rows *r);

#endif
