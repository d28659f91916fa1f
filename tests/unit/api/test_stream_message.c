#include <stdlib.h>
#include <string.h>

#include "daemon/api/stream_private.h"

#include "tests/unit/test.h"

/* Reads a copy that ends where the message ends. */
static int read_text(struct stream_message *m, const char *text, struct failure *f)
{
	size_t len = strlen(text);
	char *copy = malloc(len + 1);
	int rc;

	memcpy(copy, text, len + 1);
	rc = stream_message_read(m, copy, len, f);
	free(copy);
	return rc;
}

static void the_kinds_are_told_apart(void **state)
{
	static const struct {
		const char *text;
		enum message_type type;
		const char *id;
		bool strict;
		const char *api_key;
	} rows[] = {
		{"{\"type\":\"ping\"}", MESSAGE_PING, "", false, NULL},
		{" {\"id\":\"a\",\"type\":\"chat\",\"messages\":[{\"type\":1,\"id\":2}]} ",
		 MESSAGE_CHAT, "a", false, NULL},
		{"{\"type\":\"chat\",\"strict\":true,\"api_key\":7}", MESSAGE_CHAT, "", true, NULL},
		{"{\"type\":\"chat\",\"strict\":false}", MESSAGE_CHAT, "", false, NULL},
		{"{\"type\":\"cancel\",\"id\":\"A-z_0.9:\"}", MESSAGE_CANCEL, "A-z_0.9:", false,
		 NULL},
		{"{\"type\":\"auth\",\"api_key\":\"ccapi_\\u0061\"}", MESSAGE_AUTH, "", false,
		 "ccapi_a"},
		{"{\"type\":\"\\u0070ing\",\"id\":\"\\u0061\"}", MESSAGE_PING, "a", false, NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct stream_message m;
		struct failure f;

		if (read_text(&m, rows[i].text, &f))
			fail_msg("%s: %s", rows[i].text, f.message);
		assert_int_equal(m.type, rows[i].type);
		assert_string_equal(m.id, rows[i].id);
		assert_int_equal(m.strict, rows[i].strict);
		if (rows[i].api_key)
			assert_string_equal(m.api_key, rows[i].api_key);
		else
			assert_null(m.api_key);
		stream_message_done(&m);
	}
}

static void what_is_wrong_is_named(void **state)
{
	static const struct {
		const char *text, *param, *id;
	} rows[] = {
		{"", "", ""},
		{"x", "", ""},
		{"[]", "", ""},
		{"\"ping\"", "", ""},
		{"{\"type\":\"ping\"", "", ""},
		{"{\"type\":\"ping\"} x", "", ""},
		{"{\"type\":\"ping\",}", "", ""},
		{"{}", "type", ""},
		{"{\"id\":\"a\"}", "type", "a"},
		{"{\"type\":\"pong\",\"id\":\"a\"}", "type", "a"},
		{"{\"type\":\"Ping\"}", "type", ""},
		{"{\"type\":1}", "type", ""},
		{"{\"type\":null}", "type", ""},
		{"{\"type\":[\"ping\"]}", "type", ""},
		{"{\"type\":\"ping\",\"type\":\"chat\"}", "type", ""},
		{"{\"type\":\"ping\",\"id\":\"\"}", "id", ""},
		{"{\"type\":\"ping\",\"id\":\"a b\"}", "id", ""},
		{"{\"type\":\"ping\",\"id\":\"\\u00e4\"}", "id", ""},
		{"{\"type\":\"ping\",\"id\":\"\\u0000\"}", "id", ""},
		{"{\"type\":\"ping\",\"id\":7}", "id", ""},
		{"{\"type\":\"ping\",\"id\":null}", "id", ""},
		{"{\"type\":\"ping\",\"id\":{}}", "id", ""},
		{"{\"type\":\"ping\",\"id\":\"a\",\"id\":\"b\"}", "id", ""},
		{"{\"type\":\"chat\",\"id\":\"a\",\"strict\":1}", "strict", "a"},
		{"{\"type\":\"chat\",\"strict\":\"true\"}", "strict", ""},
		{"{\"type\":\"auth\",\"id\":\"a\"}", "api_key", "a"},
		{"{\"type\":\"auth\",\"api_key\":7}", "api_key", ""},
		{"{\"type\":\"auth\",\"api_key\":\"\"}", "api_key", ""},
		{"{\"type\":\"auth\",\"api_key\":\"a\",\"api_key\":\"b\"}", "api_key", ""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct stream_message m;
		struct failure f;

		if (!read_text(&m, rows[i].text, &f))
			fail_msg("taken: %s", rows[i].text);
		assert_int_equal(f.fault, FAULT_INVALID_REQUEST);
		assert_true(strlen(f.message) > 0);
		if (strcmp(f.param, rows[i].param) != 0)
			fail_msg("%s: names '%s'", rows[i].text, f.param);
		assert_string_equal(m.id, rows[i].id);
		stream_message_done(&m);
	}
}

static void an_id_has_at_most_128_characters(void **state)
{
	struct stream_message m;
	struct failure f;
	char text[256], id[130];

	(void)state;
	memset(id, 'i', sizeof id - 1);
	id[129] = '\0';
	snprintf(text, sizeof text, "{\"type\":\"ping\",\"id\":\"%s\"}", id);
	assert_int_not_equal(read_text(&m, text, &f), 0);
	assert_string_equal(f.param, "id");
	id[128] = '\0';
	snprintf(text, sizeof text, "{\"type\":\"ping\",\"id\":\"%s\"}", id);
	assert_int_equal(read_text(&m, text, &f), 0);
	assert_string_equal(m.id, id);
	stream_message_done(&m);
}

/* A value is not made larger than it may be, however large the message is. */
static void a_huge_type_or_key_is_refused(void **state)
{
	static const char *const heads[] = {"{\"type\":\"", "{\"type\":\"auth\",\"api_key\":\""};
	enum { HUGE_SIZE = 100000 };
	struct stream_message m;
	struct failure f;
	char *text;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		text = malloc(HUGE_SIZE);
		memset(text, 'x', HUGE_SIZE);
		memcpy(text, heads[i], strlen(heads[i]));
		memcpy(text + HUGE_SIZE - 3, "\"}", 3);
		assert_int_not_equal(read_text(&m, text, &f), 0);
		assert_string_equal(f.param, i ? "api_key" : "type");
		stream_message_done(&m);
		free(text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_kinds_are_told_apart),
		cmocka_unit_test(what_is_wrong_is_named),
		cmocka_unit_test(an_id_has_at_most_128_characters),
		cmocka_unit_test(a_huge_type_or_key_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
