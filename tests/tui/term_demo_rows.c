#include "tests/tui/term_demo_rows.h"

#include <stdio.h>
#include <string.h>

static const struct {
	const char *id, *name, *state;
	int tokens, used;
} rows[] = {
	{"w1", "chatbot", "busy", 412, 310},
	{"w2", "analyzer", "busy", 803, 940},
	{"w3",
	 "\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e \xe3\x83\x86\xe3\x82\xad\xe3\x82\xb9\xe3\x83"
	 "\x88", /* Japanese, two columns each */
	 "ready", 0, 0},
	{"w4", "caf\x65\xcc\x81 na\xc3\xafve", "ready", 17, 20}, /* combining */
	{"w5", "\033[31mred\033[0m \033]0;title\007", "failed", 5, 1000},
	{"w6",
	 "\xd7\xa9\xd7\x9c\xd7\x95\xd7\x9d \xe2\x80\xae"
	 "gnp.exe",
	 "ready", 6, 500},
	{"w7", "\xf0\x9f\x98\x80\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x92\xbb ok", "ready", 7, 1},
	{"w8", "\xff\xfe broken \xc3", "ready", 8, 999},
	{"w9", "docs", "restarting (exit 1, attempt 2, next in 4 s)", 0, 0},
};

enum { COLUMN_ID, COLUMN_STATE, COLUMN_NAME, COLUMN_TOKENS, COLUMN_USED };

const struct table_column demo_columns[] = {
	{.title = "ID", .width = {.min = 4}, .sortable = true},
	{.title = "STATE", .width = {.min = 8}, .sortable = true},
	{.title = "NAME", .width = {.min = 12, .weight = 1, .max = 40}, .sortable = true},
	{.title = "TOKENS",
	 .width = {.min = 8, .drop = 1},
	 .align = ALIGN_RIGHT,
	 .sortable = true,
	 .descending = true},
	{.title = "USED", .width = {.min = 10, .max = 20, .weight = 1, .drop = 2}},
};
const int demo_column_count = sizeof(demo_columns) / sizeof(demo_columns[0]);

static size_t count(void *owner)
{
	(void)owner;
	return sizeof(rows) / sizeof(rows[0]);
}

static const char *id(void *owner, size_t row)
{
	(void)owner;
	return rows[row].id;
}

static unsigned state_style(const char *state)
{
	return strcmp(state, "busy") == 0     ? STYLE_ACCENT
	       : strcmp(state, "ready") == 0  ? STYLE_OK
	       : strcmp(state, "failed") == 0 ? STYLE_ERROR
					      : STYLE_WARN;
}

static void cell(void *owner, size_t row, int column, struct table_cell *cell)
{
	(void)owner;
	switch (column) {
	case COLUMN_ID:
		cell->text = rows[row].id;
		break;
	case COLUMN_STATE:
		cell->text = rows[row].state;
		cell->style = state_style(cell->text);
		cell->spans = strlen(cell->text) > 8;
		break;
	case COLUMN_NAME:
		cell->text = rows[row].name;
		break;
	case COLUMN_TOKENS:
		table_cell_format(cell, "%d", rows[row].tokens);
		break;
	case COLUMN_USED:
		cell->gauge = rows[row].used;
		cell->style = rows[row].used > 900 ? STYLE_WARN : STYLE_ACCENT;
		break;
	}
}

static int compare(void *owner, int column, size_t a, size_t b)
{
	(void)owner;
	switch (column) {
	case COLUMN_ID:
		return strcmp(rows[a].id, rows[b].id);
	case COLUMN_STATE:
		return strcmp(rows[a].state, rows[b].state);
	case COLUMN_NAME:
		return strcmp(rows[a].name, rows[b].name);
	default:
		return rows[a].tokens - rows[b].tokens;
	}
}

const struct table_source demo_source = {
	.count = count, .id = id, .cell = cell, .compare = compare};
