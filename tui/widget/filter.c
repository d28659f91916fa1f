#include "tui/widget/filter.h"

#include <stdio.h>
#include <string.h>

#include "tui/canvas/draw.h"

#define FILTER_MAX 200 /* bytes */

enum { FILTER_KEEP = 1, FILTER_CLEAR };

static const struct binding rows[] = {
	{KEYMAP_ANYWHERE, "Enter", FILTER_KEEP, "keep", "keep the filter, back to the list"},
	{KEYMAP_ANYWHERE, "Esc", FILTER_CLEAR, "clear", "show everything again"},
};
const struct keymap filter_keymap = KEYMAP(rows);

void filter_init(struct filter *f)
{
	edit_init(&f->edit, FILTER_MAX);
	f->typing = false;
}

void filter_open(struct filter *f)
{
	f->typing = true;
}

const char *filter_text(const struct filter *f)
{
	return f->edit.text;
}

bool filter_is_shown(const struct filter *f)
{
	return f->typing || f->edit.len > 0;
}

static int type(struct filter *f, const struct event *event)
{
	char before[FILTER_MAX + 1];

	memcpy(before, f->edit.text, f->edit.len + 1);
	edit_input(&f->edit, event);
	return strcmp(before, f->edit.text) != 0 ? FILTER_CHANGED : INPUT_TAKEN;
}

int filter_input(struct filter *f, const struct event *event)
{
	int action = keymap_action(&filter_keymap, KEYMAP_ANYWHERE, event);
	bool had_text = f->edit.len > 0;

	if (!filter_is_shown(f) || event->kind == EVENT_MOUSE || event->kind == EVENT_RESIZE)
		return INPUT_IGNORED;
	if (action == FILTER_CLEAR) {
		filter_init(f);
		return had_text ? FILTER_CHANGED : INPUT_TAKEN;
	}
	if (!f->typing)
		return INPUT_IGNORED;
	if (action == FILTER_KEEP) {
		f->typing = false;
		return INPUT_TAKEN;
	}
	return type(f, event);
}

void filter_draw(struct filter *f, struct area a, int y, size_t shown, size_t all)
{
	char count[48];
	int width, count_width;

	snprintf(count, sizeof(count), "%zu of %zu", shown, all);
	count_width = (int)strlen(count);
	width = a.rect.width - 2 - count_width - 2;
	draw_text(a, 1, y, STYLE_KEY, "/");
	if (width < 8) {
		width = a.rect.width - 3;
		count_width = 0;
	}
	edit_draw(&f->edit, a, 2, y, width, f->typing ? STYLE_INPUT : STYLE_ACCENT, f->typing);
	if (count_width > 0)
		draw_field(a, a.rect.width - count_width - 1, y, count_width, ALIGN_RIGHT,
			   STYLE_DIM, count);
}
