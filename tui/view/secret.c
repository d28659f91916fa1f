#include "tui/view/secret.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tui/canvas/draw.h"
#include "tui/widget/layout.h"

enum { WIDTH = 64, ROWS_MAX = 40, TITLE_BYTES = 120 };
enum { DO_COPY = 1, DO_CLOSE };

static const struct binding rows[] = {
	{KEYMAP_ANYWHERE, "y", DO_COPY, "copy", "copy the secret"},
	{KEYMAP_ANYWHERE, "Enter Esc", DO_CLOSE, "close", "close; it is not shown again"},
};
const struct keymap secret_keymap = KEYMAP(rows);

static const char once[] = "This is the only time it is shown. y copies it, Enter closes.";
static const char warning[] = "It will not be shown again. y copies it, Enter once more closes.";

struct secret {
	char title[TITLE_BYTES];
	char *text;
	size_t len;
	bool warned;
};

struct secret *secret_new(const char *title, const char *text)
{
	struct secret *s = calloc(1, sizeof *s);

	if (!s)
		return NULL;
	snprintf(s->title, sizeof s->title, "%s", title);
	s->text = strdup(text);
	s->len = strlen(text);
	if (s->text)
		return s;
	free(s);
	return NULL;
}

void secret_free(struct secret *s)
{
	if (!s)
		return;
	explicit_bzero(s->text, s->len);
	free(s->text);
	free(s);
}

const char *secret_text(const struct secret *s)
{
	return s->text;
}

/* The secret stands on one row if there is one that is long enough: so it can be marked. */
static int box_width(const struct secret *s, int most)
{
	int width = text_columns(s->text, s->len, most) + 4;

	width = width > WIDTH ? width : WIDTH;
	return width < most ? width : most;
}

/* Where there is not room for all, the secret is what stays. */
void secret_draw(const struct secret *s, struct area a)
{
	struct rect whole = {0, 0, a.rect.width, a.rect.height};
	int width = box_width(s, a.rect.width), y;
	const char *words = s->warned ? warning : once;
	int needed = draw_wrapped_rows(s->text, width - 4, ROWS_MAX);
	int told = draw_wrapped_rows(words, width - 4, ROWS_MAX);
	bool gap = needed + told + 3 <= a.rect.height;
	struct area box, in;

	box = draw_box(area_inside(a, layout_center(whole, width, needed + told + 2 + gap)),
		       STYLE_ACCENT, s->title);
	in = area_inside(box, (struct rect){1, 0, box.rect.width - 2, box.rect.height});
	y = draw_wrapped(in, 0, STYLE_NORMAL | STYLE_BOLD, s->text);
	draw_wrapped(in, y + gap, s->warned ? STYLE_WARN : STYLE_DIM, words);
}

int secret_input(struct secret *s, const struct event *event)
{
	switch (keymap_action(&secret_keymap, KEYMAP_ANYWHERE, event)) {
	case DO_COPY:
		return SECRET_COPY;
	case DO_CLOSE:
		if (s->warned)
			return SECRET_CLOSE;
		s->warned = true;
		break;
	}
	return INPUT_TAKEN;
}
