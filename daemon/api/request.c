#include "daemon/api/request.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/clock.h"
#include "shared/str.h"

#include "daemon/api/cors.h"
#include "daemon/api/routes.h"
#include "daemon/observe/metrics.h"

enum { ERROR_BODY_MAX = 8192, PART_SUFFIX = 24, KEY_DIGITS = 16 /* fewer are no key */ };

static const char id_chars[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.:-";

static const char key_prefix[] = "ccapi_", hex_digits[] = "0123456789abcdefABCDEF";

/* A key of ours has no business in a path or an id, but people put it there; these are logged. */
static char *find_key(char *text)
{
	char *at = strstr(text, key_prefix);

	while (at && strspn(at + sizeof key_prefix - 1, hex_digits) < KEY_DIGITS)
		at = strstr(at + 1, key_prefix);
	return at;
}

static void hide_keys(char *text)
{
	char *at;

	while ((at = find_key(text))) {
		at += sizeof key_prefix - 1;
		memset(at, '*', strspn(at, hex_digits));
	}
}

static void set_id(struct request *r, const char *asked)
{
	unsigned char random[12];

	if (asked && !find_key((char *)(uintptr_t)asked) &&
	    str_in_set(asked, 1, sizeof r->entry.request_id - 1, id_chars)) {
		memcpy(r->entry.request_id, asked, strlen(asked) + 1);
		return;
	}
	randombytes_buf(random, sizeof random);
	memcpy(r->entry.request_id, "req_", 4);
	sodium_bin2hex(r->entry.request_id + 4, 2 * sizeof random + 1, random, sizeof random);
}

struct request *request_new_bare(struct api *api, const char *method, const char *path,
				 const char *peer, const char *asked_id)
{
	struct request *r = calloc(1, sizeof *r);

	if (!r)
		return NULL;
	r->api = api;
	r->refs = 1;
	r->started_us = clock_mono_us();
	set_id(r, asked_id);
	str_copy_clean(r->entry.method, sizeof r->entry.method, method);
	str_copy_clean(r->entry.path, sizeof r->entry.path, path);
	hide_keys(r->entry.path);
	str_copy_clean(r->entry.peer, sizeof r->entry.peer, peer);
	r->entry.queue_ms = r->entry.ttft_ms = r->entry.overhead_ms = -1;
	api_ref(api);
	return r;
}

/* Refused requests may have no readable head: everything may be absent. */
struct request *request_new(struct api *api, struct exchange *x)
{
	const char *method = exchange_method(x), *path = exchange_path(x), *peer = exchange_peer(x);
	struct request *r = request_new_bare(api, method ? method : "", path ? path : "",
					     peer ? peer : "", exchange_header(x, "x-request-id"));

	if (!r)
		return NULL;
	r->x = x;
	if (exchange_started_us(x))
		r->started_us = exchange_started_us(x);
	return r;
}

struct request *request_new_part(struct request *whole, size_t index)
{
	struct request *r = calloc(1, sizeof *r);
	size_t room = sizeof r->entry.request_id - 1 - PART_SUFFIX;

	if (!r)
		return NULL;
	r->api = whole->api;
	r->route = whole->route;
	r->refs = 1;
	r->started_us = clock_mono_us();
	r->entry = whole->entry;
	if (strlen(whole->entry.request_id) > room)
		set_id(r, NULL);
	snprintf(r->entry.request_id + strlen(r->entry.request_id), PART_SUFFIX, ".%zu", index);
	r->entry.queue_ms = r->entry.ttft_ms = r->entry.overhead_ms = -1;
	r->key = whole->key ? key_ref(whole->key) : NULL;
	api_ref(r->api);
	return r;
}

void request_ref(struct request *r)
{
	r->refs++;
}

void request_unref(struct request *r)
{
	if (--r->refs)
		return;
	access_log_write(&r->entry);
	key_unref(r->key);
	api_unref(r->api);
	free(r);
}

void request_count(const struct request *r)
{
	static const char *const methods[] = {"GET",     "POST",   "WS",  "HEAD",
					      "OPTIONS", "DELETE", "PUT", "PATCH"};
	const char *method = "other";
	char status[8];

	for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
		if (strcmp(methods[i], r->entry.method) == 0)
			method = methods[i];
	snprintf(status, sizeof status, "%d", r->entry.status);
	metric_add_labels(METRIC_HTTP_REQUESTS, 1,
			  (const char *const[METRIC_LABELS]){r->route ? r->route->path : "other",
							     method, status});
}

void request_drop(struct request *r)
{
	key_unref(r->key);
	api_unref(r->api);
	free(r);
}

void request_add_headers(struct request *r)
{
	exchange_add_header(r->x, "x-request-id", r->entry.request_id);
	exchange_add_headerf(r->x, "openai-processing-ms", "%lld",
			     (long long)((clock_mono_us() - r->started_us) / 1000));
	cors_add_headers(r->api->deps.conf, r->x);
}

void request_reply(struct request *r, int status, const char *content_type, struct buf *body)
{
	struct exchange *x = r->x;

	request_add_headers(r);
	r->x = NULL;
	exchange_reply(x, status, content_type, body);
}

void request_fail(struct request *r, const struct failure *f)
{
	int64_t after_ms = failure_retry_after_ms(f);
	struct buf body;

	if (after_ms >= 0) {
		exchange_add_headerf(r->x, "Retry-After", "%lld",
				     (long long)((after_ms + 999) / 1000));
		exchange_add_headerf(r->x, "retry-after-ms", "%lld", (long long)after_ms);
	}
	if (failure_forbids_retry(f))
		exchange_add_header(r->x, "x-should-retry", "false");
	r->entry.fault = failure_name(f);
	if (f->fault == FAULT_INVALID_KEY)
		metric_add(METRIC_REFUSED_AUTH, 1);
	buf_init(&body, ERROR_BODY_MAX);
	failure_write_json(f, &body);
	request_reply(r, failure_status(f), "application/json", &body);
	buf_done(&body);
}
