#include "tui/view/sheet.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/str.h"

#include "tui/canvas/draw.h"

enum { ROWS_MAX = 4096, WHEEL_ROWS = 3, GAP = 2, TITLE_BYTES = 200 };
enum { DO_UP = 1, DO_DOWN, DO_PAGE_UP, DO_PAGE_DOWN, DO_HOME, DO_END };

static const struct binding rows[] = {
	{KEYMAP_ANYWHERE, "Up k", DO_UP, NULL, "scroll up"},
	{KEYMAP_ANYWHERE, "Down j", DO_DOWN, NULL, "scroll down"},
	{KEYMAP_ANYWHERE, "PgUp C-b", DO_PAGE_UP, NULL, "a page up"},
	{KEYMAP_ANYWHERE, "PgDn C-f", DO_PAGE_DOWN, NULL, "a page down"},
	{KEYMAP_ANYWHERE, "Home g", DO_HOME, NULL, "to the beginning"},
	{KEYMAP_ANYWHERE, "End G", DO_END, NULL, "to the end"},
};
const struct keymap sheet_keymap = KEYMAP(rows);

struct line {
	unsigned style;
	char label[SHEET_LABEL_MAX]; /* "": the text goes over the whole width */
	char *text;
};

struct sheet {
	char title[TITLE_BYTES];
	struct line lines[SHEET_LINES_MAX];
	int count;
	int top, total, page; /* rows: the first one seen, all, those seen; as drawn last */
	struct rect shown;
};

struct sheet *sheet_new(void)
{
	return calloc(1, sizeof(struct sheet));
}

static void clear(struct sheet *s)
{
	for (int i = 0; i < s->count; i++)
		free(s->lines[i].text);
	s->count = 0;
}

void sheet_free(struct sheet *s)
{
	if (!s)
		return;
	clear(s);
	free(s);
}

void sheet_begin(struct sheet *s, const char *title)
{
	clear(s);
	str_copy_clean(s->title, sizeof s->title, title);
}

void sheet_top(struct sheet *s)
{
	s->top = 0;
}

void sheet_add(struct sheet *s, unsigned style, const char *label, const char *text)
{
	struct line *line = &s->lines[s->count];

	if (s->count == SHEET_LINES_MAX)
		return;
	line->text = strndup(text, SHEET_TEXT_MAX);
	if (!line->text)
		return;
	line->style = style;
	snprintf(line->label, sizeof line->label, "%s", label ? label : "");
	s->count++;
}

void sheet_format(struct sheet *s, unsigned style, const char *label, const char *fmt, ...)
{
	char text[SHEET_TEXT_MAX];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	sheet_add(s, style, label, text);
}

void sheet_parts(struct sheet *s, unsigned style, const char *label, const char *text)
{
	static const char dash[] = "\u2500", glue[] = "\u00a0";
	char glued[SHEET_TEXT_MAX];
	size_t len = 0;

	for (const char *at = text; *at && len + sizeof glue < sizeof glued; at++) {
		bool breaks = at[0] == ' ' && at[1] != ' ' &&
			      ((at > text && at[-1] == ' ') ||
			       strncmp(at + 1, dash, sizeof dash - 1) == 0);

		if (*at != ' ' || breaks) {
			glued[len++] = *at;
		} else {
			memcpy(glued + len, glue, sizeof glue - 1);
			len += sizeof glue - 1;
		}
	}
	glued[len] = '\0';
	sheet_add(s, style, label, glued);
}

/* ---- drawing ---- */

static int label_columns(const struct sheet *s)
{
	int width = 0;

	for (int i = 0; i < s->count; i++) {
		int n = (int)strlen(s->lines[i].label);

		width = n > width ? n : width;
	}
	return width;
}

static int line_indent(const struct line *line, int labels)
{
	return line->label[0] ? 1 + labels + GAP : 1;
}

/* An empty text is an empty row. */
static int line_rows(const struct line *line, int labels, int width)
{
	int n = draw_wrapped_rows(line->text, width - line_indent(line, labels) - 1, ROWS_MAX);

	return n > 0 ? n : 1;
}

static void draw_line(const struct line *line, struct area a, int y, int labels)
{
	int x = line_indent(line, labels);

	draw_text(a, 1, y, STYLE_DIM, line->label);
	draw_wrapped(area_inside(a, (struct rect){x, 0, a.rect.width - x - 1, a.rect.height}), y,
		     line->style, line->text);
}

static void keep_in_view(struct sheet *s)
{
	if (s->top > s->total - s->page)
		s->top = s->total - s->page;
	if (s->top < 0)
		s->top = 0;
}

void sheet_draw(struct sheet *s, struct area a)
{
	struct area in = area_inside(a, (struct rect){0, 1, a.rect.width, a.rect.height - 1});
	int labels = label_columns(s), y;

	s->shown = a.rect;
	s->page = in.rect.height;
	s->total = 0;
	for (int i = 0; i < s->count; i++)
		s->total += line_rows(&s->lines[i], labels, in.rect.width);
	keep_in_view(s);
	draw_hline(a, 0, STYLE_DIM, s->title);
	y = -s->top;
	for (int i = 0; i < s->count; i++) {
		draw_line(&s->lines[i], in, y, labels);
		y += line_rows(&s->lines[i], labels, in.rect.width);
	}
	if (s->top > 0)
		draw_symbol(in, in.rect.width - 1, 0, STYLE_DIM, SYMBOL_UP);
	if (s->top + s->page < s->total)
		draw_symbol(in, in.rect.width - 1, s->page - 1, STYLE_DIM, SYMBOL_DOWN);
}

/* ---- input ---- */

static enum input_result mouse(struct sheet *s, const struct event *e)
{
	if (!rect_contains(s->shown, e->x, e->y))
		return INPUT_IGNORED;
	if (e->button == MOUSE_WHEEL_UP)
		s->top -= WHEEL_ROWS;
	else if (e->button == MOUSE_WHEEL_DOWN)
		s->top += WHEEL_ROWS;
	else
		return INPUT_IGNORED;
	keep_in_view(s);
	return INPUT_TAKEN;
}

enum input_result sheet_input(struct sheet *s, const struct event *e)
{
	if (e->kind == EVENT_MOUSE)
		return mouse(s, e);
	switch (keymap_action(&sheet_keymap, KEYMAP_ANYWHERE, e)) {
	case DO_UP:
		s->top--;
		break;
	case DO_DOWN:
		s->top++;
		break;
	case DO_PAGE_UP:
		s->top -= s->page;
		break;
	case DO_PAGE_DOWN:
		s->top += s->page;
		break;
	case DO_HOME:
		s->top = 0;
		break;
	case DO_END:
		s->top = s->total;
		break;
	default:
		return INPUT_IGNORED;
	}
	keep_in_view(s);
	return INPUT_TAKEN;
}
