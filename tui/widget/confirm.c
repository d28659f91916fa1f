#include "tui/widget/confirm.h"

#include <stdio.h>
#include <string.h>

#include "tui/canvas/draw.h"
#include "tui/widget/layout.h"

#define WIDTH 60
static const char cancel[] = "cancel";

enum { DO_YES = 1, DO_NO, DO_CHOOSE, DO_MOVE, DO_UP, DO_DOWN };

static const struct binding rows[] = {
	{KEYMAP_ANYWHERE, "Enter", DO_CHOOSE, "choose", "do what is marked"},
	{KEYMAP_ANYWHERE, "y Y", DO_YES, "yes", "do it"},
	{KEYMAP_ANYWHERE, "n N Esc", DO_NO, "no", "leave everything as it is"},
	{KEYMAP_ANYWHERE, "Tab S-Tab Left Right h l", DO_MOVE, NULL, "to the other button"},
	{KEYMAP_ANYWHERE, "Up k", DO_UP, NULL, "scroll up"},
	{KEYMAP_ANYWHERE, "Down j", DO_DOWN, NULL, "scroll down"},
};
const struct keymap confirm_keymap = KEYMAP(rows);

void confirm_init(struct confirm *c, const char *title, const char *text, const char *yes,
		  bool dangerous)
{
	*c = (struct confirm){.on_yes = !dangerous};
	snprintf(c->title, sizeof(c->title), "%s", title);
	snprintf(c->text, sizeof(c->text), "%s", text);
	snprintf(c->yes, sizeof(c->yes), "%s", yes);
}

/* The text from the line at which it is scrolled. */
static const char *scrolled_text(struct confirm *c, int width)
{
	const char *text = c->text;
	size_t line;

	if (c->scroll > c->rows - c->page)
		c->scroll = c->rows - c->page;
	if (c->scroll < 0)
		c->scroll = 0;
	for (int i = 0; i < c->scroll && *text; i++)
		text += text_wrap(text, strlen(text), width, &line);
	return text;
}

static struct rect draw_button(struct area a, int x, int y, bool marked, const char *word)
{
	char text[48];
	int to;

	snprintf(text, sizeof(text), "[ %s ]", word);
	to = draw_text(a, x, y, marked ? STYLE_SELECTED : STYLE_NORMAL, text);
	return area_inside(a, (struct rect){x, y, to - x, 1}).rect;
}

void confirm_draw(struct confirm *c, struct area a)
{
	struct rect whole = {0, 0, a.rect.width, a.rect.height};
	int width = a.rect.width < WIDTH ? a.rect.width : WIDTH, buttons;
	struct area box, text;

	c->rows = draw_wrapped_rows(c->text, width - 4, 100);
	box = area_inside(a, layout_center(whole, width, c->rows + 4));
	box = draw_box(box, STYLE_WARN, c->title);
	c->shown = box.rect;
	c->page = box.rect.height - 2;
	buttons = box.rect.height - 1;
	text = area_inside(box, (struct rect){1, 0, box.rect.width - 2, c->page});
	draw_wrapped(text, 0, STYLE_NORMAL, scrolled_text(c, text.rect.width));
	if (c->scroll + c->page < c->rows)
		draw_symbol(box, box.rect.width - 1, c->page - 1, STYLE_DIM, SYMBOL_DOWN);
	if (c->scroll > 0)
		draw_symbol(box, box.rect.width - 1, 0, STYLE_DIM, SYMBOL_UP);
	c->yes_rect = draw_button(box, 1, buttons, c->on_yes, c->yes);
	c->no_rect = draw_button(box, c->yes_rect.x - box.rect.x + c->yes_rect.width + 2, buttons,
				 !c->on_yes, cancel);
}

static int mouse(struct confirm *c, const struct event *event)
{
	if (event->button == MOUSE_WHEEL_UP)
		c->scroll--;
	else if (event->button == MOUSE_WHEEL_DOWN)
		c->scroll++;
	else if (event->button == MOUSE_LEFT && rect_contains(c->yes_rect, event->x, event->y))
		return CONFIRM_YES;
	else if (event->button == MOUSE_LEFT && rect_contains(c->no_rect, event->x, event->y))
		return CONFIRM_NO;
	return INPUT_TAKEN;
}

int confirm_input(struct confirm *c, const struct event *event)
{
	if (event->kind == EVENT_MOUSE)
		return mouse(c, event);
	switch (keymap_action(&confirm_keymap, KEYMAP_ANYWHERE, event)) {
	case DO_YES:
		return CONFIRM_YES;
	case DO_NO:
		return CONFIRM_NO;
	case DO_CHOOSE:
		return c->on_yes ? CONFIRM_YES : CONFIRM_NO;
	case DO_MOVE:
		c->on_yes = !c->on_yes;
		break;
	case DO_UP:
		c->scroll--;
		break;
	case DO_DOWN:
		c->scroll++;
		break;
	}
	return INPUT_TAKEN;
}
