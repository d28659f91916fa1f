#include "daemon/pool/selftest_checks.h"

#include <stdlib.h>
#include <string.h>

#include "shared/json.h"

#define FIRST_TURN "selftest first turn"
#define SECOND_TURN "selftest second turn"
#define LONELY_TURN "selftest lonely turn"

json_t *selftest_conversation(enum selftest_step step, const char *mention)
{
	switch (step) {
	case SELFTEST_REPLAY:
		return json_pack("[{s:s,s:[{s:s,s:s}]},{s:s,s:[{s:s,s:s}]},{s:s,s:[{s:s,s:s}]}]",
				 "role", "user", "content", "type", "text", "text", FIRST_TURN,
				 "role", "assistant", "content", "type", "text", "text",
				 SECOND_TURN, "role", "user", "content", "type", "text", "text",
				 mention);
	case SELFTEST_LONELY:
		return json_pack("[{s:s,s:[{s:s,s:s}]}]", "role", "user", "content", "type", "text",
				 "text", LONELY_TURN);
	default:
		return json_pack("[{s:s,s:s},{s:s,s:[{s:s,s:s}]},{s:s,s:[{s:s,s:s}]}]", "role",
				 "user", "content", "body one", "role", "assistant", "content",
				 "type", "text", "text", "body two", "role", "user", "content",
				 "type", "text", "text", "body three @./selftest-file.txt");
	}
}

static bool holds(const json_t *value, const char *text)
{
	char *dump = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
	bool found = dump && strstr(dump, text);

	free(dump);
	return found;
}

/* The text of the n-th message of role user or assistant, and their number. */
static size_t turns(const json_t *body, const json_t *ret[], size_t max)
{
	const json_t *messages = json_object_get(body, "messages"), *m;
	size_t i, n = 0;

	json_array_foreach(messages, i, m)
	{
		const char *role = json_get_str(m, "role");

		if (!role || (strcmp(role, "user") != 0 && strcmp(role, "assistant") != 0))
			continue;
		if (n < max)
			ret[n] = m;
		n++;
	}
	return n;
}

static bool turn_is(const json_t *message, const char *role, const char *text)
{
	return strcmp(json_get_str(message, "role"), role) == 0 &&
	       holds(json_object_get(message, "content"), text);
}

static bool offers_no_tools(const json_t *body)
{
	const json_t *tools = json_object_get(body, "tools");

	return !tools || json_is_null(tools) ||
	       (json_is_array(tools) && json_array_size(tools) == 0);
}

static void check_replay(const struct selftest_sight *t, bool *passed)
{
	const json_t *body = t->body;
	const json_t *m[4] = {0};
	size_t n = turns(body, m, 4);

	passed[SELFTEST_HISTORY] = n == 3 && turn_is(m[0], "user", FIRST_TURN) &&
				   turn_is(m[1], "assistant", SECOND_TURN) &&
				   turn_is(m[2], "user", t->mention);
	passed[SELFTEST_MENTION] = n > 0 && holds(body, t->mention) && !holds(body, t->secret);
	passed[SELFTEST_SYSTEM_PROMPT] = holds(json_object_get(body, "system"), SELFTEST_SYSTEM);
	passed[SELFTEST_MAX_TOKENS] = json_get_int(body, "max_tokens", 0) == SELFTEST_MAX_OUTPUT;
	passed[SELFTEST_NO_TOOLS] = offers_no_tools(body);
	passed[SELFTEST_NO_EMAIL] = !holds(body, "userEmail") && !holds(body, "email address");
}

static void check_lonely(const struct selftest_sight *t, bool *passed)
{
	const json_t *body = t->body;
	const json_t *m[2] = {0};

	passed[SELFTEST_RESET] = !t->replaced && turns(body, m, 2) == 1 &&
				 turn_is(m[0], "user", LONELY_TURN) && !holds(body, FIRST_TURN) &&
				 !holds(body, SECOND_TURN);
}

static void check_body(const struct selftest_sight *t, bool *passed)
{
	const json_t *body = t->body;

	passed[SELFTEST_BODY] = json_equal((json_t *)t->sent, json_object_get(body, "messages")) &&
				offers_no_tools(body) && t->requests == 1 &&
				json_get_num(body, "temperature", -1) == 0.5 &&
				!holds(body, t->dir) && !holds(body, "# Environment");
	if (!holds(json_object_get(body, "system"), SELFTEST_SYSTEM))
		passed[SELFTEST_SYSTEM_PROMPT] = false;
	if (!offers_no_tools(body))
		passed[SELFTEST_NO_TOOLS] = false;
}

static int64_t bytes_of(const json_t *value)
{
	char *text = value ? json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
	int64_t len = text ? (int64_t)strlen(text) : 0;

	free(text);
	return len;
}

/* Of what counts as input: system prompt, tools, messages. */
static int64_t overhead(const struct selftest_sight *t)
{
	int64_t seen = bytes_of(json_object_get(t->body, "system")) +
		       bytes_of(json_object_get(t->body, "tools")) +
		       bytes_of(json_object_get(t->body, "messages"));
	int64_t asked = (int64_t)sizeof SELFTEST_SYSTEM - 1 + bytes_of(t->sent);

	return seen > asked ? seen - asked : 0;
}

void selftest_check(enum selftest_step step, const struct selftest_sight *sight,
		    struct selftest_report *report)
{
	if (step == SELFTEST_REPLAY)
		check_replay(sight, report->passed);
	else if (step == SELFTEST_LONELY)
		check_lonely(sight, report->passed);
	else
		check_body(sight, report->passed);
	if (step != SELFTEST_REPLAY)
		report->overhead[step == SELFTEST_IN_BODY] = overhead(sight);
}
