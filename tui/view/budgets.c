/* Projects and budgets in one table: what is used of what, and of whom there is no budget. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/json.h"

#include "tui/model/words.h"
#include "tui/view/budget_facts.h"
#include "tui/view/budget_rows.h"
#include "tui/view/list.h"
#include "tui/view/project_facts.h"
#include "tui/view/subject.h"
#include "tui/view/view.h"

enum { DO_SET = 1, DO_RESET, DO_DELETE, DO_NEW, DO_EDIT, DO_DELETE_PROJECT, DO_OPEN, DO_BACK };

static const struct binding bindings[] = {
	{LIST_TABLE, "Enter", DO_OPEN, "detail", "the row with all its figures"},
	{LIST_DETAIL, "Esc Backspace", DO_BACK, "back", "back to all budgets"},
	{LIST_BOTH, "b", DO_SET, "budget",
	 "set a budget of the selected project, key or everybody"},
	{LIST_BOTH, "r", DO_RESET, "reset", "forget what was used of the budget"},
	{LIST_BOTH, "x", DO_DELETE, "delete", "delete the budget"},
	{LIST_BOTH, "n", DO_NEW, "new project", "make a project"},
	{LIST_BOTH, "e", DO_EDIT, "edit",
	 "change the project, or the limits of a key or everybody"},
	{LIST_BOTH, "X", DO_DELETE_PROJECT, "delete project",
	 "delete the project, its keys and its budgets"},
};
static const struct keymap keymap = KEYMAP(bindings);

enum {
	COLUMN_OF,
	COLUMN_WINDOW,
	COLUMN_BAR,
	COLUMN_SHARE,
	COLUMN_TOKENS,
	COLUMN_USD,
	COLUMN_RESETS,
	COLUMN_MARK,
	COLUMN_HELD,
	COLUMN_REQUESTS,
	COLUMN_RATE,
	COLUMN_CONCURRENT,
	COLUMN_KEYS,
	COLUMNS
};

static const struct table_column columns[COLUMNS] = {
	[COLUMN_OF] = {"OF", {.min = 12, .max = 30, .weight = 1}, ALIGN_LEFT, true, false},
	[COLUMN_WINDOW] = {"WINDOW", {.min = 11, .max = 14, .weight = 1}, ALIGN_LEFT, true, false},
	[COLUMN_BAR] =
		{"USED", {.min = 8, .max = 30, .weight = 2, .drop = 2}, ALIGN_LEFT, true, true},
	[COLUMN_SHARE] = {"%", {.min = 5, .drop = 1}, ALIGN_RIGHT, true, true},
	[COLUMN_TOKENS] = {"TOKENS", {.min = 16, .drop = 3}, ALIGN_RIGHT, true, true},
	[COLUMN_USD] = {"COST", {.min = 16, .drop = 4}, ALIGN_RIGHT, true, true},
	[COLUMN_RESETS] = {"RESETS", {.min = 12, .drop = 5}, ALIGN_LEFT, true, false},
	[COLUMN_MARK] =
		{"MARK", {.min = 16, .max = 24, .weight = 1, .drop = 6}, ALIGN_LEFT, true, true},
	[COLUMN_HELD] = {"HELD", {.min = 14, .drop = 7}, ALIGN_RIGHT, true, true},
	[COLUMN_REQUESTS] = {"REQ/MIN", {.min = 8, .drop = 8}, ALIGN_RIGHT, true, true},
	[COLUMN_RATE] = {"TOK/MIN", {.min = 8, .drop = 9}, ALIGN_RIGHT, true, true},
	[COLUMN_CONCURRENT] = {"AT ONCE", {.min = 8, .drop = 10}, ALIGN_RIGHT, true, true},
	[COLUMN_KEYS] = {"KEYS", {.min = 5, .drop = 11}, ALIGN_RIGHT, true, true},
};

struct view {
	struct list list; /* the first member */
	struct budget_rows rows;
};

/* ---- rows ---- */

static void rebuild(void *self)
{
	struct view *v = self;

	budget_rows_make(&v->rows, v->list.host->model);
}

static size_t count(void *owner)
{
	const struct view *v = owner;

	return v->rows.count;
}

static const char *row_id(void *owner, size_t row)
{
	const struct view *v = owner;

	return v->rows.items[row].id;
}

static int64_t now(const struct view *v)
{
	return v->list.host->ops->now_ms(v->list.host);
}

/* Where the limits of the row's whom stand; NULL: nowhere. */
static const json_t *limits_of(const struct view *v, const struct budget_row *r)
{
	const struct model *m = v->list.host->model;
	const char *key = json_get_str(r->whom, "key");

	if (r->project)
		return r->project;
	if (key)
		return rows_find(&m->keys, key);
	for (size_t i = 0; i < m->limits.count && !json_get_str(r->whom, "project"); i++)
		if (!json_get_str(m->limits.items[i], "project") &&
		    !json_get_str(m->limits.items[i], "key"))
			return m->limits.items[i];
	return NULL;
}

/* ---- cells ---- */

static const char *held(char to[BUDGET_WORDS], const json_t *b)
{
	int64_t tokens = json_get_int(b, "held_tokens", 0);
	double usd = json_get_num(b, "held_usd", 0);
	char count[WORDS_SIZE], money[WORDS_SIZE];

	if (tokens <= 0 && usd <= 0)
		return "-";
	snprintf(to, BUDGET_WORDS, "%s%s%s", tokens > 0 ? words_short(count, tokens) : "",
		 tokens > 0 && usd > 0 ? " " : "", usd > 0 ? words_usd(money, usd) : "");
	return to;
}

static void cell_whom(const struct budget_row *r, struct table_cell *cell)
{
	const char *project = json_get_str(r->whom, "project");

	/* A name is shown as it is, however long; only keys need a word before them. */
	cell->text = project ? project : subject_words(cell->scratch, r->whom);
	cell->style = json_get_str(r->whom, "project") ? STYLE_NORMAL : STYLE_TITLE;
}

static void cell_of_budget(const struct view *v, const json_t *b, int column,
			   struct table_cell *cell)
{
	double fraction = budget_fraction(b);

	cell->text = cell->scratch;
	switch (column) {
	case COLUMN_WINDOW:
		cell->text = list_text(b, "window");
		break;
	case COLUMN_BAR:
		cell->gauge = (int)((fraction > 1 ? 1 : fraction < 0 ? 0 : fraction) * 1000);
		cell->style = budget_style(b);
		break;
	case COLUMN_SHARE:
		words_per_cent(cell->scratch, fraction);
		cell->style = budget_style(b) == STYLE_ACCENT ? STYLE_NORMAL : budget_style(b);
		break;
	case COLUMN_TOKENS:
		budget_used_tokens(cell->scratch, b);
		break;
	case COLUMN_USD:
		budget_used_usd(cell->scratch, b);
		break;
	case COLUMN_RESETS:
		words_until(cell->scratch, words_time(b, "resets_at"), now(v));
		break;
	case COLUMN_MARK:
		budget_mark(cell->scratch, b);
		cell->style = strchr(cell->scratch, '!') ? budget_style(b) : STYLE_DIM;
		break;
	case COLUMN_HELD:
		cell->text = held(cell->scratch, b);
		break;
	}
}

static void cell_count(const json_t *from, const char *member, struct table_cell *cell)
{
	cell->text = words_short(cell->scratch, json_get_int(from, member, -1));
}

static void cell(void *owner, size_t row, int column, struct table_cell *cell)
{
	static const char *const limits[COLUMNS] = {[COLUMN_REQUESTS] = "requests_per_minute",
						    [COLUMN_RATE] = "tokens_per_minute",
						    [COLUMN_CONCURRENT] = "concurrent"};
	const struct view *v = owner;
	const struct budget_row *r = &v->rows.items[row];

	if (column == COLUMN_OF) {
		cell_whom(r, cell);
	} else if (column == COLUMN_KEYS) {
		cell_count(r->project, "keys", cell);
	} else if (limits[column]) {
		cell_count(limits_of(v, r), limits[column], cell);
	} else if (r->budget) {
		cell_of_budget(v, r->budget, column, cell);
	} else {
		cell->text = column == COLUMN_WINDOW ? "no budget" : "-";
		cell->style = STYLE_DIM;
	}
}

static double number(const struct view *v, const struct budget_row *r, int column)
{
	static const char *const members[COLUMNS] = {[COLUMN_TOKENS] = "used_tokens",
						     [COLUMN_USD] = "used_usd",
						     [COLUMN_HELD] = "held_tokens",
						     [COLUMN_MARK] = "warn_percent"};
	static const char *const limits[COLUMNS] = {[COLUMN_REQUESTS] = "requests_per_minute",
						    [COLUMN_RATE] = "tokens_per_minute",
						    [COLUMN_CONCURRENT] = "concurrent",
						    [COLUMN_KEYS] = "keys"};

	if (limits[column])
		return json_get_num(limits_of(v, r), limits[column], -1);
	if (!r->budget)
		return -2;
	if (column == COLUMN_RESETS)
		return (double)words_time(r->budget, "resets_at");
	return members[column] ? json_get_num(r->budget, members[column], -1)
			       : budget_fraction(r->budget);
}

static int compare(void *owner, int column, size_t a, size_t b)
{
	const struct view *v = owner;
	const struct budget_row *left = &v->rows.items[a], *right = &v->rows.items[b];
	struct table_cell one = {.text = ""}, other = {.text = ""};
	double x, y;

	if (column == COLUMN_OF) {
		cell_whom(left, &one);
		cell_whom(right, &other);
		return strcmp(one.text, other.text);
	}
	if (column == COLUMN_WINDOW)
		return list_compare_text(left->budget, right->budget, "window");
	x = number(v, left, column);
	y = number(v, right, column);
	return x < y ? -1 : x > y;
}

static const struct table_source source = {count, row_id, cell, compare, NULL};

/* ---- the detail ---- */

static void fill_amount(struct sheet *s, const char *label, const char *used, const char *limit,
			const char *held_words, const char *left)
{
	bool bounded = strcmp(limit, "-") != 0;
	char text[6 * WORDS_SIZE];

	snprintf(text, sizeof text, "%s used%s%s   %s held%s%s%s", used, bounded ? " of " : "",
		 bounded ? limit : "", held_words, bounded ? "   " : "", bounded ? left : "",
		 bounded ? " left" : "");
	sheet_parts(s, STYLE_NORMAL, label, text);
}

static void fill_budget(const struct view *v, const json_t *b, struct sheet *s)
{
	char one[WORDS_SIZE], two[WORDS_SIZE], three[WORDS_SIZE], four[WORDS_SIZE];
	char per[BUDGET_WORDS], mark[BUDGET_WORDS], text[3 * BUDGET_WORDS];

	snprintf(text, sizeof text, "%s   %s   %s", budget_per(per, json_get_str(b, "window")),
		 words_per_cent(one, budget_fraction(b)), budget_mark(mark, b));
	sheet_parts(s, budget_style(b), "budget", text);
	fill_amount(s, "tokens", words_count(one, json_get_int(b, "used_tokens", -1)),
		    words_count(two, json_get_int(b, "limit_tokens", -1)),
		    words_count(three, json_get_int(b, "held_tokens", -1)),
		    words_count(four, json_get_int(b, "remaining_tokens", -1)));
	fill_amount(s, "cost", words_usd(one, json_get_num(b, "used_usd", -1)),
		    words_usd(two, json_get_num(b, "limit_usd", -1)),
		    words_usd(three, json_get_num(b, "held_usd", -1)),
		    words_usd(four, json_get_num(b, "remaining_usd", -1)));
	sheet_format(s, STYLE_NORMAL, "resets", "%s",
		     words_time(b, "resets_at") > 0
			     ? words_until(one, words_time(b, "resets_at"), now(v))
			     : "never");
	sheet_format(s, STYLE_NORMAL, "when full", "%s",
		     json_get_true(b, "soft") ? "it is told, nothing is refused"
					      : "requests are refused");
}

static void fill(void *self, size_t row, struct sheet *s)
{
	const struct view *v = self;
	const struct budget_row *r;
	char whom[SUBJECT_SIZE];

	if (row == TABLE_NONE) {
		sheet_begin(s, "Budget");
		sheet_add(s, STYLE_WARN, NULL, "It is there no more.");
		return;
	}
	r = &v->rows.items[row];
	sheet_begin(s, subject_words(whom, r->whom));
	if (r->budget)
		fill_budget(v, r->budget, s);
	else
		sheet_add(s, STYLE_NORMAL, "budget", "none: nothing is bounded");
	if (r->project)
		project_fill(s, r->project);
	limits_fill(s, limits_of(v, r));
}

/* ---- actions ---- */

static const struct budget_row *chosen(struct view *v)
{
	size_t row = list_row(&v->list);

	return row == TABLE_NONE ? NULL : &v->rows.items[row];
}

static const char *method_of(const struct budget_row *r, int action)
{
	switch (action) {
	case DO_SET:
		return "budgets.set";
	case DO_RESET:
		return "budgets.reset";
	case DO_DELETE:
		return "budgets.delete";
	case DO_NEW:
		return "projects.create";
	case DO_EDIT:
		return r->project ? "projects.set" : "limits.set";
	case DO_DELETE_PROJECT:
		return "projects.delete";
	}
	return NULL;
}

/* Why the action does not fit the row; NULL: it does. */
static const char *refusal(const struct budget_row *r, int action)
{
	if (action == DO_NEW || action == DO_BACK)
		return NULL;
	if (!r)
		return "nothing is selected";
	if ((action == DO_RESET || action == DO_DELETE) && !r->budget)
		return "there is no budget in this row";
	if (action == DO_DELETE_PROJECT && !r->project)
		return "this row is not of a project";
	return NULL;
}

static bool enabled(void *self, int action)
{
	struct view *v = self;
	const struct budget_row *r = chosen(v);
	const char *method;

	if (refusal(r, action))
		return false;
	method = method_of(r, action);
	return !method || host_may(v->list.host, method);
}

static void act_on(struct view *v, const struct budget_row *r, int action)
{
	struct host *h = v->list.host;

	if (action == DO_SET)
		budget_ask_set(h, r->whom, r->budget);
	else if (action == DO_RESET)
		budget_ask_reset(h, r->budget);
	else if (action == DO_DELETE)
		budget_ask_delete(h, r->budget);
	else if (action == DO_NEW)
		project_ask_create(h);
	else if (action == DO_EDIT && r->project)
		project_ask_set(h, r->project);
	else if (action == DO_EDIT)
		limits_ask_set(h, r->whom, limits_of(v, r));
	else if (action == DO_DELETE_PROJECT)
		project_ask_delete(h, r->project);
	else if (action == DO_OPEN)
		list_enter(&v->list);
	else
		list_leave(&v->list);
}

static void act(void *self, int action)
{
	struct view *v = self;
	const struct budget_row *r = chosen(v);
	const char *why = refusal(r, action);

	if (why)
		v->list.host->ops->say(v->list.host, STYLE_WARN, why);
	else
		act_on(v, r, action);
}

/* ---- life ---- */

#define SHOWN (PART_PROJECTS | PART_BUDGETS | PART_KEYS | PART_LIMITS)

static const struct list_conf conf = {
	.columns = columns,
	.column_count = COLUMNS,
	.source = &source,
	.empty = "no project yet",
	.parts = SHOWN,
	.needs = PART_PROJECTS | PART_BUDGETS,
	.rebuild = rebuild,
	.fill = fill,
};

static void *create(struct host *h)
{
	struct view *v = calloc(1, sizeof *v);

	if (v && list_init(&v->list, h, &conf) == 0)
		return v;
	free(v);
	return NULL;
}

static void destroy(void *self)
{
	struct view *v = self;

	if (!v)
		return;
	list_done(&v->list);
	budget_rows_done(&v->rows);
	free(v);
}

const struct view_ops view_budgets = {
	.name = "budgets",
	.title = "Budgets",
	.parts = SHOWN,
	.create = create,
	.free = destroy,
	.changed = list_changed,
	.draw = list_draw,
	.input = list_input,
	.filter = list_filter,
	.counts = list_counts,
	.keymap = &keymap,
	.context = list_context,
	.enabled = enabled,
	.act = act,
};
