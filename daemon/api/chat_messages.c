/* The conversation: OpenAI's messages to the Messages API's.
 *
 * system and developer messages, wherever they stand, become the one system prompt; user and
 * assistant messages become lists of blocks.  Strings are shared with the parsed body, not copied;
 * only a data: URL's payload is.  Whatever cannot be passed on faithfully is refused with the path
 * of the field: nothing is dropped silently but what the upstream would refuse and nobody misses,
 * blank text next to other content and assistant turns without any (an empty answer comes back as
 * one). */
#include <ctype.h>
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "shared/json.h"
#include "shared/str.h"

#include "daemon/api/chat_decode.h"
#include "daemon/api/fields.h"

enum { URL_MAX = 8192, PATH_SIZE = 96, SYSTEM_MAX = 64 * 1024 * 1024 };

/* The upstream wants a conversation to begin with the user; one that begins otherwise gets this in
 * front. */
static const char opening_turn[] = "(The conversation begins with your message.)";

enum message_field {
	MESSAGE_ROLE,
	MESSAGE_CONTENT,
	MESSAGE_REFUSAL,
	MESSAGE_NAME,
	MESSAGE_AUDIO,
	MESSAGE_TOOL_CALLS,
	MESSAGE_FUNCTION_CALL,
	MESSAGE_TOOL_CALL_ID,
	MESSAGE_FIELDS
};

const char *const chat_message_fields[] = {
	[MESSAGE_ROLE] = "role",
	[MESSAGE_CONTENT] = "content",
	[MESSAGE_REFUSAL] = "refusal",
	[MESSAGE_NAME] = "name",
	[MESSAGE_AUDIO] = "audio",
	[MESSAGE_TOOL_CALLS] = "tool_calls",
	[MESSAGE_FUNCTION_CALL] = "function_call",
	[MESSAGE_TOOL_CALL_ID] = "tool_call_id",
	[MESSAGE_FIELDS] = NULL,
};

enum role { ROLE_SYSTEM, ROLE_USER, ROLE_ASSISTANT };

/* Where in the request the decoder is, and what it has gathered. */
struct conversation {
	struct chat_decoder *d;
	struct buf system;
	bool has_user;
	enum role role; /* of the message at hand */
	bool is_turn;   /* the message at hand became a turn of the conversation */
	size_t index;
	char path[PATH_SIZE]; /* of the content at hand */
};

static json_t *field_of(const json_t *message, enum message_field field)
{
	return json_object_get(message, chat_message_fields[field]);
}

static int refuse(struct conversation *c, const char *field, const char *what)
{
	char path[PATH_SIZE * 2];

	snprintf(path, sizeof path, "%s%s", c->path, field);
	return chat_invalid(c->d, path, "%s: %s.", path, what);
}

/* Takes the reference to block. */
static int add_block(struct conversation *c, json_t *blocks, json_t *block)
{
	return json_array_append_new(blocks, block) ? chat_out_of_memory(c->d) : 0;
}

static int add_text(struct conversation *c, json_t *blocks, json_t *text)
{
	const char *s = json_string_value(text);
	size_t len = json_string_length(text);

	if (str_is_blank(s, len))
		return 0;
	if (c->role != ROLE_SYSTEM)
		return add_block(c, blocks, json_pack("{s:s, s:O}", "type", "text", "text", text));
	if (c->system.len)
		buf_add_str(&c->system, "\n\n");
	buf_add(&c->system, s, len);
	return 0;
}

/* Whole groups of four are decoded piecewise, so that checking an image needs no second image's
 * worth of memory. */
static bool is_base64(const char *s, size_t len)
{
	enum { GROUP = 4096 };
	unsigned char bin[GROUP / 4 * 3];
	size_t got;

	if (!len || len % 4)
		return false;
	for (size_t i = 0; i < len; i += GROUP) {
		size_t n = len - i < GROUP ? len - i : GROUP;

		if (sodium_base642bin(bin, sizeof bin, s + i, n, NULL, &got, NULL,
				      sodium_base64_VARIANT_ORIGINAL))
			return false;
		if (i + n < len && got != n / 4 * 3)
			return false; /* padding before the end */
	}
	return true;
}

/* url: "data:image/png;base64,...". */
static int add_data_image(struct conversation *c, json_t *blocks, const char *url, size_t len)
{
	static const char *const types[] = {"image/png", "image/jpeg", "image/gif", "image/webp"};
	const char *type = NULL, *data = url;

	for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
		size_t n = strlen(types[i]);

		if (strncasecmp(url + 5, types[i], n) == 0 &&
		    strncasecmp(url + 5 + n, ";base64,", 8) == 0) {
			type = types[i];
			data = url + 5 + n + 8;
		}
	}
	if (!type)
		return refuse(c, ".image_url.url",
			      "expected a data: URL of image/png, image/jpeg, image/gif or "
			      "image/webp in base64");
	len -= (size_t)(data - url);
	if (!is_base64(data, len))
		return refuse(c, ".image_url.url", "the image is not valid base64");
	return add_block(c, blocks,
			 json_pack("{s:s, s:{s:s, s:s, s:s%}}", "type", "image", "source", "type",
				   "base64", "media_type", type, "data", data, len));
}

static bool is_https_url(const char *url, size_t len)
{
	if (strncasecmp(url, "https://", 8) != 0 || len > URL_MAX || !url[8] || url[8] == '/')
		return false;
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)url[i] <= ' ' || url[i] == 0x7F)
			return false;
	return true;
}

static int add_image(struct conversation *c, json_t *blocks, const json_t *part)
{
	const json_t *image = json_object_get(part, "image_url");
	const json_t *url = json_object_get(image, "url");
	const json_t *detail = json_object_get(image, "detail");
	const char *s = json_string_value(url);

	if (c->role != ROLE_USER)
		return refuse(c, ".type", "only user messages may hold images");
	if (!json_is_object(image))
		return refuse(c, ".image_url", "expected an object");
	if (!s)
		return refuse(c, ".image_url.url", "expected a string");
	if (detail && !json_is_string(detail) && !json_is_null(detail))
		return refuse(c, ".image_url.detail", "expected a string");
	if (strncasecmp(s, "data:", 5) == 0)
		return add_data_image(c, blocks, s, json_string_length(url));
	if (!is_https_url(s, json_string_length(url)))
		return refuse(c, ".image_url.url",
			      "expected a data: URL or an https:// URL of at most 8192 characters");
	return add_block(c, blocks,
			 json_pack("{s:s, s:{s:s, s:O}}", "type", "image", "source", "type", "url",
				   "url", url));
}

static int add_part(struct conversation *c, json_t *blocks, const json_t *part)
{
	const char *type = json_get_str(part, "type");
	json_t *text;

	if (!json_is_object(part))
		return refuse(c, "", "expected an object");
	if (!type)
		return refuse(c, ".type", "expected a string");
	if (strcmp(type, "image_url") == 0)
		return add_image(c, blocks, part);
	if (strcmp(type, "text") != 0 &&
	    (strcmp(type, "refusal") != 0 || c->role != ROLE_ASSISTANT))
		return refuse(c, ".type",
			      c->role == ROLE_USER ? "expected text or image_url"
						   : "expected text");
	text = json_object_get(part, type);
	if (!json_is_string(text))
		return refuse(c, *type == 't' ? ".text" : ".refusal", "expected a string");
	return add_text(c, blocks, text);
}

static int add_parts(struct conversation *c, json_t *blocks, const json_t *parts)
{
	const json_t *part;
	size_t i;
	int r;

	json_array_foreach(parts, i, part)
	{
		snprintf(c->path, sizeof c->path, "messages[%zu].content[%zu]", c->index, i);
		r = add_part(c, blocks, part);
		if (r)
			return r;
	}
	snprintf(c->path, sizeof c->path, "messages[%zu].content", c->index);
	return 0;
}

static int add_content(struct conversation *c, json_t *blocks, const json_t *message)
{
	json_t *content = field_of(message, MESSAGE_CONTENT);
	json_t *refusal = field_of(message, MESSAGE_REFUSAL);
	int r;

	snprintf(c->path, sizeof c->path, "messages[%zu].content", c->index);
	if (c->role == ROLE_ASSISTANT && json_is_string(refusal) &&
	    (!content || json_is_null(content)))
		content = refusal;
	if (json_is_string(content))
		r = add_text(c, blocks, content);
	else if (json_is_array(content))
		r = add_parts(c, blocks, content);
	else
		return refuse(c, "", "expected a string or an array of parts");
	if (r || c->role == ROLE_SYSTEM)
		return r;
	if (!json_array_size(blocks) && c->role == ROLE_USER)
		return refuse(c, "", "must not be blank");
	return 0;
}

static int check_role(struct conversation *c, const json_t *message)
{
	static const struct {
		const char *name;
		enum role role;
	} roles[] = {{"system", ROLE_SYSTEM},
		     {"developer", ROLE_SYSTEM},
		     {"user", ROLE_USER},
		     {"assistant", ROLE_ASSISTANT}};
	const char *role = json_string_value(field_of(message, MESSAGE_ROLE));

	for (size_t i = 0; role && i < sizeof roles / sizeof *roles; i++) {
		if (strcmp(role, roles[i].name) == 0) {
			c->role = roles[i].role;
			return 0;
		}
	}
	if (role && (strcmp(role, "tool") == 0 || strcmp(role, "function") == 0))
		return refuse(c, ".role", "tools are not supported yet");
	return refuse(c, ".role", "expected system, developer, user or assistant");
}

/* Fields besides role and content: what SDKs echo of an earlier answer is fine as long as it is
 * empty. */
static int check_extras(struct conversation *c, const json_t *message)
{
	const json_t *name = field_of(message, MESSAGE_NAME);
	const json_t *audio = field_of(message, MESSAGE_AUDIO);

	for (enum message_field i = MESSAGE_TOOL_CALLS; i <= MESSAGE_TOOL_CALL_ID; i++) {
		const json_t *v = field_of(message, i);
		char field[32];

		if (!v || json_is_null(v) || (json_is_array(v) && !json_array_size(v)))
			continue;
		snprintf(field, sizeof field, ".%s", chat_message_fields[i]);
		return refuse(c, field, "tools are not supported yet");
	}
	if (name && !json_is_string(name) && !json_is_null(name))
		return refuse(c, ".name", "expected a string");
	if (audio && !json_is_null(audio))
		return refuse(c, ".audio", "audio is not supported");
	return 0;
}

static int add_turn(struct conversation *c, const char *role, json_t *blocks)
{
	json_t *turn = json_pack("{s:s, s:O}", "role", role, "content", blocks);

	if (json_array_append_new(c->d->prompt->messages, turn))
		return chat_out_of_memory(c->d);
	return 0;
}

static int add_opening_turn(struct conversation *c)
{
	json_t *blocks = json_pack("[{s:s, s:s}]", "type", "text", "text", opening_turn);
	int r = blocks ? add_turn(c, "user", blocks) : chat_out_of_memory(c->d);

	json_decref(blocks);
	return r;
}

/* What a session has already been told goes in front. */
static bool begins(const struct conversation *c)
{
	const char *session = c->d->out->session_id;

	return !json_array_size(c->d->prompt->messages) &&
	       (!session || strcmp(session, "new") == 0);
}

static int add_message(struct conversation *c, const json_t *message)
{
	json_t *blocks;
	int r;

	snprintf(c->path, sizeof c->path, "messages[%zu]", c->index);
	if (!json_is_object(message))
		return refuse(c, "", "expected an object");
	r = check_role(c, message);
	if (!r)
		r = check_extras(c, message);
	if (r)
		return r;
	blocks = json_array();
	if (!blocks)
		return chat_out_of_memory(c->d);
	r = add_content(c, blocks, message);
	c->is_turn = json_array_size(blocks) > 0;
	if (!r && c->is_turn && c->role == ROLE_ASSISTANT && begins(c))
		r = add_opening_turn(c);
	if (!r && c->is_turn)
		r = add_turn(c, c->role == ROLE_USER ? "user" : "assistant", blocks);
	c->has_user |= c->role == ROLE_USER;
	json_decref(blocks);
	return r;
}

static int add_all(struct conversation *c, const json_t *messages)
{
	enum role last = ROLE_USER;
	size_t last_index = 0;
	const json_t *message;
	int r;

	json_array_foreach(messages, c->index, message)
	{
		r = add_message(c, message);
		if (r)
			return r;
		if (c->is_turn) {
			last = c->role;
			last_index = c->index;
		}
	}
	if (!c->has_user)
		return chat_invalid(c->d, "messages",
				    "messages: expected at least one message of "
				    "the role user.");
	if (last == ROLE_ASSISTANT) {
		snprintf(c->path, sizeof c->path, "messages[%zu].role", last_index);
		chat_needs_body_mode(c->d, c->path);
	}
	return 0;
}

int chat_decode_messages(struct chat_decoder *d)
{
	const json_t *messages = json_object_get(d->root, "messages");
	struct conversation c = {.d = d};
	int r;

	if (!json_is_array(messages) || !json_array_size(messages))
		return chat_invalid(d, "messages", "messages: expected a non-empty array.");
	buf_init(&c.system, SYSTEM_MAX);
	d->prompt->messages = json_array();
	r = d->prompt->messages ? add_all(&c, messages) : chat_out_of_memory(d);
	if (!r && (c.system.len || c.system.failed)) {
		d->prompt->system = buf_take(&c.system, NULL);
		if (!d->prompt->system)
			r = chat_out_of_memory(d);
	}
	buf_done(&c.system);
	return r;
}
