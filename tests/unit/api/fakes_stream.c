#include "tests/unit/api/fakes_stream.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/json.h"

#include "tests/unit/api/fakes.h"
#include "tests/unit/test.h"

/* ---- the server ---- */

void *ws_user(const struct ws_conn *w)
{
	return w->user;
}

bool ws_send(struct ws_conn *w, const char *text, size_t len)
{
	if (w->broken || w->close_code)
		return false;
	assert_true(w->count < FAKE_MESSAGES);
	w->sent[w->count++] = strndup(text, len);
	w->given += len;
	if (!w->stuck)
		w->taken = w->given;
	return true;
}

size_t ws_queued(const struct ws_conn *w)
{
	return w->given - w->taken;
}

void ws_watch(struct ws_conn *w, size_t high, size_t low)
{
	w->high = high;
	w->low = low;
}

void ws_limit(struct ws_conn *w, size_t most)
{
	w->limit = most;
}

void ws_close(struct ws_conn *w, enum ws_close_code code, const char *reason)
{
	assert_true(strlen(reason) <= 123);
	if (w->close_code)
		return;
	w->close_code = (int)code;
	w->close_reason = reason;
}

/* ---- the client ---- */

void *fake_accept(const char *path, const char *lines)
{
	struct upgrade_head *head;
	char text[2048];
	void *stream;

	snprintf(text, sizeof text,
		 "GET %s HTTP/1.1\r\nHost: localhost:8080\r\nUpgrade: websocket\r\n"
		 "Connection: keep-alive, Upgrade\r\nSec-WebSocket-Version: 13\r\n"
		 "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n%s\r\n",
		 path, lines);
	assert_int_equal(upgrade_head_parse(text, strlen(text), &head), 0);
	stream = api_stream_accept(fakes.api, head, "127.0.0.1:5");
	upgrade_head_free(head);
	return stream;
}

struct ws_conn *fake_ws(const char *lines)
{
	struct ws_handlers h = api_stream_handlers(fakes.api);
	struct ws_conn *w = calloc(1, sizeof *w);

	w->user = fake_accept("/v1/stream", lines);
	assert_non_null(w->user);
	h.open(h.ctx, w);
	return w;
}

/* A copy without a byte behind it, so that a look past its end is seen. */
void fake_ws_say(struct ws_conn *w, const char *text)
{
	struct ws_handlers h = api_stream_handlers(fakes.api);
	char *copy = strdup(text);

	h.message(h.ctx, w, copy, strlen(copy));
	free(copy);
	fake_flush();
}

void fake_ws_closed(struct ws_conn *w, int code)
{
	struct ws_handlers h = api_stream_handlers(fakes.api);

	h.closed(h.ctx, w, code);
	for (size_t i = 0; i < w->count; i++)
		free(w->sent[i]);
	free(w);
	fake_flush();
}

/* ---- what came back ---- */

static const char *take(struct ws_conn *w)
{
	if (w->looked_at == w->count)
		fail_msg("no message, close code %d", w->close_code);
	return w->sent[w->looked_at++];
}

json_t *fake_ws_next(struct ws_conn *w, const char *type)
{
	const char *text = take(w);
	json_t *v = json_loads(text, JSON_REJECT_DUPLICATES, NULL);

	if (!v || !json_get_str(v, "type") || strcmp(json_get_str(v, "type"), type) != 0)
		fail_msg("not of type %s: %s", type, text);
	return v;
}

void fake_ws_skip(struct ws_conn *w, const char *type)
{
	json_decref(fake_ws_next(w, type));
}

void fake_ws_expect(struct ws_conn *w, const char *text)
{
	assert_string_equal(take(w), text);
}

static void assert_same(const char *what, const char *is, const char *should)
{
	if (should ? !is || strcmp(is, should) != 0 : is != NULL)
		fail_msg("%s is %s, not %s", what, is ? is : "null", should ? should : "null");
}

void fake_ws_expect_error(struct ws_conn *w, const char *id, const char *code, const char *param)
{
	json_t *v = fake_ws_next(w, "error");
	const json_t *error = json_object_get(v, "error");

	assert_same("id", json_get_str(v, "id"), id);
	assert_same("code", json_get_str(error, "code"), code);
	assert_same("param", json_get_str(error, "param"), param);
	assert_true(strlen(json_get_str(error, "message")) > 0);
	assert_non_null(json_get_str(error, "type"));
	json_decref(v);
}

void fake_ws_expect_nothing(const struct ws_conn *w)
{
	if (w->looked_at < w->count)
		fail_msg("unexpected: %s", w->sent[w->looked_at]);
}
