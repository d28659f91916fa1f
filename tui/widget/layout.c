#include "tui/widget/layout.h"

#include <stdio.h>
#include <string.h>

#include "tui/canvas/draw.h"

static int needed(const struct layout_part *parts, const bool *shown, int count, int gap)
{
	int sum = 0, n = 0;

	for (int i = 0; i < count; i++) {
		sum += shown[i] ? parts[i].min : 0;
		n += shown[i];
	}
	return sum + (n > 1 ? (n - 1) * gap : 0);
}

/* The part to give up next, -1: none may go. */
static int least_important(const struct layout_part *parts, const bool *shown, int count)
{
	int worst = -1;

	for (int i = 0; i < count; i++)
		if (shown[i] && parts[i].drop > 0 &&
		    (worst < 0 || parts[i].drop >= parts[worst].drop))
			worst = i;
	return worst;
}

/* Hands out what is left by weight; in rounds, as parts reach their maximum. */
static void grow(int left, const struct layout_part *parts, const bool *shown, int count,
		 int *sizes)
{
	bool more = true;

	while (left > 0 && more) {
		int weights = 0, given = 0;

		for (int i = 0; i < count; i++)
			if (shown[i] && (parts[i].max == 0 || sizes[i] < parts[i].max))
				weights += parts[i].weight;
		for (int i = 0; i < count && weights > 0 && given < left; i++) {
			int share = left * parts[i].weight / weights;

			if (!shown[i] || parts[i].weight == 0)
				continue;
			share = share > 0 ? share : 1;
			if (parts[i].max > 0 && share > parts[i].max - sizes[i])
				share = parts[i].max - sizes[i];
			share = share > left - given ? left - given : share;
			sizes[i] += share;
			given += share;
		}
		left -= given;
		more = given > 0;
	}
}

/* What cannot be dropped and does not fit is cut, from the end. */
static void cut(int total, int gap, const bool *shown, int count, int *sizes)
{
	int left = total;

	for (int i = 0; i < count; i++) {
		if (!shown[i])
			continue;
		if (sizes[i] > left)
			sizes[i] = left > 0 ? left : 0;
		left -= sizes[i] + gap;
	}
}

int layout_share(int total, int gap, const struct layout_part *parts, int count, int *ret_sizes)
{
	bool shown[LAYOUT_PARTS_MAX];
	int n = 0;

	count = count > LAYOUT_PARTS_MAX ? LAYOUT_PARTS_MAX : count;
	for (int i = 0; i < count; i++)
		shown[i] = true;
	while (needed(parts, shown, count, gap) > total) {
		int worst = least_important(parts, shown, count);

		if (worst < 0)
			break;
		shown[worst] = false;
	}
	for (int i = 0; i < count; i++)
		ret_sizes[i] = shown[i] ? parts[i].min : 0;
	grow(total - needed(parts, shown, count, gap), parts, shown, count, ret_sizes);
	cut(total, gap, shown, count, ret_sizes);
	for (int i = 0; i < count; i++)
		n += ret_sizes[i] > 0;
	return n;
}

void layout_rows(struct rect r, const struct layout_part *parts, int count, struct rect *ret)
{
	int sizes[LAYOUT_PARTS_MAX], y = r.y;

	layout_share(r.height, 0, parts, count, sizes);
	for (int i = 0; i < count && i < LAYOUT_PARTS_MAX; i++) {
		ret[i] = (struct rect){r.x, y, r.width, sizes[i]};
		y += sizes[i];
	}
}

void layout_columns(struct rect r, int gap, const struct layout_part *parts, int count,
		    struct rect *ret)
{
	int sizes[LAYOUT_PARTS_MAX], x = r.x;

	layout_share(r.width, gap, parts, count, sizes);
	for (int i = 0; i < count && i < LAYOUT_PARTS_MAX; i++) {
		ret[i] = (struct rect){x, r.y, sizes[i], r.height};
		x += sizes[i] > 0 ? sizes[i] + gap : 0;
	}
}

struct rect layout_center(struct rect r, int width, int height)
{
	width = width > r.width ? r.width : width;
	height = height > r.height ? r.height : height;
	return (struct rect){r.x + (r.width - width) / 2, r.y + (r.height - height) / 2, width,
			     height};
}

bool layout_too_small(struct area a, int columns, int rows)
{
	char text[80];
	int y = a.rect.height / 2;

	if (a.rect.width >= columns && a.rect.height >= rows)
		return false;
	if (y > 0)
		draw_field(a, 0, y - 1, a.rect.width, ALIGN_CENTER, STYLE_WARN | STYLE_BOLD,
			   "too small");
	snprintf(text, sizeof(text), "%dx%d, needs %dx%d", a.rect.width, a.rect.height, columns,
		 rows);
	draw_field(a, 0, y, a.rect.width, ALIGN_CENTER, STYLE_NORMAL, text);
	return true;
}
