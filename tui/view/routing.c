/* Which model serves whom: the overrides in force, then the rules that decide for `auto`. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/json.h"
#include "shared/str.h"

#include "tui/model/words.h"
#include "tui/view/list.h"
#include "tui/view/subject.h"
#include "tui/view/view.h"

enum { NAME_BYTES = 100, SENTENCE_BYTES = 700 };
enum { DO_SET = 1, DO_CLEAR, DO_CLEAR_ALL, DO_TEST, DO_OPEN, DO_BACK };

static const struct binding bindings[] = {
	{LIST_TABLE, "Enter", DO_OPEN, "detail", "the rule or the override in full"},
	{LIST_DETAIL, "Esc Backspace", DO_BACK, "back", "back to all rules"},
	{LIST_BOTH, "o", DO_SET, "override", "override the choice of model for a time"},
	{LIST_BOTH, "x", DO_CLEAR, "clear", "end the selected override"},
	{LIST_BOTH, "X", DO_CLEAR_ALL, "clear all", "end every override"},
	{LIST_BOTH, "t", DO_TEST, "test", "which model would answer a text, and why"},
};
static const struct keymap keymap = KEYMAP(bindings);

enum {
	COLUMN_ID,
	COLUMN_DOES,
	COLUMN_MODEL,
	COLUMN_OF,
	COLUMN_ENDS,
	COLUMN_SET,
	COLUMN_WHY,
	COLUMNS
};

static const struct table_column columns[COLUMNS] = {
	[COLUMN_ID] = {"ID", {.min = 8, .max = 24, .weight = 1}, ALIGN_LEFT, true, false},
	[COLUMN_DOES] = {"DOES", {.min = 6}, ALIGN_LEFT, true, false},
	[COLUMN_MODEL] = {"MODEL", {.min = 10, .max = 24, .weight = 1}, ALIGN_LEFT, true, false},
	[COLUMN_OF] =
		{"OF", {.min = 10, .max = 24, .weight = 1, .drop = 1}, ALIGN_LEFT, true, false},
	[COLUMN_ENDS] = {"ENDS", {.min = 12, .drop = 2}, ALIGN_LEFT, true, false},
	[COLUMN_SET] = {"SET", {.min = 9, .drop = 4}, ALIGN_RIGHT, true, false},
	[COLUMN_WHY] =
		{"REASON, RULE", {.min = 16, .weight = 6, .drop = 3}, ALIGN_LEFT, true, false},
};

struct view {
	struct list list; /* the first member */
	json_t *routing;  /* as it stands in the table */
	char id[24];      /* of the row that was asked for last */
};

/* ---- rows: overrides, then rules ---- */

static void rebuild(void *self)
{
	struct view *v = self;

	json_decref(v->routing);
	v->routing = json_incref(v->list.host->model->routing);
}

static const json_t *overrides(const struct view *v)
{
	return json_object_get(v->routing, "overrides");
}

static const json_t *rules(const struct view *v)
{
	return json_object_get(v->routing, "rules");
}

static size_t count(void *owner)
{
	return json_array_size(overrides(owner)) + json_array_size(rules(owner));
}

static bool is_override(const struct view *v, size_t row)
{
	return row < json_array_size(overrides(v));
}

static const json_t *row_at(const struct view *v, size_t row)
{
	size_t n = json_array_size(overrides(v));

	return row < n ? json_array_get(overrides(v), row) : json_array_get(rules(v), row - n);
}

static const char *row_id(void *owner, size_t row)
{
	struct view *v = owner;
	const json_t *r = row_at(v, row);
	const char *rule = json_get_str(r, "rule");

	if (!is_override(v, row))
		return rule ? rule : "";
	snprintf(v->id, sizeof v->id, "%" PRId64, json_get_int(r, "id", 0));
	return v->id;
}

static int64_t now(const struct view *v)
{
	return v->list.host->ops->now_ms(v->list.host);
}

/* ---- cells ---- */

static const char *ends(const struct view *v, const json_t *r, char to[WORDS_SIZE])
{
	int64_t at = words_time(r, "expires_at");

	return at > 0 ? words_until(to, at, now(v)) : "when cleared";
}

static void cell_override(const struct view *v, const json_t *r, int column,
			  struct table_cell *cell)
{
	switch (column) {
	case COLUMN_ID:
		table_cell_format(cell, "%" PRId64, json_get_int(r, "id", 0));
		break;
	case COLUMN_DOES:
		cell->text = list_text(r, "action");
		cell->style = STYLE_WARN;
		break;
	case COLUMN_MODEL:
		cell->text = list_text(r, "model");
		break;
	case COLUMN_OF:
		cell->text = json_get_str(r, "project") && !json_get_str(r, "key")
				     ? list_text(r, "project")
				     : subject_words(cell->scratch, r);
		break;
	case COLUMN_ENDS:
		cell->text = ends(v, r, cell->scratch);
		break;
	case COLUMN_SET:
		cell->text = words_since(cell->scratch, words_time(r, "created_at"), now(v));
		break;
	default:
		cell->text = list_text(r, "reason");
		break;
	}
}

static void cell_rule(const json_t *r, int column, struct table_cell *cell)
{
	double weight = json_get_num(r, "weight", 0);

	cell->text = "";
	if (column == COLUMN_ID)
		cell->text = list_text(r, "rule");
	else if (column == COLUMN_DOES)
		cell->text = "rule";
	else if (column == COLUMN_MODEL && json_get_str(r, "model"))
		cell->text = list_text(r, "model");
	else if (column == COLUMN_MODEL && weight != 0)
		table_cell_format(cell, "score %+.4g", weight);
	else if (column == COLUMN_WHY)
		cell->text = list_text(r, "text");
	if (column == COLUMN_DOES)
		cell->style = STYLE_DIM;
}

static void cell(void *owner, size_t row, int column, struct table_cell *cell)
{
	const struct view *v = owner;

	if (is_override(v, row))
		cell_override(v, row_at(v, row), column, cell);
	else
		cell_rule(row_at(v, row), column, cell);
}

static int compare(void *owner, int column, size_t a, size_t b)
{
	static const char *const times[COLUMNS] = {
		[COLUMN_ENDS] = "expires_at", [COLUMN_SET] = "created_at"};
	struct table_cell left = {.text = ""}, right = {.text = ""};

	if (times[column])
		return list_compare_text(row_at(owner, a), row_at(owner, b), times[column]);
	if (column == COLUMN_ID && is_override(owner, a) && is_override(owner, b))
		return list_compare_number(row_at(owner, a), row_at(owner, b), "id");
	cell(owner, a, column, &left);
	cell(owner, b, column, &right);
	return strcmp(left.text, right.text);
}

static const struct table_source source = {count, row_id, cell, compare, NULL};

static void fill_override(const struct view *v, const json_t *r, struct sheet *s)
{
	char whom[SUBJECT_SIZE], words[WORDS_SIZE];

	sheet_format(s, STYLE_NORMAL, "does", "%.20s %.96s", list_text(r, "action"),
		     list_text(r, "model"));
	sheet_add(s, STYLE_NORMAL, "of", subject_words(whom, r));
	sheet_add(s, STYLE_NORMAL, "ends", ends(v, r, words));
	sheet_format(s, STYLE_NORMAL, "set", "%s ago by uid %" PRId64,
		     words_since(words, words_time(r, "created_at"), now(v)),
		     json_get_int(r, "uid", -1));
	sheet_add(s, STYLE_NORMAL, "reason", list_text(r, "reason"));
}

static void fill(void *self, size_t row, struct sheet *s)
{
	const struct view *v = self;
	const json_t *r;

	if (row == TABLE_NONE) {
		sheet_begin(s, "Routing");
		sheet_add(s, STYLE_WARN, NULL, "It is there no more.");
		return;
	}
	r = row_at(v, row);
	if (is_override(v, row)) {
		sheet_begin(s, "Override");
		fill_override(v, r, s);
		return;
	}
	sheet_begin(s, "Rule");
	sheet_add(s, STYLE_NORMAL, "rule", list_text(r, "rule"));
	sheet_add(s, STYLE_NORMAL, "text", list_text(r, "text"));
	if (json_get_str(r, "model"))
		sheet_add(s, STYLE_NORMAL, "model", list_text(r, "model"));
	else
		sheet_format(s, STYLE_NORMAL, "score", "%+.4g", json_get_num(r, "weight", 0));
}

/* ---- actions ---- */

/* The override that is meant; NULL: none is. */
static const json_t *chosen(struct view *v)
{
	size_t row = list_row(&v->list);

	return row != TABLE_NONE && is_override(v, row) ? row_at(v, row) : NULL;
}

static void told_set(struct host *h, const json_t *params, const json_t *result)
{
	int64_t until = words_time(result, "expires_at");
	char whom[SUBJECT_SIZE], model[NAME_BYTES], action[24], span[WORDS_SIZE];
	char text[SENTENCE_BYTES];

	(void)params;
	str_copy_clean(model, sizeof model, list_text(result, "model"));
	str_copy_clean(action, sizeof action, list_text(result, "action"));
	snprintf(text, sizeof text, "override %" PRId64 ": %s %s for %s, %s%s",
		 json_get_int(result, "id", 0), action, model, subject_words(whom, result),
		 until > 0 ? "ends " : "until it is cleared",
		 until > 0 ? words_until(span, until, h->ops->now_ms(h)) : "");
	h->ops->say(h, STYLE_OK, text);
}

static void told_cleared(struct host *h, const json_t *params, const json_t *result)
{
	int64_t n = json_get_int(result, "cleared", 0), id = json_get_int(params, "id", -1);
	char text[NAME_BYTES];

	if (id >= 0)
		snprintf(text, sizeof text, "override %" PRId64 " cleared", id);
	else if (n == 0)
		snprintf(text, sizeof text, "no override was in force");
	else
		snprintf(text, sizeof text,
			 "all overrides cleared, %" PRId64 ": the rules decide again", n);
	h->ops->say(h, STYLE_OK, text);
}

static void told_tested(struct host *h, const json_t *params, const json_t *result)
{
	char model[NAME_BYTES], rule[NAME_BYTES], why[400], text[SENTENCE_BYTES];

	(void)params;
	str_copy_clean(model, sizeof model, list_text(result, "recommended_model"));
	str_copy_clean(rule, sizeof rule, list_text(result, "rule"));
	str_copy_clean(why, sizeof why, list_text(result, "reasoning"));
	snprintf(text, sizeof text, "%s would answer, by rule %s, score %.4g: %s", model, rule,
		 json_get_num(result, "score", 0), why);
	h->ops->say(h, STYLE_OK, text);
}

static void ask_set(struct view *v)
{
	v->list.host->ops->act(v->list.host, &(struct action){.kind = ACTION_FORM,
							      .method = "routing.set",
							      .title = "Override the routing",
							      .word = "set",
							      .done = told_set});
}

static void ask_clear(struct view *v, const json_t *r)
{
	char whom[SUBJECT_SIZE], model[NAME_BYTES], title[NAME_BYTES], text[SENTENCE_BYTES];
	int64_t id = json_get_int(r, "id", 0);

	str_copy_clean(model, sizeof model, list_text(r, "model"));
	snprintf(title, sizeof title, "Clear override %" PRId64, id);
	snprintf(text, sizeof text,
		 "Override %" PRId64 " (%.20s %s for %s) ends now: the rules and the other "
		 "overrides decide again.",
		 id, list_text(r, "action"), model, subject_words(whom, r));
	v->list.host->ops->act(v->list.host,
			       &(struct action){.kind = ACTION_CONFIRM,
						.method = "routing.clear",
						.params = json_pack("{sI}", "id", (json_int_t)id),
						.title = title,
						.text = text,
						.word = "clear",
						.done = told_cleared});
}

static void ask_clear_all(struct view *v)
{
	char text[SENTENCE_BYTES];

	snprintf(text, sizeof text,
		 "Every override (%zu) ends now, whoever set it: the rules decide again.",
		 json_array_size(overrides(v)));
	v->list.host->ops->act(v->list.host, &(struct action){.kind = ACTION_CONFIRM,
							      .method = "routing.clear",
							      .params = json_pack("{sb}", "all", 1),
							      .title = "Clear all overrides",
							      .text = text,
							      .word = "clear all",
							      .done = told_cleared});
}

static void ask_test(struct view *v)
{
	v->list.host->ops->act(v->list.host, &(struct action){.kind = ACTION_FORM,
							      .method = "routing.test",
							      .title = "Which model would answer?",
							      .word = "test",
							      .done = told_tested});
}

/* Why the action cannot be; NULL: it can. */
static const char *refusal(struct view *v, int action)
{
	if (action == DO_CLEAR && !chosen(v))
		return "no override is selected: rules come from the settings";
	if (action == DO_CLEAR_ALL && json_array_size(overrides(v)) == 0)
		return "no override is in force";
	return NULL;
}

static bool enabled(void *self, int action)
{
	static const char *const methods[] = {[DO_SET] = "routing.set",
					      [DO_CLEAR] = "routing.clear",
					      [DO_CLEAR_ALL] = "routing.clear",
					      [DO_TEST] = "routing.test",
					      [DO_BACK] = NULL};
	struct view *v = self;

	if (refusal(v, action))
		return false;
	return !methods[action] || host_may(v->list.host, methods[action]);
}

static void act(void *self, int action)
{
	struct view *v = self;
	const char *why = refusal(v, action);

	if (why)
		v->list.host->ops->say(v->list.host, STYLE_WARN, why);
	else if (action == DO_SET)
		ask_set(v);
	else if (action == DO_CLEAR)
		ask_clear(v, chosen(v));
	else if (action == DO_CLEAR_ALL)
		ask_clear_all(v);
	else if (action == DO_TEST)
		ask_test(v);
	else if (action == DO_OPEN)
		list_enter(&v->list);
	else
		list_leave(&v->list);
}

/* ---- life ---- */

static const struct list_conf conf = {
	.columns = columns,
	.column_count = COLUMNS,
	.source = &source,
	.empty = "no override and no rule",
	.parts = PART_ROUTING,
	.needs = PART_ROUTING,
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
	json_decref(v->routing);
	free(v);
}

const struct view_ops view_routing = {
	.name = "routing",
	.title = "Routing",
	.parts = PART_ROUTING,
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
