#include "daemon/pool/claude_protocol.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "shared/json.h"
#include "shared/json_scan.h"

/* A result's text beyond this is left out before parsing: only an error's words are ever looked at.
 */
enum { RESULT_TEXT_KEPT = 8192 };

static void begin_control(struct buf *b, const char *request_id, const char *subtype)
{
	buf_printf(b,
		   "{\"type\":\"control_request\",\"request_id\":\"%s\",\"request\":{\"subtype\":"
		   "\"%s\"",
		   request_id, subtype);
}

static void add_value(struct buf *b, const json_t *value)
{
	size_t len;
	char *text = json_dump_exact(value, &len);

	if (text)
		buf_add(b, text, len);
	else
		b->failed = true;
	free(text);
}

void cli_write_initialize(struct buf *b, const char *request_id, const char *system_prompt)
{
	begin_control(b, request_id, "initialize");
	buf_add_str(b, ",\"systemPrompt\":[");
	json_add_string(b, system_prompt, strlen(system_prompt));
	buf_add_str(b, "],\"systemPromptSnapshot\":false}}\n");
}

void cli_write_settings(struct buf *b, const char *request_id, const struct cli_settings *s)
{
	begin_control(b, request_id, "apply_flag_settings");
	buf_add_str(b, ",\"settings\":{\"env\":{\"CLAUDE_CODE_MAX_OUTPUT_TOKENS\":");
	if (s->max_tokens > 0)
		buf_printf(b, "\"%" PRId64 "\"", s->max_tokens);
	else
		buf_add_str(b, "null");
	buf_add_str(b, ",\"CLAUDE_CODE_EFFORT_LEVEL\":");
	if (s->effort)
		json_add_string(b, s->effort, strlen(s->effort));
	else
		buf_add_str(b, "null");
	buf_printf(b, ",\"CLAUDE_CODE_DISABLE_THINKING\":%s", s->no_thinking ? "\"1\"" : "null");
	buf_add_str(b, ",\"CLAUDE_CODE_EXTRA_BODY\":");
	if (s->extra_body)
		json_add_string(b, s->extra_body, s->extra_body_len);
	else
		buf_add_str(b, "null");
	buf_add_str(b, "}}}}\n");
}

void cli_write_set_model(struct buf *b, const char *request_id, const char *model,
			 const char *system_prompt)
{
	begin_control(b, request_id, "set_model");
	buf_add_str(b, ",\"model\":");
	json_add_string(b, model, strlen(model));
	buf_add_str(b, ",\"system_prompt\":");
	json_add_string(b, system_prompt, strlen(system_prompt));
	buf_add_str(b, "}}\n");
}

void cli_write_user(struct buf *b, const char *uuid, const json_t *content, bool query)
{
	buf_printf(b, "{\"type\":\"user\",\"uuid\":\"%s\",\"client_composed\":true,", uuid);
	if (!query)
		buf_add_str(b, "\"shouldQuery\":false,");
	buf_add_str(b, "\"message\":{\"role\":\"user\",\"content\":");
	add_value(b, content);
	buf_add_str(b, "},\"parent_tool_use_id\":null,\"session_id\":\"\"}\n");
}

void cli_write_assistant(struct buf *b, const json_t *content)
{
	buf_add_str(b, "{\"type\":\"assistant\",\"message\":{\"role\":\"assistant\",\"content\":");
	add_value(b, content);
	buf_add_str(b, "},\"parent_tool_use_id\":null,\"session_id\":\"\"}\n");
}

void cli_write_rewind(struct buf *b, const char *request_id, const char *first_uuid,
		      const char *last_uuid)
{
	begin_control(b, request_id, "rewind_conversation");
	buf_printf(b, ",\"target_message_uuid\":\"%s\",\"last_seen_user_message_uuid\":\"%s\"}}\n",
		   first_uuid, last_uuid);
}

void cli_write_interrupt(struct buf *b, const char *request_id)
{
	begin_control(b, request_id, "interrupt");
	buf_add_str(b, ",\"cancel_queued\":true}}\n");
}

void cli_write_refusal(struct buf *b, const char *request_id)
{
	buf_add_str(b, "{\"type\":\"control_response\",\"response\":{\"subtype\":\"error\","
		       "\"request_id\":");
	json_add_string_lossy(b, request_id);
	buf_add_str(b, ",\"error\":\"not supported\"}}\n");
}

static json_t *parse_slice(const struct json_slice *s)
{
	return s->len ? json_loadb(s->at, s->len, JSON_DECODE_ANY, NULL) : NULL;
}

/* Copies a short JSON string's content; a longer or missing one leaves "". */
static void copy_string(const struct json_slice *s, char *to, size_t size)
{
	json_t *value;

	to[0] = '\0';
	if (s->len < 2 || s->len > 6 * size || s->at[0] != '"')
		return;
	value = parse_slice(s);
	if (json_is_string(value) && json_string_length(value) < size)
		strcpy(to, json_string_value(value));
	json_decref(value);
}

static void parse_reply(struct cli_event *ev, const struct json_slice *reply)
{
	struct json_slice key, value, subtype = {0}, id = {0}, payload = {0};
	struct json_scan scan;

	json_scan_begin(&scan, reply->at, reply->len);
	while (json_scan_next(&scan, &key, &value)) {
		if (json_slice_is(&key, "subtype"))
			subtype = value;
		else if (json_slice_is(&key, "request_id"))
			id = value;
		else if (json_slice_is(&key, "response"))
			payload = value;
	}
	copy_string(&id, ev->request_id, sizeof ev->request_id);
	if (scan.failed || !subtype.len || !ev->request_id[0])
		return;
	ev->type = CLI_CONTROL_REPLY;
	ev->ok = json_slice_is(&subtype, "\"success\"");
	ev->value = parse_slice(&payload);
}

/* What is looked at of a result line; the rest, the answer's text once more above all, is not even
 * parsed.  The text is kept where it is short, because it may be an error's words. */
static bool wanted_of_result(const struct json_slice *key, const struct json_slice *value)
{
	static const char *const names[] = {"subtype",          "is_error",
					    "num_turns",        "stop_reason",
					    "terminal_reason",  "api_error",
					    "api_error_status", "user_message_uuid",
					    "modelUsage",       "model_usage_since_last_result"};

	if (json_slice_is(key, "result"))
		return value->len <= RESULT_TEXT_KEPT;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (json_slice_is(key, names[i]))
			return true;
	return false;
}

static void keep_member(struct buf *kept, const struct json_slice *key,
			const struct json_slice *value)
{
	buf_add_char(kept, kept->len ? ',' : '{');
	buf_add(kept, key->at - 1, key->len + 2);
	buf_add_char(kept, ':');
	buf_add(kept, value->at, value->len);
}

/* The totals of the process are wanted only of a CLI that does not tell the turn's own figures. */
static json_t *parse_result(const char *line, size_t len)
{
	struct json_slice key, value, totals_key = {0}, totals = {0};
	bool tells_turn = false;
	struct json_scan scan;
	struct buf kept;
	json_t *result;

	buf_init(&kept, len + 2);
	json_scan_begin(&scan, line, len);
	while (json_scan_next(&scan, &key, &value)) {
		if (json_slice_is(&key, "modelUsage")) {
			totals_key = key;
			totals = value;
		} else if (wanted_of_result(&key, &value)) {
			tells_turn |= json_slice_is(&key, "model_usage_since_last_result");
			keep_member(&kept, &key, &value);
		}
	}
	if (totals.len && !tells_turn)
		keep_member(&kept, &totals_key, &totals);
	if (kept.len == 0)
		buf_add_char(&kept, '{');
	buf_add_char(&kept, '}');
	result = kept.failed ? NULL : json_loadb(kept.data, kept.len, 0, NULL);
	buf_done(&kept);
	return result;
}

struct members {
	struct json_slice type, event, response, request_id, error, rate_limit_info;
};

static bool scan_members(struct members *m, const char *line, size_t len)
{
	struct json_slice key, value;
	struct json_scan scan;

	*m = (struct members){0};
	json_scan_begin(&scan, line, len);
	while (json_scan_next(&scan, &key, &value)) {
		if (json_slice_is(&key, "type"))
			m->type = value;
		else if (json_slice_is(&key, "event"))
			m->event = value;
		else if (json_slice_is(&key, "response"))
			m->response = value;
		else if (json_slice_is(&key, "request_id"))
			m->request_id = value;
		else if (json_slice_is(&key, "error"))
			m->error = value;
		else if (json_slice_is(&key, "rate_limit_info"))
			m->rate_limit_info = value;
	}
	return !scan.failed;
}

static void require_value(struct cli_event *ev, enum cli_event_type type)
{
	ev->type = json_is_object(ev->value) ? type : CLI_GARBAGE;
}

static void parse_text(struct cli_event *ev, const struct json_slice *delta)
{
	struct json_slice key, value, type = {0}, text = {0};
	struct json_scan scan;

	json_scan_begin(&scan, delta->at, delta->len);
	while (json_scan_next(&scan, &key, &value)) {
		if (json_slice_is(&key, "type"))
			type = value;
		else if (json_slice_is(&key, "text"))
			text = value;
	}
	if (!json_slice_is(&type, "\"text_delta\""))
		return;
	ev->value = parse_slice(&text);
	ev->type = json_is_string(ev->value) ? CLI_TEXT : CLI_GARBAGE;
}

/* Most lines are of this kind, and most of them bring a few words of text: those are not made a
 * tree of, and events that end nothing and begin nothing are not parsed at all. */
static void parse_stream(struct cli_event *ev, const struct json_slice *event)
{
	struct json_slice key, value, type = {0}, delta = {0};
	struct json_scan scan;

	json_scan_begin(&scan, event->at, event->len);
	while (json_scan_next(&scan, &key, &value)) {
		if (json_slice_is(&key, "type"))
			type = value;
		else if (json_slice_is(&key, "delta"))
			delta = value;
	}
	if (scan.failed) {
		ev->type = CLI_GARBAGE;
	} else if (json_slice_is(&type, "\"content_block_delta\"")) {
		parse_text(ev, &delta);
	} else if (json_slice_is(&type, "\"message_start\"") ||
		   json_slice_is(&type, "\"message_delta\"")) {
		ev->value = parse_slice(event);
		require_value(ev, CLI_STREAM);
	}
}

void cli_event_parse(struct cli_event *ev, const char *line, size_t len)
{
	struct members m;

	*ev = (struct cli_event){.type = CLI_OTHER};
	if (!scan_members(&m, line, len)) {
		ev->type = CLI_GARBAGE;
	} else if (json_slice_is(&m.type, "\"stream_event\"")) {
		parse_stream(ev, &m.event);
	} else if (json_slice_is(&m.type, "\"control_response\"")) {
		parse_reply(ev, &m.response);
	} else if (json_slice_is(&m.type, "\"result\"")) {
		ev->value = parse_result(line, len);
		require_value(ev, CLI_RESULT);
	} else if (json_slice_is(&m.type, "\"assistant\"")) {
		copy_string(&m.error, ev->error, sizeof ev->error);
		ev->type = CLI_ASSISTANT;
	} else if (json_slice_is(&m.type, "\"rate_limit_event\"")) {
		ev->value = parse_slice(&m.rate_limit_info);
		require_value(ev, CLI_RATE_LIMIT);
	} else if (json_slice_is(&m.type, "\"control_request\"")) {
		copy_string(&m.request_id, ev->request_id, sizeof ev->request_id);
		ev->type = CLI_CONTROL_REQUEST;
	}
}

void cli_event_done(struct cli_event *ev)
{
	json_decref(ev->value);
	ev->value = NULL;
}
