/* Routing: the input's lines up to the first empty one are rules, what follows is a task's text,
 * and a conversation when it is JSON.  Rules that are refused must be so with words; a set that is
 * taken must decide, twice the same, on any text. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/dispatch/router.h"

enum { RULES_MAX_FUZZ = 300, INPUT_MAX = 128 * 1024 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct model items[] = {
	{.name = "haiku", .id = "claude-haiku-5-5", .input_micro_usd_per_mtok = 100000},
	{.name = "sonnet", .id = "claude-sonnet-5-5", .input_micro_usd_per_mtok = 2000000},
	{.name = "opus", .id = "claude-opus-5-5", .input_micro_usd_per_mtok = -1},
};
static const struct models models = {items, 3};

/* Takes the lines up to an empty one; *ret_text is what follows. */
static size_t take_rules(char *input, const char **rules, const char **ret_text)
{
	size_t count = 0;

	while (count < RULES_MAX_FUZZ) {
		char *end = strchr(input, '\n');

		if (!end || end == input) {
			input = end ? end + 1 : input;
			break;
		}
		*end = '\0';
		rules[count++] = input;
		input = end + 1;
	}
	*ret_text = input;
	return count;
}

static void decide(const struct router *r, const struct route_features *f)
{
	struct route_query q = {
		.features = f,
		.budget_left_tokens = INT64_MAX,
		.explain = true,
	};
	struct route_decision first, second;

	if (f->words < 0 || f->context_tokens < 0)
		abort();
	if (router_decide(r, &models, &q, 0, &first) || router_decide(r, &models, &q, 0, &second))
		abort(); /* auto always has an answer */
	if (first.model != second.model || strcmp(first.rule, second.rule) != 0 ||
	    strcmp(first.reasoning, second.reasoning) != 0)
		abort();
}

static void run(const struct router *r, const char *text)
{
	struct route_features f;
	json_t *value = json_loads(text, JSON_DECODE_ANY, NULL);

	route_features_of_text(&f, text, -1);
	decide(r, &f);
	if (value) {
		route_features_of_messages(&f, value, NULL);
		decide(r, &f);
	}
	json_decref(value);
}

static void check_each(const char *const *rules, size_t count)
{
	char why[512];

	for (size_t i = 0; i < count; i++) {
		why[0] = '\0';
		if (router_check_rule(rules[i], why, sizeof why) && !why[0])
			abort(); /* an error without words */
	}
}

static void try_set(const char *const *rules, size_t count, const char *text)
{
	char why[512] = "";
	struct router *r = router_new(rules, count, 3, 7, why, sizeof why);
	struct buf b;

	if (!r) {
		if (!why[0])
			abort();
		return;
	}
	buf_init(&b, 1 << 20);
	router_write_rules(r, &b);
	if (!b.failed) {
		json_t *written = json_loads(b.data, 0, NULL);

		if (json_array_size(written) != count)
			abort();
		json_decref(written);
	}
	buf_done(&b);
	run(r, text);
	router_free(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *rules[RULES_MAX_FUZZ], *text;
	char *input;
	size_t count;

	if (size > INPUT_MAX)
		return 0;
	input = malloc(size + 1);
	if (!input)
		return 0;
	memcpy(input, data, size);
	input[size] = '\0';
	count = take_rules(input, rules, &text);
	check_each(rules, count);
	try_set(rules, count, text);
	try_set(router_seed_rules, router_seed_rule_count, text);
	free(input);
	return 0;
}
