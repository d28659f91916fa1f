/* Actions, from the key to the line that says what came of it.
 *
 * At most one box is open: a form or a question, and over it secrets that have come back, one after
 * the other.  Calls go on without their box: a question is closed when it is answered, a form stays
 * open until the daemon has taken what was typed, so that it can be mended.  When the link is lost
 * under way nobody knows whether the daemon did it; then the form is closed as well, so that it is
 * not sent a second time by a key pressed without thinking.
 *
 * What must never happen: that an answer is lost on the way, a secret before all, or that one finds
 * its form gone. */
#include "tui/view/action.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/err.h"
#include "shared/verbs.h"

#include "tui/canvas/draw.h"
#include "tui/view/secret.h"
#include "tui/view/verb_form.h"
#include "tui/widget/confirm.h"

enum { SENTENCE_BYTES = 1700, WAITING_BYTES = 80 };
enum { WAITING_CLOSE = 1 };

static const struct binding waiting_rows[] = {
	{KEYMAP_ANYWHERE, "Esc", WAITING_CLOSE, "close", "close the form; what was sent goes on"},
};
static const struct keymap waiting_keymap = KEYMAP(waiting_rows);

typedef void action_done(struct host *h, const json_t *params, const json_t *result);

struct call {
	struct call *next;
	struct actions *actions;
	const struct verb *verb;
	json_t *params;
	action_done *done;
};

struct shown_secret {
	struct shown_secret *next;
	struct secret *secret;
};

enum state { STATE_IDLE, STATE_FORM, STATE_FORM_SENT, STATE_CONFIRM };

struct actions {
	struct host *host;
	actions_call *call;
	void *owner;
	enum state state;
	/* Of the box that is open: */
	const struct verb *verb;
	json_t *params;
	action_done *done;
	struct verb_form *form;
	struct call *sent; /* the form's, with STATE_FORM_SENT; else NULL */
	struct confirm confirm;

	struct call *calls;
	int call_count;
	struct shown_secret *secrets; /* the first one is on the screen */
	char waiting[WAITING_BYTES];
};

struct actions *actions_new(struct host *h, actions_call *call, void *owner)
{
	struct actions *a = calloc(1, sizeof *a);

	if (!a)
		return NULL;
	a->host = h;
	a->call = call;
	a->owner = owner;
	return a;
}

static void close_box(struct actions *a)
{
	verb_form_free(a->form);
	a->form = NULL;
	json_decref(a->params);
	a->params = NULL;
	a->sent = NULL;
	a->state = STATE_IDLE;
}

static void close_secret(struct actions *a)
{
	struct shown_secret *first = a->secrets;

	a->secrets = first->next;
	secret_free(first->secret);
	free(first);
}

static void free_call(struct call *call)
{
	json_decref(call->params);
	free(call);
}

void actions_free(struct actions *a)
{
	if (!a)
		return;
	close_box(a);
	while (a->secrets)
		close_secret(a);
	while (a->calls) {
		struct call *call = a->calls;

		a->calls = call->next;
		free_call(call);
	}
	free(a);
}

/* ---- what is said ---- */

/* The words of the command line: the same action has the same name there. */
static const char *name_of(const struct verb *v)
{
	return v->words ? v->words : v->method;
}

static void complain(struct actions *a, const struct verb *v, const char *words, const char *hint)
{
	char text[SENTENCE_BYTES];

	snprintf(text, sizeof text, "%s: %s%s%s", name_of(v), words, *hint ? " - " : "", hint);
	a->host->ops->complain(a->host, text);
}

static void tell_done(struct actions *a, const struct call *call, const json_t *result)
{
	char text[128];

	if (call->done) {
		call->done(a->host, call->params, result);
		return;
	}
	snprintf(text, sizeof text, "%s: done", name_of(call->verb));
	a->host->ops->say(a->host, STYLE_OK, text);
}

/* The link was lost, or the daemon did not get it done in time: its words say that nobody knows
 * whether it was done. */
static bool is_unknown(const struct rpc_error *error)
{
	return error->code == RPC_TIMEOUT;
}

/* ---- calls ---- */

static void unlink_call(struct actions *a, const struct call *call)
{
	struct call **at = &a->calls;

	while (*at && *at != call)
		at = &(*at)->next;
	if (*at)
		*at = call->next;
	a->call_count--;
}

/* What the daemon says of a field goes to it. */
static bool mend_form(struct actions *a, const struct rpc_error *error)
{
	char why[SENTENCE_BYTES];

	if (!*error->field)
		return false;
	snprintf(why, sizeof why, "%s%s%s", error->message, *error->hint ? " - " : "", error->hint);
	return verb_form_set_error(a->form, error->field, why);
}

static void on_answer(void *ctx, const json_t *result, const struct rpc_error *error)
{
	struct call *call = ctx;
	struct actions *a = call->actions;
	bool of_form = a->sent == call;

	unlink_call(a, call);
	if (of_form && (result || is_unknown(error)))
		close_box(a);
	else if (of_form) {
		a->sent = NULL;
		a->state = STATE_FORM;
	}
	if (result)
		tell_done(a, call, result);
	else if (a->state != STATE_FORM || !of_form || !mend_form(a, error))
		complain(a, call->verb, error->message, error->hint);
	free_call(call);
}

/* NULL: it was not sent, and that has been said.  params: taken. */
static struct call *start(struct actions *a, const struct verb *v, json_t *params,
			  action_done *done)
{
	struct call *call = a->call_count < ACTIONS_CALLS_MAX ? calloc(1, sizeof *call) : NULL;
	int rc;

	if (!call) {
		json_decref(params);
		complain(a, v, "too much is under way already, nothing was done", "");
		return NULL;
	}
	*call = (struct call){
		.next = a->calls, .actions = a, .verb = v, .params = params, .done = done};
	a->calls = call;
	a->call_count++;
	rc = a->call(a->owner, v->method, json_incref(params), on_answer, call);
	if (rc == 0)
		return call;
	unlink_call(a, call);
	free_call(call);
	complain(a, v, a->host->model->link == LINK_LIVE ? err_str(rc) : "the daemon is not heard",
		 "nothing was done");
	return NULL;
}

/* ---- opening ---- */

static void open_box(struct actions *a, const struct verb *v, const struct action *what)
{
	const char *title = what->title ? what->title : name_of(v);
	const char *word = what->word ? what->word : "ok";

	a->verb = v;
	a->done = what->done;
	if (what->kind == ACTION_CONFIRM) {
		confirm_init(&a->confirm, title, what->text ? what->text : v->help, word,
			     what->dangerous);
		a->params = json_incref(what->params);
		a->state = STATE_CONFIRM;
		return;
	}
	a->form = verb_form_new(v, title, word, what->params, what->fixed, what->asked);
	if (a->form)
		a->state = STATE_FORM;
	else
		complain(a, v, "out of memory", "");
}

void actions_act(struct actions *a, const struct action *what)
{
	const struct verb *v = verb_find(what->method);

	if (!v)
		a->host->ops->complain(a->host, "there is no such action");
	else if (actions_is_open(a))
		complain(a, v, "first finish what is open", "");
	else if (!host_may(a->host, v->method))
		complain(a, v,
			 a->host->model->link == LINK_LIVE ? "this needs more rights than yours"
							   : "the daemon is not heard",
			 "nothing was done");
	else if (what->kind == ACTION_NOW)
		start(a, v, json_incref(what->params), what->done);
	else
		open_box(a, v, what);
	json_decref(what->params);
}

void actions_show_secret(struct actions *a, const char *title, const char *secret)
{
	struct shown_secret *s = calloc(1, sizeof *s), **at = &a->secrets;

	if (s)
		s->secret = secret_new(title, secret);
	if (!s || !s->secret) {
		free(s);
		a->host->ops->complain(a->host, "out of memory: the secret cannot be shown, make "
						"another one");
		return;
	}
	while (*at)
		at = &(*at)->next;
	*at = s;
}

/* ---- input ---- */

static void form_event(struct actions *a, const struct event *e)
{
	int r = verb_form_input(a->form, e);

	if (r == FORM_CANCEL)
		close_box(a);
	if (r != FORM_OK)
		return;
	a->sent = start(a, a->verb, verb_form_params(a->form), a->done);
	if (a->sent)
		a->state = STATE_FORM_SENT;
}

static void confirm_event(struct actions *a, const struct event *e)
{
	int r = confirm_input(&a->confirm, e);
	json_t *params;

	if (r != CONFIRM_YES && r != CONFIRM_NO)
		return;
	params = json_incref(a->params);
	close_box(a);
	if (r == CONFIRM_YES)
		start(a, a->verb, params, a->done);
	else
		json_decref(params);
}

static void secret_event(struct actions *a, const struct event *e)
{
	int r = secret_input(a->secrets->secret, e);

	if (r == SECRET_COPY)
		a->host->ops->copy(a->host, "secret", secret_text(a->secrets->secret));
	else if (r == SECRET_CLOSE)
		close_secret(a);
}

bool actions_is_open(const struct actions *a)
{
	return a->state != STATE_IDLE || a->secrets;
}

bool actions_input(struct actions *a, const struct event *e)
{
	if (!actions_is_open(a))
		return false;
	if (a->secrets)
		secret_event(a, e);
	else if (a->state == STATE_FORM)
		form_event(a, e);
	else if (a->state == STATE_CONFIRM)
		confirm_event(a, e);
	else if (keymap_action(&waiting_keymap, KEYMAP_ANYWHERE, e) == WAITING_CLOSE)
		close_box(a);
	return true;
}

/* ---- drawing ---- */

void actions_draw(struct actions *a, struct area area)
{
	if (a->state == STATE_CONFIRM)
		confirm_draw(&a->confirm, area);
	else if (a->form)
		verb_form_draw(a->form, area);
	if (a->secrets)
		secret_draw(a->secrets->secret, area);
}

bool actions_hints(struct actions *a, struct hint_source *ret)
{
	if (!actions_is_open(a))
		return false;
	*ret = (struct hint_source){.context = KEYMAP_ANYWHERE};
	ret->map = a->secrets                    ? &secret_keymap
		   : a->state == STATE_CONFIRM   ? &confirm_keymap
		   : a->state == STATE_FORM_SENT ? &waiting_keymap
						 : &form_keymap;
	return true;
}

const char *actions_waiting(struct actions *a)
{
	if (!a->calls)
		return NULL;
	snprintf(a->waiting, sizeof a->waiting, "%s: waiting for the daemon",
		 name_of(a->calls->verb));
	return a->waiting;
}
