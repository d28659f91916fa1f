#include "ctl/output.h"

#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

#include "shared/json.h"

enum { TEXT_MAX = 64 * 1024 * 1024, GAP = 2, CUT_MIN = 16 };

void output_init(void)
{
	/* Without it every character beyond ASCII counts as one column; that is all. */
	setlocale(LC_CTYPE, "C.UTF-8");
}

unsigned output_width(FILE *f)
{
	const char *columns = getenv("COLUMNS");
	struct winsize size;
	long n;

	if (!isatty(fileno(f)))
		return 0;
	if (ioctl(fileno(f), TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
		return size.ws_col;
	n = columns ? strtol(columns, NULL, 10) : 0;
	return n > 0 && n < 10000 ? (unsigned)n : 80;
}

/* ---- characters ---- */

/* Decodes one; returns its length in bytes, 0 if there is none. */
static size_t decode(const unsigned char *s, uint32_t *ret)
{
	size_t len = s[0] < 0x80 ? 1 : s[0] >= 0xF0 ? 4 : s[0] >= 0xE0 ? 3 : s[0] >= 0xC2 ? 2 : 0;
	uint32_t c = len == 1   ? s[0]
		     : len == 2 ? s[0] & 0x1FU
		     : len == 3 ? s[0] & 0x0FU
				: s[0] & 7U;

	for (size_t i = 1; i < len; i++) {
		if ((s[i] & 0xC0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 0x3FU);
	}
	if (len == 0 || (len == 3 && c < 0x800) || (len == 4 && (c < 0x10000 || c > 0x10FFFF)) ||
	    (c >= 0xD800 && c <= 0xDFFF))
		return 0;
	*ret = c;
	return len;
}

/* Control characters, and what turns the direction of text round or hides it. */
static bool is_hostile(uint32_t c)
{
	return c < 0x20 || (c >= 0x7F && c < 0xA0) || c == 0xAD || c == 0x61C ||
	       (c >= 0x200B && c <= 0x200F) || (c >= 0x2028 && c <= 0x202E) ||
	       (c >= 0x2060 && c <= 0x206F) || c == 0xFEFF || (c >= 0xFFF9 && c <= 0xFFFB) ||
	       (c >= 0xE0000 && c <= 0xE007F);
}

void output_clean(struct buf *to, const char *text, enum clean_how how)
{
	const unsigned char *s = (const unsigned char *)text;

	while (*s) {
		uint32_t c = 0;
		size_t len = decode(s, &c);

		bool stays = !is_hostile(c) || (c == '\n' && how != CLEAN_LINE) ||
			     (c == '\t' && how == CLEAN_TEXT);

		if (how != CLEAN_LINE && s[0] == '\r' && s[1] == '\n')
			; /* another system's way to end a line */
		else if (len > 0 && stays)
			buf_add(to, s, len);
		else
			buf_add_char(to, '?');
		s += len ? len : 1;
	}
}

void output_text(FILE *f, const char *text, enum clean_how how)
{
	struct buf clean;

	buf_init(&clean, TEXT_MAX);
	output_clean(&clean, text, how);
	if (clean.data)
		fwrite(clean.data, 1, clean.len, f);
	buf_done(&clean);
}

static unsigned width_of(uint32_t c)
{
	int width = wcwidth((wchar_t)c);

	return width < 0 ? 1 : (unsigned)width;
}

unsigned output_columns(const char *text)
{
	const unsigned char *s = (const unsigned char *)text;
	unsigned columns = 0;

	while (*s) {
		uint32_t c = '?';
		size_t len = decode(s, &c);

		columns += width_of(c);
		s += len ? len : 1;
	}
	return columns;
}

/* ---- JSON ---- */

/* jansson escapes what is below 0x20; the other control characters can only stand inside strings,
 * where an escape means the same. */
int output_json(FILE *f, const json_t *value)
{
	char *text = json_dump_exact(value, NULL);

	if (!text)
		return -1;
	for (const unsigned char *s = (const unsigned char *)text; *s;) {
		uint32_t c = '?';
		size_t len = decode(s, &c);

		if (len > 0 && c <= 0xFFFF && is_hostile(c))
			fprintf(f, "\\u%04x", (unsigned)c);
		else if (len > 0 && !is_hostile(c))
			fwrite(s, 1, len, f);
		else
			fputc('?', f);
		s += len ? len : 1;
	}
	fputc('\n', f);
	free(text);
	return 0;
}

/* ---- tables ---- */

struct table {
	const struct table_column *columns;
	size_t count;
	char **cells; /* row by row; NULL in a rule's */
	size_t cell_count, cell_room;
};

struct table *table_new(const struct table_column *columns, size_t count)
{
	struct table *t = calloc(1, sizeof *t);

	if (t)
		*t = (struct table){.columns = columns, .count = count};
	return t;
}

void table_free(struct table *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < t->cell_count; i++)
		free(t->cells[i]);
	free(t->cells);
	free(t);
}

static void add_cell(struct table *t, char *text)
{
	if (t->cell_count == t->cell_room) {
		size_t room = t->cell_room ? 2 * t->cell_room : 64;
		char **cells = realloc(t->cells, room * sizeof *cells);

		if (!cells)
			abort(); /* a tool that has no memory for its table cannot go on */
		t->cells = cells;
		t->cell_room = room;
	}
	t->cells[t->cell_count++] = text;
}

void table_add(struct table *t, const char *text)
{
	struct buf clean;
	char *copy;

	buf_init(&clean, TEXT_MAX);
	output_clean(&clean, text, CLEAN_LINE);
	copy = buf_take(&clean, NULL);
	buf_done(&clean);
	if (!copy)
		abort();
	add_cell(t, copy);
}

void table_rule(struct table *t)
{
	for (size_t i = 0; i < t->count; i++)
		add_cell(t, NULL);
}

static void pad(FILE *f, unsigned n)
{
	while (n-- > 0)
		fputc(' ', f);
}

/* As much of the text as fits, with an ellipsis where it was cut. */
static void print_cut(FILE *f, const char *text, unsigned width)
{
	const unsigned char *s = (const unsigned char *)text;
	unsigned used = 0;

	if (output_columns(text) <= width) {
		fputs(text, f);
		return;
	}
	while (*s) {
		uint32_t c = '?';
		size_t len = decode(s, &c);

		if (used + width_of(c) + 1 > width)
			break;
		fwrite(s, 1, len ? len : 1, f);
		used += width_of(c);
		s += len ? len : 1;
	}
	if (width > 0)
		fputs("…", f);
}

static void print_row(const struct table *t, FILE *f, char *const *cells, const unsigned *widths,
		      size_t shown)
{
	for (size_t i = 0; i < shown; i++) {
		const char *text = cells ? cells[i] : t->columns[i].title;
		unsigned columns = text ? output_columns(text) : 0;
		unsigned space = columns < widths[i] ? widths[i] - columns : 0;

		if (!text) {
			for (unsigned n = 0; n < widths[i]; n++)
				fputc('-', f);
		} else {
			if (t->columns[i].right)
				pad(f, space);
			print_cut(f, text, widths[i]);
		}
		if (i + 1 < shown)
			pad(f, GAP + (text && !t->columns[i].right ? space : 0));
	}
	fputc('\n', f);
}

/* Fills the widths and returns how many columns fit. */
static size_t measure(const struct table *t, unsigned *widths, unsigned width, bool titles)
{
	unsigned used = 0;

	for (size_t i = 0; i < t->count; i++)
		widths[i] = titles ? output_columns(t->columns[i].title) : 0;
	for (size_t i = 0; i < t->cell_count; i++) {
		unsigned columns = t->cells[i] ? output_columns(t->cells[i]) : 0;

		if (columns > widths[i % t->count])
			widths[i % t->count] = columns;
	}
	for (size_t i = 0; i < t->count; i++) {
		used += widths[i] + (i ? GAP : 0);
		if (width == 0 || used <= width)
			continue;
		used -= widths[i];
		if (i > 0 && !(t->columns[i].cut && used + CUT_MIN <= width))
			return i;
		widths[i] = width - used;
		return i + 1;
	}
	return t->count;
}

void table_print(const struct table *t, FILE *f, unsigned width, bool titles)
{
	unsigned *widths = calloc(t->count, sizeof *widths);
	size_t shown;

	if (!widths)
		abort();
	shown = measure(t, widths, width, titles);
	if (titles)
		print_row(t, f, NULL, widths, shown);
	for (size_t row = 0; row + t->count <= t->cell_count; row += t->count)
		print_row(t, f, t->cells + row, widths, shown);
	free(widths);
}
