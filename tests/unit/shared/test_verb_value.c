#include <stdlib.h>
#include <string.h>

#include "shared/verb_value.h"

#include "tests/unit/test.h"

static const struct verb_param tokens = {
	.name = "tokens", .type = PARAM_COUNT, .flags = PARAM_NONE, .min = 0, .max = 1000000000000};
static const struct verb_param usd = {.name = "usd", .type = PARAM_USD, .max = 1000000000};
static const struct verb_param time_param = {
	.name = "for", .type = PARAM_DURATION, .min = 1000, .max = 7 * 86400000};
static const struct verb_param text = {.name = "text", .type = PARAM_TEXT, .min = 1, .max = 5};
static const char *const words[] = {"chat", "batch", "usage", NULL};
static const struct verb_param list = {.name = "scopes", .type = PARAM_LIST, .words = words};
static const struct verb_param names = {.name = "models", .type = PARAM_LIST, .min = 1, .max = 8};

/* The JSON that a word stands for, or "!" and why not. */
static const char *parsed(const struct verb_param *p, const char *word)
{
	static char out[512];
	char why[VALUE_WHY_MAX];
	json_t *value = verb_value_parse(p, word, why);
	char *dumped;

	if (!value) {
		snprintf(out, sizeof out, "!%s", why);
		return out;
	}
	dumped = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
	snprintf(out, sizeof out, "%s", dumped);
	free(dumped);
	json_decref(value);
	return out;
}

static bool accepts(const struct verb_param *p, const char *json)
{
	char why[VALUE_WHY_MAX] = "";
	json_t *value = json_loads(json, JSON_DECODE_ANY, NULL);
	bool ok;

	assert_non_null(value);
	ok = verb_value_check(p, value, why);
	assert_true(ok == (why[0] == '\0'));
	json_decref(value);
	return ok;
}

static void amounts_take_k_m_and_g(void **state)
{
	(void)state;
	assert_string_equal(parsed(&tokens, "1000000"), "1000000");
	assert_string_equal(parsed(&tokens, "1M"), "1000000");
	assert_string_equal(parsed(&tokens, "250k"), "250000");
	assert_string_equal(parsed(&tokens, "2g"), "2000000000");
	assert_string_equal(parsed(&tokens, "none"), "null");
}

static void amounts_that_make_no_sense_are_refused_in_words(void **state)
{
	static const char *const bad[] = {"-5",
					  "1.5",
					  "1e6",
					  "",
					  " 1",
					  "1 ",
					  "0x10",
					  "1MM",
					  "1Mb",
					  "999999999999999999999",
					  "2000000000000",
					  "9999999999G"};

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_int_equal(parsed(&tokens, bad[i])[0], '!');
	assert_string_equal(parsed(&tokens, "\x1b[2J"),
			    "!must be a whole number such as 1000000, 250k or 1M, not ?[2J");
}

static void money_is_exact_and_bounded(void **state)
{
	json_t *params = json_pack("{ss sf sI}", "a", "0.25", "b", 12.000001, "c", (json_int_t)3);

	(void)state;
	assert_string_equal(parsed(&usd, "5.00"), "\"5.00\"");
	assert_int_equal(parsed(&usd, "-1")[0], '!');
	assert_int_equal(parsed(&usd, "1000.000001")[0], '!');
	assert_true(accepts(&usd, "0.25") && accepts(&usd, "5") && accepts(&usd, "\"1.000001\""));
	assert_false(accepts(&usd, "0.0000001"));
	assert_false(accepts(&usd, "-0.5"));
	assert_false(accepts(&usd, "1e300"));
	assert_false(accepts(&usd, "true"));
	assert_int_equal(param_micro_usd(params, "a", -1), 250000);
	assert_int_equal(param_micro_usd(params, "b", -1), 12000001);
	assert_int_equal(param_micro_usd(params, "c", -1), 3000000);
	assert_int_equal(param_micro_usd(params, "d", -1), -1);
	json_decref(params);
}

static void times_are_text_or_seconds(void **state)
{
	json_t *params = json_pack("{ss sI}", "a", "2h", "b", (json_int_t)90);

	(void)state;
	assert_string_equal(parsed(&time_param, "2h"), "\"2h\"");
	assert_int_equal(parsed(&time_param, "8d")[0], '!');
	assert_int_equal(parsed(&time_param, "0")[0], '!');
	assert_int_equal(parsed(&time_param, "soon")[0], '!');
	assert_true(accepts(&time_param, "90"));
	assert_false(accepts(&time_param, "-90"));
	assert_false(accepts(&time_param, "9223372036854775807"));
	assert_int_equal(param_duration_ms(params, "a", 0), 7200000);
	assert_int_equal(param_duration_ms(params, "b", 0), 90000);
	json_decref(params);
}

static void texts_and_lists_have_bounds(void **state)
{
	char many[400] = "a";

	(void)state;
	assert_string_equal(parsed(&text, "abcde"), "\"abcde\"");
	assert_string_equal(parsed(&text, "abcdef"), "!must be at most 5 bytes, not 6");
	assert_int_equal(parsed(&text, "")[0], '!');
	assert_int_equal(parsed(&text, "\xff")[0], '!');
	assert_string_equal(parsed(&list, "chat,usage"), "[\"chat\",\"usage\"]");
	assert_string_equal(parsed(&list, "chat,foo"), "!must be chat, batch or usage, not foo");
	assert_int_equal(parsed(&list, "chat,,usage")[0], '!');
	assert_string_equal(parsed(&names, "a,b"), "[\"a\",\"b\"]");
	assert_int_equal(parsed(&names, "a,")[0], '!');
	assert_false(accepts(&names, "[]"));
	assert_false(accepts(&names, "[1]"));
	assert_false(accepts(&names, "\"a\""));
	for (int i = 0; i < LIST_MAX_ITEMS; i++)
		strcat(many, ",a");
	assert_int_equal(parsed(&names, many)[0], '!');
}

/* The error of a request, "" if it is good. */
static const char *checked(const char *method, const char *params)
{
	static struct rpc_error e;
	json_t *object = params ? json_loads(params, 0, NULL) : NULL;

	memset(&e, 0, sizeof e);
	assert_true(!params || object);
	if (verb_params_check(verb_find(method), object, &e) == 0)
		assert_int_equal(e.code, 0);
	else
		assert_int_equal(e.code, RPC_INVALID_PARAMS);
	json_decref(object);
	return e.field;
}

static void requests_are_checked_by_the_table(void **state)
{
	(void)state;
	assert_string_equal(checked("status", NULL), "");
	assert_string_equal(checked("status", "{}"), "");
	assert_string_equal(checked("status", "{\"x\":1}"), "x");
	assert_string_equal(checked("keys.create", NULL), "project");
	assert_string_equal(checked("keys.create", "{\"project\":\"demo\"}"), "");
	assert_string_equal(checked("keys.create", "{\"project\":7}"), "project");
	assert_string_equal(checked("keys.create", "{\"project\":null}"), "project");
	assert_string_equal(checked("keys.create", "{\"project\":\"demo\",\"expires\":null}"), "");
	assert_string_equal(checked("budgets.set", "{\"project\":\"demo\",\"tokens\":1.5}"),
			    "tokens");
	assert_string_equal(checked("budgets.set", "{\"project\":\"demo\",\"warn\":101}"), "warn");
	assert_string_equal(checked("budgets.set", "{\"global\":1}"), "global");
}

static void unknown_parameters_name_the_likely_one(void **state)
{
	json_t *params = json_pack("{ss}", "porject", "demo");
	struct rpc_error e;

	(void)state;
	assert_true(verb_params_check(verb_find("keys.create"), params, &e) < 0);
	assert_string_equal(e.field, "porject");
	assert_string_equal(e.hint, "did you mean 'project'?");
	json_decref(params);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(amounts_take_k_m_and_g),
		cmocka_unit_test(amounts_that_make_no_sense_are_refused_in_words),
		cmocka_unit_test(money_is_exact_and_bounded),
		cmocka_unit_test(times_are_text_or_seconds),
		cmocka_unit_test(texts_and_lists_have_bounds),
		cmocka_unit_test(requests_are_checked_by_the_table),
		cmocka_unit_test(unknown_parameters_name_the_likely_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
