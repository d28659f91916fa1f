#include "daemon/pool/login.h"

#include "tests/unit/pool/scratch.h"

static struct login login;
static struct conf conf;

static int setup(void **state)
{
	int rc = scratch_setup(state);

	unsetenv("CREDENTIALS_DIRECTORY");
	unsetenv("CLAUDE_CONFIG_DIR");
	setenv("HOME", "/home/u", 1);
	login = (struct login){0};
	conf = (struct conf){.state_dir = scratch};
	conf.claude.token_file = conf.claude.config_dir = (char *)"";
	conf.claude.login = CONF_LOGIN_OWN;
	return rc;
}

static int teardown(void **state)
{
	login_done(&login);
	return scratch_teardown(state);
}

static void choose(enum conf_login way)
{
	login_done(&login);
	conf.claude.login = way;
	assert_int_equal(login_choose(&conf, &login), 0);
	assert_string_equal(login.cli.home, login.home);
	assert_ptr_equal(login.cli.token, login.token);
	assert_ptr_equal(login.cli.config_dir, login.config_dir);
}

/* The same for a caller who is not root, also when root runs the test. */
static void choose_auto_as_a_user(void)
{
	bool root = geteuid() == 0;

	if (root) {
		assert_int_equal(chmod(scratch, 0755), 0);
		assert_int_equal(seteuid(65534), 0);
	}
	choose(CONF_LOGIN_AUTO);
	if (root)
		assert_int_equal(seteuid(0), 0);
}

static void an_own_login_lives_in_the_state_directory(void **state)
{
	(void)state;
	choose(CONF_LOGIN_OWN);
	assert_false(login.cli.user);
	assert_string_equal(login.home, in_scratch("home"));
	assert_string_equal(login.config_dir, in_scratch("claude"));
	assert_string_equal(login.sessions_dir, in_scratch("claude"));
	assert_null(login.token);
	assert_string_equal(login.problem, "");
	conf.claude.config_dir = (char *)"/elsewhere";
	choose(CONF_LOGIN_OWN);
	assert_string_equal(login.config_dir, "/elsewhere");
}

static void a_users_login_is_the_callers(void **state)
{
	(void)state;
	scratch_file("claude-token", "tok", 0600);
	choose(CONF_LOGIN_USER);
	assert_true(login.cli.user);
	assert_string_equal(login.home, "/home/u");
	assert_null(login.config_dir);
	assert_null(login.token);
	assert_string_equal(login.sessions_dir, "/home/u/.claude");
	setenv("CLAUDE_CONFIG_DIR", "/conf", 1);
	choose(CONF_LOGIN_USER);
	assert_string_equal(login.config_dir, "/conf");
	assert_string_equal(login.sessions_dir, "/conf");
	unsetenv("HOME");
	choose(CONF_LOGIN_USER);
	assert_true(login.home[0] == '/');
}

static void the_token_is_the_files_first_word(void **state)
{
	(void)state;
	scratch_file("claude-token", "sk-ant-oat01-x\n", 0600);
	choose(CONF_LOGIN_OWN);
	assert_string_equal(login.token, "sk-ant-oat01-x");
	scratch_file("claude-token", "tok \r\nmore\n", 0600);
	choose(CONF_LOGIN_OWN);
	assert_string_equal(login.token, "tok");
	scratch_file("claude-token", "\n", 0600);
	choose(CONF_LOGIN_OWN);
	assert_null(login.token);
}

static void a_token_file_that_others_can_read_is_refused(void **state)
{
	static const mode_t modes[] = {0640, 0604, 0620, 0602, 0611, 0777};

	(void)state;
	for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
		scratch_file("claude-token", "secret-token", modes[i]);
		choose(CONF_LOGIN_OWN);
		assert_null(login.token);
		assert_non_null(strstr(login.problem, "chmod 600"));
		assert_null(strstr(login.problem, "secret-token"));
	}
	scratch_file("claude-token", "secret-token", 0400);
	choose(CONF_LOGIN_OWN);
	assert_string_equal(login.token, "secret-token");
}

static void a_token_file_that_cannot_be_read_is_a_problem(void **state)
{
	(void)state;
	assert_int_equal(mkdir(in_scratch("claude-token"), 0700), 0);
	choose(CONF_LOGIN_OWN);
	assert_null(login.token);
	assert_non_null(strstr(login.problem, "cannot read"));
	choose_auto_as_a_user(); /* what was meant is clear: no other login is taken instead */
	assert_false(login.cli.user);
}

/* A wrong path must not end in somebody else's login being used. */
static void a_configured_token_file_that_is_missing_is_a_problem(void **state)
{
	char path[256];

	(void)state;
	strcpy(path, in_scratch("nowhere"));
	conf.claude.token_file = path;
	scratch_file("claude-token", "tok", 0600);
	choose_auto_as_a_user();
	assert_false(login.cli.user);
	assert_null(login.token);
	assert_non_null(strstr(login.problem, "nowhere"));
}

static void the_configured_token_comes_before_the_credential_and_that_before_the_file(void **state)
{
	char path[256];

	(void)state;
	scratch_file("claude-token", "state", 0600);
	scratch_file("cred/claude-token", "credential", 0440); /* its mode is the manager's */
	strcpy(path, scratch_file("configured", "configured", 0600));
	choose(CONF_LOGIN_OWN);
	assert_string_equal(login.token, "state");
	setenv("CREDENTIALS_DIRECTORY", in_scratch("none"), 1);
	choose(CONF_LOGIN_OWN);
	assert_string_equal(login.token, "state");
	setenv("CREDENTIALS_DIRECTORY", in_scratch("cred"), 1);
	choose(CONF_LOGIN_OWN);
	assert_string_equal(login.token, "credential");
	conf.claude.token_file = path;
	choose(CONF_LOGIN_OWN);
	assert_string_equal(login.token, "configured");
}

static void auto_takes_the_own_login_when_it_has_credentials(void **state)
{
	static const char *const names[] = {"ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN",
					    "CLAUDE_CODE_OAUTH_TOKEN"};
	char *key, *value = (char *)"x";

	(void)state;
	scratch_file("claude-token", "tok", 0600);
	choose(CONF_LOGIN_AUTO);
	assert_false(login.cli.user);
	unlink(in_scratch("claude-token"));
	for (size_t i = 0; i < 3; i++) {
		key = (char *)names[i];
		conf.claude.env = (struct conf_map){&key, &value, 1};
		choose(CONF_LOGIN_AUTO);
		assert_false(login.cli.user);
	}
	conf.claude.env.count = 0;
	scratch_file("claude/.credentials.json", "{}", 0600);
	choose(CONF_LOGIN_AUTO);
	assert_false(login.cli.user);
}

/* root's own login is nobody's to serve. */
static void auto_takes_the_users_login_else_unless_he_is_root(void **state)
{
	(void)state;
	choose_auto_as_a_user();
	assert_true(login.cli.user);
	choose(CONF_LOGIN_AUTO);
	assert_int_equal(login.cli.user, geteuid() != 0);
}

static struct login_status status_of(const char *output)
{
	struct login_status status;

	login_parse_status(output, &status);
	return status;
}

static void a_status_is_parsed(void **state)
{
	struct login_status s = status_of(
		"{\"loggedIn\":true,\"authMethod\":\"claude.ai\",\"email\":\"owner@example.com\","
		"\"subscriptionType\":\"max\",\"loginExpiresAt\":1795457884000}\n");

	(void)state;
	assert_true(s.logged_in);
	assert_true(s.has_email);
	assert_int_equal(s.expires_at_ms, INT64_C(1795457884000));
	assert_string_equal(s.words, "claude.ai, subscription max, owner@example.com");
	s = status_of("{\"loggedIn\":false,\"authMethod\":\"none\",\"loginExpiresAt\":null}");
	assert_false(s.logged_in);
	assert_false(s.has_email);
	assert_int_equal(s.expires_at_ms, 0);
	assert_string_equal(s.words, "none");
}

static void what_is_no_status_is_not_logged_in(void **state)
{
	static const char *const outputs[] = {"",
					      "Not logged in",
					      "[]",
					      "true",
					      "{",
					      "{\"loggedIn\":\"true\"}",
					      "{\"loggedIn\":1}"};

	(void)state;
	for (size_t i = 0; i < sizeof outputs / sizeof *outputs; i++)
		assert_false(status_of(outputs[i]).logged_in);
}

static void expiry_is_told_in_several_ways(void **state)
{
	static const struct {
		const char *output;
		int64_t ms;
	} cases[] = {
		{"{\"loginExpiresAt\":1795457884}", INT64_C(1795457884000)},
		{"{\"loginExpiresAt\":1795457884123}", INT64_C(1795457884123)},
		{"{\"loginExpiresAt\":\"2026-11-23T18:18:04.5Z\"}", INT64_C(1795457884000)},
		{"{\"loginExpiresAt\":\"soon\"}", 0},
		{"{\"loginExpiresAt\":-5}", 0},
		{"{\"loginExpiresAt\":0}", 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		assert_int_equal(status_of(cases[i].output).expires_at_ms, cases[i].ms);
}

static void words_are_fit_for_a_log(void **state)
{
	struct login_status s =
		status_of("{\"loggedIn\":true,\"authMethod\":\"a\\u001b[31m\\nb\",\"email\":\"\"}");

	(void)state;
	assert_string_equal(s.words, "a?[31m?b");
	assert_false(s.has_email);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_own_login_lives_in_the_state_directory),
		TEST(a_users_login_is_the_callers),
		TEST(the_token_is_the_files_first_word),
		TEST(a_token_file_that_others_can_read_is_refused),
		TEST(a_token_file_that_cannot_be_read_is_a_problem),
		TEST(a_configured_token_file_that_is_missing_is_a_problem),
		TEST(the_configured_token_comes_before_the_credential_and_that_before_the_file),
		TEST(auto_takes_the_own_login_when_it_has_credentials),
		TEST(auto_takes_the_users_login_else_unless_he_is_root),
		TEST(a_status_is_parsed),
		TEST(what_is_no_status_is_not_logged_in),
		TEST(expiry_is_told_in_several_ways),
		TEST(words_are_fit_for_a_log),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
