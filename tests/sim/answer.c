/* Why this exists: canned mode answers without any upstream, always the same to the same
 * conversation, so that demos, caches and load tests have something to hold on to.
 *   - text:    "You said: <last user text>" (a tool's result: "The tool said: ..."), directives
 * removed
 *   - output_config.format json_schema: a document with every required field, of the right type
 *   - tools with tool_choice any or tool, or [[sim:tool=NAME]]: a call with sample arguments
 *   - tokens are bytes/4, rounded up; max_tokens and stop_sequences cut the text
 *   - the text leaves in at most 8 deltas cut at spaces; one word each when paced */
#include "tests/sim/answer.h"

#include <stdio.h>
#include <string.h>

#include "tests/sim/session.h"

#define DELTAS 8
#define BYTES_PIECE 4096
#define DEPTH_MAX 16

int64_t token_count(size_t bytes)
{
	return (int64_t)((bytes + 3) / 4);
}

static json_t *sample(const json_t *schema, int depth);

static json_t *sample_object(const json_t *schema, int depth)
{
	json_t *object = json_object();
	json_t *properties = json_object_get(schema, "properties");
	size_t i;
	json_t *name;
	json_array_foreach(json_object_get(schema, "required"), i, name)
	{
		const char *key = json_string_value(name);
		if (key)
			json_object_set_new(object, key,
					    sample(json_object_get(properties, key), depth + 1));
	}
	return object;
}

static json_t *sample_array(const json_t *schema, int depth)
{
	json_t *array = json_array();
	json_t *min = json_object_get(schema, "minItems");
	json_int_t n = json_is_integer(min) ? json_integer_value(min) : 1;
	for (json_int_t i = 0; i < n && i < 100; i++)
		json_array_append_new(array, sample(json_object_get(schema, "items"), depth + 1));
	return array;
}

static json_t *sample_number(const json_t *schema, bool integer)
{
	json_t *min = json_object_get(schema, "minimum");
	double value = json_is_number(min) ? json_number_value(min) : 1;
	json_int_t whole = (json_int_t)value;
	if ((double)whole < value)
		whole++;
	return integer ? json_integer(whole) : json_real(value);
}

/* A value the schema accepts, as far as type, const, enum, required and the simplest bounds go. */
static json_t *sample(const json_t *schema, int depth)
{
	json_t *first = json_object_get(schema, "const");
	if (!first)
		first = json_array_get(json_object_get(schema, "enum"), 0);
	if (first)
		return json_deep_copy(first);
	json_t *either = json_array_get(json_object_get(schema, "anyOf"), 0);
	if (!either)
		either = json_array_get(json_object_get(schema, "oneOf"), 0);
	if (either && depth < DEPTH_MAX)
		return sample(either, depth + 1);
	json_t *type = json_object_get(schema, "type");
	const char *name = json_string_value(json_is_array(type) ? json_array_get(type, 0) : type);
	if (!name)
		name = json_object_get(schema, "properties") ? "object" : "string";
	if (depth >= DEPTH_MAX || !strcmp(name, "null"))
		return json_null();
	if (!strcmp(name, "object"))
		return sample_object(schema, depth);
	if (!strcmp(name, "array"))
		return sample_array(schema, depth);
	if (!strcmp(name, "integer") || !strcmp(name, "number"))
		return sample_number(schema, name[0] == 'i');
	return !strcmp(name, "boolean") ? json_true() : json_string("text");
}

static void dump(const json_t *value, struct jbuf *buf)
{
	size_t n = json_dumpb(value, NULL, 0, JSON_COMPACT | JSON_ENCODE_ANY);
	json_dumpb(value, jbuf_room(buf, n), n, JSON_COMPACT | JSON_ENCODE_ANY);
	buf->len += n;
}

static const json_t *wanted_tool(const struct turn *turn)
{
	json_t *tools = json_object_get(turn->body, "tools");
	json_t *choice = json_object_get(turn->body, "tool_choice");
	const char *type = json_string_value(json_object_get(choice, "type"));
	const char *name = *turn->faults.tool ? turn->faults.tool : NULL;
	bool any = type && !strcmp(type, "any") && !turn->faults.local;
	if (!name && type && !strcmp(type, "tool") && !turn->faults.local)
		name = json_string_value(json_object_get(choice, "name"));
	if (any)
		return json_array_get(tools, 0);
	size_t i;
	json_t *tool;
	json_array_foreach(tools, i, tool)
	{
		const char *own = json_string_value(json_object_get(tool, "name"));
		if (name && own && !strcmp(own, name))
			return tool;
	}
	return NULL;
}

/* A tool call: block_extra gets the content_block without its input, the answer the input as JSON.
 */
static bool make_tool_call(struct turn *turn)
{
	const json_t *tool = wanted_tool(turn);
	const char *name = json_string_value(json_object_get(tool, "name"));
	if (!name && *turn->faults.tool)
		name = turn->faults.tool;
	if (!name)
		return false;
	json_t *input = sample(json_object_get(tool, "input_schema"), 0);
	if (!json_is_object(input)) {
		json_decref(input);
		input = json_object();
	}
	dump(input, &turn->answer);
	json_decref(input);
	turn->block_extra.len = 0;
	jbuf_printf(&turn->block_extra,
		    "{\"type\":\"tool_use\",\"id\":\"toolu_sim%016jx\",\"name\":",
		    (uintmax_t)random_u64());
	jbuf_string(&turn->block_extra, name, strlen(name));
	jbuf_puts(&turn->block_extra, ",\"input\":");
	turn->tool_call = true;
	strcpy(turn->planned_stop, "tool_use");
	return true;
}

static void fill(struct jbuf *buf, size_t bytes)
{
	static const char word[] = "tok ";
	char *room = jbuf_room(buf, bytes);
	for (size_t i = 0; i < bytes; i++)
		room[i] = word[i % 4];
	buf->len += bytes;
}

static bool last_is_tool_result(const struct turn *turn)
{
	json_t *messages = json_object_get(turn->body, "messages");
	json_t *last = json_array_get(messages, json_array_size(messages) - 1);
	json_t *block = json_array_get(json_object_get(last, "content"), 0);
	const char *type = json_string_value(json_object_get(block, "type"));
	return type && !strcmp(type, "tool_result");
}

static void make_text(struct turn *turn)
{
	const struct faults *f = &turn->faults;
	json_t *format = json_object_get(json_object_get(turn->body, "output_config"), "format");
	const char *type = json_string_value(json_object_get(format, "type"));
	if (f->empty)
		return;
	if (f->text.ptr) {
		jbuf_add(&turn->answer, f->text.ptr, f->text.len);
	} else if (f->bytes || f->tokens) {
		fill(&turn->answer, (size_t)(f->bytes ? f->bytes : 4 * f->tokens));
	} else if (type && !strcmp(type, "json_schema")) {
		json_t *document = sample(json_object_get(format, "schema"), 0);
		dump(document, &turn->answer);
		json_decref(document);
	} else {
		jbuf_puts(&turn->answer,
			  last_is_tool_result(turn) ? "The tool said: " : "You said: ");
		jbuf_add(&turn->answer, turn->prompt.data, turn->prompt.len);
	}
}

/* The earliest stop sequence wins, whatever its place in the list. */
static void cut_at_stop_sequence(struct turn *turn)
{
	size_t i;
	json_t *item;
	json_array_foreach(json_object_get(turn->body, "stop_sequences"), i, item)
	{
		size_t len = json_string_length(item);
		char *at = len ? memmem(turn->answer.data, turn->answer.len,
					json_string_value(item), len)
			       : NULL;
		if (!at)
			continue;
		turn->answer.len = (size_t)(at - turn->answer.data);
		turn->planned_sequence = json_string_value(item);
		strcpy(turn->planned_stop, "stop_sequence");
	}
}

static bool inside_character(const char *data, size_t at)
{
	return ((unsigned char)data[at] & 0xc0) == 0x80;
}

static void cut_at_max_tokens(struct turn *turn)
{
	if (turn->faults.bytes || token_count(turn->answer.len) <= turn->max_tokens)
		return;
	size_t len = 4 * (size_t)turn->max_tokens;
	while (len && inside_character(turn->answer.data, len))
		len--;
	turn->answer.len = len;
	turn->planned_sequence = NULL;
	strcpy(turn->planned_stop, "max_tokens");
}

void answer_make(struct sim *sim)
{
	struct turn *turn = &sim->turn;
	jbuf_reset(&turn->answer);
	turn->answer_at = turn->answer_deltas = 0;
	turn->planned_sequence = NULL;
	turn->tool_call = false;
	strcpy(turn->planned_stop, turn->faults.max_tokens ? "max_tokens" : "end_turn");
	if (make_tool_call(turn))
		return;
	make_text(turn);
	cut_at_stop_sequence(turn);
	cut_at_max_tokens(turn);
}

static size_t end_of_word(const struct jbuf *text, size_t at)
{
	while (at < text->len && text->data[at] != ' ')
		at++;
	while (at < text->len && text->data[at] == ' ')
		at++;
	return at;
}

size_t answer_next_piece(const struct turn *turn)
{
	const struct jbuf *text = &turn->answer;
	size_t rest = text->len - turn->answer_at;
	size_t want = text->len / DELTAS;
	if (turn->faults.bytes)
		want = BYTES_PIECE;
	else if (turn->faults.tokens)
		want = 4;
	else if (turn->faults.pace_ms || want < 1)
		want = 1;
	if (want >= rest)
		return rest;
	size_t end = turn->answer_at + want;
	if (!turn->faults.bytes && !turn->faults.tokens)
		return end_of_word(text, end) - turn->answer_at;
	while (end < text->len && inside_character(text->data, end))
		end++;
	return end - turn->answer_at;
}

int64_t prompt_tokens(const struct sim *sim)
{
	size_t bytes = sim->session.system_prompt.len + sim->turn.prompt.len;
	json_t *messages = json_object_get(sim->turn.body, "messages");
	size_t count = messages ? json_array_size(messages) : sim->session.entry_count;
	if (count <= 1)
		return token_count(bytes);
	struct jbuf text = {0};
	for (size_t i = 0; i + 1 < count; i++)
		content_text(messages ? json_object_get(json_array_get(messages, i), "content")
				      : sim->session.entries[i].content,
			     &text);
	bytes += text.len;
	jbuf_done(&text);
	return token_count(bytes);
}
