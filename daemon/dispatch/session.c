/* A conversation as a value, and as text. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/buf.h"
#include "shared/clock.h"
#include "shared/json.h"

#include "daemon/dispatch/sessions.h"

/* Version of the format; another one's text is no session to us. */
enum { FORMAT = 1 };

void session_key_set(struct session_key *key, const char *project, const char *id)
{
	memset(key, 0, sizeof *key);
	snprintf(key->project, sizeof key->project, "%s", project);
	snprintf(key->id, sizeof key->id, "%s", id);
}

struct session *session_new(void)
{
	struct session *s = calloc(1, sizeof *s);

	if (!s)
		return NULL;
	s->refs = 1;
	s->messages = json_array();
	s->created_ms = s->at_ms = clock_wall_ms();
	if (s->messages)
		return s;
	free(s);
	return NULL;
}

struct session *session_ref(struct session *s)
{
	s->refs++;
	return s;
}

void session_unref(struct session *s)
{
	if (!s || --s->refs)
		return;
	json_decref(s->messages);
	free(s->system);
	free(s);
}

struct session *session_after(const struct session *before, const char *system, json_t *messages,
			      size_t size)
{
	struct session *s = session_new();

	if (!s)
		return NULL;
	s->system = system ? strdup(system) : NULL;
	if (system && !s->system) {
		session_unref(s);
		return NULL;
	}
	json_decref(s->messages);
	s->messages = json_incref(messages);
	s->size = size;
	s->version = before ? before->version + 1 : 1;
	if (before)
		s->created_ms = before->created_ms;
	return s;
}

size_t session_bytes(const struct session *s)
{
	return s->size + (s->system ? strlen(s->system) : 0);
}

/* As jansson was measured to need. */
size_t session_memory(const struct session *s)
{
	enum { ENTRY = 512, MESSAGE = 640, TEXT_BLOCK = 560, OTHER_BLOCK = 1200 };
	size_t total = ENTRY + session_bytes(s), i, k;
	json_t *message, *block;

	json_array_foreach(s->messages, i, message)
	{
		total += MESSAGE;
		json_array_foreach(json_object_get(message, "content"), k, block)
		{
			total += json_object_get(block, "text") ? TEXT_BLOCK : OTHER_BLOCK;
		}
	}
	return total;
}

/* ---- as JSON ---- */

char *session_to_json(const struct session *s)
{
	size_t len = 0;
	char *messages = json_dump_exact(s->messages, &len), *json;
	struct buf b;

	if (!messages)
		return NULL;
	buf_init(&b, SIZE_MAX - 1);
	buf_printf(&b, "{\"v\":%d,\"version\":%lld,\"created_ms\":%lld,\"at_ms\":%lld", FORMAT,
		   (long long)s->version, (long long)s->created_ms, (long long)s->at_ms);
	if (s->deleted)
		buf_add_str(&b, ",\"deleted\":true");
	if (s->system) {
		buf_add_str(&b, ",\"system\":");
		json_add_string(&b, s->system, strlen(s->system));
	}
	buf_add_str(&b, ",\"messages\":");
	buf_add(&b, messages, len);
	buf_add_char(&b, '}');
	free(messages);
	json = buf_take(&b, NULL);
	buf_done(&b);
	return json;
}

static bool is_message(const json_t *message)
{
	const char *role = json_get_str(message, "role");
	json_t *content = json_object_get(message, "content"), *block;
	size_t i;

	if (!role || (strcmp(role, "user") != 0 && strcmp(role, "assistant") != 0) ||
	    !json_is_array(content) || !json_array_size(content))
		return false;
	json_array_foreach(content, i, block)
	{
		if (!json_get_str(block, "type"))
			return false;
	}
	return true;
}

/* What the pipeline relies on: the user begins, and each says who speaks, in a list of blocks. */
static bool are_messages(const json_t *messages)
{
	const char *first = json_get_str(json_array_get(messages, 0), "role");
	json_t *message;
	size_t i;

	if (!first || strcmp(first, "user") != 0)
		return false;
	json_array_foreach(messages, i, message)
	{
		if (!is_message(message))
			return false;
	}
	return true;
}

/* False: out of memory. */
static bool measure(json_t *messages, size_t *ret_size)
{
	char *text = json_dump_exact(messages, ret_size);

	free(text);
	return text != NULL;
}

static struct session *read_session(const json_t *from)
{
	json_t *messages = json_object_get(from, "messages");
	bool deleted = json_get_true(from, "deleted");
	struct session *s;
	size_t size;

	if (json_get_int(from, "v", 0) != FORMAT || !json_is_array(messages) ||
	    (!deleted && !are_messages(messages)) || !measure(messages, &size))
		return NULL;
	s = session_after(NULL, json_get_str(from, "system"), messages, size);
	if (!s)
		return NULL;
	s->version = json_get_int(from, "version", -1);
	s->created_ms = json_get_int(from, "created_ms", -1);
	s->at_ms = json_get_int(from, "at_ms", -1);
	s->deleted = deleted;
	if (s->version >= 1 && s->version <= SESSION_LAST_VERSION && s->created_ms >= 0 &&
	    s->at_ms >= 0)
		return s;
	session_unref(s);
	return NULL;
}

/* The densest text that session_to_json writes has more than eight bytes a value. */
struct session *session_from_json(const char *json, size_t len)
{
	const struct json_bounds bounds = {.max_values = len / 8 + 64, .max_depth = 64};
	char why[JSON_ERROR_TEXT_LENGTH + 64];
	json_t *value = json_parse(json, len, &bounds, why, sizeof why);
	struct session *s = value ? read_session(value) : NULL;

	json_decref(value);
	return s;
}
