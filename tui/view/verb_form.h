/* A form made from a verb's row in the table of verbs: what its parameters are called, what they
 * may be and what they are for stands there and nowhere else.
 *
 * What is typed is read as on ccapictl's command line ("250k", "2h", "a,b", "none").  A field that
 * is left empty is not given; one that held something before and is emptied takes that away (null)
 * where the parameter may be none.  A list of given words is a box for each. */
#ifndef TUI_VIEW_VERB_FORM_H
#define TUI_VIEW_VERB_FORM_H

#include <jansson.h>
#include <stdbool.h>

#include "shared/verbs.h"

#include "tui/canvas/canvas.h"
#include "tui/widget/form.h"

struct verb_form;

/* preset: what the fields begin with, and the value of what is fixed; may be NULL; a reference is
 * kept.  fixed: names with spaces between of parameters that are not asked; asked: likewise the
 * only ones that are, in this order; NULL: all others.  The rest is copied.  NULL: out of memory.
 */
struct verb_form *verb_form_new(const struct verb *v, const char *title, const char *ok,
				const json_t *preset, const char *fixed, const char *asked);
void verb_form_free(struct verb_form *vf); /* NULL ok */

void verb_form_draw(struct verb_form *vf, struct area a);

/* INPUT_TAKEN; FORM_CANCEL; FORM_OK: every value is good, as far as can be seen from here. */
int verb_form_input(struct verb_form *vf, const struct event *event);
json_t *verb_form_params(const struct verb_form *vf); /* after FORM_OK; a new reference */

/* What the daemon found wrong with a parameter; false: it is not asked. */
bool verb_form_set_error(struct verb_form *vf, const char *param, const char *why);

#endif
