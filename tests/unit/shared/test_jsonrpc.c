#include <stdlib.h>
#include <string.h>

#include "shared/jsonrpc.h"

#include "tests/unit/test.h"

/* The code of the error, 0 if the line is a request. */
static int code_of(const char *line)
{
	struct rpc_error e = {0};
	struct rpc_request r;
	int rc = rpc_request_parse(&r, line, strlen(line), &e);

	assert_true((rc == 0) == (e.code == 0));
	assert_true(rc == 0 || e.message[0]);
	assert_true(rc < 0 || (r.method && r.id));
	rpc_request_done(&r);
	return e.code;
}

static void requests_are_read(void **state)
{
	static const char line[] =
		"{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"status\",\"params\":{\"a\":1}}";
	struct rpc_error e;
	struct rpc_request r;

	(void)state;
	assert_int_equal(rpc_request_parse(&r, line, strlen(line), &e), 0);
	assert_string_equal(r.method, "status");
	assert_int_equal(json_integer_value(r.id), 7);
	assert_int_equal(json_object_size(r.params), 1);
	rpc_request_done(&r);
	assert_int_equal(code_of("{\"jsonrpc\":\"2.0\",\"id\":\"x\",\"method\":\"a\"}"), 0);
}

static void what_is_no_request_is_told_why(void **state)
{
	char deep[200] = "", long_id[200];

	(void)state;
	assert_int_equal(code_of(""), RPC_PARSE_ERROR);
	assert_int_equal(code_of("nonsense"), RPC_PARSE_ERROR);
	assert_int_equal(code_of("\xff\xfe"), RPC_PARSE_ERROR);
	assert_int_equal(code_of("{\"a\":1}{\"a\":1}"), RPC_PARSE_ERROR);
	assert_int_equal(code_of("{\"id\":1,\"id\":2}"), RPC_PARSE_ERROR);
	for (int i = 0; i < 40; i++)
		strcat(deep, "[");
	assert_int_equal(code_of(deep), RPC_PARSE_ERROR);
	assert_int_equal(code_of("[]"), RPC_INVALID_REQUEST);
	assert_int_equal(code_of("7"), RPC_INVALID_REQUEST);
	assert_int_equal(code_of("{\"id\":1,\"method\":\"a\"}"), RPC_INVALID_REQUEST);
	assert_int_equal(code_of("{\"jsonrpc\":\"1.0\",\"id\":1,\"method\":\"a\"}"),
			 RPC_INVALID_REQUEST);
	assert_int_equal(code_of("{\"jsonrpc\":\"2.0\",\"method\":\"a\"}"), RPC_INVALID_REQUEST);
	assert_int_equal(code_of("{\"jsonrpc\":\"2.0\",\"id\":null,\"method\":\"a\"}"),
			 RPC_INVALID_REQUEST);
	assert_int_equal(code_of("{\"jsonrpc\":\"2.0\",\"id\":1.5,\"method\":\"a\"}"),
			 RPC_INVALID_REQUEST);
	assert_int_equal(code_of("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":2}"),
			 RPC_INVALID_REQUEST);
	assert_int_equal(code_of("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"a\",\"params\":[]}"),
			 RPC_INVALID_PARAMS);
	snprintf(long_id, sizeof long_id, "{\"jsonrpc\":\"2.0\",\"id\":\"%065d\",\"method\":\"a\"}",
		 0);
	assert_int_equal(code_of(long_id), RPC_INVALID_REQUEST);
}

static void an_error_carries_the_id_where_there_is_one(void **state)
{
	static const char line[] = "{\"id\":5}";
	struct rpc_error e;
	struct rpc_request r;

	(void)state;
	assert_int_not_equal(rpc_request_parse(&r, line, strlen(line), &e), 0);
	assert_int_equal(json_integer_value(r.id), 5);
	rpc_request_done(&r);
}

/* What is written is one line that the other side reads. */
static void read_back(struct buf *b, struct rpc_message *m)
{
	char why[160];

	assert_false(b->failed);
	assert_ptr_equal(strchr(b->data, '\n'), b->data + b->len - 1);
	assert_int_equal(rpc_message_parse(m, b->data, b->len - 1, why, sizeof why), 0);
	buf_done(b);
}

static void answers_are_lines_that_read_back(void **state)
{
	json_t *id = json_integer(3), *params = json_pack("{ss}", "text", "a\nb");
	struct rpc_error e;
	struct rpc_message m;
	struct buf b;

	(void)state;
	buf_init(&b, 10000);
	rpc_write_result(&b, id, "{\"a\":[1,2]}", 11);
	read_back(&b, &m);
	assert_int_equal(m.id, 3);
	assert_non_null(json_object_get(m.result, "a"));
	rpc_message_done(&m);

	rpc_error_set(&e, RPC_NOT_FOUND, "project", "no '%s'\n", "x\xff");
	snprintf(e.hint, sizeof e.hint, "look");
	rpc_write_error(&b, NULL, &e);
	read_back(&b, &m);
	assert_true(m.failed && m.id == 0);
	assert_int_equal(m.error.code, RPC_NOT_FOUND);
	assert_string_equal(m.error.field, "project");
	assert_string_equal(m.error.hint, "look");
	rpc_message_done(&m);

	rpc_write_notification(&b, "event", params);
	read_back(&b, &m);
	assert_string_equal(m.method, "event");
	assert_string_equal(json_string_value(json_object_get(m.params, "text")), "a\nb");
	rpc_message_done(&m);
	json_decref(id);
	json_decref(params);
}

static void strange_messages_are_refused(void **state)
{
	static const char *const lines[] = {
		"",
		"[]",
		"{}",
		"{\"id\":1}",
		"{\"id\":1,\"result\":1,\"error\":{}}",
		"{\"method\":\"a\",\"result\":1}",
	};
	struct rpc_message m;
	char why[160];

	(void)state;
	for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
		assert_int_not_equal(
			rpc_message_parse(&m, lines[i], strlen(lines[i]), why, sizeof why), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_are_read),
		cmocka_unit_test(what_is_no_request_is_told_why),
		cmocka_unit_test(an_error_carries_the_id_where_there_is_one),
		cmocka_unit_test(answers_are_lines_that_read_back),
		cmocka_unit_test(strange_messages_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
