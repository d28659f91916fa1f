#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/clock.h"
#include "shared/json.h"
#include "shared/money.h"

#include "daemon/api/routes.h"

#include "tests/unit/api/fakes.h"
#include "tests/unit/test.h"

static json_t *body(const struct exchange *x)
{
	json_t *v = json_loads(x->sent.data, 0, NULL);

	assert_non_null(v);
	return v;
}

static void assert_code(const struct exchange *x, int status, const char *code)
{
	json_t *v = body(x);

	assert_int_equal(x->status, status);
	assert_string_equal(json_get_str(json_object_get(v, "error"), "code"), code);
	assert_non_null(fake_out(x, "x-request-id"));
	assert_non_null(fake_out(x, "openai-processing-ms"));
	json_decref(v);
}

static void routes_match_method_and_path(void **state)
{
	static const struct {
		const char *method, *path;
		enum route_match match;
		const char *arg;
	} rows[] = {
		{"GET", "/", ROUTE_FOUND, NULL},
		{"HEAD", "/health", ROUTE_FOUND, NULL},
		{"POST", "/health", ROUTE_NO_METHOD, NULL},
		{"GET", "/v1/models", ROUTE_FOUND, NULL},
		{"GET", "/v1/models/claude-x[1m]", ROUTE_FOUND, "claude-x[1m]"},
		{"GET", "/v1/models/", ROUTE_NO_PATH, NULL},
		{"GET", "/v1/models/a/b", ROUTE_NO_PATH, NULL},
		{"POST", "/v1/chat/completions", ROUTE_FOUND, NULL},
		{"HEAD", "/v1/chat/completions", ROUTE_NO_METHOD, NULL},
		{"get", "/", ROUTE_NO_METHOD, NULL},
		{"GET", "", ROUTE_NO_PATH, NULL},
		{"GET", "/healthy", ROUTE_NO_PATH, NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const struct route *route = NULL;
		const char *arg = NULL;

		if (route_find(rows[i].method, rows[i].path, &route, &arg) != rows[i].match)
			fail_msg("%s %s", rows[i].method, rows[i].path);
		if (rows[i].arg)
			assert_string_equal(arg, rows[i].arg);
		else
			assert_null(arg);
	}
}

static void unknown_routes_and_methods(void **state)
{
	struct exchange *x = fake_exchange("GET", "/v1/nothing");

	(void)state;
	fake_send(x);
	assert_code(x, 404, "not_found");
	fake_finish(x);
	x = fake_exchange("DELETE", "/v1/models");
	fake_send(x);
	assert_code(x, 405, "method_not_allowed");
	assert_string_equal(fake_out(x, "Allow"), "GET, HEAD, OPTIONS");
	fake_finish(x);
	x = fake_exchange("GET", "/v1/chat/completions");
	fake_send(x);
	assert_code(x, 405, "method_not_allowed");
	assert_string_equal(fake_out(x, "Allow"), "POST, OPTIONS");
	fake_finish(x);
}

static void posts_need_json(void **state)
{
	static const struct {
		const char *type;
		bool good;
	} rows[] = {{NULL, false},
		    {"text/plain", false},
		    {"application/x-www-form-urlencoded", false},
		    {"application/jsonp", false},
		    {"application/json, text/plain", false},
		    {"text/plain, application/json", false},
		    {"text/plain; x=,application/json", false},
		    {"application/json", true},
		    {"application/json ;charset=utf-8", true},
		    {"Application/JSON; charset=utf-8", true}};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct exchange *x = fake_exchange("POST", "/v1/chat/completions");

		if (rows[i].type)
			fake_add_header(x, "Content-Type", rows[i].type);
		fake_send(x);
		assert_int_equal(x->status, rows[i].good ? 400 : 415);
		fake_finish(x);
	}
}

static void an_upgrade_elsewhere_is_an_ordinary_request(void **state)
{
	struct exchange *x = fake_exchange("GET", "/health");

	(void)state;
	fake_add_header(x, "Upgrade", "WebSocket");
	fake_send(x);
	assert_int_equal(x->status, 200);
	fake_finish(x);
}

static void only_our_keys_are_wrong(void **state)
{
	static const struct {
		const char *name, *value;
		bool good;
	} rows[] = {{"Authorization", "Bearer sk-anything", true},
		    {"Authorization", "Bearer ccapi_abc", false},
		    {"Authorization", "bearer   ccapi_abc", false},
		    {"Authorization", "Basic ccapi_abc", true},
		    {"Authorization", "", true},
		    {"x-api-key", "ccapi_abc", false},
		    {"x-api-key", "none", true}};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct exchange *x = fake_exchange("GET", "/v1/models");

		fake_add_header(x, rows[i].name, rows[i].value);
		fake_send(x);
		assert_int_equal(x->status, rows[i].good ? 200 : 401);
		if (!rows[i].good)
			assert_code(x, 401, "invalid_api_key");
		fake_finish(x);
	}
}

static void health_needs_no_key(void **state)
{
	struct exchange *x = fake_exchange("GET", "/health");
	json_t *v;

	(void)state;
	clock_advance_ms(2500);
	fake_add_header(x, "x-api-key", "ccapi_wrong");
	fake_send(x);
	v = body(x);
	assert_int_equal(x->status, 200);
	assert_string_equal(json_get_str(v, "status"), "ok");
	assert_int_equal(json_get_int(v, "uptime_s", 0), 2);
	assert_int_equal(json_object_size(v), 3);
	json_decref(v);
	fake_finish(x);
}

static void assert_ready(int status, const char *text)
{
	struct exchange *x = fake_exchange("GET", "/ready");

	fake_send(x);
	assert_int_equal(x->status, status);
	assert_string_equal(x->sent.data, text);
	fake_finish(x);
}

static void ready_says_why_not(void **state)
{
	struct exchange *x;

	(void)state;
	assert_ready(200, "{\"status\":\"ready\"}");
	fakes.health = POOL_NOT_LOGGED_IN;
	assert_ready(503, "{\"status\":\"unavailable\",\"reason\":\"not_logged_in\"}");
	fakes.draining = true;
	assert_ready(503, "{\"status\":\"unavailable\",\"reason\":\"draining\"}");
	fakes.draining = false;
	fakes.health = POOL_READY;
	fakes.plan.status = PLAN_REJECTED;
	fakes.plan.resets_at = 1700000000 + 90;
	x = fake_exchange("GET", "/ready");
	fake_send(x);
	assert_string_equal(x->sent.data, "{\"status\":\"unavailable\",\"reason\":\"plan_limit\"}");
	assert_string_equal(fake_out(x, "Retry-After"), "90");
	fake_finish(x);
}

static void index_lists_the_routes(void **state)
{
	struct exchange *x = fake_exchange("GET", "/");
	json_t *v;
	size_t count = 0;

	(void)state;
	while (route_at(count))
		count++;
	assert_true(count > 10);
	fake_send(x);
	v = body(x);
	assert_string_equal(json_get_str(v, "name"), "ccapi");
	assert_int_equal(json_array_size(json_object_get(v, "routes")), count);
	json_decref(v);
	fake_finish(x);
}

static void models_are_auto_aliases_then_ids(void **state)
{
	static const char *const ids[] = {"auto", "haiku", "sonnet", "claude-haiku-5-5",
					  "claude-sonnet-5-5"};
	struct exchange *x = fake_exchange("GET", "/v1/models");
	json_t *v, *data, *row;
	size_t i;

	(void)state;
	fake_send(x);
	v = body(x);
	data = json_object_get(v, "data");
	assert_string_equal(json_get_str(v, "object"), "list");
	assert_int_equal(json_array_size(data), 5);
	json_array_foreach(data, i, row)
	{
		assert_string_equal(json_get_str(row, "id"), ids[i]);
		assert_string_equal(json_get_str(row, "object"), "model");
		assert_string_equal(json_get_str(row, "owned_by"), "anthropic");
		assert_int_equal(json_get_int(row, "created", 0), 1700000000);
	}
	assert_string_equal(json_get_str(json_array_get(data, 0), "resolves_to"),
			    "claude-sonnet-5-5");
	assert_null(json_object_get(json_array_get(data, 2), "pricing"));
	row = json_object_get(json_array_get(data, 1), "pricing");
	assert_true(json_get_num(row, "input_usd_per_mtok", 0) == 1.0);
	assert_true(json_get_num(row, "output_usd_per_mtok", 0) == 5.0);
	json_decref(v);
	fake_finish(x);
}

static void one_model(void **state)
{
	static const char *const known[] = {"auto", "haiku", "claude-sonnet-5-5"};
	struct exchange *x;

	(void)state;
	for (int i = 0; i < 3; i++) {
		char path[64];

		snprintf(path, sizeof path, "/v1/models/%s", known[i]);
		x = fake_exchange("GET", path);
		fake_send(x);
		assert_int_equal(x->status, 200);
		assert_non_null(strstr(x->sent.data, known[i]));
		fake_finish(x);
	}
	x = fake_exchange("GET", "/v1/models/gpt-4");
	fake_send(x);
	assert_code(x, 404, "model_not_found");
	fake_finish(x);
	fakes.models.count = 0;
	x = fake_exchange("GET", "/v1/models/haiku");
	fake_send(x);
	assert_code(x, 503, "backend_unavailable");
	fake_finish(x);
	x = fake_exchange("GET", "/v1/models");
	fake_send(x);
	assert_code(x, 503, "backend_unavailable");
	fake_finish(x);
}

static void request_ids_are_echoed_or_made(void **state)
{
	char long_id[130];
	const char *const bad[] = {"", "a b", "a\"", long_id};
	struct exchange *x;

	(void)state;
	memset(long_id, 'a', sizeof long_id - 1);
	long_id[129] = '\0';
	for (int i = 0; i < 4; i++) {
		x = fake_exchange("GET", "/health");
		fake_add_header(x, "x-request-id", bad[i]);
		fake_send(x);
		assert_int_equal(strncmp(fake_out(x, "x-request-id"), "req_", 4), 0);
		assert_int_equal(strlen(fake_out(x, "x-request-id")), 28);
		fake_finish(x);
	}
	long_id[128] = '\0';
	x = fake_exchange("GET", "/health");
	fake_add_header(x, "x-request-id", long_id);
	fake_send(x);
	assert_string_equal(fake_out(x, "x-request-id"), long_id);
	fake_finish(x);
}

static void cors_is_for_listed_origins(void **state)
{
	char origin[] = "https://app.example";
	char *list[] = {origin};
	struct exchange *x = fake_exchange("GET", "/health");

	(void)state;
	fake_add_header(x, "Origin", origin);
	fake_send(x);
	assert_null(fake_out(x, "Access-Control-Allow-Origin"));
	fake_finish(x);

	fakes.conf.http.cors_origins = (struct conf_list){list, 1};
	x = fake_exchange("GET", "/health");
	fake_add_header(x, "Origin", origin);
	fake_send(x);
	assert_string_equal(fake_out(x, "Access-Control-Allow-Origin"), origin);
	assert_string_equal(fake_out(x, "Vary"), "Origin");
	assert_non_null(strstr(fake_out(x, "Access-Control-Expose-Headers"), "x-ccapi-model"));
	fake_finish(x);

	x = fake_exchange("GET", "/v1/nothing");
	fake_add_header(x, "Origin", "https://evil.example");
	fake_send(x);
	assert_null(fake_out(x, "Access-Control-Allow-Origin"));
	fake_finish(x);

	x = fake_exchange("OPTIONS", "/v1/chat/completions");
	fake_add_header(x, "Origin", origin);
	fake_add_header(x, "Access-Control-Request-Method", "POST");
	fake_add_header(x, "Access-Control-Request-Headers", "content-type,x-stainless-os");
	fake_send(x);
	assert_int_equal(x->status, 204);
	assert_int_equal(x->sent.len, 0);
	assert_string_equal(fake_out(x, "Access-Control-Allow-Origin"), origin);
	assert_string_equal(fake_out(x, "Access-Control-Allow-Methods"), "POST, OPTIONS");
	assert_string_equal(fake_out(x, "Access-Control-Allow-Headers"),
			    "content-type,x-stainless-os");
	assert_non_null(fake_out(x, "Access-Control-Max-Age"));
	fake_finish(x);

	x = fake_exchange("OPTIONS", "/v1/chat/completions");
	fake_add_header(x, "Origin", "https://evil.example");
	fake_add_header(x, "Access-Control-Request-Method", "POST");
	fake_send(x);
	assert_int_equal(x->status, 204);
	assert_null(fake_out(x, "Access-Control-Allow-Methods"));
	fake_finish(x);
}

static void the_servers_own_refusals_are_errors_too(void **state)
{
	struct exchange *x = fake_exchange("", "");

	(void)state;
	fakes.handlers.refuse(fakes.handlers.ctx, x, 413, "the request body is too large");
	assert_code(x, 413, "request_too_large");
	fake_finish(x);

	x = fake_chat("{}");
	fakes.handlers.head(fakes.handlers.ctx, x);
	assert_int_equal(x->status, 0);
	fakes.handlers.refuse(fakes.handlers.ctx, x, 503, NULL);
	assert_code(x, 503, "overloaded");
	fake_finish(x);
}

static void abort_before_the_body_leaves_nothing(void **state)
{
	struct exchange *x = fake_chat("{}");

	(void)state;
	fakes.handlers.head(fakes.handlers.ctx, x);
	fake_abort(x);
}

static void money_has_six_decimals(void **state)
{
	char text[MONEY_TEXT_SIZE];

	(void)state;
	money_format_usd(text, 978);
	assert_string_equal(text, "0.000978");
	money_format_usd(text, 12000001);
	assert_string_equal(text, "12.000001");
	money_format_usd(text, INT64_MAX);
	assert_string_equal(text, "9223372036854.775807");
	money_format_usd(text, -1);
	assert_string_equal(text, "0.000000");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fakes_setup, fakes_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(routes_match_method_and_path),
		TEST(unknown_routes_and_methods),
		TEST(posts_need_json),
		TEST(an_upgrade_elsewhere_is_an_ordinary_request),
		TEST(only_our_keys_are_wrong),
		TEST(health_needs_no_key),
		TEST(ready_says_why_not),
		TEST(index_lists_the_routes),
		TEST(models_are_auto_aliases_then_ids),
		TEST(one_model),
		TEST(request_ids_are_echoed_or_made),
		TEST(cors_is_for_listed_origins),
		TEST(the_servers_own_refusals_are_errors_too),
		TEST(abort_before_the_body_leaves_nothing),
		TEST(money_has_six_decimals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
