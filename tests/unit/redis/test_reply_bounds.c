#include <stdlib.h>
#include <string.h>

#include "daemon/redis/reply_bounds.h"

#include "tests/unit/test.h"

static redisReader *reader;
static struct reply_bounds bounds;

static int setup(void **state)
{
	(void)state;
	reader = redisReaderCreate();
	reply_bounds_attach(&bounds, reader);
	return reader ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	redisReaderFree(reader);
	return 0;
}

static int feed(const char *text)
{
	return redisReaderFeed(reader, text, strlen(text));
}

static void answers_are_read_as_ever(void **state)
{
	static const int types[] = {REDIS_REPLY_STATUS,  REDIS_REPLY_ERROR, REDIS_REPLY_INTEGER,
				    REDIS_REPLY_STRING,  REDIS_REPLY_NIL,   REDIS_REPLY_ARRAY,
				    REDIS_REPLY_INTEGER, REDIS_REPLY_NIL};

	(void)state;
	feed("+OK\r\n-ERR\r\n:7\r\n$2\r\nab\r\n$-1\r\n*2\r\n:1\r\n$1\r\nx\r\n:8\r\n*-1\r\n");
	for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
		void *reply = NULL;

		assert_int_equal(redisReaderGetReply(reader, &reply), REDIS_OK);
		assert_non_null(reply);
		assert_int_equal(((redisReply *)reply)->type, types[i]);
		freeReplyObject(reply);
	}
}

static void a_list_is_not_made_because_it_was_announced(void **state)
{
	void *reply = NULL;

	(void)state;
	feed("*2147483647\r\n");
	assert_int_equal(redisReaderGetReply(reader, &reply), REDIS_ERR);
	assert_int_equal(reader->err, REDIS_ERR_OOM);
	assert_null(reply);
}

static void lists_within_lists_count_together(void **state)
{
	void *reply = NULL;

	(void)state;
	feed("*7000000\r\n");
	assert_int_equal(redisReaderGetReply(reader, &reply), REDIS_OK); /* 56 MB: still fits */
	feed("*7000000\r\n");
	assert_int_equal(redisReaderGetReply(reader, &reply), REDIS_ERR);
	assert_null(reply);
}

/* Each answer has the bound to itself: a thousand times a megabyte. */
static void the_bound_is_each_answer_s_own(void **state)
{
	static char text[1024 * 1024 + 16];
	size_t len;

	(void)state;
	strcpy(text, "$1048576\r\n");
	len = strlen(text);
	memset(text + len, 'x', 1048576);
	strcpy(text + len + 1048576, "\r\n");
	for (int i = 0; i < 1000; i++) {
		void *reply = NULL;

		feed(text);
		assert_int_equal(redisReaderGetReply(reader, &reply), REDIS_OK);
		assert_non_null(reply);
		freeReplyObject(reply);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(answers_are_read_as_ever),
		TEST(a_list_is_not_made_because_it_was_announced),
		TEST(lists_within_lists_count_together),
		TEST(the_bound_is_each_answer_s_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
