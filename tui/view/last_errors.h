/* What went wrong last: requests that ended with an error of ours or of upstream, and errors of the
 * log. */
#ifndef TUI_VIEW_LAST_ERRORS_H
#define TUI_VIEW_LAST_ERRORS_H

#include <jansson.h>

#include "tui/canvas/canvas.h"
#include "tui/model/model.h"

enum { LAST_ERRORS_MAX = 8 };

struct last_error {
	const char *at;        /* as the daemon tells times: they sort as texts */
	const json_t *request; /* one of the two; borrowed from the model */
	const json_t *event;   /* with a line of the log */
};

/* At most `max` (and LAST_ERRORS_MAX), the newest first. */
int last_errors(const struct model *m, struct last_error *ret, int max);
void last_error_draw(const struct last_error *e, struct area a, int y); /* one row */

#endif
