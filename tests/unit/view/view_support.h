/* A host for the tests of views and actions: it keeps what it was asked to do, and plays the
 * daemon's part by hand. */
#ifndef TESTS_UNIT_VIEW_VIEW_SUPPORT_H
#define TESTS_UNIT_VIEW_VIEW_SUPPORT_H

#include <jansson.h>

#include "tests/unit/golden.h"
#include "tests/unit/widget/events.h"
#include "tui/view/action.h"
#include "tui/view/view.h"

struct sent_call {
	const char *method;
	json_t *params;
	actions_answer *answer;
	void *ctx;
};

struct stage {
	struct host host; /* the first member */
	struct model *model;
	int64_t now_ms;
	struct actions *actions; /* takes what views ask for */
	/* What happened last; "": nothing. */
	char said[1024], complained[2048], copied[512];
	unsigned said_style;
	int complaints;
	struct sent_call sent[ACTIONS_CALLS_MAX + 4];
	int sent_count;
	int refuse; /* what the next calls answer at once; 0: they are sent */
};

/* A model filled from tests/unit/view/fixture/NAME.json, with the right of an administrator. */
struct stage *stage_new(const char *fixture);
void stage_free(struct stage *s);
json_t *stage_fixture(const char *name);
void stage_fill(struct stage *s, const json_t *fixture);

/* Answers the oldest call that waits; result is taken. */
void stage_answer(struct stage *s, json_t *result);
void stage_fail(struct stage *s, int code, const char *field, const char *message,
		const char *hint);
/* The method and the parameters, as sorted JSON, of the oldest call that waits. */
void stage_expect(struct stage *s, const char *method, const char *params);

/* As the application does: the box, then the view, then its keys.  `keys`: names with spaces
 * between. */
void stage_keys(struct stage *s, const struct view_ops *v, void *self, const char *keys);
void stage_type(struct stage *s, const char *text); /* a character at a time, into the box */
void stage_set(struct stage *s, const char *text);  /* empties the field first */

/* The view with its hints and whatever box is open. */
void stage_draw(struct stage *s, const struct view_ops *v, void *self, struct area a);
/* At 80x24, 120x40 and 40x10 against tests/unit/view/golden/NAME-COLUMNSxROWS.txt. */
void stage_golden(struct stage *s, const struct view_ops *v, void *self, const char *name);
/* Whether the text is anywhere on the screen of that size. */
bool stage_shows(struct stage *s, const struct view_ops *v, void *self, int width, int height,
		 const char *text);
bool stage_hides(struct stage *s, const struct view_ops *v, void *self, int width, int height,
		 const char *text);

#endif
