/* Why this exists: what a worker ignores, drops, queues or dies of decides how careful the daemon
 * must be. */
#include "tests/sim/input.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/sim/control.h"
#include "tests/sim/emit.h"
#include "tests/sim/session.h"

static void die(struct sim *sim, const char *message)
{
	sim_flush(sim);
	fprintf(stderr, "%s\n", message);
	_exit(1); /* the line being read is still in use */
}

/* Length as JavaScript counts it: UTF-16 units. */
static size_t utf16_length(const char *text, size_t len)
{
	size_t units = 0;
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];
		units += (c & 0xc0) != 0x80;
		units += c >= 0xf0;
	}
	return units;
}

static void die_unparsed(struct sim *sim, const char *line, size_t len, const char *error)
{
	char text[128];
	snprintf(text, sizeof text,
		 "Error parsing streaming input line (type=unknown, %zu chars): %s",
		 utf16_length(line, len), error);
	die(sim, text);
}

static void on_control(struct sim *sim, const json_t *line)
{
	json_t *request = json_object_get(line, "request");
	const char *id = json_string_value(json_object_get(line, "request_id"));
	if (!request)
		die(sim, "Error: Missing request on control_request");
	if (id)
		control_handle(sim, id, request);
}

static void check_role(struct sim *sim, const json_t *message)
{
	const char *role = json_string_value(json_object_get(message, "role"));
	char text[128];
	if (role && !strcmp(role, "user"))
		return;
	snprintf(text, sizeof text, "Error: Expected message role 'user', got '%.40s'",
		 role ? role : "undefined");
	die(sim, text);
}

static void on_user(struct sim *sim, const json_t *line)
{
	json_t *message = json_object_get(line, "message");
	check_role(sim, message);
	json_t *content = json_object_get(message, "content");
	json_t *uuid = json_object_get(line, "uuid");
	char made[UUID_SIZE];
	if (json_is_number(content) || json_is_boolean(content))
		return;
	if (json_is_string(uuid) && uuid_seen(json_string_value(uuid), json_string_length(uuid)))
		return;
	if (sim->queue_count == QUEUE_MAX)
		return;
	uuid_make(made);
	struct queued *queued = &sim->queue[sim->queue_count++];
	*queued = (struct queued){
		.uuid = strdup(json_is_string(uuid) ? json_string_value(uuid) : made),
		.content = content ? json_incref(content) : json_string(""),
		.composed = json_is_true(json_object_get(line, "client_composed")),
		.query = !json_is_false(json_object_get(line, "shouldQuery")),
	};
	emit_lifecycle(sim, queued->uuid, "queued");
}

/* Enters the conversation at once, without any output. */
static void on_assistant(struct sim *sim, const json_t *line)
{
	json_t *content = json_object_get(json_object_get(line, "message"), "content");
	char uuid[UUID_SIZE];
	if (!json_is_array(content) && !json_is_string(content))
		return;
	uuid_make(uuid);
	session_add(&sim->session, false, uuid, json_incref(content));
}

static bool only_blank(const char *line, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!strchr(" \t\r", line[i]))
			return false;
	return true;
}

void input_line(struct sim *sim, const char *line, size_t len)
{
	if (len >= 3 && !memcmp(line, "\xef\xbb\xbf", 3)) {
		line += 3;
		len -= 3;
	}
	if (only_blank(line, len))
		return;
	json_t *value = json_loadb(line, len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
	if (!value)
		die_unparsed(sim, line, len, "SyntaxError");
	if (json_is_null(value))
		die_unparsed(sim, line, len, "TypeError");
	const char *type = json_string_value(json_object_get(value, "type"));
	if (type && !strcmp(type, "control_request"))
		on_control(sim, value);
	else if (type && !strcmp(type, "user"))
		on_user(sim, value);
	else if (type && !strcmp(type, "assistant"))
		on_assistant(sim, value);
	json_decref(value);
}
