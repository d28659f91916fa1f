#include "tui/widget/line.h"

#include <string.h>

#include "tui/canvas/draw.h"
#include "tui/widget/layout.h"

#define GAP 3

void line_draw(struct area a, int y, const struct segment *segments, int count)
{
	struct layout_part parts[SEGMENTS_MAX] = {{0}};
	int sizes[SEGMENTS_MAX], left = 1, right;
	int right_end = a.rect.width - 1;

	count = count > SEGMENTS_MAX ? SEGMENTS_MAX : count;
	for (int i = 0; i < count; i++) {
		int columns = text_columns(segments[i].text, strlen(segments[i].text), 200);

		parts[i] = (struct layout_part){.min = columns, .drop = segments[i].drop};
	}
	layout_share(a.rect.width - 2, GAP, parts, count, sizes);
	for (int i = 0; i < count; i++) {
		if (sizes[i] == 0 || segments[i].right)
			continue;
		draw_field(a, left, y, sizes[i], ALIGN_LEFT, segments[i].style, segments[i].text);
		left += sizes[i] + GAP;
	}
	for (int i = count - 1; i >= 0; i--) {
		if (sizes[i] == 0 || !segments[i].right)
			continue;
		right = right_end - sizes[i];
		draw_field(a, right, y, sizes[i], ALIGN_LEFT, segments[i].style, segments[i].text);
		right_end = right - GAP;
	}
}

/* Draws one hint if it fits; returns the column behind it, -1: it does not. */
static int draw_hint(struct area a, int x, int y, const struct binding *row, bool enabled)
{
	char key[KEY_NAME_MAX];
	int width;

	key_label(row, key);
	width = text_columns(key, strlen(key), 100) + 1 +
		text_columns(row->label, strlen(row->label), 100);
	if (x + width > a.rect.width)
		return -1;
	x = draw_text(a, x, y, enabled ? STYLE_KEY : STYLE_DISABLED, key);
	return draw_text(a, x + 1, y, enabled ? STYLE_NORMAL : STYLE_DISABLED, row->label);
}

void hints_draw(struct area a, int y, const struct hint_source *sources, int count)
{
	int x = 1;

	for (int s = 0; s < count; s++) {
		for (size_t i = 0; i < sources[s].map->count; i++) {
			const struct binding *row = &sources[s].map->rows[i];
			bool enabled = !sources[s].enabled ||
				       sources[s].enabled(sources[s].owner, row->action);

			if (!row->label || !(row->contexts & sources[s].context))
				continue;
			x = draw_hint(a, x, y, row, enabled);
			if (x < 0)
				return;
			x += 2;
		}
	}
}
