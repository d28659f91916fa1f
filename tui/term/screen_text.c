#include "tui/term/screen_text.h"

#include <errno.h>
#include <stdlib.h>

struct screen_text {
	struct screen base;
	FILE *out;
	bool styles;
};

/* What is before the spaces at the end; a row of spaces has none. */
static int used_columns(const struct canvas *c, int y)
{
	int used = 0;

	for (int x = 0; x < canvas_columns(c); x++)
		if (canvas_cell(c, x, y)->text[0] != ' ')
			used = x + 1;
	return used;
}

static void write_text(FILE *out, const struct canvas *c)
{
	for (int y = 0; y < canvas_rows(c); y++) {
		int used = used_columns(c, y);

		for (int x = 0; x < used; x++)
			fputs(canvas_cell(c, x, y)->text, out);
		fputc('\n', out);
	}
}

static void write_styles(FILE *out, const struct canvas *c)
{
	for (int x = 0; x < canvas_columns(c); x++)
		fputc('-', out);
	fputc('\n', out);
	for (int y = 0; y < canvas_rows(c); y++) {
		int used = 0;

		for (int x = 0; x < canvas_columns(c); x++)
			if (style_letter(canvas_cell(c, x, y)->style) != ' ')
				used = x + 1;
		for (int x = 0; x < used; x++)
			fputc(style_letter(canvas_cell(c, x, y)->style), out);
		fputc('\n', out);
	}
}

static int show(struct screen *s, const struct canvas *c)
{
	struct screen_text *t = (struct screen_text *)s;

	errno = 0;
	write_text(t->out, c);
	if (t->styles)
		write_styles(t->out, c);
	if (fflush(t->out) != 0 || ferror(t->out))
		return errno ? -errno : -EIO;
	return 0;
}

static void text_free(struct screen *s)
{
	free(s);
}

struct screen *screen_text_new(FILE *out, bool styles)
{
	static const struct screen_ops ops = {.show = show, .free = text_free};
	struct screen_text *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->base.ops = &ops;
	t->out = out;
	t->styles = styles;
	return &t->base;
}
