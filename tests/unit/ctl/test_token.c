#include <string.h>
#include <unistd.h>

#include "ctl/token.h"
#include "tests/unit/test.h"

#define TOKEN "sk-ant-oat01-AbCdEfGhIjKlMnOpQrStUvWxYz_-0123456789"

static struct token token;

/* What becomes of these bytes, taken in pieces of a size. */
static const char *taken(const char *bytes, size_t piece)
{
	size_t len = strlen(bytes);

	token_wipe(&token);
	for (size_t i = 0; i < len; i += piece)
		token_take(&token, bytes + i, len - i < piece ? len - i : piece);
	return token.text;
}

static void lines_and_the_blanks_around_them_are_joined(void **state)
{
	static const char *const pastes[] = {
		TOKEN,
		TOKEN "\n",
		"  " TOKEN " \t\r\n",
		"sk-ant-oat01-AbCdEfGhIjKlMnOp\nQrStUvWxYz_-0123456789",
		"sk-ant-oat01-AbCdEfGhIjKlMnOp \r\n   QrStUvWxYz_-0123456789\n\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof pastes / sizeof pastes[0]; i++)
		for (size_t piece = 1; piece < 100; piece += 6) {
			taken(pastes[i], piece);
			token_take(&token, "\n", 1);
			assert_string_equal(token.text, TOKEN);
			assert_null(token_fault(&token));
		}
}

static void keys_edit_and_the_marks_of_a_paste_are_left_out(void **state)
{
	(void)state;
	assert_string_equal(taken("abx\x7f"
				  "c",
				  1),
			    "abc");
	assert_string_equal(taken("abx\b"
				  "c",
				  1),
			    "abc");
	assert_string_equal(taken("\x7f\x7f"
				  "a",
				  1),
			    "a");
	assert_string_equal(taken("wrong\x15"
				  "abc",
				  1),
			    "abc");
	assert_string_equal(taken("\033[200~abc\033[201~", 1000), "abc");
}

static void what_is_no_token_has_a_reason(void **state)
{
	(void)state;
	taken("", 1);
	assert_non_null(strstr(token_fault(&token), "no token"));
	taken("sk-ant-api03-AbCdEfGhIjKlMnOpQr", 1000);
	assert_non_null(strstr(token_fault(&token), "begin with sk-ant-oat"));
	taken("sk-ant-oat01-AbCdEf GhIjKlMnOpQr", 1000);
	assert_non_null(strstr(token_fault(&token), "characters"));
	taken("sk-ant-oat01-AbCdEfGhIjKl\033[2JMnOpQr", 1000);
	assert_non_null(strstr(token_fault(&token), "characters"));
	taken("sk-ant-oat01-x", 1000);
	assert_non_null(strstr(token_fault(&token), "too short"));
}

static void a_nul_does_not_hide_the_rest(void **state)
{
	static const char bytes[] = TOKEN "\0rest";

	(void)state;
	token_wipe(&token);
	token_take(&token, bytes, sizeof bytes - 1);
	assert_non_null(strstr(token_fault(&token), "characters"));
}

static void what_is_too_long_is_cut_and_told(void **state)
{
	(void)state;
	taken("sk-ant-oat01-", 1000);
	for (int i = 0; i < 1000; i++)
		token_take(&token, "abcdefgh", 8);
	assert_int_equal(token.len, sizeof token.text - 1);
	assert_int_equal(strlen(token.text), token.len);
	assert_non_null(strstr(token_fault(&token), "too long"));
	token_take(&token, "\x15" TOKEN, strlen(TOKEN) + 1);
	assert_null(token_fault(&token));
}

static void wiping_leaves_nothing(void **state)
{
	(void)state;
	taken(TOKEN, 1000);
	token_wipe(&token);
	for (size_t i = 0; i < sizeof token; i++)
		assert_int_equal(((unsigned char *)&token)[i], 0);
}

static void a_file_is_read_to_its_end(void **state)
{
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(write(fds[1], TOKEN "  \n", strlen(TOKEN) + 3), (int)strlen(TOKEN) + 3);
	close(fds[1]);
	token_wipe(&token);
	assert_int_equal(token_read_file(&token, fds[0]), 0);
	assert_string_equal(token.text, TOKEN);
	close(fds[0]);
	assert_true(token_read_file(&token, fds[0]) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_and_the_blanks_around_them_are_joined),
		cmocka_unit_test(keys_edit_and_the_marks_of_a_paste_are_left_out),
		cmocka_unit_test(what_is_no_token_has_a_reason),
		cmocka_unit_test(a_nul_does_not_hide_the_rest),
		cmocka_unit_test(what_is_too_long_is_cut_and_told),
		cmocka_unit_test(wiping_leaves_nothing),
		cmocka_unit_test(a_file_is_read_to_its_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
