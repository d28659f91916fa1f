/* From the top: fields, one row each; a row for what is wrong with the field one is in, or its
 * hint; the buttons.  Where the box is too low the fields scroll. */
#include <stdio.h>
#include <string.h>

#include "tui/canvas/draw.h"
#include "tui/widget/form_private.h"
#include "tui/widget/layout.h"

#define WIDTH 64
#define LABEL_MAX 20

static int label_width(const struct form *f)
{
	int width = 0;

	for (int i = 0; i < f->count; i++) {
		int n = text_columns(f->fields[i].label, strlen(f->fields[i].label), LABEL_MAX);

		width = n > width ? n : width;
	}
	return width > LABEL_MAX ? LABEL_MAX : width;
}

static void draw_choice(struct form *f, int i, struct area a, int x, int y, int width)
{
	const char *const *choices = f->fields[i].choices;
	unsigned style = f->focus == i ? STYLE_SELECTED : STYLE_INPUT;
	int columns;

	if (!choices || !choices[0] || width < 5)
		return;
	columns = text_columns(choices[f->values[i].choice], strlen(choices[f->values[i].choice]),
			       width - 4);
	columns = columns > width - 4 ? width - 4 : columns;
	draw_symbol(a, x, y, STYLE_KEY, SYMBOL_LEFT);
	draw_field(a, x + 2, y, columns, ALIGN_LEFT, style, choices[f->values[i].choice]);
	draw_symbol(a, x + 3 + columns, y, STYLE_KEY, SYMBOL_RIGHT);
}

static void draw_check(struct form *f, int i, struct area a, int x, int y)
{
	unsigned style = f->focus == i ? STYLE_SELECTED : STYLE_NORMAL;

	draw_text(a, x, y, style, "[ ]");
	if (f->values[i].choice)
		draw_symbol(a, x + 1, y, style, SYMBOL_CHECK);
}

static void draw_row(struct form *f, int i, struct area a, int y, int labels)
{
	int x = 1 + labels + 2, width = a.rect.width - x - 1;
	bool wrong = f->values[i].why[0] != '\0';

	f->values[i].shown = area_inside(a, (struct rect){0, y, a.rect.width, 1}).rect;
	if (wrong)
		draw_text(a, 0, y, STYLE_ERROR, "!");
	draw_field(a, 1, y, labels, ALIGN_LEFT, wrong ? STYLE_ERROR : STYLE_NORMAL,
		   f->fields[i].label);
	if (f->fields[i].kind == FIELD_CHOICE)
		draw_choice(f, i, a, x, y, width);
	else if (f->fields[i].kind == FIELD_CHECK)
		draw_check(f, i, a, x, y);
	else
		edit_draw(&f->values[i].edit, a, x, y,
			  f->fields[i].kind == FIELD_NUMBER && width > 21 ? 21 : width, STYLE_INPUT,
			  f->focus == i);
}

/* What is wrong here, or the hint; on a button, what is wrong anywhere. */
static void draw_words(const struct form *f, struct area a, int y)
{
	char text[FORM_WHY_MAX + 100];
	int i = f->focus;

	for (int other = 0; i >= f->count && other < f->count; other++)
		if (f->values[other].why[0])
			i = other;
	if (i >= f->count)
		return;
	if (f->values[i].why[0]) {
		snprintf(text, sizeof(text), "%.90s: %s", f->fields[i].label, f->values[i].why);
		draw_field(a, 1, y, a.rect.width - 2, ALIGN_LEFT, STYLE_ERROR, text);
	} else if (f->fields[i].hint) {
		draw_field(a, 1, y, a.rect.width - 2, ALIGN_LEFT, STYLE_DIM, f->fields[i].hint);
	}
}

static struct rect draw_button(struct area a, int *x, int y, bool focused, const char *word)
{
	char text[48];
	int from = *x;

	snprintf(text, sizeof(text), "[ %s ]", word);
	*x = draw_text(a, from, y, focused ? STYLE_SELECTED : STYLE_NORMAL, text);
	return area_inside(a, (struct rect){from, y, *x - from, 1}).rect;
}

void form_draw(struct form *f, struct area a)
{
	struct rect whole = {0, 0, a.rect.width, a.rect.height};
	struct area box = area_inside(a, layout_center(whole, WIDTH, f->count + 4));
	int labels = label_width(f), room, x = 1;

	box = draw_box(box, STYLE_ACCENT, f->title);
	room = box.rect.height - 2;
	if (f->focus < f->count && f->focus < f->top)
		f->top = f->focus;
	if (f->focus < f->count && f->focus >= f->top + room)
		f->top = f->focus - room + 1;
	if (f->top + room > f->count)
		f->top = f->count > room ? f->count - room : 0;
	for (int i = 0; i < f->count; i++) {
		f->values[i].shown = (struct rect){0};
		if (i >= f->top && i < f->top + room)
			draw_row(f, i, box, i - f->top, labels);
	}
	if (f->top > 0)
		draw_symbol(box, box.rect.width - 1, 0, STYLE_DIM, SYMBOL_UP);
	if (f->top + room < f->count)
		draw_symbol(box, box.rect.width - 1, room - 1, STYLE_DIM, SYMBOL_DOWN);
	draw_words(f, box, room);
	f->ok_rect = draw_button(box, &x, room + 1, f->focus == f->count, f->ok);
	x += 2;
	f->cancel_rect = draw_button(box, &x, room + 1, f->focus == f->count + 1, "cancel");
}
