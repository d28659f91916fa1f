/* Why this exists: the control channel is how the daemon sets model, prompt and limits and proves
 * that a worker is clean.  Every verb is one row of the table; replies, also the refusals, are
 * those of the real CLI. */
#include "tests/sim/control.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/sim/emit.h"
#include "tests/sim/login.h"
#include "tests/sim/session.h"
#include "tests/sim/turn.h"

typedef void (*handler)(struct sim *sim, const char *id, const json_t *request);

static void reply_buf(struct sim *sim, const char *id, struct jbuf *reply)
{
	jbuf_add(reply, "", 1);
	emit_control_ok(sim, id, reply->data);
	jbuf_done(reply);
}

static void set_prompt(struct sim *sim, const json_t *text)
{
	struct jbuf *prompt = &sim->session.system_prompt;
	prompt->len = 0;
	jbuf_add(prompt, json_string_value(text), json_string_length(text));
}

/* A second initialize is answered but changes nothing. */
static void take_prompt(struct sim *sim, const json_t *request)
{
	json_t *parts = json_object_get(request, "systemPrompt"), *part;
	size_t i;
	struct jbuf *prompt = &sim->session.system_prompt;
	if (sim->initialized)
		return;
	if (json_is_string(parts))
		set_prompt(sim, parts);
	json_array_foreach(parts, i, part)
	{
		if (i && prompt->len)
			jbuf_puts(prompt, "\n\n");
		if (json_is_string(part))
			jbuf_add(prompt, json_string_value(part), json_string_length(part));
	}
}

static void initialize(struct sim *sim, const char *id, const json_t *request)
{
	struct jbuf reply = {0};
	if (sim->faults.start_hang)
		return;
	take_prompt(sim, request);
	sim->initialized = true;
	jbuf_puts(&reply,
		  "{\"commands\":[],\"agents\":[],\"output_style\":\"default\",\"models\":");
	models_rows(&reply);
	jbuf_puts(&reply, ",\"account\":");
	login_account(sim, &reply);
	jbuf_printf(&reply,
		    ",\"pid\":%d,\"claude_code_version\":\"%s\",\"current_permission_mode\":"
		    "\"default\","
		    "\"session_state\":\"idle\",\"capabilities\":[],\"simulator\":true}",
		    (int)getpid(), sim_version(sim));
	reply_buf(sim, id, &reply);
}

static void list_models(struct sim *sim, const char *id, const json_t *request)
{
	(void)request;
	struct jbuf reply = {0};
	jbuf_puts(&reply, "{\"models\":");
	models_rows(&reply);
	jbuf_puts(&reply, "}");
	reply_buf(sim, id, &reply);
}

static void set_model(struct sim *sim, const char *id, const json_t *request)
{
	json_t *model = json_object_get(request, "model");
	json_t *prompt = json_object_get(request, "system_prompt");
	if (model && !json_is_null(model) && !json_is_string(model)) {
		emit_control_error(sim, id, "set_model: model must be a string", "invalid_request",
				   sim->session.model);
		return;
	}
	if (prompt && !(json_is_string(prompt) && json_string_length(prompt))) {
		emit_control_error(
			sim, id, "set_model: system_prompt must be a non-empty string when present",
			"invalid_request", sim->session.model);
		return;
	}
	if (model && json_is_string(model) && !json_string_length(model)) {
		emit_control_error(
			sim, id,
			"Model \"(unrecognized model name)\" is not a recognized model id. "
			"Run /model to see available models.",
			"catalog_unknown", sim->session.model);
		return;
	}
	model_resolve(json_string_value(model), sim->session.model);
	if (prompt && !sim->faults.ignore_system_prompt)
		set_prompt(sim, prompt);
	struct jbuf reply = {0};
	jbuf_puts(&reply, "{\"model\":");
	jbuf_string(&reply, sim->session.model, strlen(sim->session.model));
	jbuf_puts(&reply, "}");
	reply_buf(sim, id, &reply);
}

/* Keys are merged and stay; null unsets (the CLI stores it as the word "null"). */
static void apply_flag_settings(struct sim *sim, const char *id, const json_t *request)
{
	json_t *env = json_object_get(json_object_get(request, "settings"), "env");
	const char *key;
	json_t *value;
	json_object_foreach(env, key, value)
	{
		if (json_is_null(value))
			json_object_set_new(sim->session.env, key, json_string("null"));
		else if (json_is_string(value))
			json_object_set(sim->session.env, key, value);
		else
			json_object_set_new(sim->session.env, key, json_string("[object]"));
	}
	emit_control_ok(sim, id, NULL);
}

static void get_settings(struct sim *sim, const char *id, const json_t *request)
{
	(void)request;
	const char *effort = sim_env(sim, "CLAUDE_CODE_EFFORT_LEVEL");
	json_t *reply = json_pack("{s:{s:O}, s:[], s:{s:s, s:s}}", "effective", "env",
				  sim->session.env, "sources", "applied", "model",
				  sim->session.model, "effort", effort ? effort : "medium");
	char *text = json_dumps(reply, JSON_COMPACT);
	emit_control_ok(sim, id, text);
	free(text);
	json_decref(reply);
}

static void set_max_thinking_tokens(struct sim *sim, const char *id, const json_t *request)
{
	json_t *display = json_object_get(request, "thinking_display");
	const char *text = json_string_value(display);
	if (text || json_is_null(display))
		snprintf(sim->session.thinking_display, sizeof sim->session.thinking_display, "%s",
			 text ? text : "updates");
	emit_control_ok(sim, id, NULL);
}

static void refuse_rewind(struct sim *sim, const char *id, const char *reason, const char *error)
{
	char text[256];
	snprintf(text, sizeof text,
		 "{\"rewound\":false,\"prefillText\":null,\"precedingAssistantUuid\":null,"
		 "\"error\":\"%s\","
		 "\"reason\":\"%s\"}",
		 error, reason);
	emit_control_ok(sim, id, text);
}

static void rewind_conversation(struct sim *sim, const char *id, const json_t *request)
{
	struct session *session = &sim->session;
	const char *target = json_string_value(json_object_get(request, "target_message_uuid"));
	const char *last =
		json_string_value(json_object_get(request, "last_seen_user_message_uuid"));
	if (!target) {
		emit_control_error(sim, id,
				   "rewind_conversation: target_message_uuid must be a string",
				   NULL, NULL);
		return;
	}
	if (sim->turn.phase != PHASE_IDLE || sim->queue_count) {
		refuse_rewind(sim, id, "turn_running", "turn running");
		return;
	}
	struct rewind found = session_find_rewind(session, target, last);
	if (session->refuse_rewind)
		found = (struct rewind){.reason = "stale_target", .error = "stale target"};
	session->refuse_rewind = false;
	if (!found.rewound) {
		refuse_rewind(sim, id, found.reason, found.error);
		return;
	}
	struct jbuf reply = {0}, prefill = {0};
	const char *preceding = session->bad_rewind ? session->id : found.preceding;
	session->bad_rewind = false;
	content_text(found.target->content, &prefill);
	jbuf_puts(&reply, "{\"rewound\":true,\"targetMessageUuid\":");
	jbuf_string(&reply, target, strlen(target));
	jbuf_puts(&reply, ",\"prefillText\":");
	jbuf_string(&reply, prefill.data, prefill.len);
	jbuf_puts(&reply, ",\"precedingAssistantUuid\":");
	if (preceding)
		jbuf_string(&reply, preceding, strlen(preceding));
	else
		jbuf_puts(&reply, "null");
	jbuf_puts(&reply, "}");
	jbuf_done(&prefill);
	if (!sim->faults.ignore_rewind)
		session_cut(session, found.index);
	reply_buf(sim, id, &reply);
}

static void add_queued_uuids(struct sim *sim, struct jbuf *reply, bool cancel)
{
	for (size_t i = 0; i < sim->queue_count; i++) {
		struct queued *line = &sim->queue[i];
		if (i)
			jbuf_puts(reply, ",");
		jbuf_string(reply, line->uuid, strlen(line->uuid));
		if (!cancel)
			continue;
		emit_lifecycle(sim, line->uuid, "cancelled");
		free(line->uuid);
		json_decref(line->content);
	}
	if (cancel)
		sim->queue_count = 0;
}

static void interrupt(struct sim *sim, const char *id, const json_t *request)
{
	bool cancel = json_is_true(json_object_get(request, "cancel_queued"));
	struct jbuf reply = {0};
	if (sim->turn.phase != PHASE_IDLE && sim->turn.faults.ignore_interrupt)
		return;
	jbuf_puts(&reply, "{\"still_queued\":[");
	if (!cancel)
		add_queued_uuids(sim, &reply, false);
	jbuf_puts(&reply, "]");
	if (cancel) {
		jbuf_puts(&reply, ",\"cancelled\":[");
		add_queued_uuids(sim, &reply, true);
		jbuf_puts(&reply, "]");
	}
	jbuf_puts(&reply, "}");
	reply_buf(sim, id, &reply);
	if (sim->turn.phase != PHASE_IDLE)
		turn_abort(sim);
}

static void end_session(struct sim *sim, const char *id, const json_t *request)
{
	(void)request;
	emit_control_ok(sim, id, NULL);
	if (sim->turn.phase != PHASE_IDLE)
		turn_abort(sim);
	sim->ending = true;
}

static const struct {
	const char *subtype;
	handler handle;
} table[] = {
	{"initialize", initialize},
	{"list_models", list_models},
	{"set_model", set_model},
	{"apply_flag_settings", apply_flag_settings},
	{"get_settings", get_settings},
	{"set_max_thinking_tokens", set_max_thinking_tokens},
	{"rewind_conversation", rewind_conversation},
	{"interrupt", interrupt},
	{"end_session", end_session},
};

void control_handle(struct sim *sim, const char *request_id, const json_t *request)
{
	const char *subtype = json_string_value(json_object_get(request, "subtype"));
	for (size_t i = 0; subtype && i < sizeof table / sizeof table[0]; i++) {
		if (!strcmp(subtype, table[i].subtype)) {
			table[i].handle(sim, request_id, request);
			return;
		}
	}
	char text[160];
	snprintf(text, sizeof text, "Unsupported control request subtype: %.80s",
		 subtype ? subtype : "undefined");
	emit_control_error(sim, request_id, text, "unsupported_request", NULL);
}
