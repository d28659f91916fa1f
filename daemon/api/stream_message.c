/* A client's message as far as this side of it goes: what kind it is, its id, a key.  What a chat
 * asks is left to the pipeline, which gets the message as it came, as if it were a request's
 * body. */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "shared/json.h"
#include "shared/json_scan.h"
#include "shared/str.h"

#include "daemon/api/fields.h"
#include "daemon/api/stream_private.h"

enum { TEXT_MAX = 1024, VALUES_MAX = 4 };

static const char id_characters[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.:-";

static const char *const names[] = {[MESSAGE_CHAT] = "chat",
				    [MESSAGE_CANCEL] = "cancel",
				    [MESSAGE_PING] = "ping",
				    [MESSAGE_AUTH] = "auth"};

enum { TYPES = sizeof names / sizeof *names };

const char *stream_message_name(enum message_type type)
{
	return names[type];
}

static int invalid(struct failure *f, const char *param, const char *words)
{
	return failure_set(f, FAULT_INVALID_REQUEST, param, "%s%s%s", param ? param : "",
			   param ? ": " : "", words);
}

/* What was sent for each of the members that are looked at; at NULL: nothing. */
struct members {
	struct json_slice type, id, strict, api_key;
};

enum stream_field { FIELD_TYPE, FIELD_ID, FIELD_STRICT, FIELD_API_KEY, FIELDS };

const char *const stream_fields[] = {[FIELD_TYPE] = "type",
				     [FIELD_ID] = "id",
				     [FIELD_STRICT] = "strict",
				     [FIELD_API_KEY] = "api_key",
				     [FIELDS] = NULL};

static const size_t places[] = {[FIELD_TYPE] = offsetof(struct members, type),
				[FIELD_ID] = offsetof(struct members, id),
				[FIELD_STRICT] = offsetof(struct members, strict),
				[FIELD_API_KEY] = offsetof(struct members, api_key)};

static int note_member(struct members *m, const struct json_slice *key,
		       const struct json_slice *value, struct failure *f)
{
	struct json_slice *place;
	size_t i = 0;

	while (i < FIELDS && !json_slice_is(key, stream_fields[i]))
		i++;
	if (i == FIELDS)
		return 0;
	place = (struct json_slice *)((char *)m + places[i]);
	if (place->at)
		return invalid(f, stream_fields[i], "stands there twice.");
	*place = *value;
	return 0;
}

static int find_members(struct members *m, const char *text, size_t len, struct failure *f)
{
	struct json_slice key, value;
	struct json_scan scan;

	json_scan_begin(&scan, text, len);
	while (json_scan_next(&scan, &key, &value))
		if (note_member(m, &key, &value, f))
			return -EINVAL;
	return scan.failed ? invalid(f, NULL, "The message is not a valid JSON object.") : 0;
}

/* A string, as it is after its escapes are undone; free() it.  NULL: it is none, or too long. */
static char *text_of(const struct json_slice *s)
{
	static const struct json_bounds bounds = {.max_values = VALUES_MAX, .max_depth = 1};
	char why[160], *text = NULL;
	json_t *value;

	if (s->len > TEXT_MAX)
		return NULL;
	value = json_parse(s->at, s->len, &bounds, why, sizeof why);
	if (json_is_string(value))
		text = strdup(json_string_value(value));
	json_decref(value);
	return text;
}

static int read_id(struct stream_message *m, const struct json_slice *s, struct failure *f)
{
	char *id = s->at ? text_of(s) : NULL;
	bool good = !s->at || (id && str_in_set(id, 1, CHAT_ID_SIZE - 1, id_characters));

	if (id && good)
		memcpy(m->id, id, strlen(id) + 1);
	free(id);
	return good ? 0
		    : invalid(f, "id", "expected a string of 1 to 128 characters A-Z a-z 0-9 _.:-");
}

static int read_type(struct stream_message *m, const struct json_slice *s, struct failure *f)
{
	char *type = s->at ? text_of(s) : NULL;
	size_t i = 0;

	while (i < TYPES && (!type || strcmp(type, names[i]) != 0))
		i++;
	free(type);
	if (i == TYPES)
		return invalid(f, "type", "expected one of chat, cancel, ping, auth.");
	m->type = (enum message_type)i;
	return 0;
}

static int read_strict(struct stream_message *m, const struct json_slice *s, struct failure *f)
{
	if (s->at && !json_slice_is(s, "true") && !json_slice_is(s, "false"))
		return invalid(f, "strict", "expected a boolean.");
	m->strict = s->at && json_slice_is(s, "true");
	return 0;
}

static int read_key(struct stream_message *m, const struct json_slice *s, struct failure *f)
{
	if (m->type != MESSAGE_AUTH)
		return 0;
	m->api_key = s->at ? text_of(s) : NULL;
	return m->api_key && *m->api_key ? 0 : invalid(f, "api_key", "expected a string.");
}

int stream_message_read(struct stream_message *m, const char *text, size_t len, struct failure *f)
{
	struct members found = {.type = {NULL, 0}};
	int rc = find_members(&found, text, len, f);

	*m = (struct stream_message){.id = ""};
	if (rc == 0)
		rc = read_id(m, &found.id, f);
	if (rc == 0)
		rc = read_type(m, &found.type, f);
	if (rc == 0)
		rc = read_strict(m, &found.strict, f);
	return rc ? rc : read_key(m, &found.api_key, f);
}

void stream_message_done(struct stream_message *m)
{
	free(m->api_key);
	m->api_key = NULL;
}
