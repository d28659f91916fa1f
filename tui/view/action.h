/* What lies over the views while something is being done at the daemon: the form or the question
 * before it, the wait, and a secret that came back.  Behind host_ops.act and host_ops.show_secret;
 * what came of it goes to host_ops.say and host_ops.complain.
 *
 *	act -> FORM ------> call ---------> done(), or say()
 *	    -> CONFIRM -/     |   \- error: into the field that it names, while the form is open;
 *	    -> NOW ----/      |             else complain()
 *	                      +- link lost: complain(), that it is not known whether it was done
 */
#ifndef TUI_VIEW_ACTION_H
#define TUI_VIEW_ACTION_H

#include <jansson.h>
#include <stdbool.h>

#include "shared/jsonrpc.h"

#include "tui/canvas/canvas.h"
#include "tui/input/event.h"
#include "tui/view/host.h"
#include "tui/widget/line.h"

enum { ACTIONS_CALLS_MAX = 16 };

/* As feed_answer: exactly one of result and error; both borrowed. */
typedef void actions_answer(void *ctx, const json_t *result, const struct rpc_error *error);
/* As feed_call: params are taken; 0, and the answer comes later, never from within; or a negative
 * code, and it does not come. */
typedef int actions_call(void *owner, const char *method, json_t *params, actions_answer *answer,
			 void *ctx);

struct actions;

/* The host is borrowed; `call` gets `owner`.  NULL: out of memory. */
struct actions *actions_new(struct host *h, actions_call *call, void *owner);
/* After whoever answers calls has been closed: none of them is answered any more.  NULL ok. */
void actions_free(struct actions *a);

void actions_act(struct actions *a, const struct action *what);
void actions_show_secret(struct actions *a, const char *title, const char *secret);

/* A box is open: it takes all input (true), and the hints are its own. */
bool actions_is_open(const struct actions *a);
bool actions_input(struct actions *a, const struct event *e); /* false: no box is open */
void actions_draw(struct actions *a, struct area area);       /* over the view, in its middle */
/* The keys that work in the box, for the line of hints; false: no box is open. */
bool actions_hints(struct actions *a, struct hint_source *ret);
/* A call is under way: a line that says so, valid until the next call; NULL: none. */
const char *actions_waiting(struct actions *a);

#endif
