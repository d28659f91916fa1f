/* Why this exists: the daemon's self-test reads request bodies to learn whether this CLI can be
 * trusted, so the stand-in sends what the CLI sends, and the leak_* and ignore_* faults are what
 * the self-test must catch. */
#include "tests/sim/request.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "tests/sim/session.h"

#define MENTION_MAX 65536
#define EMAIL "owner@claude-sim.example"

static json_t *text_block(const char *text, size_t len)
{
	return json_pack("{s:s, s:s%}", "type", "text", "text", text, len);
}

static void mark_cached(const struct sim *sim, json_t *block)
{
	if (!sim_env_true(sim, "DISABLE_PROMPT_CACHING"))
		json_object_set_new(block, "cache_control",
				    json_pack("{s:s}", "type", "ephemeral"));
}

static json_t *system_blocks(const struct sim *sim)
{
	static const char agent[] =
		"You are a Claude agent, built on Anthropic's Claude Agent SDK.";
	char billing[128];
	const struct jbuf *prompt = &sim->session.system_prompt;
	snprintf(billing, sizeof billing,
		 "x-anthropic-billing-header: cc_version=%s.sim; cc_entrypoint=sdk-cli;",
		 sim_version(sim));
	json_t *system = json_array();
	json_array_append_new(system, text_block(billing, strlen(billing)));
	json_t *block = text_block(agent, sizeof agent - 1);
	mark_cached(sim, block);
	json_array_append_new(system, block);
	if (prompt->len) {
		block = text_block(prompt->data, prompt->len);
		mark_cached(sim, block);
		json_array_append_new(system, block);
	}
	if (sim->faults.leak_email) {
		static const char leak[] = "# userEmail\nThe user's email address is " EMAIL ".";
		json_array_append_new(system, text_block(leak, sizeof leak - 1));
	}
	return system;
}

static json_t *environment_message(const struct sim *sim)
{
	struct utsname name;
	char date[16];
	time_t now = time(NULL);
	struct tm tm;
	uname(&name);
	gmtime_r(&now, &tm);
	strftime(date, sizeof date, "%Y-%m-%d", &tm);
	struct jbuf text = {0};
	jbuf_printf(
		&text,
		"# Environment\nYou have been invoked in the following environment: \n - Primary "
		"working "
		"directory: %s\n - Is a git repository: false\n - Platform: linux\n - Shell: bash\n"
		" - OS Version: Linux %s\n\nYou are powered by the model named %s. The exact model "
		"ID is %s.\n\n"
		"Today's date is %s.",
		sim->session.cwd, name.release, model_display(sim->session.model),
		sim->session.model, date);
	json_t *message =
		json_pack("{s:s, s:s%}", "role", "system", "content", text.data, text.len);
	jbuf_done(&text);
	return message;
}

static json_t *as_blocks(json_t *content)
{
	if (json_is_array(content))
		return json_deep_copy(content);
	json_t *blocks = json_array();
	const char *text = json_string_value(content);
	json_array_append_new(blocks, text && *text ? text_block(text, json_string_length(content))
						    : text_block("(no content)", 12));
	return blocks;
}

static bool same_role(const json_t *message, bool user)
{
	const char *role = json_string_value(json_object_get(message, "role"));
	return role && !strcmp(role, user ? "user" : "assistant");
}

/* Content of a message as a list of blocks, converted in place when it is a plain string. */
static json_t *blocks_of(json_t *message)
{
	json_t *content = json_object_get(message, "content");
	if (json_is_array(content))
		return content;
	json_object_set_new(message, "content", as_blocks(content));
	return json_object_get(message, "content");
}

/* The content of a file a user text mentions as @path, or NULL.  Only relative paths below the cwd.
 */
static json_t *mentioned_file(const char *text)
{
	char path[256], data[MENTION_MAX];
	const char *at = strchr(text, '@');
	if (!at)
		return NULL;
	size_t n = 0;
	for (at++; *at && !isspace((unsigned char)*at) && n + 1 < sizeof path; at++)
		path[n++] = *at;
	path[n] = '\0';
	if (!n || path[0] == '/' || strstr(path, ".."))
		return NULL;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return NULL;
	ssize_t got = read(fd, data, sizeof data);
	close(fd);
	return got > 0 ? json_stringn(data, (size_t)got) : NULL;
}

/* The real CLI reads mentioned files unless the line said "client_composed":true or the variable
 * forbids it. */
static void expand_mention(const struct sim *sim, const struct entry *entry, json_t *message)
{
	if (!sim->faults.leak_mention &&
	    (entry->composed || sim_env_true(sim, "CLAUDE_CODE_DISABLE_FILE_MENTIONS")))
		return;
	struct jbuf text = {0};
	content_text(entry->content, &text);
	jbuf_add(&text, "", 1);
	json_t *file = mentioned_file(text.data);
	jbuf_done(&text);
	if (file)
		json_array_append_new(blocks_of(message),
				      json_pack("{s:s, s:o}", "type", "text", "text", file));
}

/* Plain strings stay strings; consecutive user lines become one message of several blocks. */
static void append_entry(const struct sim *sim, json_t *messages, const struct entry *entry)
{
	json_t *last = json_array_get(messages, json_array_size(messages) - 1);
	bool plain = json_is_string(entry->content) && json_string_length(entry->content);
	json_t *content = plain ? json_incref(entry->content) : as_blocks(entry->content);
	json_t *message = json_pack("{s:s, s:o}", "role", entry->user ? "user" : "assistant",
				    "content", content);
	if (entry->user && !entry->synthetic)
		expand_mention(sim, entry, message);
	if (!entry->user || !same_role(last, true)) {
		json_array_append_new(messages, message);
		return;
	}
	json_array_extend(blocks_of(last), blocks_of(message));
	json_decref(message);
}

static json_t *conversation(const struct sim *sim)
{
	json_t *messages = json_array();
	for (size_t i = 0; i < sim->session.entry_count; i++)
		append_entry(sim, messages, &sim->session.entries[i]);
	json_array_insert_new(messages, 1, environment_message(sim));
	json_t *blocks = blocks_of(json_array_get(messages, json_array_size(messages) - 1));
	mark_cached(sim, json_array_get(blocks, json_array_size(blocks) - 1));
	if (sim->faults.swap_history && json_array_size(messages) > 2) {
		json_t *first = json_incref(json_array_get(messages, 0));
		json_array_remove(messages, 0);
		json_array_insert_new(messages, 2, first);
	}
	return messages;
}

static json_t *tools(const struct sim *sim)
{
	if (!sim->faults.leak_tools)
		return json_array();
	return json_pack("[{s:s, s:s, s:{s:s}}]", "name", "Read", "description", "Reads a file.",
			 "input_schema", "type", "object");
}

static void add_thinking(const struct sim *sim, json_t *body)
{
	if (sim_env_true(sim, "CLAUDE_CODE_DISABLE_THINKING"))
		return;
	json_object_set_new(body, "thinking",
			    json_pack("{s:s, s:s}", "type", "adaptive", "display",
				      sim->session.thinking_display));
}

static void add_effort(const struct sim *sim, json_t *body)
{
	static const char *const levels[] = {"low", "medium", "high", "xhigh", "max"};
	const char *wanted = sim_env(sim, "CLAUDE_CODE_EFFORT_LEVEL"), *effort = "medium";
	if (wanted && !strcmp(wanted, "unset"))
		return;
	for (size_t i = 0; wanted && i < sizeof levels / sizeof levels[0]; i++)
		if (!strcmp(wanted, levels[i]))
			effort = levels[i];
	json_object_set_new(body, "output_config", json_pack("{s:s}", "effort", effort));
}

/* CLAUDE_CODE_EXTRA_BODY comes last and wins; output_config is merged, so that effort survives a
 * format. */
static void merge_extra(struct sim *sim, json_t *body)
{
	const char *key;
	json_t *value;
	json_object_foreach(sim->turn.body, key, value)
	{
		json_t *own = json_object_get(body, key);
		if (!strcmp(key, "output_config") && json_is_object(own) && json_is_object(value))
			json_object_update(own, value);
		else
			json_object_set(body, key, value);
	}
	json_object_set_new(body, "max_tokens", json_integer(sim->turn.max_tokens));
	json_object_set_new(body, "stream", json_true());
}

void request_body(struct sim *sim, struct jbuf *buf)
{
	json_t *body = json_object();
	json_object_set_new(body, "model", json_string(sim->session.model));
	json_object_set_new(body, "messages", conversation(sim));
	json_object_set_new(body, "system", system_blocks(sim));
	json_object_set_new(body, "tools", tools(sim));
	json_object_set_new(body, "metadata", json_pack("{s:s}", "user_id", sim->session.id));
	add_thinking(sim, body);
	add_effort(sim, body);
	merge_extra(sim, body);
	size_t n = json_dumpb(body, NULL, 0, JSON_COMPACT);
	json_dumpb(body, jbuf_room(buf, n), n, JSON_COMPACT);
	buf->len += n;
	json_decref(body);
}
