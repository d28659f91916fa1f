/* Why this exists: see message.h.  Both sources of an answer (canned, upstream) go through here, so
 * that they look the same to the daemon and to the ledger. */
#include "tests/sim/message.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/emit.h"
#include "tests/sim/session.h"

static void note_id(struct turn *turn, const char *id)
{
	snprintf(turn->message_id, sizeof turn->message_id, "%s", id);
	if (turn->begun.len)
		jbuf_puts(&turn->begun, ",");
	jbuf_string(&turn->begun, turn->message_id, strlen(turn->message_id));
}

void message_start(struct sim *sim, const char *raw, size_t len, const char *id, const char *model,
		   const struct usage *usage)
{
	struct turn *turn = &sim->turn;
	bool first = !turn->first_ns;
	note_id(turn, id);
	snprintf(turn->message_model, sizeof turn->message_model, "%s", model);
	turn->usage = *usage;
	turn->message_open = true;
	turn->block_open = turn->had_text = false;
	turn->streamed = 0;
	if (first)
		turn->first_ns = now_ns();
	emit_event(sim, raw, len, first);
}

void message_block_start(struct sim *sim, const char *raw, size_t len, int index, const char *type)
{
	struct turn *turn = &sim->turn;
	turn->block_open = true;
	turn->block_index = index;
	snprintf(turn->block_type, sizeof turn->block_type, "%s", type);
	jbuf_reset(&turn->block_text);
	emit_event(sim, raw, len, false);
}

void message_block_add(struct sim *sim, const char *text, size_t len)
{
	jbuf_add(&sim->turn.block_text, text, len);
	for (size_t i = 0; i < len; i++)
		sim->turn.streamed += ((unsigned char)text[i] & 0xc0) != 0x80;
}

/* The finished block as JSON in scratch. */
static void write_block(struct turn *turn)
{
	struct jbuf *out = &turn->scratch;
	jbuf_reset(out);
	if (!strcmp(turn->block_type, "tool_use")) {
		jbuf_add(out, turn->block_extra.data, turn->block_extra.len);
		if (turn->block_text.len)
			jbuf_add(out, turn->block_text.data, turn->block_text.len);
		else
			jbuf_puts(out, "{}");
		jbuf_puts(out, "}");
		return;
	}
	bool thinking = !strcmp(turn->block_type, "thinking");
	jbuf_puts(out, thinking ? "{\"type\":\"thinking\",\"thinking\":"
				: "{\"type\":\"text\",\"text\":");
	jbuf_string(out, turn->block_text.data, turn->block_text.len);
	if (thinking) {
		jbuf_puts(out, ",\"signature\":");
		jbuf_string(out, turn->block_extra.data, turn->block_extra.len);
	}
	jbuf_puts(out, "}");
}

/* The conversation keeps whole blocks for the upstream; canned answers only need their text. */
static void remember(struct sim *sim, const char *uuid)
{
	struct turn *turn = &sim->turn;
	json_t *content;
	if (sim->upstream) {
		content = json_array();
		json_array_append_new(content, json_loadb(turn->scratch.data, turn->scratch.len,
							  JSON_ALLOW_NUL, NULL));
	} else {
		content = json_stringn_nocheck(turn->block_text.data ? turn->block_text.data : "",
					       turn->block_text.len);
	}
	session_add(&sim->session, false, uuid, content);
}

/* No tool exists here: the CLI prints the refusal it would give to the model. */
static void reject_tool(struct sim *sim)
{
	json_t *block =
		json_loadb(sim->turn.scratch.data, sim->turn.scratch.len, JSON_ALLOW_NUL, NULL);
	const char *id = json_string_value(json_object_get(block, "id"));
	const char *name = json_string_value(json_object_get(block, "name"));
	char text[160], uuid[UUID_SIZE];
	snprintf(text, sizeof text,
		 "<tool_use_error>Error: No such tool available: %.64s</tool_use_error>",
		 name ? name : "");
	json_t *content = json_pack("[{s:s, s:s, s:b, s:s}]", "type", "tool_result", "content",
				    text, "is_error", 1, "tool_use_id", id ? id : "");
	char *line = json_dumps(json_array_get(content, 0), JSON_COMPACT);
	uuid_make(uuid);
	emit_user(sim, line, false);
	session_add(&sim->session, true, uuid, content)->synthetic = true;
	free(line);
	json_decref(block);
}

static void finish_block(struct sim *sim, bool aborted)
{
	struct turn *turn = &sim->turn;
	char uuid[UUID_SIZE];
	uuid_make(uuid);
	write_block(turn);
	emit_assistant(sim, uuid, turn->scratch.data, turn->scratch.len, aborted);
	remember(sim, uuid);
	if (!strcmp(turn->block_type, "tool_use"))
		reject_tool(sim);
	if (!strcmp(turn->block_type, "text")) {
		turn->had_text = turn->had_text || turn->block_text.len > 0;
		turn->last_text.len = 0;
		jbuf_add(&turn->last_text, turn->block_text.data, turn->block_text.len);
	}
}

void message_block_stop(struct sim *sim, const char *raw, size_t len)
{
	if (!sim->turn.block_open)
		return;
	finish_block(sim, false);
	sim->turn.block_open = false;
	emit_event(sim, raw, len, false);
}

static void book(struct sim *sim)
{
	struct turn *turn = &sim->turn;
	session_book(&sim->session, turn->message_model, &turn->usage, &turn->since);
	turn->used = true;
}

void message_delta(struct sim *sim, const char *raw, size_t len, const char *stop_reason,
		   const struct usage *usage)
{
	struct turn *turn = &sim->turn;
	snprintf(turn->stop_reason, sizeof turn->stop_reason, "%s", stop_reason ? stop_reason : "");
	if (usage->input || usage->cache_read || usage->cache_write) {
		turn->usage = *usage;
	} else {
		turn->usage.output = usage->output;
		turn->usage.thinking = usage->thinking;
	}
	emit_event(sim, raw, len, false);
	book(sim);
	struct usage *sum = &turn->sum;
	sum->input += turn->usage.input;
	sum->output += turn->usage.output;
	sum->cache_read += turn->usage.cache_read;
	sum->cache_write += turn->usage.cache_write;
	sum->cache_write_1h += turn->usage.cache_write_1h;
	sum->thinking += turn->usage.thinking;
	turn->message_open = false;
}

void message_abort_text(struct sim *sim)
{
	struct turn *turn = &sim->turn;
	if (turn->block_open && turn->block_text.len && strcmp(turn->block_type, "tool_use"))
		finish_block(sim, true);
}

void message_abort_events(struct sim *sim)
{
	struct turn *turn = &sim->turn;
	char text[96];
	if (!turn->message_open)
		return;
	if (turn->block_open) {
		int n = snprintf(text, sizeof text,
				 "{\"type\":\"content_block_stop\",\"index\":%d}",
				 turn->block_index);
		emit_event(sim, text, (size_t)n, false);
	}
	static const char delta[] = "{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":null,"
				    "\"stop_sequence\":null},\"usage\":{\"output_tokens\":0}}";
	static const char stop[] = "{\"type\":\"message_stop\"}";
	emit_event(sim, delta, sizeof delta - 1, false);
	emit_event(sim, stop, sizeof stop - 1, false);
}

void message_book_broken(struct sim *sim, bool counts)
{
	struct turn *turn = &sim->turn;
	int64_t estimate = (turn->streamed + 1) / 3; /* as the CLI does: three characters a token */
	if (turn->message_open && counts) {
		if (estimate > turn->usage.output)
			turn->usage.output = estimate;
		book(sim);
	}
	turn->message_open = turn->block_open = false;
}
