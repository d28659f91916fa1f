#include <string.h>

#include "daemon/conf/conf.h"
#include "daemon/conf/schema.h"

#include "tests/unit/test.h"

static void every_row_is_well_formed(void **state)
{
	(void)state;
	for (size_t i = 0; i < conf_schema.count; i++) {
		const struct conf_key *key = &conf_schema.keys[i];

		assert_int_equal(strspn(key->name, "abcdefghijklmnopqrstuvwxyz_."),
				 strlen(key->name));
		assert_true(strlen(key->name) < 64);
		assert_true(key->offset < sizeof(struct conf));
		assert_true(key->doc && strlen(key->doc) > 10);
		assert_int_equal(key->doc[strlen(key->doc) - 1], '.');
		if (key->type == CONF_ENUM)
			assert_true(key->words && key->words[0] && key->words[1]);
		else if (key->type != CONF_BOOL)
			assert_true((key->min >= 0 || key->type == CONF_RATIO) &&
				    key->min < key->max);
		assert_ptr_equal(conf_table_find(&conf_schema, key->name), key);
		assert_false(conf_table_is_group(&conf_schema, key->name));
	}
}

static void no_two_rows_share_a_place_and_all_places_are_covered(void **state)
{
	unsigned char used[sizeof(struct conf)] = {0};

	(void)state;
	for (size_t i = 0; i < conf_schema.count; i++) {
		assert_int_equal(used[conf_schema.keys[i].offset], 0);
		used[conf_schema.keys[i].offset] = 1;
	}
	/* general, auth, control, http, docs, websocket, claude, pool, routing, cache, sessions,
	 * redis, limits, budget, webhook, plan, log: as many as struct conf has members */
	assert_int_equal(conf_schema.count,
			 3 + 2 + 4 + 10 + 2 + 6 + 7 + 16 + 4 + 3 + 3 + 3 + 3 + 7 + 3 + 1 + 3);
}

static void defaults_lie_within_their_bounds(void **state)
{
	struct conf conf;

	(void)state;
	assert_int_equal(conf_table_defaults(&conf_schema, &conf), 0);
	for (size_t i = 0; i < conf_schema.count; i++) {
		const struct conf_key *key = &conf_schema.keys[i];

		if (key->type != CONF_LIST && key->type != CONF_MAP && key->type != CONF_PATH &&
		    !(key->type == CONF_STRING && key->min == 0))
			assert_non_null(key->standard);
		if (key->type == CONF_LIST)
			assert_true((key->standard != NULL) == (key->min > 0));
	}
	conf_table_done(&conf_schema, &conf);
}

static void defaults_are_the_documented_ones(void **state)
{
	struct conf c;

	(void)state;
	assert_int_equal(conf_table_defaults(&conf_schema, &c), 0);
	assert_string_equal(c.listen.items[0], "127.0.0.1:8080");
	assert_int_equal(c.drain_timeout, 30000);
	assert_true(c.auth.required);
	assert_int_equal(c.http.max_body, 32 << 20);
	assert_int_equal(c.http.max_head, 12 << 10);
	assert_int_equal(c.http.max_connections, 4096);
	assert_int_equal(c.http.head_timeout, 5000);
	assert_int_equal(c.http.body_timeout, 60000);
	assert_int_equal(c.http.idle_timeout, 75000);
	assert_int_equal(c.http.stall_timeout, 20000);
	assert_int_equal(c.claude.login, CONF_LOGIN_AUTO);
	assert_int_equal(c.claude.history, CONF_HISTORY_AUTO);
	assert_int_equal(c.pool.workers, 5);
	assert_int_equal(c.pool.spares, 1);
	assert_int_equal(c.pool.reuse, CONF_REUSE_PROJECT);
	assert_int_equal(c.pool.max_requests, 500);
	assert_int_equal(c.pool.max_age, 3600000);
	assert_int_equal(c.pool.max_rss, 400 << 20);
	assert_int_equal(c.pool.queue, 256);
	assert_int_equal(c.pool.queue_timeout, 60000);
	assert_int_equal(c.pool.request_timeout, 600000);
	assert_int_equal(c.pool.first_byte_timeout, 120000);
	assert_int_equal(c.pool.idle_timeout, 120000);
	assert_int_equal(c.pool.start_timeout, 10000);
	assert_int_equal(c.pool.interrupt_timeout, 1500);
	assert_int_equal(c.pool.stop_timeout, 2000);
	assert_int_equal(c.pool.max_line, 64 << 20);
	assert_int_equal(c.pool.max_answer, 64 << 20);
	assert_string_equal(c.routing.default_model, "");
	assert_true(c.plan.reserve == 0.9);
	conf_table_done(&conf_schema, &c);
}

/* One group after the other, as the example file has them. */
static void rendered_defaults_read_back_as_a_file(void **state)
{
	struct conf defaults, again;
	struct conf_reader reader;
	struct buf text, errors;
	char group[64] = "";

	(void)state;
	buf_init(&text, 64 * 1024);
	buf_init(&errors, 8192);
	assert_int_equal(conf_table_defaults(&conf_schema, &defaults), 0);
	for (size_t i = 0; i < conf_schema.count; i++) {
		const char *name = conf_schema.keys[i].name, *dot = strchr(name, '.');
		size_t len = dot ? (size_t)(dot - name) : 0;

		if (strlen(group) != len || strncmp(group, name, len) != 0) {
			buf_add_str(&text, *group ? "};\n" : "");
			memcpy(group, name, len);
			group[len] = '\0';
			buf_printf(&text, "%s: {\n", group);
		}
		buf_printf(&text, "%s = ", dot ? dot + 1 : name);
		conf_value_render(&conf_schema.keys[i], &defaults, &text);
		buf_add_str(&text, ";\n");
	}
	buf_add_str(&text, "};\n");
	assert_int_equal(conf_reader_init(&reader, &conf_schema, &again, &errors), 0);
	conf_reader_text(&reader, text.data, "/nowhere/t.conf");
	if (reader.result)
		fail_msg("%s", errors.data);
	for (size_t i = 0; i < conf_schema.count; i++)
		assert_true(conf_value_equal(&conf_schema.keys[i], &defaults, &again));
	conf_reader_done(&reader);
	conf_table_done(&conf_schema, &defaults);
	conf_table_done(&conf_schema, &again);
	buf_done(&text);
	buf_done(&errors);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_row_is_well_formed),
		cmocka_unit_test(no_two_rows_share_a_place_and_all_places_are_covered),
		cmocka_unit_test(defaults_lie_within_their_bounds),
		cmocka_unit_test(defaults_are_the_documented_ones),
		cmocka_unit_test(rendered_defaults_read_back_as_a_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
