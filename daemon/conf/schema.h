/* The settings of ccapid as a table, and the checks that look at more than one row's bounds. */
#ifndef DAEMON_CONF_SCHEMA_H
#define DAEMON_CONF_SCHEMA_H

#include "shared/conf_table.h"

extern const struct conf_table conf_schema; /* rows for struct conf; its groups stand together */

/* Checks the struct conf of `r` as a whole and fills in what is computed (state_dir).  Errors go to
 * the reader. */
void conf_check(struct conf_reader *r);

#endif
