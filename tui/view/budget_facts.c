#include "tui/view/budget_facts.h"

#include <stdio.h>
#include <string.h>

#include "shared/json.h"
#include "shared/str.h"

#include "tui/canvas/style.h"
#include "tui/view/subject.h"

enum { SENTENCE_BYTES = 640, SHOWN_WINDOW = 40 };

/* ---- figures ---- */

static double share(const json_t *b, const char *used, const char *limit)
{
	double most = json_get_num(b, limit, -1), is = json_get_num(b, used, 0);

	if (most < 0)
		return -1;
	/* A limit of nothing is full from the beginning. */
	return most > 0 ? is / most : 1;
}

double budget_fraction(const json_t *budget)
{
	double tokens = share(budget, "used_tokens", "limit_tokens");
	double usd = share(budget, "used_usd", "limit_usd");

	return tokens > usd ? tokens : usd;
}

static bool is_warned(const json_t *budget)
{
	double warn = json_get_num(budget, "warn_percent", 0);

	return warn > 0 && budget_fraction(budget) * 100 >= warn;
}

unsigned budget_style(const json_t *budget)
{
	if (budget_fraction(budget) >= 1)
		return json_get_true(budget, "soft") ? STYLE_WARN : STYLE_ERROR;
	return is_warned(budget) ? STYLE_WARN : STYLE_ACCENT;
}

/* ---- words ---- */

char *budget_mark(char to[BUDGET_WORDS], const json_t *budget)
{
	double warn = json_get_num(budget, "warn_percent", 0);
	bool full = budget_fraction(budget) >= 1, soft = json_get_true(budget, "soft");
	char per_cent[WORDS_SIZE];

	if (full)
		snprintf(to, BUDGET_WORDS, "! used up%s", soft ? ", soft" : "");
	else if (warn > 0)
		snprintf(to, BUDGET_WORDS, "%s%swarn at %s", is_warned(budget) ? "! " : "",
			 soft ? "soft, " : "", words_per_cent(per_cent, warn / 100));
	else
		snprintf(to, BUDGET_WORDS, "%s", soft ? "soft" : "");
	return to;
}

char *budget_per(char to[BUDGET_WORDS], const char *window)
{
	static const char rolling[] = "rolling:";
	char shown[SHOWN_WINDOW];

	str_copy_clean(shown, sizeof shown, window ? window : "month");
	if (strcmp(shown, "total") == 0)
		snprintf(to, BUDGET_WORDS, "in total");
	else if (strncmp(shown, rolling, sizeof rolling - 1) == 0)
		snprintf(to, BUDGET_WORDS, "in any %s", shown + sizeof rolling - 1);
	else
		snprintf(to, BUDGET_WORDS, "per %s", shown);
	return to;
}

char *budget_of_limit(char to[BUDGET_WORDS], const char *used, const char *limit)
{
	snprintf(to, BUDGET_WORDS, strcmp(limit, "-") == 0 ? "%.40s" : "%.40s of %.40s", used,
		 limit);
	return to;
}

/* 12.0 M is said as 12 M: a limit is a number that somebody chose. */
static char *round_words(char *words)
{
	char *unit = strchr(words, ' '), *end = unit;

	if (!unit || !strchr(words, '.'))
		return words;
	while (end[-1] == '0')
		end--;
	if (end[-1] == '.')
		end--;
	memmove(end, unit, strlen(unit) + 1);
	return words;
}

char *budget_used_tokens(char to[BUDGET_WORDS], const json_t *b)
{
	char used[WORDS_SIZE], limit[WORDS_SIZE];

	return budget_of_limit(
		to, round_words(words_short(used, json_get_int(b, "used_tokens", -1))),
		round_words(words_short(limit, json_get_int(b, "limit_tokens", -1))));
}

char *budget_used_usd(char to[BUDGET_WORDS], const json_t *b)
{
	char used[WORDS_SIZE], limit[WORDS_SIZE];

	return budget_of_limit(to, words_usd(used, json_get_num(b, "used_usd", -1)),
			       words_usd(limit, json_get_num(b, "limit_usd", -1)));
}

/* "12 M tokens and $5.00 per month" */
static void limit_words(char *to, size_t size, const json_t *b)
{
	int64_t tokens = json_get_int(b, "limit_tokens", -1);
	double usd = json_get_num(b, "limit_usd", -1);
	char count[WORDS_SIZE], money[WORDS_SIZE], per[BUDGET_WORDS];

	snprintf(to, size, "%s%s%s%s %s",
		 tokens >= 0 ? round_words(words_short(count, tokens)) : "",
		 tokens >= 0 ? " tokens" : "", tokens >= 0 && usd >= 0 ? " and " : "",
		 usd >= 0 ? words_usd(money, usd) : "", budget_per(per, json_get_str(b, "window")));
}

/* ---- what happened ---- */

static void told_set(struct host *h, const json_t *params, const json_t *result)
{
	char whom[SUBJECT_SIZE], limit[2 * BUDGET_WORDS], text[SENTENCE_BYTES];

	limit_words(limit, sizeof limit, result);
	snprintf(text, sizeof text, "budget of %s set to %s", subject_words(whom, params), limit);
	h->ops->say(h, STYLE_OK, text);
}

static void told_reset(struct host *h, const json_t *params, const json_t *result)
{
	char whom[SUBJECT_SIZE], per[BUDGET_WORDS], text[SENTENCE_BYTES];

	(void)result;
	snprintf(text, sizeof text, "budget of %s %s begins anew: nothing of it is used",
		 subject_words(whom, params), budget_per(per, json_get_str(params, "window")));
	h->ops->say(h, STYLE_OK, text);
}

static void told_deleted(struct host *h, const json_t *params, const json_t *result)
{
	char whom[SUBJECT_SIZE], per[BUDGET_WORDS], text[SENTENCE_BYTES];

	(void)result;
	snprintf(text, sizeof text, "budget of %s %s deleted", subject_words(whom, params),
		 budget_per(per, json_get_str(params, "window")));
	h->ops->say(h, STYLE_OK, text);
}

static void told_limits(struct host *h, const json_t *params, const json_t *result)
{
	static const struct {
		const char *member, *unit;
	} limits[] = {{"requests_per_minute", "requests a minute"},
		      {"tokens_per_minute", "tokens a minute"},
		      {"concurrent", "at one time"}};
	char whom[SUBJECT_SIZE], count[WORDS_SIZE], text[SENTENCE_BYTES];
	int used = snprintf(text, sizeof text, "limits of %s:", subject_words(whom, params));
	bool any = false;

	for (size_t i = 0; i < 3; i++) {
		int64_t n = json_get_int(result, limits[i].member, -1);

		if (n < 0)
			continue;
		used += snprintf(text + used, sizeof text - (size_t)used, "%s %s %s",
				 any ? "," : "", words_count(count, n), limits[i].unit);
		any = true;
	}
	if (!any)
		snprintf(text + used, sizeof text - (size_t)used, " none");
	h->ops->say(h, STYLE_OK, text);
}

/* ---- asking ---- */

/* The parameters that a budget begins with, in the verb's names. */
static json_t *preset_of(const json_t *whom, const json_t *budget)
{
	static const char *const names[][2] = {{"tokens", "limit_tokens"},
					       {"usd", "limit_usd"},
					       {"window", "window"},
					       {"soft", "soft"},
					       {"warn", "warn_percent"}};
	json_t *to = subject_params(whom);

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		json_t *value = json_object_get(budget, names[i][1]);

		if (value && !json_is_null(value))
			json_object_set(to, names[i][0], value);
	}
	if (!json_object_get(to, "window"))
		json_object_set_new(to, "window", json_string("month"));
	return to;
}

void budget_ask_set(struct host *h, const json_t *whom, const json_t *budget)
{
	char words[SUBJECT_SIZE], title[SUBJECT_SIZE + 16];

	snprintf(title, sizeof title, "Budget of %s", subject_words(words, whom));
	h->ops->act(h, &(struct action){.kind = ACTION_FORM,
					.method = "budgets.set",
					.params = preset_of(whom, budget),
					.fixed = subject_param(whom),
					.asked = "tokens usd window soft warn",
					.title = title,
					.word = "set",
					.done = told_set});
}

static json_t *params_of(const json_t *budget)
{
	json_t *to = subject_params(budget), *window = json_object_get(budget, "window");

	if (json_is_string(window))
		json_object_set(to, "window", window);
	return to;
}

void budget_ask_reset(struct host *h, const json_t *budget)
{
	char whom[SUBJECT_SIZE], per[BUDGET_WORDS], tokens[WORDS_SIZE], usd[WORDS_SIZE];
	char title[SUBJECT_SIZE + 32], text[SENTENCE_BYTES];

	subject_words(whom, budget);
	snprintf(title, sizeof title, "Reset the budget of %s", whom);
	snprintf(text, sizeof text,
		 "What was used of the budget of %s %s (%s tokens, %s) is forgotten: it begins at "
		 "nothing, and what was refused because of it is served again.",
		 whom, budget_per(per, json_get_str(budget, "window")),
		 words_short(tokens, json_get_int(budget, "used_tokens", 0)),
		 words_usd(usd, json_get_num(budget, "used_usd", 0)));
	h->ops->act(h, &(struct action){.kind = ACTION_CONFIRM,
					.method = "budgets.reset",
					.params = params_of(budget),
					.title = title,
					.text = text,
					.word = "reset",
					.done = told_reset});
}

void budget_ask_delete(struct host *h, const json_t *budget)
{
	char whom[SUBJECT_SIZE], limit[2 * BUDGET_WORDS];
	char title[SUBJECT_SIZE + 32], text[SENTENCE_BYTES];

	subject_words(whom, budget);
	limit_words(limit, sizeof limit, budget);
	snprintf(title, sizeof title, "Delete the budget of %s", whom);
	snprintf(
		text, sizeof text,
		"The budget of %s, %s, is deleted: it bounds nothing any more. What was used stays "
		"in the ledger.",
		whom, limit);
	h->ops->act(h, &(struct action){.kind = ACTION_CONFIRM,
					.method = "budgets.delete",
					.params = params_of(budget),
					.title = title,
					.text = text,
					.word = "delete",
					.done = told_deleted});
}

void limits_ask_set(struct host *h, const json_t *whom, const json_t *limits)
{
	static const char asked[] = "requests_per_minute tokens_per_minute concurrent";
	static const char *const names[] = {"requests_per_minute", "tokens_per_minute",
					    "concurrent"};
	char words[SUBJECT_SIZE], title[SUBJECT_SIZE + 16];
	json_t *preset = subject_params(whom);

	for (size_t i = 0; i < 3; i++)
		if (json_is_integer(json_object_get(limits, names[i])))
			json_object_set(preset, names[i], json_object_get(limits, names[i]));
	snprintf(title, sizeof title, "Limits of %s", subject_words(words, whom));
	h->ops->act(h, &(struct action){.kind = ACTION_FORM,
					.method = "limits.set",
					.params = preset,
					.fixed = subject_param(whom),
					.asked = asked,
					.title = title,
					.word = "set",
					.done = told_limits});
}
