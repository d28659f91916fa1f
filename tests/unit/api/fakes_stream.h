/* A stand-in for the WebSocket server: a test opens a connection by the head of its upgrade, says
 * messages, and looks at what came back, in order. */
#ifndef TESTS_UNIT_API_FAKES_STREAM_H
#define TESTS_UNIT_API_FAKES_STREAM_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "daemon/api/stream.h"

enum { FAKE_MESSAGES = 64 };

struct ws_conn {
	void *user;
	char *sent[FAKE_MESSAGES];
	size_t count, looked_at;
	size_t given, taken; /* bytes; the difference is queued */
	bool stuck;          /* the peer takes nothing */
	bool broken;         /* ws_send() fails */
	size_t high, low, limit;
	int close_code; /* 0: open */
	const char *close_reason;
};

/* The upgrade of a good client with these header lines ("Name: value\r\n" each) besides, "" for
 * none.  What api_stream_accept() says. */
void *fake_accept(const char *path, const char *lines);

/* Accepted, which it has to be, and open. */
struct ws_conn *fake_ws(const char *lines);
void fake_ws_say(struct ws_conn *w, const char *text);
void fake_ws_closed(struct ws_conn *w, int code); /* the connection is over; frees w */

/* The next message must be there and have this type; decref it. */
json_t *fake_ws_next(struct ws_conn *w, const char *type);
void fake_ws_skip(struct ws_conn *w, const char *type);
void fake_ws_expect(struct ws_conn *w, const char *text); /* ... and be this, byte for byte */
/* ... and be an error; param, id NULL: null, absent. */
void fake_ws_expect_error(struct ws_conn *w, const char *id, const char *code, const char *param);
void fake_ws_expect_nothing(const struct ws_conn *w);

#endif
