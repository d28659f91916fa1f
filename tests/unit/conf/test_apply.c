#include <string.h>

#include "shared/err.h"

#include "daemon/conf/load.h"

#include "tests/unit/test.h"

static void load(struct conf *conf, const char *const *options, size_t count)
{
	const struct conf_source source = {
		.file = "/dev/null", .overrides = options, .override_count = count};
	struct buf errors;

	buf_init(&errors, 4096);
	assert_int_equal(conf_load(conf, &source, &errors, NULL), 0);
	buf_done(&errors);
}

static void reloadable_values_are_taken_over(void **state)
{
	const char *const options[] = {"pool.workers=7",
				       "log.level=debug",
				       "http.cors_origins=http://a",
				       "claude.system_prompt=New.",
				       "plan.reserve=0.5",
				       "routing.default_model=opus",
				       "drain_timeout=1s"};
	struct conf running, fresh;
	struct buf errors;

	(void)state;
	buf_init(&errors, 4096);
	load(&running, NULL, 0);
	load(&fresh, options, 7);
	assert_int_equal(conf_apply(&running, &fresh, &errors), 0);
	assert_int_equal(errors.len, 0);
	assert_int_equal(running.pool.workers, 7);
	assert_int_equal(running.drain_timeout, 1000);
	assert_string_equal(running.http.cors_origins.items[0], "http://a");
	assert_string_equal(running.claude.system_prompt, "New.");
	assert_string_equal(running.routing.default_model, "opus");
	assert_true(running.plan.reserve == 0.5);
	assert_null(fresh.state_dir);
	conf_done(&running);
	buf_done(&errors);
}

static void one_fixed_key_refuses_the_whole_reload(void **state)
{
	const char *const options[] = {"pool.workers=7", "listen=127.0.0.1:9",
				       "claude.env.SECRET=hunter2"};
	struct conf running, fresh;
	struct buf errors;

	(void)state;
	buf_init(&errors, 4096);
	load(&running, NULL, 0);
	load(&fresh, options, 3);
	assert_int_equal(conf_apply(&running, &fresh, &errors), ERR_STATE);
	assert_non_null(
		strstr(errors.data,
		       "listen: a change needs a restart: [ \"127.0.0.1:8080\" ] is in force"));
	assert_non_null(strstr(errors.data, "claude.env: a change needs a restart"));
	assert_null(strstr(errors.data, "hunter2"));
	assert_int_equal(running.pool.workers, 5);
	assert_null(fresh.state_dir);
	conf_done(&running);
	buf_done(&errors);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reloadable_values_are_taken_over),
		cmocka_unit_test(one_fixed_key_refuses_the_whole_reload),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
