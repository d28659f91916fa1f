/* Lines are kept in a ring; the rows into which they wrap are made when the width or the lines
 * change, and then only looked up. */
#include "tui/widget/pager.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tui/canvas/draw.h"

enum { PAGER_UP = 1, PAGER_DOWN, PAGER_PAGE_UP, PAGER_PAGE_DOWN, PAGER_HOME, PAGER_END };

static const struct binding rows[] = {
	{KEYMAP_ANYWHERE, "Up k", PAGER_UP, NULL, "a line up"},
	{KEYMAP_ANYWHERE, "Down j", PAGER_DOWN, NULL, "a line down"},
	{KEYMAP_ANYWHERE, "PgUp C-b", PAGER_PAGE_UP, NULL, "a page up"},
	{KEYMAP_ANYWHERE, "PgDn C-f", PAGER_PAGE_DOWN, NULL, "a page down"},
	{KEYMAP_ANYWHERE, "Home g", PAGER_HOME, NULL, "to the beginning"},
	{KEYMAP_ANYWHERE, "End G", PAGER_END, NULL, "to the end"},
};
const struct keymap pager_keymap = KEYMAP(rows);

#define WHEEL_ROWS 3

struct line {
	char *text;
	unsigned style;
	int row_count; /* rows it wraps into at the width of the pager */
};

struct pager {
	struct line lines[PAGER_LINES_MAX];
	int start, count;
	int width; /* for which row_count is true; 0: for none */
	int total; /* sum of row_count */
	int top;   /* row at the top */
	int page;
	bool follow, at_end;
	struct rect rect;
};

struct pager *pager_new(void)
{
	return calloc(1, sizeof(struct pager));
}

static struct line *line_at(struct pager *p, int i)
{
	return &p->lines[(p->start + i) % PAGER_LINES_MAX];
}

void pager_clear(struct pager *p)
{
	for (int i = 0; i < p->count; i++)
		free(line_at(p, i)->text);
	p->start = p->count = p->total = p->top = 0;
	p->at_end = p->follow;
}

void pager_free(struct pager *p)
{
	if (!p)
		return;
	pager_clear(p);
	free(p);
}

void pager_set_follow(struct pager *p, bool follow)
{
	p->follow = p->at_end = follow;
}

static void count_rows(struct pager *p, struct line *line)
{
	int n = p->width > 0 ? draw_wrapped_rows(line->text, p->width, PAGER_LINE_BYTES_MAX) : 1;

	line->row_count = n > 0 ? n : 1; /* an empty line is a row too */
	p->total += line->row_count;
}

/* What is on the screen stays there while lines before it go. */
static void drop_oldest(struct pager *p)
{
	struct line *line = line_at(p, 0);

	p->total -= line->row_count;
	p->top = p->top > line->row_count ? p->top - line->row_count : 0;
	free(line->text);
	p->start = (p->start + 1) % PAGER_LINES_MAX;
	p->count--;
}

void pager_add(struct pager *p, unsigned style, const char *text)
{
	struct line *line;
	char *copy = strndup(text, PAGER_LINE_BYTES_MAX);

	if (!copy)
		return;
	if (p->count == PAGER_LINES_MAX)
		drop_oldest(p);
	line = line_at(p, p->count++);
	*line = (struct line){.text = copy, .style = style};
	count_rows(p, line);
}

void pager_format(struct pager *p, unsigned style, const char *fmt, ...)
{
	char text[PAGER_LINE_BYTES_MAX];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	pager_add(p, style, text);
}

static void wrap_all(struct pager *p, int width)
{
	if (p->width == width)
		return;
	p->width = width;
	p->total = 0;
	for (int i = 0; i < p->count; i++)
		count_rows(p, line_at(p, i));
}

static void scroll_to(struct pager *p, int top)
{
	int last = p->total > p->page ? p->total - p->page : 0;

	p->top = top < 0 ? 0 : top > last ? last : top;
}

/* The rows of one line that are in view, from its row `skip` on; returns the row behind. */
static int draw_line(struct area in, int y, const struct line *line, int skip)
{
	const char *text = line->text;
	size_t len = strlen(text), used;

	for (int row = 0; row < line->row_count && y < in.rect.height; row++) {
		size_t n = text_wrap(text, len, in.rect.width, &used);

		if (row >= skip)
			draw_bytes(in, 0, y++, line->style, text, used);
		text += n;
		len -= n;
	}
	return y;
}

void pager_draw(struct pager *p, struct area a)
{
	struct area in = area_inside(a, (struct rect){1, 0, a.rect.width - 2, a.rect.height});
	int row = 0, y = 0;

	p->rect = a.rect;
	p->page = in.rect.height;
	if (in.rect.width < 1)
		return;
	wrap_all(p, in.rect.width);
	scroll_to(p, p->follow && p->at_end ? p->total : p->top);
	for (int i = 0; i < p->count && y < in.rect.height; i++) {
		const struct line *line = line_at(p, i);

		if (row + line->row_count > p->top)
			y = draw_line(in, y, line, p->top > row ? p->top - row : 0);
		row += line->row_count;
	}
	if (p->top > 0)
		draw_symbol(a, a.rect.width - 1, 0, STYLE_DIM, SYMBOL_UP);
	if (p->top + p->page < p->total)
		draw_symbol(a, a.rect.width - 1, p->page - 1, STYLE_DIM, SYMBOL_DOWN);
}

static enum input_result scroll_by(struct pager *p, int lines)
{
	scroll_to(p, p->top + lines);
	p->at_end = p->top + p->page >= p->total;
	return INPUT_TAKEN;
}

static enum input_result mouse(struct pager *p, const struct event *event)
{
	if (!rect_contains(p->rect, event->x, event->y))
		return INPUT_IGNORED;
	if (event->button == MOUSE_WHEEL_UP)
		return scroll_by(p, -WHEEL_ROWS);
	if (event->button == MOUSE_WHEEL_DOWN)
		return scroll_by(p, WHEEL_ROWS);
	return INPUT_IGNORED;
}

enum input_result pager_input(struct pager *p, const struct event *event)
{
	if (event->kind == EVENT_MOUSE)
		return mouse(p, event);
	switch (keymap_action(&pager_keymap, KEYMAP_ANYWHERE, event)) {
	case PAGER_UP:
		return scroll_by(p, -1);
	case PAGER_DOWN:
		return scroll_by(p, 1);
	case PAGER_PAGE_UP:
		return scroll_by(p, -p->page);
	case PAGER_PAGE_DOWN:
		return scroll_by(p, p->page);
	case PAGER_HOME:
		return scroll_by(p, -p->total);
	case PAGER_END:
		return scroll_by(p, p->total);
	default:
		return INPUT_IGNORED;
	}
}

void pager_add_help(struct pager *p, const struct help_section *sections, int count)
{
	for (int s = 0; s < count; s++) {
		const struct hint_source *source = &sections[s].source;

		if (s > 0)
			pager_add(p, STYLE_NORMAL, "");
		pager_add(p, STYLE_TITLE | STYLE_BOLD, sections[s].title);
		for (size_t i = 0; i < source->map->count; i++) {
			const struct binding *row = &source->map->rows[i];
			bool enabled =
				!source->enabled || source->enabled(source->owner, row->action);

			if (row->contexts & source->context)
				pager_format(p, enabled ? STYLE_NORMAL : STYLE_DISABLED,
					     "  %-16s %s", row->keys, row->help);
		}
	}
}
