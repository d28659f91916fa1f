#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/err.h"

#include "daemon/conf/load.h"

#include "tests/unit/test.h"

static struct buf errors;

static int begin(void **state)
{
	(void)state;
	buf_init(&errors, 8192);
	setenv("HOME", "/nonexistent", 1);
	unsetenv("XDG_CONFIG_HOME");
	return 0;
}

static int end(void **state)
{
	(void)state;
	buf_done(&errors);
	return 0;
}

/* Loads with /dev/null as the file and one -o, NULL: none; addresses are those of a server without
 * keys. */
static int load_option(struct conf *conf, const char *option)
{
	const char *const options[] = {"auth.required=false", option};
	const struct conf_source source = {
		.file = "/dev/null", .overrides = options, .override_count = 1 + (option != NULL)};

	buf_clear(&errors);
	return conf_load(conf, &source, &errors, NULL);
}

static void assert_accepted(const char *option)
{
	struct conf conf;

	if (load_option(&conf, option) != 0)
		fail_msg("%s was refused: %s", option, errors.data);
	assert_int_equal(errors.len, 0);
	conf_done(&conf);
}

/* Refused with words that contain `words`; the struct is empty after. */
static void assert_refused(const char *option, const char *words)
{
	struct conf conf, empty;

	memset(&empty, 0, sizeof empty);
	if (load_option(&conf, option) >= 0)
		fail_msg("%s was accepted", option);
	if (!strstr(errors.data, words))
		fail_msg("%s was refused with: %s", option, errors.data);
	assert_memory_equal(&conf, &empty, sizeof conf);
	conf_done(&conf);
}

static void without_settings_the_defaults_serve(void **state)
{
	struct conf conf;

	(void)state;
	assert_int_equal(load_option(&conf, NULL), 0);
	assert_string_equal(conf.listen.items[0], "127.0.0.1:8080");
	assert_int_equal(conf.state_dir[0], '/');
	assert_non_null(strstr(conf.state_dir, "/ccapi"));
	conf_done(&conf);
}

static void options_win_over_the_file_and_the_file_is_named(void **state)
{
	char name[] = "/tmp/ccapi-test-XXXXXX", *file = NULL;
	const char *const options[] = {"pool.workers=9", "listen=localhost:0", "listen=[::1]:0"};
	struct conf_source source = {.file = name, .overrides = options, .override_count = 3};
	int fd = mkstemp(name);
	struct conf conf;

	(void)state;
	assert_true(
		dprintf(fd,
			"listen = [ \"127.0.0.1:1\" ];\npool: { workers = 3; spares = 2; };\n") >
		0);
	close(fd);
	assert_int_equal(conf_load(&conf, &source, &errors, &file), 0);
	assert_string_equal(file, name);
	assert_int_equal(conf.pool.workers, 9);
	assert_int_equal(conf.pool.spares, 2);
	assert_int_equal(conf.listen.count, 2);
	assert_string_equal(conf.listen.items[1], "[::1]:0");
	conf_done(&conf);
	free(file);
	unlink(name);
}

static void every_error_of_all_sources_is_listed(void **state)
{
	char name[] = "/tmp/ccapi-test-XXXXXX", *file = name, expected[1024];
	const char *const options[] = {"pool.worker=9", "auth.required=no", "listen=0.0.0.0:1"};
	struct conf_source source = {.file = name, .overrides = options, .override_count = 3};
	int fd = mkstemp(name);
	struct conf conf;

	(void)state;
	assert_true(
		dprintf(fd,
			"pool: {\n workers = 0;\n};\nclaude: {\n system_prompt = \" \\n\";\n};\n") >
		0);
	close(fd);
	assert_int_equal(conf_load(&conf, &source, &errors, &file), ERR_LIMIT);
	snprintf(
		expected, sizeof expected,
		"%s:2: pool.workers: must be 1..256, not 0\n"
		"-o pool.worker: unknown key; did you mean pool.workers?\n"
		"-o listen: 0.0.0.0:1 is not a loopback address: without API keys (auth.required = "
		"false) only 127.0.0.0/8, ::1 and localhost may be served\n"
		"%s:5: claude.system_prompt: must not be blank\n",
		name, name);
	assert_string_equal(errors.data, expected);
	assert_ptr_equal(file, name); /* untouched on failure */
	unlink(name);
}

static void a_given_file_must_exist(void **state)
{
	struct conf_source source = {.file = "/nonexistent/ccapid.conf"};
	struct conf conf;

	(void)state;
	assert_int_equal(conf_load(&conf, &source, &errors, NULL), -ENOENT);
	assert_non_null(strstr(errors.data, "/nonexistent/ccapid.conf: cannot read the settings"));
}

static void listen_takes_host_and_port(void **state)
{
	(void)state;
	assert_accepted("listen=127.0.0.1:8080");
	assert_accepted("listen=127.8.9.10:0");
	assert_accepted("listen=localhost:65535");
	assert_accepted("listen=LOCALHOST:1");
	assert_accepted("listen=[::1]:8080");
	assert_refused("listen=", "listen: ");
	assert_refused("listen=8080", "listen: 8080 must be HOST:PORT");
	assert_refused("listen=127.0.0.1", "must be HOST:PORT");
	assert_refused("listen=:8080", "must be HOST:PORT");
	assert_refused("listen=127.0.0.1:65536", "must be HOST:PORT");
	assert_refused("listen=127.0.0.1:-1", "must be HOST:PORT");
	assert_refused("listen=127.0.0.1:", "must be HOST:PORT");
	assert_refused("listen=::1:8080", "must be HOST:PORT");
	assert_refused("listen=[::1:8080", "must be HOST:PORT");
	assert_refused("listen=[nonsense]:8080", "must be HOST:PORT");
	assert_refused("listen=http://localhost:80", "must be HOST:PORT");
}

static void other_than_loopback_is_refused_without_keys(void **state)
{
	(void)state;
	assert_refused("listen=0.0.0.0:8080", "-o listen: 0.0.0.0:8080 is not a loopback address");
	assert_refused("listen=[::]:8080", "is not a loopback address");
	assert_refused("listen=192.168.1.5:8080", "is not a loopback address");
	assert_refused("listen=128.0.0.1:8080", "is not a loopback address");
	assert_refused("listen=nas.lan:8080", "is not a loopback address");
	assert_refused("listen=localhost.example.com:8080", "is not a loopback address");
	assert_refused("listen=127.1:8080", "is not a loopback address");
	assert_refused("listen=[::ffff:10.0.0.1]:8080", "is not a loopback address");
}

static void other_addresses_may_be_served_with_keys(void **state)
{
	const char *const options[] = {"listen=0.0.0.0:8080", "listen=nas.lan:8080"};
	struct conf_source source = {
		.file = "/dev/null", .overrides = options, .override_count = 2};
	struct conf conf;

	(void)state;
	assert_int_equal(conf_load(&conf, &source, &errors, NULL), 0);
	assert_true(conf.auth.required);
	conf_done(&conf);
}

static void environment_that_would_undo_safety_is_refused(void **state)
{
	const char *const names[] = {"CLAUDE_CONFIG_DIR",
				     "HOME",
				     "PATH",
				     "CLAUDE_CODE_TMPDIR",
				     "TMPDIR",
				     "CLAUDE_CODE_EXTRA_BODY",
				     "CLAUDE_CODE_MAX_OUTPUT_TOKENS",
				     "CLAUDE_CODE_EFFORT_LEVEL",
				     "CLAUDE_CODE_MAX_RETRIES",
				     "CLAUDE_CODE_SIMPLE",
				     "CLAUDE_CODE_DISABLE_FILE_MENTIONS",
				     "LD_PRELOAD",
				     "LD_LIBRARY_PATH",
				     "LD_AUDIT",
				     "NODE_OPTIONS",
				     "BUN_OPTIONS"};
	char option[128], words[128];

	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		snprintf(option, sizeof option, "claude.env.%s=x", names[i]);
		snprintf(words, sizeof words, "-o claude.env: %s is refused: ", names[i]);
		assert_refused(option, words);
	}
	assert_refused("claude.env.1X=x", "is no name");
	assert_refused("claude.env.A-B=x", "is no name");
	assert_accepted("claude.env.HTTPS_PROXY=http://p:1");
	assert_accepted("claude.env.ANTHROPIC_BASE_URL=http://127.0.0.1:9");
	assert_accepted("claude.env.NODE_EXTRA_CA_CERTS=/etc/ca.pem");
	assert_accepted("claude.env.LDAP=x");
}

static void origins_have_scheme_and_host_only(void **state)
{
	(void)state;
	assert_accepted("http.cors_origins=https://example.com");
	assert_accepted("http.cors_origins=http://localhost:3000");
	assert_accepted("http.cors_origins=http://[::1]:3000");
	assert_accepted("http.cors_origins=chrome-extension://abcdef");
	assert_refused("http.cors_origins=https://example.com/",
		       "http.cors_origins: https://example.com/ must be");
	assert_refused("http.cors_origins=https://example.com:99999", "must be scheme");
	assert_refused("http.cors_origins=https://", "must be scheme");
	assert_refused("http.cors_origins=example.com", "must be scheme");
	assert_refused("http.cors_origins=*", "must be scheme");
	assert_refused("http.cors_origins=null", "must be scheme");
	assert_refused("http.cors_origins=https://a@b", "must be scheme");
}

static void allowed_hosts_are_bare_names(void **state)
{
	(void)state;
	assert_accepted("http.allowed_hosts=api.example.com");
	assert_accepted("http.allowed_hosts=10.0.0.1");
	assert_accepted("http.allowed_hosts=[::1]");
	assert_refused("http.allowed_hosts=example.com:80", "http.allowed_hosts: ");
	assert_refused("http.allowed_hosts=http://x", "http.allowed_hosts: ");
}

static void models_and_counts_keep_their_bounds(void **state)
{
	(void)state;
	assert_accepted("routing.default_model=claude-sonnet-4-5[1m]");
	assert_accepted("routing.default_model=claude_x.1");
	assert_refused("routing.default_model=a b", "routing.default_model: a b may hold only");
	assert_accepted("routing.default_model=");
	assert_refused("workers=5", "unknown key; did you mean pool.workers?");
	assert_refused("pool=5", "pool: is a group");
	assert_accepted("pool.workers=256");
	assert_refused("pool.workers=257", "pool.workers: must be 1..256, not 257");
	assert_accepted("pool.spares=0");
	assert_refused("pool.spares=65", "pool.spares: must be 0..64, not 65");
	assert_refused("claude.system_prompt=\xC2\xA0 ", "claude.system_prompt: must not be blank");
	assert_refused("claude.system_prompt=", "claude.system_prompt: ");
	assert_refused("http.max_body=1", "http.max_body: must be 1K..256M, not 1");
	assert_refused("http.max_body=8G", "http.max_body: ");
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(without_settings_the_defaults_serve),
		CASE(options_win_over_the_file_and_the_file_is_named),
		CASE(every_error_of_all_sources_is_listed),
		CASE(a_given_file_must_exist),
		CASE(listen_takes_host_and_port),
		CASE(other_than_loopback_is_refused_without_keys),
		CASE(other_addresses_may_be_served_with_keys),
		CASE(environment_that_would_undo_safety_is_refused),
		CASE(origins_have_scheme_and_host_only),
		CASE(allowed_hosts_are_bare_names),
		CASE(models_and_counts_keep_their_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
