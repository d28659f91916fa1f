/* Why this exists: the daemon reads these lines, so fields, order of lines and the odd key order
 * follow the real CLI. They are written by hand into one buffer and leave in one write, which keeps
 * a canned turn at a few microseconds. */
#include "tests/sim/emit.h"

#include <stdio.h>
#include <string.h>

static void add_ids(struct sim *sim, const char *before_session, const char *before_uuid)
{
	char uuid[UUID_SIZE];
	uuid_make(uuid);
	jbuf_puts(&sim->out, before_session);
	jbuf_add(&sim->out, sim->session.id, UUID_SIZE - 1);
	jbuf_puts(&sim->out, before_uuid);
	jbuf_add(&sim->out, uuid, UUID_SIZE - 1);
	jbuf_puts(&sim->out, "\"");
}

static void tail(struct sim *sim)
{
	add_ids(sim, ",\"session_id\":\"", "\",\"uuid\":\"");
}

static void end(struct sim *sim)
{
	jbuf_puts(&sim->out, "}\n");
}

static void add_uuids(struct sim *sim, bool single)
{
	struct jbuf *out = &sim->out;
	if (single) {
		jbuf_puts(out, ",\"user_message_uuid\":");
		jbuf_string(out, sim->turn.uuid, strlen(sim->turn.uuid));
	}
	jbuf_puts(out, ",\"user_message_uuids\":");
	jbuf_add(out, sim->turn.uuids.data, sim->turn.uuids.len);
}

static void add_timestamp(struct sim *sim)
{
	char time[32];
	timestamp_make(time);
	jbuf_printf(&sim->out, ",\"timestamp\":\"%s\"", time);
}

void emit_control_ok(struct sim *sim, const char *request_id, const char *response)
{
	struct jbuf *out = &sim->out;
	jbuf_puts(out, "{\"type\":\"control_response\",\"response\":{\"subtype\":\"success\","
		       "\"request_id\":");
	jbuf_string(out, request_id, strlen(request_id));
	if (response) {
		jbuf_puts(out, ",\"response\":");
		jbuf_puts(out, response);
	}
	jbuf_puts(out, "}}\n");
}

void emit_control_error(struct sim *sim, const char *request_id, const char *error,
			const char *code, const char *model)
{
	struct jbuf *out = &sim->out;
	jbuf_puts(out, "{\"type\":\"control_response\",\"response\":{\"subtype\":\"error\","
		       "\"request_id\":");
	jbuf_string(out, request_id, strlen(request_id));
	jbuf_puts(out, ",\"error\":");
	jbuf_string(out, error, strlen(error));
	if (code)
		jbuf_printf(out, ",\"error_code\":\"%s\"", code);
	if (model) {
		jbuf_puts(out, ",\"model\":");
		jbuf_string(out, model, strlen(model));
	}
	jbuf_puts(out, "}}\n");
}

void emit_lifecycle(struct sim *sim, const char *command_uuid, const char *state)
{
	jbuf_puts(&sim->out, "{\"type\":\"command_lifecycle\",\"command_uuid\":");
	jbuf_string(&sim->out, command_uuid, strlen(command_uuid));
	jbuf_printf(&sim->out, ",\"state\":\"%s\"", state);
	tail(sim);
	end(sim);
}

void emit_init(struct sim *sim)
{
	struct jbuf *out = &sim->out;
	const char *key = sim_env(sim, "ANTHROPIC_API_KEY");
	jbuf_puts(out, "{\"type\":\"system\",\"subtype\":\"init\",\"cwd\":");
	jbuf_string(out, sim->session.cwd, strlen(sim->session.cwd));
	jbuf_puts(out, ",\"tools\":[],\"mcp_servers\":[],\"model\":");
	jbuf_string(out, sim->session.model, strlen(sim->session.model));
	jbuf_printf(out,
		    ",\"permissionMode\":\"default\",\"slash_commands\":[],\"apiKeySource\":\"%s\","
		    "\"claude_code_version\":\"%s\",\"output_style\":\"default\",\"agents\":[],"
		    "\"skills\":[],"
		    "\"plugins\":[],\"capabilities\":[\"interrupt_receipt_v1\",\"interrupt_cancel_"
		    "queued_v1\","
		    "\"msg_lifecycle_v1\"],\"fast_mode_state\":\"off\"",
		    key ? "ANTHROPIC_API_KEY" : "none", sim_version(sim));
	tail(sim);
	add_uuids(sim, false);
	end(sim);
}

void emit_status(struct sim *sim)
{
	jbuf_puts(&sim->out,
		  "{\"type\":\"system\",\"subtype\":\"status\",\"status\":\"requesting\"");
	tail(sim);
	add_uuids(sim, false);
	end(sim);
}

void emit_blank_prompt(struct sim *sim)
{
	jbuf_puts(
		&sim->out,
		"{\"type\":\"system\",\"subtype\":\"informational\",\"content\":\"Blank prompt\"");
	tail(sim);
	end(sim);
}

void emit_api_retry(struct sim *sim, int delay_ms, int status, const char *error)
{
	jbuf_printf(
		&sim->out,
		"{\"type\":\"system\",\"subtype\":\"api_retry\",\"attempt\":0,\"max_retries\":0,"
		"\"retry_delay_ms\":%d,\"error_status\":%d,\"error\":\"%s\"",
		delay_ms, status, error);
	tail(sim);
	end(sim);
}

void emit_event_open(struct sim *sim)
{
	jbuf_puts(&sim->out, "{\"type\":\"stream_event\",\"event\":");
}

void emit_event_close(struct sim *sim)
{
	add_ids(sim, ",\"session_id\":\"", "\",\"parent_tool_use_id\":null,\"uuid\":\"");
	jbuf_puts(&sim->out, ",\"api_message_id\":");
	jbuf_string(&sim->out, sim->turn.message_id, strlen(sim->turn.message_id));
	end(sim);
}

void emit_event(struct sim *sim, const char *event, size_t len, bool first)
{
	emit_event_open(sim);
	jbuf_add(&sim->out, event, len);
	emit_event_close(sim);
	if (!first)
		return;
	sim->out.len -= 2; /* "}\n" */
	jbuf_printf(&sim->out, ",\"ttft_ms\":%d", (int)((now_ns() - sim->turn.sent_ns) / 1000000));
	add_uuids(sim, true);
	end(sim);
}

void emit_assistant(struct sim *sim, const char *uuid, const char *content, size_t len,
		    bool aborted)
{
	struct jbuf *out = &sim->out;
	const struct turn *turn = &sim->turn;
	jbuf_puts(out, "{\"type\":\"assistant\",\"message\":{\"id\":");
	jbuf_string(out, turn->message_id, strlen(turn->message_id));
	jbuf_puts(out, ",\"type\":\"message\",\"role\":\"assistant\",\"model\":");
	jbuf_string(out, turn->message_model, strlen(turn->message_model));
	jbuf_puts(out, ",\"content\":[");
	jbuf_add(out, content, len);
	jbuf_printf(out,
		    "],\"stop_reason\":null,\"stop_sequence\":null,\"usage\":{\"input_tokens\":%jd,"
		    "\"cache_creation_input_tokens\":%jd,\"cache_read_input_tokens\":%jd,\"output_"
		    "tokens\":%jd}},"
		    "\"parent_tool_use_id\":null,\"session_id\":\"%s\",\"uuid\":\"%s\"",
		    (intmax_t)turn->usage.input, (intmax_t)turn->usage.cache_write,
		    (intmax_t)turn->usage.cache_read, (intmax_t)turn->usage.output, sim->session.id,
		    uuid);
	add_timestamp(sim);
	if (*turn->request_id) {
		jbuf_puts(out, ",\"request_id\":");
		jbuf_string(out, turn->request_id, strlen(turn->request_id));
	}
	if (aborted)
		jbuf_puts(out, ",\"aborted\":true");
	add_uuids(sim, true);
	end(sim);
}

static void add_error_fields(struct jbuf *out, const struct outcome *outcome, bool null_status)
{
	if (outcome->api_status)
		jbuf_printf(out, ",\"api_error_status\":%d", outcome->api_status);
	else if (null_status)
		jbuf_puts(out, ",\"api_error_status\":null");
	if (outcome->api_error_type)
		jbuf_printf(out, ",\"api_error_type\":\"%s\"", outcome->api_error_type);
	if (outcome->api_error)
		jbuf_printf(out, ",\"api_error\":\"%s\"", outcome->api_error);
}

void emit_synthetic_assistant(struct sim *sim, const struct outcome *outcome)
{
	struct jbuf *out = &sim->out;
	char id[UUID_SIZE];
	uuid_make(id);
	bool refusal = !strcmp(sim->turn.stop_reason, "refusal");
	jbuf_printf(out,
		    "{\"type\":\"assistant\",\"message\":{\"id\":\"%s\",\"model\":\"<synthetic>\","
		    "\"role\":\"assistant\",\"stop_details\":null,\"stop_reason\":\"%s\",\"stop_"
		    "sequence\":\"\",\"type\":"
		    "\"message\","
		    "\"usage\":{\"input_tokens\":0,\"output_tokens\":0,\"cache_creation_input_"
		    "tokens\":0,"
		    "\"cache_read_input_tokens\":0},\"content\":[{\"type\":\"text\",\"text\":",
		    id, refusal ? "refusal" : "stop_sequence");
	jbuf_string(out, outcome->text, outcome->text_len);
	jbuf_puts(out, "}]},\"parent_tool_use_id\":null");
	tail(sim);
	add_timestamp(sim);
	jbuf_printf(out, ",\"error\":\"%s\",\"is_api_error_message\":true",
		    outcome->assistant_error);
	add_error_fields(out, outcome, false);
	if (outcome->api_error && !strcmp(outcome->api_error, "usage_limit_reached") &&
	    sim->session.plan.len) {
		jbuf_puts(out, ",\"api_error_params\":{\"rate_limit_info\":");
		jbuf_add(out, sim->session.plan.data, sim->session.plan.len);
		jbuf_puts(out, "}");
	}
	add_uuids(sim, true);
	end(sim);
}

void emit_user(struct sim *sim, const char *content, bool synthetic)
{
	jbuf_printf(&sim->out,
		    "{\"type\":\"user\",\"message\":{\"role\":\"user\",\"content\":[%s]},"
		    "\"parent_tool_use_id\":null",
		    content);
	tail(sim);
	add_timestamp(sim);
	if (synthetic)
		jbuf_puts(&sim->out, ",\"isSynthetic\":true");
	end(sim);
}

void emit_refusal(struct sim *sim)
{
	struct jbuf *out = &sim->out;
	const struct turn *turn = &sim->turn;
	jbuf_puts(out, "{\"type\":\"system\",\"subtype\":\"model_refusal_no_fallback\",\"original_"
		       "model\":");
	jbuf_string(out, turn->message_model, strlen(turn->message_model));
	jbuf_puts(out, ",\"request_id\":");
	jbuf_string(out, turn->request_id, strlen(turn->request_id));
	jbuf_puts(out, ",\"api_refusal_category\":null,\"api_refusal_explanation\":null,"
		       "\"refused_user_message_uuid\":");
	jbuf_string(out, turn->uuid, strlen(turn->uuid));
	jbuf_puts(out, ",\"content\":\"\"");
	tail(sim);
	end(sim);
}

void emit_rate_limit(struct sim *sim, const struct jbuf *info)
{
	struct jbuf *last = &sim->session.plan;
	if (last->len == info->len && !memcmp(last->data, info->data, info->len))
		return;
	last->len = 0;
	jbuf_add(last, info->data, info->len);
	jbuf_puts(&sim->out, "{\"type\":\"rate_limit_event\",\"rate_limit_info\":");
	jbuf_add(&sim->out, info->data, info->len);
	tail(sim);
	end(sim);
}

static void add_usage(struct jbuf *out, const struct usage *u)
{
	jbuf_printf(out,
		    "{\"input_tokens\":%jd,\"cache_creation_input_tokens\":%jd,\"cache_read_input_"
		    "tokens\":%jd,"
		    "\"output_tokens\":%jd,\"output_tokens_details\":{\"thinking_tokens\":%jd},"
		    "\"server_tool_use\":{\"web_search_requests\":0,\"web_fetch_requests\":0},"
		    "\"service_tier\":\"standard\",\"cache_creation\":{\"ephemeral_1h_input_"
		    "tokens\":%jd,"
		    "\"ephemeral_5m_input_tokens\":%jd}}",
		    (intmax_t)u->input, (intmax_t)u->cache_write, (intmax_t)u->cache_read,
		    (intmax_t)u->output, (intmax_t)u->thinking, (intmax_t)u->cache_write_1h,
		    (intmax_t)(u->cache_write - u->cache_write_1h));
}

static void add_total(struct jbuf *out, const struct total *total)
{
	const struct usage *u = &total->usage;
	jbuf_string(out, total->model, strlen(total->model));
	jbuf_printf(out,
		    ":{\"inputTokens\":%jd,\"outputTokens\":%jd,\"cacheReadInputTokens\":%jd,"
		    "\"cacheCreationInputTokens\":%jd,\"webSearchRequests\":0,\"costUSD\":%.15g,"
		    "\"contextWindow\":%jd,\"maxOutputTokens\":%jd,\"thinkingTokens\":%jd,"
		    "\"cacheCreationEphemeral5mInputTokens\":%jd,"
		    "\"cacheCreationEphemeral1hInputTokens\":%jd,"
		    "\"canonicalModel\":",
		    (intmax_t)u->input, (intmax_t)u->output, (intmax_t)u->cache_read,
		    (intmax_t)u->cache_write, total->cost, (intmax_t)model_context(total->model),
		    (intmax_t)model_max_output(total->model), (intmax_t)u->thinking,
		    (intmax_t)(u->cache_write - u->cache_write_1h), (intmax_t)u->cache_write_1h);
	jbuf_string(out, total->model, strlen(total->model));
	jbuf_printf(out, ",\"provider\":\"firstParty\",\"costBasis\":\"%s\"}",
		    model_known(total->model) ? "list" : "unknown");
}

static void add_result_text(struct jbuf *out, const struct outcome *outcome)
{
	jbuf_printf(out, ",\"subtype\":\"%s\"", outcome->subtype);
	if (outcome->errors) {
		jbuf_printf(out, ",\"errors\":%s", outcome->errors);
	} else {
		add_error_fields(out, outcome, outcome->terminal_reason != NULL);
		jbuf_puts(out, ",\"result\":");
		jbuf_string(out, outcome->text, outcome->text_len);
	}
}

static void add_times(struct sim *sim, bool answered)
{
	const struct turn *turn = &sim->turn;
	if (turn->first_ns && answered)
		jbuf_printf(&sim->out, ",\"ttft_ms\":%d",
			    (int)((turn->first_ns - turn->started_ns) / 1000000));
	jbuf_printf(&sim->out, ",\"type\":\"result\",\"duration_ms\":%d",
		    (int)((now_ns() - turn->started_ns) / 1000000));
}

/* The key order is that of the CLI: "type" comes late. */
void emit_result(struct sim *sim, const struct outcome *outcome)
{
	struct jbuf *out = &sim->out;
	struct session *session = &sim->session;
	struct turn *turn = &sim->turn;
	jbuf_printf(out, "{\"duration_api_ms\":%jd,\"stop_reason\":", (intmax_t)session->api_ms);
	if (*turn->stop_reason)
		jbuf_string(out, turn->stop_reason, strlen(turn->stop_reason));
	else
		jbuf_puts(out, "null");
	jbuf_printf(out, ",\"session_id\":\"%s\",\"total_cost_usd\":%.15g,\"usage\":", session->id,
		    session->total_cost);
	add_usage(out, &turn->sum);
	jbuf_puts(out, ",\"modelUsage\":{");
	for (size_t i = 0; i < session->total_count; i++) {
		if (i)
			jbuf_puts(out, ",");
		add_total(out, &session->totals[i]);
	}
	jbuf_puts(out, "},\"permission_denials\":[]");
	if (outcome->terminal_reason)
		jbuf_printf(out, ",\"terminal_reason\":\"%s\"", outcome->terminal_reason);
	jbuf_printf(
		out,
		",\"fast_mode_state\":\"off\",\"safety_stops\":0,\"is_error\":%s,\"num_turns\":%d",
		outcome->is_error ? "true" : "false", turn->num_turns);
	add_result_text(out, outcome);
	add_times(sim, !outcome->is_error && turn->had_text);
	char uuid[UUID_SIZE];
	uuid_make(uuid);
	jbuf_printf(out, ",\"uuid\":\"%s\",\"begun_message_ids\":[", uuid);
	jbuf_add(out, turn->begun.data, turn->begun.len);
	jbuf_puts(out, "]");
	add_uuids(sim, true);
	jbuf_printf(
		out,
		",\"queued_turn_count\":0,\"result_index\":%jd,\"model_usage_since_last_result\":{",
		(intmax_t)session->result_index++);
	if (turn->used)
		add_total(out, &turn->since);
	jbuf_puts(out, "}");
	end(sim);
	session->last_result_error = outcome->is_error;
}
