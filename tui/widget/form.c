#include "tui/widget/form.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tui/widget/form_private.h"

enum { DO_NEXT = 1, DO_PREVIOUS, DO_OK, DO_CANCEL, DO_CHANGE, DO_CHANGE_BACK };

static const struct binding rows[] = {
	{KEYMAP_ANYWHERE, "Tab Down", DO_NEXT, "next", "next field"},
	{KEYMAP_ANYWHERE, "S-Tab Up", DO_PREVIOUS, NULL, "field before"},
	{KEYMAP_ANYWHERE, "Enter", DO_OK, "send", "check and send the form"},
	{KEYMAP_ANYWHERE, "Esc", DO_CANCEL, "cancel", "leave everything as it is"},
	{KEYMAP_ANYWHERE, "Space Right", DO_CHANGE, NULL, "next choice; tick the box"},
	{KEYMAP_ANYWHERE, "Left", DO_CHANGE_BACK, NULL, "choice before"},
};
const struct keymap form_keymap = KEYMAP(rows);

static bool is_typed(const struct field *field)
{
	return field->kind == FIELD_TEXT || field->kind == FIELD_NUMBER;
}

static int choice_count(const struct field *field)
{
	int n = 0;

	while (field->choices && field->choices[n])
		n++;
	return n;
}

static void set_initial(const struct field *field, struct value *value)
{
	const char *initial = field->initial ? field->initial : "";

	edit_init(&value->edit, field->kind == FIELD_NUMBER ? 20 : 0);
	if (is_typed(field))
		edit_set(&value->edit, initial);
	else if (field->kind == FIELD_CHECK)
		value->choice = initial[0] != '\0';
	else
		for (int i = 0; i < choice_count(field); i++)
			if (strcmp(field->choices[i], initial) == 0)
				value->choice = i;
}

struct form *form_new(const char *title, const char *ok, const struct field *fields, int count)
{
	struct form *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	snprintf(f->title, sizeof(f->title), "%s", title);
	snprintf(f->ok, sizeof(f->ok), "%s", ok);
	f->fields = fields;
	f->count = count > FORM_FIELDS_MAX ? FORM_FIELDS_MAX : count;
	for (int i = 0; i < f->count; i++)
		set_initial(&fields[i], &f->values[i]);
	return f;
}

void form_free(struct form *f)
{
	free(f);
}

/* ---- values ---- */

/* Spaces at the ends go when the form is sent; until then they are the person's. */
static void trim(struct edit *e)
{
	size_t start = strspn(e->text, " "), end = e->len;

	while (end > start && e->text[end - 1] == ' ')
		end--;
	memmove(e->text, e->text + start, end - start);
	e->len = end - start;
	e->text[e->len] = '\0';
	e->cursor = e->cursor > start ? e->cursor - start : 0;
	e->cursor = e->cursor > e->len ? e->len : e->cursor;
	e->first = 0;
}

const char *form_text(const struct form *f, int field)
{
	return f->values[field].edit.text;
}

bool form_number(const struct form *f, int field, int64_t *ret)
{
	const char *text = f->values[field].edit.text;
	long long n;
	char *end;

	errno = 0;
	n = strtoll(text, &end, 10);
	if (end == text || *end || errno)
		return false;
	*ret = n;
	return true;
}

int form_choice(const struct form *f, int field)
{
	return f->values[field].choice;
}

bool form_checked(const struct form *f, int field)
{
	return f->values[field].choice != 0;
}

/* ---- checks ---- */

static void check_number(const struct form *f, int i, char *why)
{
	const struct field *field = &f->fields[i];
	int64_t n;

	if (!form_number(f, i, &n))
		snprintf(why, FORM_WHY_MAX, "not a whole number");
	else if ((field->min != 0 || field->max != 0) && (n < field->min || n > field->max))
		snprintf(why, FORM_WHY_MAX, "from %" PRId64 " to %" PRId64, field->min, field->max);
}

static bool check_field(struct form *f, int i)
{
	const struct field *field = &f->fields[i];
	struct value *value = &f->values[i];

	value->why[0] = '\0';
	if (!is_typed(field))
		return true;
	trim(&value->edit);
	if (value->edit.len == 0) {
		if (field->required)
			snprintf(value->why, sizeof(value->why), "is needed");
	} else if (field->kind == FIELD_NUMBER) {
		check_number(f, i, value->why);
	} else if (field->check && field->check(value->edit.text, value->why) != 0 &&
		   !value->why[0]) {
		snprintf(value->why, sizeof(value->why), "is not valid");
	}
	return value->why[0] == '\0';
}

static int send(struct form *f)
{
	int wrong = -1;

	for (int i = f->count - 1; i >= 0; i--)
		if (!check_field(f, i))
			wrong = i;
	if (wrong < 0)
		return FORM_OK;
	f->focus = wrong;
	return INPUT_TAKEN;
}

void form_set_error(struct form *f, int field, const char *why)
{
	if (field < 0 || field >= f->count)
		return;
	snprintf(f->values[field].why, FORM_WHY_MAX, "%s", why);
	f->focus = field;
}

/* ---- input ---- */

static void change(struct form *f, int i, int step)
{
	const struct field *field = &f->fields[i];
	int n = field->kind == FIELD_CHECK ? 2 : choice_count(field);

	f->values[i].why[0] = '\0';
	if (n > 0)
		f->values[i].choice = (f->values[i].choice + n + step) % n;
}

static int mouse(struct form *f, const struct event *event)
{
	if (event->button != MOUSE_LEFT)
		return INPUT_TAKEN;
	if (rect_contains(f->ok_rect, event->x, event->y))
		return send(f);
	if (rect_contains(f->cancel_rect, event->x, event->y))
		return FORM_CANCEL;
	for (int i = 0; i < f->count; i++) {
		if (!rect_contains(f->values[i].shown, event->x, event->y))
			continue;
		if (!is_typed(&f->fields[i]) && (f->focus == i || f->fields[i].kind == FIELD_CHECK))
			change(f, i, 1);
		f->focus = i;
	}
	return INPUT_TAKEN;
}

/* Keys of a field that is typed into come before the form's. */
static bool typed(struct form *f, const struct event *event)
{
	if (f->focus >= f->count || !is_typed(&f->fields[f->focus]) ||
	    edit_input(&f->values[f->focus].edit, event) == INPUT_IGNORED)
		return false;
	f->values[f->focus].why[0] = '\0';
	return true;
}

int form_input(struct form *f, const struct event *event)
{
	int stops = f->count + 2;
	bool on_choice = f->focus < f->count;

	if (event->kind == EVENT_MOUSE)
		return mouse(f, event);
	if (typed(f, event))
		return INPUT_TAKEN;
	switch (keymap_action(&form_keymap, KEYMAP_ANYWHERE, event)) {
	case DO_NEXT:
		f->focus = (f->focus + 1) % stops;
		break;
	case DO_PREVIOUS:
		f->focus = (f->focus + stops - 1) % stops;
		break;
	case DO_OK:
		return f->focus == f->count + 1 ? (int)FORM_CANCEL : send(f);
	case DO_CANCEL:
		return FORM_CANCEL;
	case DO_CHANGE:
		if (on_choice)
			change(f, f->focus, 1);
		break;
	case DO_CHANGE_BACK:
		if (on_choice)
			change(f, f->focus, -1);
		break;
	}
	return INPUT_TAKEN;
}
