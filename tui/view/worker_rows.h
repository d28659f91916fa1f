/* Workers as rows of a table: the same columns in the overview and in the view of workers.  Behind
 * the workers stands one row more while the pool waits to start another. */
#ifndef TUI_VIEW_WORKER_ROWS_H
#define TUI_VIEW_WORKER_ROWS_H

#include "tui/view/host.h"
#include "tui/widget/table.h"

enum { WORKER_COLUMNS = 14 };

extern const struct table_column worker_columns[WORKER_COLUMNS];
extern const struct table_source worker_source; /* its owner is the host */

/* What an empty table of workers says. */
const char *worker_rows_empty(const struct host *h);
/* NULL: the row is none of a worker. */
const json_t *worker_at(const struct host *h, size_t row);
size_t workers_in_state(const struct host *h, const char *state);

#endif
