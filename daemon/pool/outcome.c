#include "daemon/pool/outcome.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "shared/json.h"
#include "shared/str.h"

enum { THROTTLE_RETRY_MS = 10000, UPSTREAM_RETRY_MS = 2000, OVERLOADED_STATUS = 529 };

enum job_stop outcome_stop_reason(const char *reason)
{
	static const struct {
		const char *name;
		enum job_stop stop;
	} reasons[] = {
		{"end_turn", JOB_STOP_END_TURN},
		{"max_tokens", JOB_STOP_MAX_TOKENS},
		{"model_context_window_exceeded", JOB_STOP_MAX_TOKENS},
		{"stop_sequence", JOB_STOP_SEQUENCE},
		{"refusal", JOB_STOP_REFUSAL},
		{"tool_use", JOB_STOP_TOOL_USE},
		{"pause_turn", JOB_STOP_END_TURN},
	};

	for (size_t i = 0; reason && i < sizeof reasons / sizeof *reasons; i++)
		if (strcmp(reason, reasons[i].name) == 0)
			return reasons[i].stop;
	return JOB_STOP_NONE;
}

static bool is(const char *value, const char *what)
{
	return value && strcmp(value, what) == 0;
}

/* A name that ends in a public or private top-level domain, or an IPv4 address; the names of a
 * request's fields ("messages.0.content") are neither. */
static bool names_host(const char *words)
{
	static const char *const ends[] = {".com", ".net",   ".org",      ".io",  ".ai",
					   ".dev", ".local", ".internal", ".lan", ".corp"};
	int a, b, c, d;

	for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
		const char *at = words;

		while ((at = strcasestr(at, ends[i])) != NULL) {
			at += strlen(ends[i]);
			if (!isalnum((unsigned char)*at) && *at != '_')
				return true;
		}
	}
	for (; *words; words++)
		if (sscanf(words, "%3d.%3d.%3d.%3d", &a, &b, &c, &d) == 4)
			return true;
	return false;
}

/* A port behind a name or an address, or an absolute path. */
static bool names_port_or_path(const char *words)
{
	for (const char *p = words; *p; p++) {
		bool begins = p == words || strchr(" ('\"`", p[-1]);

		if (*p == ':' && !begins && (isalnum((unsigned char)p[-1]) || p[-1] == ']') &&
		    isdigit((unsigned char)p[1]))
			return true;
		if (*p == '/' && begins && isalpha((unsigned char)p[1]))
			return true;
	}
	return false;
}

static bool fit_for_client(const char *words)
{
	static const char *const tells[] = {"://",       "www.",      "claude.",
					    "claude --", "anthropic", "localhost",
					    " run /",    "/login",    "/model"};

	for (size_t i = 0; i < sizeof tells / sizeof *tells; i++)
		if (strcasestr(words, tells[i]))
			return false;
	return !names_host(words) && !names_port_or_path(words);
}

/* Upstream's own words about a bad request help its author; the CLI's words around them, and
 * anything that names hosts or help pages, do not go out. */
static void take_invalid_message(const char *text, struct outcome *out)
{
	const char *words = strstr(text, " 400 ");
	json_t *body = NULL;
	const char *colon;

	if (!words)
		return;
	words += strlen(" 400 ");
	if (words[0] == '{') {
		body = json_loads(words, JSON_DISABLE_EOF_CHECK, NULL);
		words = json_get_str(json_object_get(body, "error"), "message");
	}
	if (words && fit_for_client(words))
		str_copy_clean(out->message, sizeof out->message, words);
	json_decref(body);
	colon = strchr(out->message, ':');
	if (colon && (size_t)(colon - out->message) < sizeof out->param) {
		size_t len = (size_t)(colon - out->message);

		memcpy(out->param, out->message, len);
		out->param[len] = '\0';
		if (!str_in_set(out->param, 1, sizeof out->param - 1,
				"abcdefghijklmnopqrstuvwxyz_0123456789.[]"))
			out->param[0] = '\0';
	}
}

static bool says_too_long(const char *text)
{
	return strcasestr(text, "prompt is too long") || strcasestr(text, "exceed context limit");
}

static void set(struct outcome *out, enum fault fault, int64_t retry_after_ms)
{
	out->fault = fault;
	out->retry_after_ms = retry_after_ms;
}

static void by_status(int64_t status, const char *text, const json_t *result, struct outcome *out)
{
	switch (status) {
	case 400:
		if (says_too_long(text)) {
			set(out, FAULT_CONTEXT_LENGTH, -1);
			return;
		}
		set(out, FAULT_INVALID_REQUEST, -1);
		take_invalid_message(text, out);
		return;
	case 401:
	case 403:
		out->login_rejected = true;
		set(out, FAULT_BACKEND_UNAVAILABLE, -1);
		return;
	case 404:
		set(out, FAULT_MODEL_NOT_FOUND, -1);
		return;
	case 413:
		set(out, FAULT_TOO_LARGE, -1);
		return;
	case 429:
		if (is(json_get_str(result, "api_error"), "usage_limit_reached"))
			set(out, FAULT_PLAN_LIMIT, -1);
		else
			set(out, FAULT_RATE_LIMIT, THROTTLE_RETRY_MS);
		return;
	default:
		set(out, status >= 400 && status < 500 ? FAULT_INVALID_REQUEST : FAULT_UPSTREAM,
		    UPSTREAM_RETRY_MS);
		if (out->fault == FAULT_INVALID_REQUEST)
			out->retry_after_ms = -1;
	}
}

/* Errors that reached no HTTP status: connection trouble, time-outs, a missing login. */
static void by_words(const char *api_error, const char *assistant_error, const char *text,
		     struct outcome *out)
{
	if (is(api_error, "stream_idle_timeout") || strstr(text, "Request timed out")) {
		set(out, FAULT_TIMEOUT, -1);
	} else if (is(assistant_error, "authentication_failed") || strstr(text, "/login")) {
		out->login_rejected = true;
		set(out, FAULT_BACKEND_UNAVAILABLE, -1);
	} else if (is(assistant_error, "model_not_found")) {
		set(out, FAULT_MODEL_NOT_FOUND, -1);
	} else if (is(assistant_error, "rate_limit")) {
		set(out, FAULT_RATE_LIMIT, THROTTLE_RETRY_MS);
	} else if (is(assistant_error, "max_output_tokens") || is(api_error, "max_output_tokens")) {
		out->stop = JOB_STOP_MAX_TOKENS;
	} else if (says_too_long(text)) {
		set(out, FAULT_CONTEXT_LENGTH, -1);
	} else {
		set(out, FAULT_UPSTREAM, UPSTREAM_RETRY_MS);
	}
}

void outcome_of_result(const json_t *result, const char *assistant_error, struct outcome *out)
{
	const char *terminal = json_get_str(result, "terminal_reason");
	const char *api_error = json_get_str(result, "api_error");
	const char *text = json_get_str(result, "result");
	int64_t status = json_get_int(result, "api_error_status", 0);

	*out = (struct outcome){.retry_after_ms = -1,
				.stop = outcome_stop_reason(json_get_str(result, "stop_reason"))};
	text = text ? text : "";
	if (is(json_get_str(result, "subtype"), "error_during_execution") ||
	    (terminal && strncmp(terminal, "aborted", 7) == 0)) {
		out->interrupted = true;
	} else if (is(terminal, "max_turns")) {
		out->stop = JOB_STOP_TOOL_USE;
	} else if (is(terminal, "blocking_limit")) {
		set(out, FAULT_CONTEXT_LENGTH, -1);
	} else if (out->stop == JOB_STOP_REFUSAL || !json_get_true(result, "is_error")) {
		out->fault = FAULT_NONE;
	} else if (is(terminal, "image_error") && status != 413) {
		set(out, FAULT_INVALID_REQUEST, -1);
	} else if (status > 0) {
		by_status(status, text, result, out);
	} else {
		by_words(api_error, assistant_error, text, out);
	}
}
