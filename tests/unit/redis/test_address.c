#include <string.h>

#include "shared/err.h"

#include "daemon/redis/redis.h"

#include "tests/unit/test.h"

static char why[200];

static struct redis_address good(const char *url)
{
	struct redis_address a;

	if (redis_address_parse(url, &a, why, sizeof why))
		fail_msg("%s: %s", url, why);
	return a;
}

static void hosts_ports_and_databases(void **state)
{
	static const struct {
		const char *url, *host;
		int port, database;
	} cases[] = {
		{"redis://h", "h", 6379, 0},
		{"redis://h/", "h", 6379, 0},
		{"redis://h:1/2", "h", 1, 2},
		{"redis://cache-1.example.org:65535/15", "cache-1.example.org", 65535, 15},
		{"redis://127.0.0.1:7000", "127.0.0.1", 7000, 0},
		{"redis://[::1]", "::1", 6379, 0},
		{"redis://[fe80::1%eth0]:7000/3", "fe80::1%eth0", 7000, 3},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct redis_address a = good(cases[i].url);

		assert_string_equal(a.host, cases[i].host);
		assert_int_equal(a.port, cases[i].port);
		assert_int_equal(a.database, cases[i].database);
		assert_null(a.path);
		assert_null(a.user);
		assert_null(a.password);
		redis_address_done(&a);
		assert_null(a.host);
	}
}

static void sockets(void **state)
{
	struct redis_address a = good("unix:///run/redis/r%20s.sock");

	(void)state;
	assert_null(a.host);
	assert_string_equal(a.path, "/run/redis/r s.sock");
	assert_int_equal(a.database, 0);
	redis_address_done(&a);
	a = good("unix://u:p@/r.sock?db=7");
	assert_string_equal(a.path, "/r.sock");
	assert_string_equal(a.user, "u");
	assert_string_equal(a.password, "p");
	assert_int_equal(a.database, 7);
	redis_address_done(&a);
	a = good("unix:///a@b"); /* no login: the path has begun */
	assert_string_equal(a.path, "/a@b");
	assert_null(a.password);
	redis_address_done(&a);
}

static void logins(void **state)
{
	static const struct {
		const char *url, *user, *password;
	} cases[] = {
		{"redis://:p@h", NULL, "p"},
		{"redis://u:p@h", "u", "p"},
		{"redis://u:a:b@h", "u", "a:b"},
		{"redis://u%3a:%2f%40%25%3F@h", "u:", "/@%?"},
		{"redis://:p%C3%A4@h", NULL, "p\xc3\xa4"},
		{"redis://:a@b@h", NULL, "a@b"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct redis_address a = good(cases[i].url);

		if (cases[i].user)
			assert_string_equal(a.user, cases[i].user);
		else
			assert_null(a.user);
		assert_string_equal(a.password, cases[i].password);
		assert_string_equal(a.host, "h");
		redis_address_done(&a);
	}
}

/* And why: never with what may be the password. */
static void what_is_wrong_is_told(void **state)
{
	static const struct {
		const char *url, *word;
	} cases[] = {
		{"", "redis://"},
		{"http://h", "redis://"},
		{"h:6379", "redis://"},
		{"rediss://:secret@h", "stunnel"},
		{"redis://", "host"},
		{"redis://:6379", "host"},
		{"redis://h:0", "port"},
		{"redis://h:", "port"},
		{"redis://h:65536", "port"},
		{"redis://h:9999999999", "port"},
		{"redis://h:secret", "port"},
		{"redis://::1", "port"},
		{"redis://[::1", "]"},
		{"redis://[::1]7000", "port"},
		{"redis://h/x", "database"},
		{"redis://h/-1", "database"},
		{"redis://h/1/2", "database"},
		{"redis://h/1000000", "database"},
		{"redis://h?db=1", "host"},
		{"redis://h h", "host"},
		{"redis://secret@h", "PASSWORD"},
		{"redis://u:@h", "password"},
		{"redis://:@h", "password"},
		{"redis://:secret%@h", "password"},
		{"redis://:secret%4@h", "password"},
		{"redis://:secret%zz@h", "password"},
		{"redis://:secret%00@h", "password"},
		{"redis://%00:secret@h", "user"},
		{"redis://:secret@", "host"},
		{"unix://", "path"},
		{"unix://run/r.sock", "path"},
		{"unix://:secret@r.sock", "path"},
		{"unix:///r.sock?x=1", "?db="},
		{"unix:///r.sock?db=", "?db="},
		{"unix:///r.sock?db=x", "?db="},
		{"unix:///r%00", "path"},
	};
	struct redis_address a;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		memset(&a, 0x55, sizeof a);
		why[0] = '\0';
		if (redis_address_parse(cases[i].url, &a, why, sizeof why) != ERR_SYNTAX)
			fail_msg("%s is taken", cases[i].url);
		assert_int_equal(a.port, 0x55555555); /* untouched */
		if (!strstr(why, cases[i].word) || strstr(why, "secret"))
			fail_msg("%s: %s", cases[i].url, why);
	}
}

static void a_path_has_the_length_of_a_socket_s(void **state)
{
	char url[200] = "unix:///";
	struct redis_address a;

	(void)state;
	memset(url + 8, 'x', 106);
	a = good(url);
	assert_int_equal(strlen(a.path), 107);
	redis_address_done(&a);
	url[114] = 'x';
	assert_int_equal(redis_address_parse(url, &a, why, sizeof why), ERR_SYNTAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hosts_ports_and_databases),
		cmocka_unit_test(sockets),
		cmocka_unit_test(logins),
		cmocka_unit_test(what_is_wrong_is_told),
		cmocka_unit_test(a_path_has_the_length_of_a_socket_s),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
