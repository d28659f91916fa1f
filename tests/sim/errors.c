/* Why this exists: the daemon maps these fields to HTTP answers, so each row has the values the
 * real CLI was seen to print with retries off. */
#include "tests/sim/errors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct row {
	const char *kind;
	int status;
	const char *assistant_error, *type, *api_error, *terminal;
	const char *text; /* %m: the upstream's message, %M: the model, %T: API_TIMEOUT_MS, %G: the
			     gateway */
};

#define SERVER_SIDE                                                                                \
	". This is a server-side issue, usually temporary \xe2\x80\x94 try again in a moment. If " \
	"it persists, "                                                                            \
	"check your inference gateway (%G)."

static const struct row table[] = {
	{"400", 400, "unknown", "invalid_request_error", NULL, "api_error", "API Error: 400 %m"},
	{"context", 400, "invalid_request", "invalid_request_error", NULL, "prompt_too_long",
	 "Prompt is too long"},
	{"401", 401, "authentication_failed", "authentication_error", NULL, "api_error",
	 "Failed to authenticate. API Error: 401 %m"},
	{"403", 403, "authentication_failed", "permission_error", NULL, "api_error",
	 "Failed to authenticate. API Error: 403 %m"},
	{"404", 404, "model_not_found", "not_found_error", NULL, "api_error",
	 "There's an issue with the selected model (%M). It may not exist or you may not have "
	 "access to it. Run --model to pick a different model."},
	{"413", 413, "invalid_request", "request_too_large", NULL, "image_error",
	 "Request too large (max 32MB). Accumulated images and attachments in the conversation "
	 "pushed the request over the limit. Remove older images or compact the conversation."},
	{"429", 429, "rate_limit", "rate_limit_error", NULL, "api_error",
	 "API Error: Request rejected (429) \xc2\xb7 %m"},
	{"throttle", 429, "rate_limit", "rate_limit_error", NULL, "api_error",
	 "API Error: Server is temporarily limiting requests (not your usage limit) \xc2\xb7 %m"},
	{"plan", 429, "rate_limit", "rate_limit_error", "usage_limit_reached", "api_error",
	 "You've hit your 5-hour limit \xc2\xb7 resets 10:00pm (UTC)"},
	{"500", 500, "server_error", "api_error", NULL, "api_error",
	 "API Error: 500 %m" SERVER_SIDE},
	{"502", 502, "server_error", "api_error", NULL, "api_error",
	 "API Error: 502 %m" SERVER_SIDE},
	{"503", 503, "server_error", "api_error", NULL, "api_error",
	 "API Error: 503 %m" SERVER_SIDE},
	{"504", 504, "server_error", "api_error", NULL, "api_error",
	 "API Error: 504 %m" SERVER_SIDE},
	{"529", 529, "server_error", "overloaded_error", NULL, "api_error",
	 "API Error: 529 %m" SERVER_SIDE},
	{"sse", 0, "unknown", NULL, NULL, "api_error", "API Error: %m"},
	{"refusal", 0, "invalid_request", NULL, NULL, "api_error",
	 "API Error: %D can't help with this. Start a new session to continue.\n\nLearn more: "
	 "https://www.anthropic.com/legal/aup\n\nRequest ID: %R\n\nMessage ID: %I"},
	{"reset", 0, "server_error", NULL, "connection_failed", "api_error",
	 "API Error: Connection dropped (ECONNRESET). Check the gateway set in ANTHROPIC_BASE_URL, "
	 "then try again."},
	{"refused", 0, "server_error", NULL, "connection_failed", "api_error",
	 "API Error: Connection refused \xe2\x80\x94 a firewall or proxy may be blocking it "
	 "(ECONNREFUSED)"},
	{"drop", 0, "server_error", NULL, "connection_failed", "api_error",
	 "API Error: Connection to the API was lost (ECONNRESET). This is usually temporary "
	 "\xe2\x80\x94 try again."},
	{"timeout", 0, "server_error", NULL, NULL, "api_error",
	 "Request timed out. If the API is slow to answer, or a proxy or gateway holds responses, "
	 "set API_TIMEOUT_MS above %T."},
	{"stall", 0, "unknown", NULL, "stream_idle_timeout", "api_error",
	 "API Error: Stream idle timeout - no chunks received"},
	{"not_logged_in", 0, "authentication_failed", NULL, NULL, "api_error",
	 "Not logged in \xc2\xb7 Please run /login"},
	{"max_tokens", 0, "max_output_tokens", NULL, "max_output_tokens", "api_error",
	 "API Error: Claude's response exceeded the %N output token maximum. To configure this "
	 "behavior, set the CLAUDE_CODE_MAX_OUTPUT_TOKENS environment variable."},
};

#define ROW_COUNT (sizeof table / sizeof table[0])

static void expand(struct sim *sim, const char *format, const char *message, struct jbuf *text)
{
	const char *value;
	for (const char *at = format; *at; at++) {
		if (*at != '%') {
			jbuf_add(text, at, 1);
			continue;
		}
		switch (*++at) {
		case 'm':
			jbuf_puts(text, message);
			break;
		case 'M':
			jbuf_puts(text, sim->session.model);
			break;
		case 'D':
			jbuf_puts(text, model_display(sim->session.model));
			break;
		case 'R':
			jbuf_puts(text, sim->turn.request_id);
			break;
		case 'I':
			jbuf_puts(text, sim->turn.message_id);
			break;
		case 'N':
			jbuf_printf(text, "%jd", (intmax_t)sim->turn.max_tokens);
			break;
		case 'T':
			value = sim_env(sim, "API_TIMEOUT_MS");
			jbuf_puts(text, value ? value : "600000");
			break;
		case 'G':
			value = sim_env(sim, "ANTHROPIC_BASE_URL");
			jbuf_puts(text, value && !strncmp(value, "http://", 7) ? value + 7 : "api");
			break;
		default:
			return;
		}
	}
}

bool error_outcome(struct sim *sim, const char *kind, const char *message, struct jbuf *text,
		   struct outcome *ret_outcome)
{
	const struct row *row = NULL;
	for (size_t i = 0; i < ROW_COUNT && !row; i++)
		if (!strcmp(table[i].kind, kind))
			row = &table[i];
	if (!row)
		return false;
	text->len = 0;
	expand(sim, row->text, message, text);
	*ret_outcome = (struct outcome){
		.subtype = "success",
		.is_error = true,
		.terminal_reason = row->terminal,
		.api_status = row->status,
		.api_error_type = row->type,
		.api_error = row->api_error,
		.assistant_error = row->assistant_error,
		.text = text->data,
		.text_len = text->len,
		.lifecycle = "cancelled",
	};
	return true;
}

int error_status_of(const char *type)
{
	for (size_t i = 0; i < ROW_COUNT; i++)
		if (table[i].type && !strcmp(table[i].type, type))
			return table[i].status;
	return 0;
}
