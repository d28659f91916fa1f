#include "tui/view/event_words.h"

#include <stdio.h>
#include <string.h>

#include "shared/json.h"

#include "tui/canvas/style.h"
#include "tui/canvas/text.h"

static const char *const level_names[EVENT_LEVELS] = {"error", "warn", "info", "debug"};

const char *event_level_name(enum event_level level)
{
	return level_names[level];
}

unsigned event_level_style(enum event_level level)
{
	static const unsigned styles[EVENT_LEVELS] = {STYLE_ERROR, STYLE_WARN, STYLE_NORMAL,
						      STYLE_DIM};

	return styles[level];
}

static bool has_topic(const json_t *row, const char *topic)
{
	const char *is = json_get_str(row, "topic");

	return is && strcmp(is, topic) == 0;
}

bool event_is_log(const json_t *row)
{
	return has_topic(row, "log") || has_topic(row, "dashboard");
}

static bool is_word(const json_t *data, const char *member, const char *word)
{
	const char *is = json_get_str(data, member);

	return is && strcmp(is, word) == 0;
}

enum event_level event_level(const json_t *row)
{
	const json_t *data = json_object_get(row, "data");
	const char *level = json_get_str(data, "level");

	for (int i = 0; event_is_log(row) && level && i < EVENT_LEVELS; i++)
		if (strcmp(level, level_names[i]) == 0)
			return (enum event_level)i;
	if (has_topic(row, "request"))
		return EVENT_ERROR;
	if (has_topic(row, "plan") && !is_word(data, "status", "allowed"))
		return EVENT_WARN;
	if (has_topic(row, "service") && !is_word(data, "state", "serving"))
		return EVENT_WARN;
	return EVENT_INFO;
}

const char *event_area(const json_t *row)
{
	const char *area = json_get_str(json_object_get(row, "data"), "area");
	const char *topic = json_get_str(row, "topic");

	if (event_is_log(row) && area)
		return area;
	return topic ? topic : "-";
}

/* ---- words ---- */

struct text {
	char *to;
	size_t size, len;
};

static void add(struct text *t, const char *words)
{
	size_t n = strlen(words), room = t->size - 1 - t->len;

	n = n < room ? n : room;
	memcpy(t->to + t->len, words, n);
	t->len += n;
	t->to[t->len] = '\0';
}

const char *event_value(const json_t *value, char number[WORDS_SIZE])
{
	if (json_is_string(value))
		return json_string_value(value);
	if (json_is_integer(value))
		snprintf(number, WORDS_SIZE, "%lld", (long long)json_integer_value(value));
	else if (json_is_real(value))
		words_real(number, json_real_value(value));
	else if (json_is_boolean(value))
		snprintf(number, WORDS_SIZE, "%s", json_is_true(value) ? "yes" : "no");
	else
		return NULL;
	return number;
}

static void add_value(struct text *t, const char *name, const json_t *value)
{
	char number[WORDS_SIZE];
	const char *words = event_value(value, number);

	if (!words)
		return;
	if (t->len > 0)
		add(t, "  ");
	add(t, name);
	add(t, " ");
	add(t, words);
}

static void add_members(struct text *t, const json_t *object)
{
	const char *name;
	json_t *value;

	json_object_foreach((json_t *)object, name, value) add_value(t, name, value);
}

static void request_words(struct text *t, const json_t *data)
{
	static const char *const members[] = {"id", "project", "status", "outcome", "error"};
	const json_t *request = json_object_get(data, "request");

	for (size_t i = 0; i < sizeof members / sizeof members[0]; i++)
		add_value(t, members[i], json_object_get(request, members[i]));
}

const char *event_words(const json_t *row, char *scratch, size_t size)
{
	const json_t *data = json_object_get(row, "data");
	const char *message = json_get_str(data, "message");
	const json_t *lost = json_object_get(data, "lost");
	struct text t = {.to = scratch, .size = size};

	scratch[0] = '\0';
	if (event_is_log(row) && message) {
		add(&t, message);
		add_members(&t, json_object_get(data, "fields"));
	} else if (has_topic(row, "log") && json_is_integer(lost)) {
		snprintf(scratch, size, "%lld lines of the log were left out",
			 (long long)json_integer_value(lost));
	} else if (has_topic(row, "request")) {
		request_words(&t, data);
	} else {
		add_members(&t, data);
	}
	return scratch;
}

/* Thousands of lines are looked through as one types: they are not put together for that. */
static bool line_matches(const json_t *data, const char *text)
{
	const json_t *fields = json_object_get(data, "fields");
	const char *message = json_get_str(data, "message"), *words, *name;
	char number[WORDS_SIZE];
	json_t *value;

	if (message && text_contains(message, text))
		return true;
	json_object_foreach((json_t *)fields, name, value)
	{
		words = event_value(value, number);
		if (words && text_contains(words, text))
			return true;
	}
	return false;
}

bool event_matches(const json_t *row, const char *text)
{
	char scratch[1024];

	if (text_contains(event_area(row), text) ||
	    text_contains(level_names[event_level(row)], text))
		return true;
	if (event_is_log(row))
		return line_matches(json_object_get(row, "data"), text);
	return text_contains(event_words(row, scratch, sizeof scratch), text);
}
