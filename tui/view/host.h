/* What views ask of the application. */
#ifndef TUI_VIEW_HOST_H
#define TUI_VIEW_HOST_H

#include <jansson.h>
#include <stdbool.h>

#include "shared/jsonrpc.h"

#include "tui/model/model.h"

struct host;

/* Something to be done at the daemon: asked about first, or filled in first, then called; what came
 * of it is told on the line above the keys, and an error stays there until it is read. */
enum action_kind {
	ACTION_NOW,
	ACTION_CONFIRM, /* a question that names what will happen */
	ACTION_FORM     /* the verb's parameters, as fields (view/verb_form.h) */
};

struct action {
	enum action_kind kind;
	const char *method; /* of the verbs' table */
	json_t *params;    /* taken; with ACTION_FORM what the fields begin with, and hold fixed: */
	const char *fixed; /* names of parameters with spaces between that are given, not asked */
	const char *asked; /* likewise: the only ones that are asked, in this order; NULL: all */
	const char *title; /* of the box: "Revoke key k_3fa2c19d" */
	const char *text;  /* of the question: what will happen, in one to three sentences */
	const char *word;  /* on the button: "revoke" */
	bool dangerous;    /* Enter is on "cancel" at first */
	/* Says what happened, from the answer; NULL: "METHOD: done".  Called with the answer. */
	void (*done)(struct host *h, const json_t *params, const json_t *result);
};

struct host_ops {
	void (*act)(struct host *h, const struct action *a);
	/* The line above the keys.  style: tui/canvas/style.h */
	void (*say)(struct host *h, unsigned style, const char *words);
	void (*complain)(struct host *h, const char *words);
	/* A secret in a box of its own, which says that it is shown once, with a key that copies
	 * it (OSC 52). */
	void (*show_secret)(struct host *h, const char *title, const char *secret);
	void (*copy)(struct host *h, const char *what, const char *text); /* "id" */
	void (*go)(struct host *h, const char *view, const char *filter); /* to another view */
	int64_t (*now_ms)(const struct host *h); /* the daemon's time of day; frozen in a pause */
	bool (*is_paused)(const struct host *h);
};

struct host {
	const struct host_ops *ops;
	const struct model *model; /* what is to be shown: in a pause an old one */
};

/* Whether we have the right that a method needs, and the daemon is there. */
bool host_may(const struct host *h, const char *method);

#endif
