/* The rows of the demonstration: fixed, some of them hostile. */
#ifndef TESTS_TUI_TERM_DEMO_ROWS_H
#define TESTS_TUI_TERM_DEMO_ROWS_H

#include "tui/widget/table.h"

extern const struct table_column demo_columns[];
extern const int demo_column_count;
extern const struct table_source demo_source; /* the owner is not looked at */

#endif
