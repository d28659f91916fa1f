#include <fcntl.h>

#include "shared/log.h"

#include "daemon/pool/gate_cache.h"

#include "tests/unit/pool/scratch.h"

static struct gate_result stored;

static int setup(void **state)
{
	log_set_level(LOG_LEVEL_ERROR);
	stored = (struct gate_result){
		.binary = {.path = (char *)"/opt/claude",
			   .device = 2049,
			   .inode = 77,
			   .mtime_ns = INT64_C(1795457884123456789),
			   .size = 230000000},
		.version_text = "2.1.330 (Claude Code)",
		.report = {.ran = true,
			   .passed = {[SELFTEST_MENTION] = true, [SELFTEST_BODY] = true}}};
	return scratch_setup(state);
}

static const char *cache(void)
{
	return in_scratch("selftest.json");
}

static bool load(struct gate_result *r)
{
	*r = (struct gate_result){.binary = stored.binary};
	return gate_cache_load(cache(), r);
}

static void what_was_stored_is_loaded(void **state)
{
	struct gate_result r;

	(void)state;
	gate_cache_store(cache(), &stored);
	assert_true(load(&r));
	assert_true(r.report.ran);
	for (int i = 0; i < SELFTEST_ITEMS; i++)
		assert_int_equal(r.report.passed[i], stored.report.passed[i]);
	assert_string_equal(r.version_text, "2.1.330 (Claude Code)");
	assert_int_equal(r.version, cli_version_number("2.1.330"));
	assert_false(scratch_has("selftest.json.new"));
}

static void another_file_is_not_known(void **state)
{
	const struct cli_binary same = stored.binary;
	struct gate_result r;

	(void)state;
	gate_cache_store(cache(), &stored);
	stored.binary.path = (char *)"/opt/claude2";
	assert_false(load(&r));
	stored.binary = same;
	stored.binary.device++;
	assert_false(load(&r));
	stored.binary = same;
	stored.binary.inode++;
	assert_false(load(&r));
	stored.binary = same;
	stored.binary.mtime_ns++;
	assert_false(load(&r));
	stored.binary = same;
	stored.binary.size++;
	assert_false(load(&r));
	stored.binary = same;
	assert_true(load(&r));
}

/* Rewrites the cache's first occurrence of `from`. */
static void edit(const char *from, const char *to)
{
	char text[4096] = {0}, changed[4200];
	char *at;
	FILE *f = fopen(cache(), "re");

	assert_non_null(f);
	assert_true(fread(text, 1, sizeof text - 1, f) > 0);
	fclose(f);
	at = strstr(text, from);
	assert_non_null(at);
	snprintf(changed, sizeof changed, "%.*s%s%s", (int)(at - text), text, to,
		 at + strlen(from));
	scratch_file("selftest.json", changed, 0600);
}

static void a_cache_of_another_ccapid_is_not_believed(void **state)
{
	struct gate_result r;

	(void)state;
	gate_cache_store(cache(), &stored);
	edit("\"tested_by\": \"", "\"tested_by\": \"x");
	assert_false(load(&r));
}

static void only_the_literal_true_is_a_pass(void **state)
{
	struct gate_result r;

	(void)state;
	gate_cache_store(cache(), &stored);
	edit("\"mention\": true", "\"mention\": \"true\"");
	assert_true(load(&r));
	assert_false(r.report.passed[SELFTEST_MENTION]);
	edit("\"body\": true", "\"other\": true");
	assert_true(load(&r));
	assert_false(r.report.passed[SELFTEST_BODY]);
}

static void a_corrupt_cache_is_none(void **state)
{
	static const char *const texts[] = {"",        "{", "[]", "null", "{}", "{\"passed\":{}}",
					    "\x00\xff"};
	struct gate_result r;

	(void)state;
	assert_false(load(&r));
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		scratch_file("selftest.json", texts[i], 0600);
		assert_false(load(&r));
	}
	gate_cache_store(cache(), &stored);
	edit("\"passed\": {", "\"passed\": [{}], \"x\": {");
	assert_false(load(&r));
	gate_cache_store(cache(), &stored);
	assert_int_equal(truncate(cache(), 100), 0);
	assert_false(load(&r));
	gate_cache_store(cache(), &stored);
	assert_true(load(&r));
}

/* Without a version that serves the rest is worth nothing. */
static void a_cache_without_a_version_is_none(void **state)
{
	struct gate_result r;

	(void)state;
	gate_cache_store(cache(), &stored);
	edit("2.1.330 (Claude Code)", "unknown");
	assert_false(load(&r));
	gate_cache_store(cache(), &stored);
	edit("2.1.330 (Claude Code)", "2.1.200");
	assert_false(load(&r));
}

static void a_cache_that_cannot_be_written_is_only_logged(void **state)
{
	struct gate_result r;

	(void)state;
	log_set_level(LOG_LEVEL_ERROR);
	gate_cache_store(in_scratch("none/selftest.json"), &stored);
	assert_false(load(&r));
	assert_int_equal(mkdir(cache(), 0700), 0);
	gate_cache_store(cache(), &stored);
	assert_false(scratch_has("selftest.json.new"));
	assert_false(load(&r));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_was_stored_is_loaded),
		TEST(another_file_is_not_known),
		TEST(a_cache_of_another_ccapid_is_not_believed),
		TEST(only_the_literal_true_is_a_pass),
		TEST(a_corrupt_cache_is_none),
		TEST(a_cache_without_a_version_is_none),
		TEST(a_cache_that_cannot_be_written_is_only_logged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
