#include "daemon/api/errors.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "shared/json.h"
#include "shared/str.h"

#include "daemon/dispatch/job.h"

enum retry { RETRY_NO, RETRY_YES, RETRY_AFTER };

enum { RETRY_SOON_MS = 60000 }; /* SDKs are not asked to wait longer than this */

/* A row with FAULT_NONE is found by its status alone.  What the HTTP layer answers by itself, past
 * its handlers (408, 414, 431, 505), is bare.c's. */
static const struct error_row {
	enum fault fault;
	int status;
	const char *type, *code, *message;
	enum retry retry;
	int64_t after_ms; /* RETRY_AFTER: when nobody knows better */
} rows[] = {
#define INVALID "invalid_request_error"
#define SERVER "server_error"
	{FAULT_INVALID_REQUEST, 400, INVALID, NULL, "The request is not valid.", RETRY_NO, 0},
	{FAULT_INVALID_KEY, 401, INVALID, "invalid_api_key", "The API key is not valid.", RETRY_NO,
	 0},
	{FAULT_PERMISSION, 403, INVALID, "permission_denied", "This is not permitted.", RETRY_NO,
	 0},
	{FAULT_NOT_FOUND, 404, INVALID, "not_found", "There is no such route.", RETRY_NO, 0},
	{FAULT_MODEL_NOT_FOUND, 404, INVALID, "model_not_found", "There is no such model.",
	 RETRY_NO, 0},
	{FAULT_SESSION_NOT_FOUND, 404, INVALID, "session_not_found", "There is no such session.",
	 RETRY_NO, 0},
	{FAULT_METHOD, 405, INVALID, "method_not_allowed", "This route has no such method.",
	 RETRY_NO, 0},
	{FAULT_CONTEXT_LENGTH, 400, INVALID, "context_length_exceeded",
	 "The prompt is larger than the model's context.", RETRY_NO, 0},
	{FAULT_TOO_LARGE, 413, INVALID, "request_too_large", "The request is too large.", RETRY_NO,
	 0},
	{FAULT_MEDIA_TYPE, 415, INVALID, "unsupported_media_type",
	 "The request needs the header Content-Type: application/json.", RETRY_NO, 0},
	{FAULT_UNSUPPORTED_BY_CLI, 400, INVALID, "unsupported_by_cli",
	 "The installed Claude Code CLI cannot honour this.", RETRY_NO, 0},
	{FAULT_RATE_LIMIT, 429, "requests", "rate_limit_exceeded",
	 "The upstream service limits the rate of requests at the moment.", RETRY_AFTER, 10000},
	{FAULT_LIMIT_REQUESTS, 429, "requests", "rate_limit_exceeded",
	 "The limit of requests is reached.", RETRY_AFTER, 1000},
	{FAULT_LIMIT_TOKENS, 429, "tokens", "rate_limit_exceeded",
	 "The limit of tokens per minute is reached.", RETRY_AFTER, 1000},
	{FAULT_BUDGET, 429, "insufficient_quota", "insufficient_quota", "The budget is used up.",
	 RETRY_NO, 0},
	{FAULT_CONFLICT, 409, INVALID, "conflict",
	 "The request is in conflict with an earlier one.", RETRY_NO, 0},
	{FAULT_PLAN_LIMIT, 429, "rate_limit_error", "plan_limit_reached",
	 "The usage limit of the subscription is reached.", RETRY_AFTER, 60000},
	{FAULT_OVERLOADED, 503, SERVER, "overloaded", "The server is overloaded.", RETRY_AFTER,
	 1000},
	{FAULT_BACKEND_UNAVAILABLE, 503, SERVER, "backend_unavailable",
	 "The backend is not available; the server's operator finds the reason in its log.",
	 RETRY_NO, 0},
	{FAULT_STORE, 503, SERVER, "backend_unavailable",
	 "The server cannot account for requests at the moment.", RETRY_NO, 0},
	{FAULT_UPSTREAM, 502, SERVER, "upstream_error", "The upstream service failed.", RETRY_AFTER,
	 2000},
	{FAULT_WORKER, 502, SERVER, "worker_failed", "The worker that ran the request failed.",
	 RETRY_YES, 0},
	{FAULT_SLOW_READER, 408, INVALID, "slow_reader", "The answer was not read.", RETRY_YES, 0},
	{FAULT_TIMEOUT, 504, SERVER, "timeout", "The request took too long.", RETRY_YES, 0},
	{FAULT_CANCELLED, 499, SERVER, "cancelled", "The request was cancelled.", RETRY_NO, 0},
	{FAULT_INTERNAL, 500, SERVER, "internal_error", "The server failed.", RETRY_YES, 0},
#undef INVALID
#undef SERVER
};

enum { ROWS = sizeof rows / sizeof *rows };

static const struct error_row *row_of_fault(enum fault fault)
{
	for (size_t i = 0; i < ROWS; i++)
		if (rows[i].fault == fault)
			return &rows[i];
	return row_of_fault(FAULT_INTERNAL);
}

static const struct error_row *row_of_status(int status)
{
	for (size_t i = 0; i < ROWS; i++)
		if (rows[i].status == status)
			return &rows[i];
	return row_of_fault(status >= 400 && status < 500 ? FAULT_INVALID_REQUEST : FAULT_INTERNAL);
}

static const struct error_row *row_of(const struct failure *f)
{
	return f->fault == FAULT_NONE ? row_of_status(f->status) : row_of_fault(f->fault);
}

int failure_set(struct failure *f, enum fault fault, const char *param, const char *fmt, ...)
{
	char message[sizeof f->message];
	va_list ap;

	*f = (struct failure){.fault = fault, .retry_after_ms = -1};
	va_start(ap, fmt);
	vsnprintf(message, sizeof message, fmt, ap);
	va_end(ap);
	str_copy_clean(f->message, sizeof f->message, message);
	str_copy_clean(f->param, sizeof f->param, param ? param : "");
	return -EINVAL;
}

int failure_set_status(struct failure *f, int status, const char *message)
{
	*f = (struct failure){.fault = FAULT_NONE, .status = status, .retry_after_ms = -1};
	str_copy_clean(f->message, sizeof f->message, message ? message : "");
	return -EINVAL;
}

void failure_from_refusal(struct failure *f, const struct refusal *why)
{
	failure_set(f, why->fault, why->param, "%s", why->message);
	f->retry_after_ms = why->retry_after_ms;
}

void failure_from_job(struct failure *f, const struct job *job)
{
	failure_set(f, job->result.fault, job->result.param, "%s", job->result.message);
	f->retry_after_ms = job->result.retry_after_ms;
}

int failure_status(const struct failure *f)
{
	return f->status ? f->status : row_of(f)->status;
}

const char *failure_name(const struct failure *f)
{
	const struct error_row *row = row_of(f);

	return f->fault != FAULT_NONE ? fault_name(f->fault) : row->code ? row->code : "refused";
}

int64_t failure_retry_after_ms(const struct failure *f)
{
	const struct error_row *row = row_of(f);

	if (row->retry != RETRY_AFTER)
		return -1;
	return f->retry_after_ms >= 0 ? f->retry_after_ms : row->after_ms;
}

bool failure_forbids_retry(const struct failure *f)
{
	return row_of(f)->retry == RETRY_NO || failure_retry_after_ms(f) > RETRY_SOON_MS;
}

static void add_string_or_null(struct buf *b, const char *s)
{
	if (s && *s)
		json_add_string_lossy(b, s);
	else
		buf_add_str(b, "null");
}

static const char *message_of(const struct failure *f)
{
	return f->message[0] ? f->message : row_of(f)->message;
}

void failure_words(const struct failure *f, char *to, size_t size)
{
	str_copy_clean(to, size, message_of(f));
}

static void write_object(const struct failure *f, struct buf *to)
{
	const struct error_row *row = row_of(f);

	buf_add_str(to, "{\"message\":");
	json_add_string_lossy(to, message_of(f));
	buf_printf(to, ",\"type\":\"%s\",\"param\":", row->type);
	add_string_or_null(to, f->param);
	buf_add_str(to, ",\"code\":");
	add_string_or_null(to, row->code);
}

void failure_write_json(const struct failure *f, struct buf *to)
{
	buf_add_str(to, "{\"error\":");
	write_object(f, to);
	buf_add_str(to, "}}");
}

void failure_write_object(const struct failure *f, struct buf *to)
{
	int64_t after_ms = failure_retry_after_ms(f);

	write_object(f, to);
	if (after_ms >= 0)
		buf_printf(to, ",\"retry_after\":%.3f", (double)after_ms / 1000);
	buf_add_char(to, '}');
}

static void view(const struct error_row *row, int status, struct error_view *ret)
{
	static const char *const words[] = {
		[RETRY_NO] = "no", [RETRY_YES] = "yes", [RETRY_AFTER] = "after"};

	*ret = (struct error_view){.fault = fault_name(row->fault),
				   .status = status,
				   .type = row->type,
				   .code = row->code,
				   .retry = words[row->retry]};
}

bool failure_view(size_t i, struct error_view *ret)
{
	if (i >= ROWS)
		return false;
	view(&rows[i], rows[i].status, ret);
	return true;
}

void failure_view_status(int status, struct error_view *ret)
{
	view(row_of_status(status), status, ret);
	ret->fault = "";
}
