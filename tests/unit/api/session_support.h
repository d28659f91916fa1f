/* Requests with a session, by hand: asking, answering, and what is kept then. */
#ifndef TESTS_UNIT_API_SESSION_SUPPORT_H
#define TESTS_UNIT_API_SESSION_SUPPORT_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/json.h"

#include "daemon/api/request.h"

#include "tests/unit/api/fakes.h"
#include "tests/unit/dispatch/sessions_support.h"

#define ASK(text) "\"model\":\"haiku\",\"messages\":[{\"role\":\"user\",\"content\":\"" text "\"}]"
#define NEW "\"session_id\":\"new\","

static char id[SESSION_ID_SIZE]; /* of the session that start() began */

static inline void use(const struct session_backend *b)
{
	const struct sessions_conf conf = {.ttl_ms = TTL_MS, .max_size = 4096, .max_bytes = 65536};

	sessions_free(fakes.sessions);
	fakes.sessions = sessions_new(&conf, b);
	fakes.api->deps.sessions = fakes.sessions;
}

static inline int setup(void **state)
{
	int rc = fakes_setup(state);

	backend_later = backend_down = false;
	asked_count = 0;
	fakes.conf.sessions.ttl = TTL_MS;
	use(&backend);
	return rc;
}

static inline int teardown(void **state)
{
	assert_int_equal(asked_count, 0);
	shelf_flush();
	return fakes_teardown(state);
}

/* A request with the session's id in front of `rest`. */
static inline struct exchange *chat(const char *sid, const char *rest)
{
	char body[16384];

	snprintf(body, sizeof body, "{\"session_id\":\"%s\",%s}", sid, rest);
	return fake_chat(body);
}

static inline struct exchange *answered(struct exchange *x, const char *answer)
{
	fake_send(x);
	assert_non_null(fakes.job);
	fake_text(answer);
	fake_done(FAULT_NONE);
	assert_int_equal(x->status, 200);
	return x;
}

/* A session of one turn. */
static inline void start(void)
{
	struct exchange *x = answered(fake_chat("{" NEW ASK("one") "}"), "uno");

	snprintf(id, sizeof id, "%s", fake_out(x, "x-ccapi-session-id"));
	assert_true(sessions_id_is_valid(id));
	fake_finish(x);
}

/* "user:one assistant:uno ". */
static inline void assert_said(const json_t *messages, const char *said)
{
	char got[512] = "";
	json_t *m, *block;
	size_t i, k;

	json_array_foreach(messages, i, m)
	{
		json_array_foreach(json_object_get(m, "content"), k, block)
		{
			size_t at = strlen(got);

			snprintf(got + at, sizeof got - at, "%s:%s ", json_get_str(m, "role"),
				 json_get_str(block, "text"));
		}
	}
	assert_string_equal(got, said);
}

static inline void assert_sent(const char *said)
{
	json_t *body = json_loads(fakes.job->prompt.body, 0, NULL);

	assert_said(json_object_get(body, "messages"), said);
	json_decref(body);
}

static inline struct exchange *ask_route(const char *method, const char *sid)
{
	char path[128];
	struct exchange *x;

	snprintf(path, sizeof path, "/v1/sessions/%s", sid);
	x = fake_exchange(method, path);
	fake_send(x);
	return x;
}

/* said NULL: it is not there. */
static inline void assert_kept_as(const char *said)
{
	struct exchange *x = ask_route("GET", id);
	json_t *v = json_loads(x->sent.data, 0, NULL);
	char *text = json_dumps(json_object_get(v, "messages"), JSON_COMPACT);

	assert_int_equal(x->status, said ? 200 : 404);
	if (said) {
		assert_said(json_object_get(v, "messages"), said);
		assert_int_equal(json_get_int(v, "bytes", -1),
				 strlen(text) + (json_get_str(v, "system")
							 ? strlen(json_get_str(v, "system"))
							 : 0));
	}
	free(text);
	json_decref(v);
	fake_finish(x);
}

#endif
