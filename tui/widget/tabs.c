#include "tui/widget/tabs.h"

#include <stdio.h>
#include <string.h>

#include "tui/canvas/draw.h"

enum { TABS_NUMBER = 1, TABS_NEXT, TABS_PREVIOUS };

static const struct binding rows[] = {
	{KEYMAP_ANYWHERE, "1 2 3 4 5 6 7 8 9", TABS_NUMBER, NULL, "view by its number"},
	{KEYMAP_ANYWHERE, "Tab", TABS_NEXT, "view", "next view"},
	{KEYMAP_ANYWHERE, "S-Tab", TABS_PREVIOUS, NULL, "previous view"},
};
const struct keymap tabs_keymap = KEYMAP(rows);

void tabs_init(struct tabs *t, const char *const *names, int count)
{
	*t = (struct tabs){.names = names, .count = count > TABS_MAX ? TABS_MAX : count};
}

void tabs_draw(struct tabs *t, struct area a, int y)
{
	int width = 1;
	bool all;

	for (int i = 0; i < t->count; i++)
		width += 3 + text_columns(t->names[i], strlen(t->names[i]), 100);
	all = width <= a.rect.width;
	t->shown = (struct rect){a.rect.x, a.rect.y + y, a.rect.width, 1};
	for (int i = 0, x = 1; i < t->count; i++, x++) {
		unsigned style = i == t->current ? STYLE_SELECTED : STYLE_NORMAL;

		t->from[i] = x;
		x = draw_format(a, x, y, i == t->current ? STYLE_SELECTED : STYLE_KEY, "%d", i + 1);
		if (all || i == t->current) {
			x = draw_text(a, x, y, style, " ");
			x = draw_text(a, x, y, style, t->names[i]);
		}
		t->to[i] = x;
	}
}

static enum input_result choose(struct tabs *t, int i)
{
	if (i < 0 || i >= t->count)
		return INPUT_IGNORED;
	t->current = i;
	return INPUT_TAKEN;
}

static enum input_result clicked(struct tabs *t, const struct event *event)
{
	if (event->button != MOUSE_LEFT || !rect_contains(t->shown, event->x, event->y))
		return INPUT_IGNORED;
	for (int i = 0; i < t->count; i++)
		if (event->x - t->shown.x >= t->from[i] && event->x - t->shown.x < t->to[i])
			return choose(t, i);
	return INPUT_TAKEN;
}

enum input_result tabs_input(struct tabs *t, const struct event *event)
{
	if (event->kind == EVENT_MOUSE)
		return clicked(t, event);
	if (t->count == 0)
		return INPUT_IGNORED;
	switch (keymap_action(&tabs_keymap, KEYMAP_ANYWHERE, event)) {
	case TABS_NUMBER:
		return choose(t, event->key - '1');
	case TABS_NEXT:
		return choose(t, (t->current + 1) % t->count);
	case TABS_PREVIOUS:
		return choose(t, (t->current + t->count - 1) % t->count);
	default:
		return INPUT_IGNORED;
	}
}
