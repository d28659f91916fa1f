#include <stdlib.h>
#include <string.h>

#include "daemon/pool/cli_binary.h"
#include "daemon/pool/cli_env.h"

#include "tests/unit/test.h"

static struct string_list list;
static struct conf conf;

static int setup(void **state)
{
	(void)state;
	conf = (struct conf){.pool = {.idle_timeout = 120000, .first_byte_timeout = 60000}};
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	string_list_done(&list);
	return 0;
}

static void expect_argv(const char *version, const char *const *tail, size_t tail_count)
{
	static const char *const always[] = {"/bin/claude",
					     "-p",
					     "--input-format",
					     "stream-json",
					     "--output-format",
					     "stream-json",
					     "--verbose",
					     "--include-partial-messages",
					     "--no-session-persistence",
					     "--model",
					     "haiku",
					     "--tools",
					     "",
					     "--strict-mcp-config",
					     "--setting-sources",
					     "",
					     "--restricted",
					     "--disable-slash-commands",
					     "--max-turns",
					     "1"};
	const size_t count = sizeof always / sizeof *always;

	string_list_done(&list);
	cli_argv(&list, "/bin/claude", cli_version_number(version));
	assert_false(list.failed);
	assert_int_equal(list.count, count + tail_count);
	for (size_t i = 0; i < list.count; i++)
		assert_string_equal(list.items[i], i < count ? always[i] : tail[i - count]);
	assert_null(list.items[list.count]);
}

static void the_arguments_are_exactly_these(void **state)
{
	static const char *const prompts[] = {"--permission-prompts", "none"};

	(void)state;
	expect_argv("2.1.258", NULL, 0);
	expect_argv("2.1.259", prompts, 2);
	expect_argv("2.1.330", prompts, 2);
}

/* The value of a variable; NULL: not set.  Each is set once. */
static const char *value_of(const char *name)
{
	size_t len = strlen(name);
	const char *value = NULL;

	for (size_t i = 0; i < list.count; i++) {
		if (strncmp(list.items[i], name, len) != 0 || list.items[i][len] != '=')
			continue;
		assert_null(value);
		value = list.items[i] + len + 1;
	}
	return value;
}

static void make(const struct cli_login *login, const struct conf_map *extra)
{
	string_list_done(&list);
	cli_env(&list, login, &conf, extra);
	assert_false(list.failed);
	assert_null(list.items[list.count]);
}

/* A key of the daemon's own environment would be billed instead of the subscription. */
static void nothing_of_the_daemons_environment_passes(void **state)
{
	static const char *const names[] = {"ANTHROPIC_API_KEY",
					    "ANTHROPIC_AUTH_TOKEN",
					    "CLAUDE_CODE_OAUTH_TOKEN",
					    "ANTHROPIC_BASE_URL",
					    "CLAUDE_CONFIG_DIR",
					    "HTTPS_PROXY",
					    "NODE_OPTIONS",
					    "LD_PRELOAD",
					    "CLAUDE_CODE_SIMPLE",
					    "SHELL",
					    "USER"};
	const struct cli_login login = {.home = "/h"};

	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (strcmp(names[i], "LD_PRELOAD") != 0)
			setenv(names[i], "leak", 1);
	setenv("PATH", "/leak", 1);
	setenv("HOME", "/leak", 1);
	make(&login, NULL);
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		assert_null(value_of(names[i]));
	for (size_t i = 0; i < list.count; i++)
		assert_null(strstr(list.items[i], "leak"));
	assert_string_equal(value_of("PATH"), "/usr/bin:/bin");
	assert_string_equal(value_of("HOME"), "/h");
}

static void the_variables_are_exactly_these(void **state)
{
	static const char *const ones[] = {"CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC",
					   "DISABLE_AUTOUPDATER",
					   "DISABLE_TELEMETRY",
					   "CLAUDE_CODE_DISABLE_NONSTREAMING_FALLBACK",
					   "CLAUDE_CODE_DISABLE_REFUSAL_RETRY",
					   "CLAUDE_CODE_DISABLE_REFUSAL_FALLBACK",
					   "CLAUDE_CODE_DISABLE_FILE_MENTIONS",
					   "DISABLE_AUTO_COMPACT",
					   "CLAUDE_CODE_STARTUP_FAILURE_RESULTS"};
	const struct cli_login login = {.home = "/h", .config_dir = "/c", .token = "t=1"};

	(void)state;
	make(&login, NULL);
	for (size_t i = 0; i < sizeof ones / sizeof *ones; i++)
		assert_string_equal(value_of(ones[i]), "1");
	assert_string_equal(value_of("CLAUDE_CODE_MAX_RETRIES"), "0");
	assert_string_equal(value_of("CLAUDE_CONFIG_DIR"), "/c");
	assert_string_equal(value_of("CLAUDE_CODE_OAUTH_TOKEN"), "t=1");
	assert_string_equal(value_of("API_TIMEOUT_MS"), "65000");
	assert_string_equal(value_of("CLAUDE_BYTE_STREAM_IDLE_TIMEOUT_MS"), "125000");
	assert_int_equal(list.count, sizeof ones / sizeof *ones + 7);
}

static void a_users_login_has_only_his_home(void **state)
{
	const struct cli_login login = {.user = true, .home = "/home/u"};

	(void)state;
	make(&login, NULL);
	assert_string_equal(value_of("HOME"), "/home/u");
	assert_null(value_of("CLAUDE_CONFIG_DIR"));
	assert_null(value_of("CLAUDE_CODE_OAUTH_TOKEN"));
}

static void the_clis_timers_are_behind_ours(void **state)
{
	const struct cli_login login = {.home = "/h"};

	(void)state;
	conf.pool.idle_timeout = 1000;
	conf.pool.first_byte_timeout = 1000;
	make(&login, NULL);
	assert_string_equal(value_of("CLAUDE_BYTE_STREAM_IDLE_TIMEOUT_MS"), "15000");
	assert_string_equal(value_of("API_TIMEOUT_MS"), "6000");
}

static void configured_variables_come_last(void **state)
{
	char *keys[] = {(char *)"ANTHROPIC_API_KEY", (char *)"HTTPS_PROXY"},
	     *values[] = {(char *)"sk", (char *)"http://p"};
	const struct conf_map extra = {keys, values, 2};
	const struct cli_login login = {.home = "/h"};

	(void)state;
	make(&login, &extra);
	assert_string_equal(list.items[list.count - 2], "ANTHROPIC_API_KEY=sk");
	assert_string_equal(list.items[list.count - 1], "HTTPS_PROXY=http://p");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_arguments_are_exactly_these),
		TEST(nothing_of_the_daemons_environment_passes),
		TEST(the_variables_are_exactly_these),
		TEST(a_users_login_has_only_his_home),
		TEST(the_clis_timers_are_behind_ours),
		TEST(configured_variables_come_last),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
