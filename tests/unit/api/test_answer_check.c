#include <stdbool.h>
#include <string.h>

#include "daemon/api/answer_check.h"

#include "tests/unit/test.h"

static const char nested[] =
	"{\"type\":\"object\",\"required\":[\"a\",\"b\"],\"properties\":{\"a\":{\"type\":"
	"\"string\"},"
	"\"b\":{\"type\":\"array\",\"items\":{\"$ref\":\"#/$defs/item\"}}},"
	"\"$defs\":{\"item\":{\"type\":\"object\",\"required\":[\"x\"],\"properties\":{\"next\":{"
	"\"$ref\":\"#/$defs/item\"}}}},\"allOf\":[{\"required\":[\"c\"]}]}";

static const struct {
	const char *text, *schema;
	bool good;
} rows[] = {
	{"{}", NULL, true},
	{" {\"a\":1}\n", NULL, true},
	{"{\"a\":31415926535897932384626433832795}", NULL, true},
	{"", NULL, false},
	{"[]", NULL, false},
	{"\"a\"", NULL, false},
	{"{} trailing", NULL, false},
	{"```json\n{}\n```", NULL, false},
	{"{\"a\":", NULL, false},
	{"{}", "{}", true},
	{"{\"a\":\"\",\"b\":[],\"c\":null}", nested, true},
	{"{\"a\":\"\",\"b\":[]}", nested, false},
	{"{\"a\":\"\",\"c\":1}", nested, false},
	{"{\"a\":\"\",\"b\":[{\"x\":1}],\"c\":1}", nested, true},
	{"{\"a\":\"\",\"b\":[{\"x\":1},{}],\"c\":1}", nested, false},
	{"{\"a\":\"\",\"b\":[{\"x\":1,\"next\":{\"x\":2}}],\"c\":1}", nested, true},
	{"{\"a\":\"\",\"b\":[{\"x\":1,\"next\":{}}],\"c\":1}", nested, false},
	{"{\"a\":1}", "{\"$ref\":\"#\"}", true},
	{"{\"a\":1}", "{\"allOf\":[{\"$ref\":\"#\"},{\"$ref\":\"#\"}]}", true},
	{"{\"a\":1}", "{\"$ref\":\"other.json\",\"required\":7,\"properties\":[]}", true},
};

static void answers_have_what_the_schema_requires(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		json_t *schema = rows[i].schema ? json_loads(rows[i].schema, 0, NULL) : NULL;
		char why[160] = "";
		int r = answer_check(rows[i].text, strlen(rows[i].text), schema, why, sizeof why);

		if ((r == 0) != rows[i].good)
			fail_msg("%s: %d %s", rows[i].text, r, why);
		assert_int_equal(r == 0, why[0] == '\0');
		json_decref(schema);
	}
}

static void no_text_is_no_object(void **state)
{
	char why[160];

	(void)state;
	assert_true(answer_check(NULL, 0, NULL, why, sizeof why) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_have_what_the_schema_requires),
		cmocka_unit_test(no_text_is_no_object),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
