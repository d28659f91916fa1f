/* What is looked at of a task.
 *
 * A request may hold 32 MB of text, and the loop that serves everybody waits while it is looked at.
 * So lengths are taken of everything (jansson knows them), but bytes are read only of the last user
 * message, and of that only the first and last 16 KiB of each of at most two parts: who pastes a
 * long document says what is wanted before or behind it.  Words are scaled up to the whole. */
#include <string.h>

#include "daemon/dispatch/router.h"
#include "daemon/dispatch/router_words.h"

enum {
	BYTES_PER_TOKEN =
		4, /* of English; other languages need fewer, which errs to the safe side */
	IMAGE_TOKENS = 1600,
	DEPTH_MAX = 64 /* of JSON in content parts; what lies deeper does not count */
};

/* ---- a text ---- */

struct counts {
	int64_t words, questions, fences;
};

static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Words are what white space separates; of Chinese and Japanese, which have none, two characters
 * count as one. */
static struct counts count_window(const char *text, struct route_window w)
{
	struct counts n = {0};
	int64_t ideographs = 0;
	bool in_word = false;

	for (size_t i = w.from; i < w.to; i++) {
		unsigned char b = (unsigned char)text[i];

		if (b - (unsigned)'a' < 26) { /* most are: nothing more to ask */
			n.words += !in_word;
			in_word = true;
			continue;
		}
		n.words += !in_word && !is_space(text[i]);
		in_word = !is_space(text[i]);
		ideographs += b >= 0xE3 && b <= 0xE9;
		if (b == '?')
			n.questions++;
		else if (b == 0xEF && w.to - i >= 3 && memcmp(text + i, "\xef\xbc\x9f", 3) == 0)
			n.questions++; /* the full-width one */
		else if (b == '`' && (i == w.from || text[i - 1] == '\n') && w.to - i >= 3 &&
			 memcmp(text + i, "```", 3) == 0)
			n.fences++;
	}
	n.words += ideographs / 2;
	return n;
}

static void count_text(struct route_features *f, const char *text, size_t len)
{
	struct route_window windows[2];
	unsigned count = route_windows(len, windows);
	struct counts sum = {0};
	size_t seen = 0;

	for (unsigned i = 0; i < count; i++) {
		struct counts n = count_window(text, windows[i]);

		seen += windows[i].to - windows[i].from;
		sum.words += n.words;
		sum.questions += n.questions;
		sum.fences += n.fences;
	}
	if (seen < len)
		sum.words = (int64_t)((double)sum.words * (double)len / (double)seen);
	f->words += sum.words;
	f->questions += (unsigned)sum.questions;
	f->code_blocks += (unsigned)(sum.fences + 1) / 2; /* one that is not closed counts */
}

void route_features_of_text(struct route_features *f, const char *text, int64_t context_tokens)
{
	size_t len = strlen(text);
	int64_t own = (int64_t)len / BYTES_PER_TOKEN;

	*f = (struct route_features){
		.turns = 1, .text = text, .text_len = len, .text_bytes = (int64_t)len};
	f->context_tokens = context_tokens > own ? context_tokens : own;
	count_text(f, text, len);
}

/* ---- a conversation ---- */

/* What all messages amount to. */
struct totals {
	int64_t bytes;
	unsigned turns, images;
};

static bool is_type(const json_t *part, const char *type)
{
	const char *is = json_string_value(json_object_get(part, "type"));

	return is && strcmp(is, type) == 0;
}

/* Adds everything that is text in a value: of content parts, of a tool's input or result.  Images
 * are counted and not measured. */
static void add_value(struct totals *sum, const json_t *value, unsigned depth)
{
	const char *key;
	json_t *member;
	size_t i;

	if (depth > DEPTH_MAX)
		return;
	if (json_is_string(value)) {
		sum->bytes += (int64_t)json_string_length(value);
	} else if (json_is_array(value)) {
		json_array_foreach(value, i, member) add_value(sum, member, depth + 1);
	} else if (is_type(value, "image")) {
		sum->images++;
	} else if (json_is_object(value)) {
		json_object_foreach((json_t *)value, key, member) if (strcmp(key, "type") != 0)
			add_value(sum, member, depth + 1);
	}
}

/* The text of a content part that has some; else NULL. */
static const json_t *text_of(const json_t *part)
{
	const json_t *text = is_type(part, "text") ? json_object_get(part, "text") : NULL;

	return json_is_string(text) && json_string_length(text) > 0 ? text : NULL;
}

static bool is_of_user(const json_t *message)
{
	const char *role = json_string_value(json_object_get(message, "role"));

	return role && strcmp(role, "user") == 0;
}

/* A message that only brings a tool's results is no turn of the user. */
static bool is_turn(const json_t *message)
{
	const json_t *content = json_object_get(message, "content");
	json_t *part;
	size_t i;

	if (!is_of_user(message))
		return false;
	if (json_is_string(content))
		return true;
	json_array_foreach(content, i,
			   part) if (text_of(part) || is_type(part, "image")) return true;
	return false;
}

/* Takes what the message says.  False: it has no text. */
static bool take_text(struct route_features *f, const json_t *message)
{
	const json_t *content = json_object_get(message, "content");
	const json_t *first = NULL, *last = NULL;
	json_t *part;
	size_t i;

	if (json_is_string(content) && json_string_length(content) > 0) {
		first = last = content;
		f->text_bytes = (int64_t)json_string_length(content);
	}
	json_array_foreach(content, i, part)
	{
		const json_t *text = text_of(part);

		if (!text)
			continue;
		f->text_bytes += (int64_t)json_string_length(text);
		first = first ? first : text;
		last = text;
	}
	if (!last)
		return false;
	f->text = json_string_value(last);
	f->text_len = json_string_length(last);
	count_text(f, f->text, f->text_len);
	if (first != last) {
		f->first_text = json_string_value(first);
		f->first_len = json_string_length(first);
		count_text(f, f->first_text, f->first_len);
	}
	return true;
}

void route_features_of_messages(struct route_features *f, const json_t *messages,
				const char *system)
{
	struct totals sum = {.bytes = system ? (int64_t)strlen(system) : 0};
	const json_t *message;
	size_t i;

	*f = (struct route_features){.text = "", .text_len = 0};
	json_array_foreach(messages, i, message)
	{
		add_value(&sum, json_object_get(message, "content"), 0);
		sum.turns += is_turn(message);
	}
	for (i = json_array_size(messages); i > 0; i--) {
		message = json_array_get(messages, i - 1);
		if (is_of_user(message) && take_text(f, message))
			break;
	}
	f->turns = sum.turns;
	f->images = sum.images;
	f->context_tokens = sum.bytes / BYTES_PER_TOKEN + (int64_t)sum.images * IMAGE_TOKENS;
}
