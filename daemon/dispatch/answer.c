#include "daemon/dispatch/answer.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "shared/buf.h"
#include "shared/json.h"
#include "shared/str.h"

/* Version of the format.  Another one's text is no answer to us, as if it were not there. */
enum { FORMAT = 1 };

static const char *const stop_names[] = {
	[JOB_STOP_NONE] = "none",
	[JOB_STOP_END_TURN] = "end_turn",
	[JOB_STOP_MAX_TOKENS] = "max_tokens",
	[JOB_STOP_SEQUENCE] = "stop_sequence",
	[JOB_STOP_REFUSAL] = "refusal",
	[JOB_STOP_TOOL_USE] = "tool_use",
};

enum { STOPS = sizeof stop_names / sizeof *stop_names };

/* The numbers of an answer, by their names in the format. */
static const struct {
	const char *name;
	size_t offset; /* of an int64_t in struct answer */
} numbers[] = {
	{"created", offsetof(struct answer, created)},
	{"input_tokens", offsetof(struct answer, usage.input_tokens)},
	{"output_tokens", offsetof(struct answer, usage.output_tokens)},
	{"cache_read_tokens", offsetof(struct answer, usage.cache_read_tokens)},
	{"cache_creation_tokens", offsetof(struct answer, usage.cache_creation_tokens)},
	{"thinking_tokens", offsetof(struct answer, usage.thinking_tokens)},
	{"cost_micro_usd", offsetof(struct answer, usage.cost_micro_usd)},
};

enum { NUMBERS = sizeof numbers / sizeof *numbers };

struct answer *answer_new(const char *text, size_t len)
{
	struct answer *a;

	if (len > SIZE_MAX - sizeof *a - 1)
		return NULL;
	a = malloc(sizeof *a + len + 1);
	if (!a)
		return NULL;
	memset(a, 0, sizeof *a);
	a->refs = 1;
	a->len = len;
	memcpy(a->text, text, len);
	a->text[len] = '\0';
	return a;
}

struct answer *answer_ref(struct answer *a)
{
	a->refs++;
	return a;
}

void answer_unref(struct answer *a)
{
	if (a && --a->refs == 0)
		free(a);
}

/* ---- as JSON ---- */

static void add_member(struct buf *b, const char *name, const char *value, size_t len)
{
	buf_printf(b, ",\"%s\":", name);
	json_add_string(b, value, len);
}

char *answer_to_json(const struct answer *a)
{
	struct buf b;
	char *json;

	if (!str_is_utf8(a->text, a->len) || memchr(a->text, '\0', a->len) ||
	    (unsigned)a->stop >= STOPS)
		return NULL;
	buf_init(&b, SIZE_MAX - 1);
	buf_printf(&b, "{\"v\":%d", FORMAT);
	add_member(&b, "id", a->id, strlen(a->id));
	add_member(&b, "model_id", a->model_id, strlen(a->model_id));
	add_member(&b, "route", a->route, strlen(a->route));
	add_member(&b, "stop", stop_names[a->stop], strlen(stop_names[a->stop]));
	if (a->session_id[0])
		add_member(&b, "session_id", a->session_id, strlen(a->session_id));
	for (size_t i = 0; i < NUMBERS; i++)
		buf_printf(&b, ",\"%s\":%lld", numbers[i].name,
			   (long long)*(const int64_t *)((const char *)a + numbers[i].offset));
	add_member(&b, "text", a->text, a->len);
	buf_add_char(&b, '}');
	json = buf_take(&b, NULL);
	buf_done(&b);
	return json;
}

static bool read_string(const json_t *from, const char *name, char *to, size_t size)
{
	const char *value = json_get_str(from, name);
	size_t len = value ? strlen(value) : size;

	if (len >= size)
		return false;
	memcpy(to, value, len + 1);
	return true;
}

static bool read_number(const json_t *from, const char *name, int64_t *to)
{
	const json_t *value = json_object_get(from, name);

	if (!json_is_integer(value) || json_integer_value(value) < 0)
		return false;
	*to = json_integer_value(value);
	return true;
}

static bool read_stop(const json_t *from, enum job_stop *to)
{
	const char *name = json_get_str(from, "stop");

	for (int i = 0; name && i < STOPS; i++) {
		if (strcmp(name, stop_names[i]) == 0) {
			*to = (enum job_stop)i;
			return true;
		}
	}
	return false;
}

static struct answer *read_answer(const json_t *from)
{
	const json_t *text = json_object_get(from, "text");
	struct answer *a = NULL;
	bool good;

	if (json_is_string(text) && json_get_int(from, "v", 0) == FORMAT)
		a = answer_new(json_string_value(text), json_string_length(text));
	if (!a)
		return NULL;
	good = read_string(from, "id", a->id, sizeof a->id) &&
	       read_string(from, "model_id", a->model_id, sizeof a->model_id) &&
	       read_string(from, "route", a->route, sizeof a->route) && read_stop(from, &a->stop);
	if (good && json_object_get(from, "session_id"))
		good = read_string(from, "session_id", a->session_id, sizeof a->session_id);
	for (size_t i = 0; good && i < NUMBERS; i++)
		good = read_number(from, numbers[i].name,
				   (int64_t *)((char *)a + numbers[i].offset));
	if (!good) {
		answer_unref(a);
		a = NULL;
	}
	return a;
}

struct answer *answer_from_json(const char *json)
{
	/* One flat object; what else a database may hold is not worth its memory. */
	static const struct json_bounds bounds = {.max_values = 32, .max_depth = 2};
	char why[JSON_ERROR_TEXT_LENGTH + 64];
	json_t *value = json_parse(json, strlen(json), &bounds, why, sizeof why);
	struct answer *a = read_answer(value);

	json_decref(value);
	return a;
}
