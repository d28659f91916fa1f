#include "ctl/doctor.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/json.h"
#include "shared/str.h"

#include "ctl/output.h"

enum { TEXT_SIZE = 1024 };

/* A path may hold any bytes, JSON only UTF-8. */
static json_t *text_of(const char *text)
{
	char clean[TEXT_SIZE];

	str_copy_clean(clean, sizeof clean, text);
	return json_string(clean);
}

void doctor_add(json_t *checks, const char *name, const char *title, const char *state,
		const char *mend, const char *fmt, ...)
{
	char text[TEXT_SIZE];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	json_array_append_new(checks, json_pack("{s:s,s:s,s:s,s:o,s:o}", "name", name, "title",
						title, "state", state, "text", text_of(text),
						"mend", mend ? text_of(mend) : json_null()));
}

bool doctor_is_well(const json_t *checks)
{
	json_t *item;
	size_t i;

	json_array_foreach((json_t *)checks, i, item)
	{
		const char *state = json_get_str(item, "state");

		if (!state || strcmp(state, "fail") == 0)
			return false;
	}
	return true;
}

/* ---- printing ---- */

static const struct {
	const char *state, *mark, *colour;
} marks[] = {
	{"ok", "[ok]", "\033[32m"},
	{"warn", "[warn]", "\033[33m"},
	{"fail", "[fail]", "\033[31m"},
	{"unknown", "[?]", ""},
};

static void print_mark(const char *state, bool colours)
{
	size_t at = sizeof marks / sizeof marks[0] - 1;

	for (size_t i = 0; state && i < sizeof marks / sizeof marks[0]; i++)
		if (strcmp(marks[i].state, state) == 0)
			at = i;
	colours = colours && *marks[at].colour;
	printf("%s%s%s%*s ", colours ? marks[at].colour : "", marks[at].mark,
	       colours ? "\033[0m" : "", (int)(6 - strlen(marks[at].mark)), "");
}

/* Columns of the widest title. */
static unsigned title_width(const json_t *checks)
{
	unsigned width = 0;
	json_t *item;
	size_t i;

	json_array_foreach((json_t *)checks, i, item)
	{
		const char *title = json_get_str(item, "title");
		unsigned columns = title ? output_columns(title) : 0;

		width = columns > width && columns < 40 ? columns : width;
	}
	return width;
}

static void print_item(const json_t *item, unsigned width, bool colours)
{
	const char *title = json_get_str(item, "title"), *text = json_get_str(item, "text");
	const char *mend = json_get_str(item, "mend");
	unsigned columns = title ? output_columns(title) : 0;

	print_mark(json_get_str(item, "state"), colours);
	output_text(stdout, title ? title : "", CLEAN_LINE);
	printf("%*s  ", (int)(columns < width ? width - columns : 0), "");
	output_text(stdout, text ? text : "", CLEAN_LINE);
	putchar('\n');
	if (!mend || !*mend)
		return;
	printf("%*s  mend: ", (int)(7 + width), "");
	output_text(stdout, mend, CLEAN_LINE);
	putchar('\n');
}

void doctor_print(const json_t *checks, bool quiet)
{
	const char *no_color = getenv("NO_COLOR");
	bool colours = isatty(STDOUT_FILENO) && !(no_color && *no_color);
	unsigned width = title_width(checks);
	json_t *item;
	size_t i;

	json_array_foreach((json_t *)checks, i, item)
	{
		const char *state = json_get_str(item, "state");

		if (!quiet || !state || strcmp(state, "ok") != 0)
			print_item(item, width, colours);
	}
}
