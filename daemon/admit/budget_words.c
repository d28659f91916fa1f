#include "daemon/admit/budget_words.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "shared/money.h"

#include "daemon/admit/window.h"

enum { FIGURE_SIZE = 40, KEPT_DECIMALS = 2 };

/* 1234567 is "1,234,567". */
static void figure_tokens(char to[FIGURE_SIZE], int64_t n)
{
	char digits[24];
	size_t len = (size_t)snprintf(digits, sizeof digits, "%lld", (long long)n), at = 0;

	for (size_t i = 0; i < len; i++) {
		if (i > 0 && (len - i) % 3 == 0)
			to[at++] = ',';
		to[at++] = digits[i];
	}
	to[at] = '\0';
}

/* 1234500000 is "$1,234.50": cents always, smaller parts where there are any. */
static void figure_usd(char to[FIGURE_SIZE], int64_t micro_usd)
{
	char exact[MONEY_TEXT_SIZE], dollars[FIGURE_SIZE], *part;
	size_t decimals;

	money_format_usd(exact, micro_usd);
	part = strchr(exact, '.');
	decimals = strlen(part + 1);
	while (decimals > KEPT_DECIMALS && part[decimals] == '0')
		decimals--;
	figure_tokens(dollars, micro_usd / 1000000);
	snprintf(to, FIGURE_SIZE, "$%.28s%.*s", dollars, (int)(1 + decimals), part);
}

static void name_budget(const struct budget_record *r, const char *kind, char *to, size_t size)
{
	static const char *const often[WINDOWS] = {
		[WINDOW_HOUR] = "hourly",   [WINDOW_DAY] = "daily",   [WINDOW_WEEK] = "weekly",
		[WINDOW_MONTH] = "monthly", [WINDOW_TOTAL] = "total",
	};
	char rolling[WINDOW_TEXT_SIZE];

	window_print(r->window, r->rolling_ms, rolling);
	if (r->window == WINDOW_ROLLING)
		*strchr(rolling, ':') = ' ';
	snprintf(to, size, "The %s %s budget of %s%s",
		 r->window == WINDOW_ROLLING ? rolling : often[r->window], kind,
		 r->scope == SCOPE_PROJECT ? "project "
		 : r->scope == SCOPE_KEY   ? "key "
					   : "this server",
		 r->scope == SCOPE_GLOBAL ? "" : r->subject);
}

/* One dimension of a budget. */
struct side {
	const char *kind, *unit, *verb;
	void (*figure)(char to[FIGURE_SIZE], int64_t n);
	int64_t limit, used, held, wanted;
};

static bool does_not_fit(const struct side *s)
{
	return s->limit >= 0 && (__int128)s->used + s->held + s->wanted > s->limit;
}

static int refuse(struct refusal *why, const struct budget_record *r, const struct side *s)
{
	char name[160], used[FIGURE_SIZE], held[FIGURE_SIZE], limit[FIGURE_SIZE], left[FIGURE_SIZE],
		wanted[FIGURE_SIZE];
	__int128 rest = (__int128)s->limit - s->used - s->held;

	name_budget(r, s->kind, name, sizeof name);
	s->figure(used, s->used);
	s->figure(held, s->held);
	s->figure(limit, s->limit);
	s->figure(left, rest > 0 ? (int64_t)rest : 0);
	s->figure(wanted, s->wanted);
	if (s->used >= s->limit)
		return refusal_set(why, FAULT_BUDGET, NULL, "%s is used up: %s of %s%s.", name,
				   used, limit, s->unit);
	if (rest <= 0)
		return refusal_set(why, FAULT_BUDGET, NULL,
				   "%s is taken: of %s%s, %s are used and %s are held for requests "
				   "under way.",
				   name, limit, s->unit, used, held);
	return refusal_set(why, FAULT_BUDGET, NULL,
			   "%s has %s%s left and the request may %s %s; lower max_tokens.", name,
			   left, s->unit, s->verb, wanted);
}

int budget_refuse(struct refusal *why, const struct account *a, const struct amount *held,
		  const struct amount *wanted)
{
	const struct budget_record *r = &a->record;
	struct amount used = account_used(a);
	const struct side tokens = {.kind = "token",
				    .unit = " tokens",
				    .verb = "need",
				    .figure = figure_tokens,
				    .limit = r->limit_tokens,
				    .used = used.tokens,
				    .held = held->tokens,
				    .wanted = wanted->tokens};
	const struct side money = {.kind = "dollar",
				   .unit = "",
				   .verb = "cost",
				   .figure = figure_usd,
				   .limit = r->limit_micro_usd,
				   .used = used.micro_usd,
				   .held = held->micro_usd,
				   .wanted = wanted->micro_usd};
	bool of_tokens = r->limit_micro_usd < 0 || does_not_fit(&tokens);

	return refuse(why, r, of_tokens ? &tokens : &money);
}
