#include "tui/widget/edit.h"

#include <string.h>

#include "tui/canvas/draw.h"

enum {
	EDIT_LEFT = 1,
	EDIT_RIGHT,
	EDIT_HOME,
	EDIT_END,
	EDIT_BACKSPACE,
	EDIT_DELETE,
	EDIT_TO_START,
	EDIT_TO_END,
	EDIT_WORD
};

static const struct binding rows[] = {
	{KEYMAP_ANYWHERE, "Left C-b", EDIT_LEFT, NULL, "a character back"},
	{KEYMAP_ANYWHERE, "Right C-f", EDIT_RIGHT, NULL, "a character on"},
	{KEYMAP_ANYWHERE, "Home C-a", EDIT_HOME, NULL, "to the start of the line"},
	{KEYMAP_ANYWHERE, "End C-e", EDIT_END, NULL, "to its end"},
	{KEYMAP_ANYWHERE, "Backspace", EDIT_BACKSPACE, NULL, "delete the character before"},
	{KEYMAP_ANYWHERE, "Del C-d", EDIT_DELETE, NULL, "delete the character after"},
	{KEYMAP_ANYWHERE, "C-u", EDIT_TO_START, NULL, "delete all before the cursor"},
	{KEYMAP_ANYWHERE, "C-k", EDIT_TO_END, NULL, "delete all after the cursor"},
	{KEYMAP_ANYWHERE, "C-w", EDIT_WORD, NULL, "delete the word before"},
};
const struct keymap edit_keymap = KEYMAP(rows);

void edit_init(struct edit *e, size_t max)
{
	memset(e, 0, sizeof(*e));
	e->max = max == 0 || max > EDIT_MAX ? EDIT_MAX : max;
}

static void insert_glyph(struct edit *e, const char *text, size_t len)
{
	if (e->len + len > e->max)
		return;
	memmove(e->text + e->cursor + len, e->text + e->cursor, e->len - e->cursor + 1);
	memcpy(e->text + e->cursor, text, len);
	e->len += len;
	e->cursor += len;
}

/* A mark that is typed by itself belongs onto what is before the cursor: glyph_next would replace
 * it, so that it is asked together with a base. */
static void insert_mark(struct edit *e, const char *text, size_t len)
{
	char with_base[16] = "x";
	struct glyph g;

	if (len > 8 || e->cursor == 0)
		return;
	memcpy(with_base + 1, text, len);
	if (glyph_next(with_base, len + 1, &g) == len + 1 && g.len == len + 1)
		insert_glyph(e, text, len);
}

void edit_insert(struct edit *e, const char *text, size_t len)
{
	static const char replacement[] = "\xEF\xBF\xBD";
	struct glyph g;
	size_t n;

	while (len > 0 && (text[len - 1] == '\n' || text[len - 1] == '\r'))
		len--;
	for (size_t at = 0; at < len; at += n) {
		n = glyph_next(text + at, len - at, &g);
		if (text[at] == '\n' || text[at] == '\r' || text[at] == '\t')
			insert_glyph(e, " ", 1);
		else if (strcmp(g.text, replacement) == 0 && at == 0 && n <= 4)
			insert_mark(e, text, n);
		else
			insert_glyph(e, g.text, g.len);
	}
}

void edit_set(struct edit *e, const char *text)
{
	edit_init(e, e->max);
	edit_insert(e, text, strlen(text));
}

static size_t next_of(const struct edit *e, size_t at)
{
	struct glyph g;

	return at + glyph_next(e->text + at, e->len - at, &g);
}

static void erase(struct edit *e, size_t from, size_t to)
{
	memmove(e->text + from, e->text + to, e->len - to + 1);
	e->len -= to - from;
	e->cursor = from;
}

static size_t word_before(const struct edit *e)
{
	size_t at = e->cursor;

	while (at > 0 && e->text[at - 1] == ' ')
		at--;
	while (at > 0 && e->text[at - 1] != ' ')
		at--;
	return at;
}

static void act(struct edit *e, int action)
{
	size_t before = text_previous(e->text, e->len, e->cursor);

	switch (action) {
	case EDIT_LEFT:
		e->cursor = before;
		break;
	case EDIT_RIGHT:
		e->cursor = next_of(e, e->cursor);
		break;
	case EDIT_HOME:
		e->cursor = 0;
		break;
	case EDIT_END:
		e->cursor = e->len;
		break;
	case EDIT_BACKSPACE:
		erase(e, before, e->cursor);
		break;
	case EDIT_DELETE:
		erase(e, e->cursor, next_of(e, e->cursor));
		break;
	case EDIT_TO_START:
		erase(e, 0, e->cursor);
		break;
	case EDIT_TO_END:
		erase(e, e->cursor, e->len);
		break;
	case EDIT_WORD:
		erase(e, word_before(e), e->cursor);
		break;
	}
}

enum input_result edit_input(struct edit *e, const struct event *event)
{
	int action;

	if (event->kind == EVENT_TEXT || event->kind == EVENT_PASTE) {
		edit_insert(e, event->text, event->text_len);
		return INPUT_TAKEN;
	}
	action = keymap_action(&edit_keymap, KEYMAP_ANYWHERE, event);
	if (!action)
		return INPUT_IGNORED;
	act(e, action);
	return INPUT_TAKEN;
}

void edit_draw(struct edit *e, struct area a, int x, int y, int width, unsigned style, bool focused)
{
	struct area field = area_inside(a, (struct rect){x, y, width, 1});

	if (e->first > e->cursor)
		e->first = e->cursor;
	/* The cursor needs a column of its own behind the text. */
	while (e->first < e->cursor &&
	       text_columns(e->text + e->first, e->cursor - e->first, width) > width - 1)
		e->first = next_of(e, e->first);
	draw_fill(field, (struct rect){0, 0, width, 1}, style, ' ');
	draw_bytes(field, 0, 0, style, e->text + e->first, e->len - e->first);
	if (focused)
		area_set_cursor(field,
				text_columns(e->text + e->first, e->cursor - e->first, width), 0);
}
