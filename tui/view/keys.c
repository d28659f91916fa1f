/* API keys: who may use the service, and how much. */
#include <stdlib.h>
#include <string.h>

#include "shared/json.h"

#include "tui/model/words.h"
#include "tui/view/key_facts.h"
#include "tui/view/list.h"
#include "tui/view/project_facts.h"
#include "tui/view/view.h"

enum { LIST_BYTES = 1024 };
enum { DO_NEW = 1, DO_ROTATE, DO_REVOKE, DO_EDIT, DO_BUDGET, DO_COPY, DO_OPEN, DO_BACK };

static const struct binding bindings[] = {
	{LIST_TABLE, "Enter", DO_OPEN, "detail", "all that is known of the key"},
	{LIST_DETAIL, "Esc Backspace", DO_BACK, "back", "back to all keys"},
	{LIST_BOTH, "n", DO_NEW, "new", "make a key; its secret is shown once"},
	{LIST_BOTH, "R", DO_ROTATE, "rotate", "give the key a new secret, which is shown once"},
	{LIST_BOTH, "x", DO_REVOKE, "revoke", "make the key worthless, for ever"},
	{LIST_BOTH, "e", DO_EDIT, "edit", "change the key"},
	{LIST_BOTH, "b", DO_BUDGET, "budget", "set a budget of the key"},
	{LIST_BOTH, "y", DO_COPY, "copy id", "copy the key's id"},
};
static const struct keymap keymap = KEYMAP(bindings);

enum {
	COLUMN_ID,
	COLUMN_PROJECT,
	COLUMN_LABEL,
	COLUMN_STATE,
	COLUMN_SCOPES,
	COLUMN_USED,
	COLUMN_EXPIRES,
	COLUMN_RUNNING,
	COLUMN_REQUESTS,
	COLUMN_RATE,
	COLUMN_CONCURRENT,
	COLUMNS
};

/* As `ccapictl keys list` has them. */
static const struct table_column columns[COLUMNS] = {
	[COLUMN_ID] = {"KEY", {.min = 10, .max = 23}, ALIGN_LEFT, true, false},
	[COLUMN_PROJECT] = {"PROJECT",
			    {.min = 10, .max = 30, .weight = 1, .drop = 2},
			    ALIGN_LEFT,
			    true,
			    false},
	[COLUMN_LABEL] =
		{"LABEL", {.min = 14, .max = 40, .weight = 2, .drop = 1}, ALIGN_LEFT, true, false},
	[COLUMN_STATE] = {"STATE", {.min = 7}, ALIGN_LEFT, true, false},
	[COLUMN_SCOPES] =
		{"SCOPES", {.min = 16, .max = 40, .weight = 1, .drop = 3}, ALIGN_LEFT, true, false},
	[COLUMN_USED] = {"LAST USE", {.min = 9, .drop = 4}, ALIGN_RIGHT, true, true},
	[COLUMN_EXPIRES] = {"EXPIRES", {.min = 11, .drop = 5}, ALIGN_LEFT, true, false},
	[COLUMN_RUNNING] = {"RUNNING", {.min = 8, .drop = 6}, ALIGN_RIGHT, true, true},
	[COLUMN_REQUESTS] = {"REQ/MIN", {.min = 8, .drop = 7}, ALIGN_RIGHT, true, true},
	[COLUMN_RATE] = {"TOK/MIN", {.min = 8, .drop = 8}, ALIGN_RIGHT, true, true},
	[COLUMN_CONCURRENT] = {"AT ONCE", {.min = 8, .drop = 9}, ALIGN_RIGHT, true, true},
};

struct view {
	struct list list; /* the first member */
	struct rows keys; /* as they stand in the table */
};

/* ---- rows ---- */

static void rebuild(void *self)
{
	struct view *v = self;

	if (rows_copy(&v->keys, &v->list.host->model->keys) < 0)
		rows_clear(&v->keys);
}

static const struct rows *rows(const struct view *v)
{
	return &v->keys;
}

static size_t count(void *owner)
{
	return rows(owner)->count;
}

static const char *row_id(void *owner, size_t row)
{
	return rows_id(rows(owner), row);
}

static int64_t now(const struct view *v)
{
	return v->list.host->ops->now_ms(v->list.host);
}

/* ---- cells ---- */

static unsigned state_style(const json_t *key)
{
	const char *state = json_get_str(key, "state");

	if (!state || strcmp(state, "revoked") == 0)
		return STYLE_DIM;
	return strcmp(state, "expired") == 0 ? STYLE_WARN : STYLE_OK;
}

static void cell_time(const struct view *v, const json_t *key, int column, struct table_cell *cell)
{
	int64_t at;

	cell->text = cell->scratch;
	if (column == COLUMN_USED) {
		at = words_time(key, "last_used_at");
		words_since(cell->scratch, at, now(v));
		cell->text = at > 0 ? cell->scratch : "never";
	} else {
		at = words_time(key, "expires_at");
		words_until(cell->scratch, at, now(v));
		cell->text = at <= 0 ? "never" : at <= now(v) ? "over" : cell->scratch;
	}
}

static void cell(void *owner, size_t row, int column, struct table_cell *cell)
{
	static const char *const texts[COLUMNS] = {[COLUMN_ID] = "id",
						   [COLUMN_LABEL] = "label",
						   [COLUMN_PROJECT] = "project",
						   [COLUMN_STATE] = "state"};
	static const char *const counts[COLUMNS] = {[COLUMN_RUNNING] = "running",
						    [COLUMN_REQUESTS] = "requests_per_minute",
						    [COLUMN_RATE] = "tokens_per_minute",
						    [COLUMN_CONCURRENT] = "concurrent"};
	const struct view *v = owner;
	const json_t *key = rows(v)->items[row];

	if (texts[column])
		cell->text = list_text(key, texts[column]);
	else if (counts[column])
		cell->text = words_short(cell->scratch, json_get_int(key, counts[column], -1));
	else if (column == COLUMN_SCOPES)
		cell->text = list_words(cell->scratch, sizeof cell->scratch,
					json_object_get(key, "scopes"), "-");
	else
		cell_time(v, key, column, cell);
	if (column == COLUMN_STATE)
		cell->style = state_style(key);
	else if (state_style(key) == STYLE_DIM)
		cell->style = STYLE_DIM;
}

static int compare(void *owner, int column, size_t a, size_t b)
{
	static const char *const texts[COLUMNS] = {[COLUMN_ID] = "id",
						   [COLUMN_LABEL] = "label",
						   [COLUMN_PROJECT] = "project",
						   [COLUMN_STATE] = "state",
						   [COLUMN_USED] = "last_used_at",
						   [COLUMN_EXPIRES] = "expires_at"};
	static const char *const counts[COLUMNS] = {[COLUMN_RUNNING] = "running",
						    [COLUMN_REQUESTS] = "requests_per_minute",
						    [COLUMN_RATE] = "tokens_per_minute",
						    [COLUMN_CONCURRENT] = "concurrent"};
	const json_t *left = rows(owner)->items[a], *right = rows(owner)->items[b];
	char one[LIST_BYTES], other[LIST_BYTES];

	if (texts[column])
		return list_compare_text(left, right, texts[column]);
	if (counts[column])
		return list_compare_number(left, right, counts[column]);
	return strcmp(list_words(one, sizeof one, json_object_get(left, "scopes"), ""),
		      list_words(other, sizeof other, json_object_get(right, "scopes"), ""));
}

static const struct table_source source = {count, row_id, cell, compare, NULL};

static void fill_time(const struct view *v, struct sheet *s, const json_t *key, const char *label,
		      const char *member)
{
	int64_t at = words_time(key, member);
	char date[WORDS_SIZE], clock[WORDS_SIZE], span[WORDS_SIZE];

	if (at <= 0)
		return;
	words_date(date, at);
	words_clock(clock, at);
	if (at > now(v))
		sheet_format(s, STYLE_NORMAL, label, "%s %s UTC (in %s)", date, clock,
			     words_span(span, at - now(v)));
	else
		sheet_format(s, STYLE_NORMAL, label, "%s %s UTC (%s ago)", date, clock,
			     words_since(span, at, now(v)));
}

static void fill(void *self, size_t row, struct sheet *s)
{
	const struct view *v = self;
	char words[LIST_BYTES], count_words[WORDS_SIZE];
	const json_t *key;

	sheet_begin(s, v->list.id);
	if (row == TABLE_NONE) {
		sheet_add(s, STYLE_WARN, NULL, "It is there no more.");
		return;
	}
	key = rows(v)->items[row];
	sheet_add(s, STYLE_NORMAL, "project", list_text(key, "project"));
	sheet_add(s, STYLE_NORMAL, "label", list_text(key, "label"));
	sheet_add(s, state_style(key), "state", list_text(key, "state"));
	sheet_add(s, STYLE_NORMAL, "scopes",
		  list_words(words, sizeof words, json_object_get(key, "scopes"), "-"));
	sheet_add(s, STYLE_NORMAL, "models",
		  list_words(words, sizeof words, json_object_get(key, "models"), "all"));
	limits_fill(s, key);
	sheet_add(s, STYLE_NORMAL, "running",
		  words_count(count_words, json_get_int(key, "running", -1)));
	fill_time(v, s, key, "created", "created_at");
	fill_time(v, s, key, "last use", "last_used_at");
	fill_time(v, s, key, "expires", "expires_at");
	fill_time(v, s, key, "old secret", "old_secret_until");
	fill_time(v, s, key, "revoked", "revoked_at");
}

/* ---- actions ---- */

static const json_t *chosen(struct view *v)
{
	size_t row = list_row(&v->list);

	return row == TABLE_NONE ? NULL : rows(v)->items[row];
}

static bool is_revoked(const json_t *key)
{
	const char *state = json_get_str(key, "state");

	return state && strcmp(state, "revoked") == 0;
}

/* Why the action does not fit the row; NULL: it does. */
static const char *refusal(const json_t *key, int action)
{
	if (action == DO_NEW || action == DO_BACK)
		return NULL;
	if (!key)
		return "no key is selected";
	if (action != DO_COPY && action != DO_OPEN && is_revoked(key))
		return "the key is revoked: it can be used no more";
	return NULL;
}

static bool enabled(void *self, int action)
{
	static const char *const methods[] = {
		[DO_NEW] = "keys.create", [DO_ROTATE] = "keys.rotate", [DO_REVOKE] = "keys.revoke",
		[DO_EDIT] = "keys.set",   [DO_BUDGET] = "budgets.set", [DO_BACK] = NULL};
	struct view *v = self;

	if (refusal(chosen(v), action))
		return false;
	return !methods[action] || host_may(v->list.host, methods[action]);
}

static void act_on(struct view *v, const json_t *key, int action)
{
	if (action == DO_NEW)
		key_ask_create(v->list.host, key);
	else if (action == DO_ROTATE)
		key_ask_rotate(v->list.host, key);
	else if (action == DO_REVOKE)
		key_ask_revoke(v->list.host, key);
	else if (action == DO_EDIT)
		key_ask_set(v->list.host, key);
	else if (action == DO_BUDGET)
		key_ask_budget(v->list.host, key);
	else if (action == DO_COPY)
		v->list.host->ops->copy(v->list.host, "id", list_text(key, "id"));
	else if (action == DO_OPEN)
		list_enter(&v->list);
	else
		list_leave(&v->list);
}

static void act(void *self, int action)
{
	struct view *v = self;
	const json_t *key = chosen(v);
	const char *why = refusal(key, action);

	if (why)
		v->list.host->ops->say(v->list.host, STYLE_WARN, why);
	else
		act_on(v, key, action);
}

/* ---- life ---- */

static const struct list_conf conf = {
	.columns = columns,
	.column_count = COLUMNS,
	.source = &source,
	.empty = "no key yet: n makes one",
	.parts = PART_KEYS,
	.needs = PART_KEYS,
	.rebuild = rebuild,
	.fill = fill,
};

static void *create(struct host *h)
{
	struct view *v = calloc(1, sizeof *v);

	if (v)
		rows_init(&v->keys, h->model->keys.id, h->model->keys.max);
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
	rows_done(&v->keys);
	free(v);
}

const struct view_ops view_keys = {
	.name = "keys",
	.title = "Keys",
	.parts = PART_KEYS,
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
