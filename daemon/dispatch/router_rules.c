#include "daemon/dispatch/router_rules.h"

#include <stddef.h>

#define FEATURE(name)                                                                              \
	static double value_of_##name(const struct route_facts *facts)                             \
	{                                                                                          \
		return (double)facts->features->name;                                              \
	}
FEATURE(words)
FEATURE(text_bytes)
FEATURE(context_tokens)
FEATURE(turns)
FEATURE(code_blocks)
FEATURE(questions)
FEATURE(images)
FEATURE(wants_json)
FEATURE(has_tools)

static double value_of_budget_left(const struct route_facts *facts)
{
	return (double)facts->budget_left_tokens;
}

static double value_of_plan_use(const struct route_facts *facts)
{
	return facts->plan_use;
}

#define COUNT(name, max, doc)                                                                      \
	{                                                                                          \
#name, OPERAND_NUMBER, max, true, value_of_##name, doc                             \
	}

const struct route_condition_kind route_condition_kinds[] = {
	{"keywords", OPERAND_KEYWORDS, 0, false, NULL,
	 "One of these words or phrases occurs in the last user message: whole words, in upper or "
	 "lower case"},
	{"begins", OPERAND_KEYWORDS_AT_START, 0, false, NULL,
	 "The last user message begins with one of these words or phrases"},
	COUNT(words, 1e9, "Words of the last user message"),
	COUNT(text_bytes, 1e9, "Bytes of the last user message's text"),
	COUNT(questions, 1e6, "Question marks in the last user message"),
	COUNT(code_blocks, 1e6, "Fenced code blocks in the last user message"),
	COUNT(context_tokens, 1e9, "Estimated tokens of the whole conversation"),
	COUNT(turns, 1e6, "Messages of the user"),
	COUNT(images, 1e6, "Images in the conversation"),
	{"json", OPERAND_NONE, 0, false, value_of_wants_json, "The answer must be JSON"},
	{"tools", OPERAND_NONE, 0, false, value_of_has_tools, "The request brings tools"},
	COUNT(budget_left, 1e15, "Tokens left in the tightest budget; without one, endless"),
	{"plan_use", OPERAND_NUMBER, 1, false, value_of_plan_use,
	 "How much of the subscription's limit is used"},
};

const size_t route_condition_kind_count =
	sizeof route_condition_kinds / sizeof route_condition_kinds[0];

bool route_condition_has_keywords(const struct route_condition *c)
{
	return c->kind->operand == OPERAND_KEYWORDS ||
	       c->kind->operand == OPERAND_KEYWORDS_AT_START;
}

bool route_condition_at_start(const struct route_condition *c)
{
	return c->kind->operand == OPERAND_KEYWORDS_AT_START;
}

static bool compare(const struct route_condition *c, double value)
{
	switch (c->comparison) {
	case IS_LESS:
		return value < c->number;
	case IS_AT_MOST:
		return value <= c->number;
	case IS_MORE:
		return value > c->number;
	case IS_AT_LEAST:
		return value >= c->number;
	case IS_EQUAL:
		break;
	}
	return value >= c->number && value <= c->number;
}

static bool holds(const struct route_condition *c, const struct route_facts *facts)
{
	bool holds;

	if (route_condition_has_keywords(c))
		holds = route_hits_has(&facts->hits, c->group);
	else if (c->kind->operand == OPERAND_NUMBER)
		holds = compare(c, c->kind->value(facts));
	else
		holds = c->kind->value(facts) > 0;
	return holds != c->negated;
}

bool route_rule_counts(const struct route_rule *rule, const struct route_facts *facts)
{
	for (size_t i = 0; i < rule->condition_count; i++)
		if (!holds(&rule->conditions[i], facts))
			return false;
	return true;
}

static void write_operand(const struct route_condition_kind *kind, struct buf *to)
{
	switch (kind->operand) {
	case OPERAND_NUMBER:
		buf_printf(to, "`%s > N` | %s0 to %.0f", kind->name,
			   kind->whole ? "" : "a fraction, ", kind->max);
		break;
	case OPERAND_KEYWORDS:
	case OPERAND_KEYWORDS_AT_START:
		buf_printf(to, "`%s a, b, \"two words\"` | up to %d per rule, %d bytes each",
			   kind->name, RULE_KEYWORDS_MAX, ROUTE_KEYWORD_MAX);
		break;
	case OPERAND_NONE:
		buf_printf(to, "`%s` |", kind->name);
		break;
	}
}

void route_conditions_write(struct buf *to)
{
	buf_add_str(to, "| Condition | Bounds | Holds when, or what the number is |\n"
			"| --- | --- | --- |\n");
	for (size_t i = 0; i < route_condition_kind_count; i++) {
		buf_add_str(to, "| ");
		write_operand(&route_condition_kinds[i], to);
		buf_printf(to, " | %s |\n", route_condition_kinds[i].doc);
	}
}
