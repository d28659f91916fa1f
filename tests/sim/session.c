/* Why this exists: reset and history rules decide whether one client's text can reach another, so
 * the stand-in keeps the conversation the way the CLI does: every message with its uuid, cut only
 * by a rewind. */
#include "tests/sim/session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void session_init(struct session *session)
{
	uuid_make(session->id);
	session->env = json_object();
	strcpy(session->thinking_display, "updates");
	if (!getcwd(session->cwd, sizeof session->cwd))
		strcpy(session->cwd, "/");
	model_resolve(NULL, session->model);
}

void session_done(struct session *session)
{
	session_cut(session, 0);
	free(session->entries);
	json_decref(session->env);
	jbuf_done(&session->system_prompt);
	jbuf_done(&session->plan);
}

struct entry *session_add(struct session *session, bool user, const char *uuid, json_t *content)
{
	if (session->entry_count == session->entry_cap) {
		size_t cap = session->entry_cap ? 2 * session->entry_cap : 16;
		struct entry *entries = realloc(session->entries, cap * sizeof *entries);
		if (!entries)
			abort();
		session->entries = entries;
		session->entry_cap = cap;
	}
	struct entry *entry = &session->entries[session->entry_count++];
	*entry = (struct entry){.user = user, .uuid = strdup(uuid), .content = content};
	return entry;
}

void session_cut(struct session *session, size_t index)
{
	while (session->entry_count > index) {
		struct entry *entry = &session->entries[--session->entry_count];
		free(entry->uuid);
		json_decref(entry->content);
	}
}

static void usage_add(struct usage *sum, const struct usage *usage)
{
	sum->input += usage->input;
	sum->output += usage->output;
	sum->cache_read += usage->cache_read;
	sum->cache_write += usage->cache_write;
	sum->cache_write_1h += usage->cache_write_1h;
	sum->thinking += usage->thinking;
}

static struct total *find_total(struct session *session, const char *model)
{
	for (size_t i = 0; i < session->total_count; i++)
		if (!strcmp(session->totals[i].model, model))
			return &session->totals[i];
	if (session->total_count == TOTALS_MAX)
		return &session->totals[TOTALS_MAX - 1];
	struct total *total = &session->totals[session->total_count++];
	snprintf(total->model, sizeof total->model, "%s", model);
	return total;
}

void session_book(struct session *session, const char *model, const struct usage *usage,
		  struct total *since)
{
	double cost = model_cost(model, usage);
	struct total *total = find_total(session, model);
	usage_add(&total->usage, usage);
	total->cost += cost;
	session->total_cost += cost;
	snprintf(since->model, sizeof since->model, "%s", model);
	usage_add(&since->usage, usage);
	since->cost += cost;
}

struct rewind session_find_rewind(const struct session *session, const char *target,
				  const char *last_seen)
{
	struct rewind found = {.reason = "target_not_found", .error = "target not found"};
	const struct entry *last = NULL;
	for (size_t i = 0; i < session->entry_count; i++) {
		const struct entry *entry = &session->entries[i];
		if (!entry->user || entry->synthetic)
			continue;
		last = entry;
		if (!strcmp(entry->uuid, target)) {
			found.target = entry;
			found.index = i;
		}
	}
	if (!found.target)
		return found;
	if (found.target != last && !last_seen) {
		found.reason = "stale_target";
		found.error = "stale target";
		return found;
	}
	if (found.target != last && strcmp(last_seen, last->uuid)) {
		found.reason = "unseen_later_turn";
		found.error = "unseen later turn";
		return found;
	}
	found.rewound = true;
	for (size_t i = 0; i < found.index; i++)
		if (!session->entries[i].user)
			found.preceding = session->entries[i].uuid;
	return found;
}

static void block_text(const json_t *block, struct jbuf *buf)
{
	const char *type = json_string_value(json_object_get(block, "type"));
	if (!type)
		return;
	if (!strcmp(type, "tool_result")) {
		content_text(json_object_get(block, "content"), buf);
		return;
	}
	json_t *text = json_object_get(block, "text");
	if (strcmp(type, "text") || !json_is_string(text))
		return;
	if (buf->len)
		jbuf_puts(buf, "\n");
	jbuf_add(buf, json_string_value(text), json_string_length(text));
}

void content_text(const json_t *content, struct jbuf *buf)
{
	if (json_is_string(content)) {
		jbuf_add(buf, json_string_value(content), json_string_length(content));
		return;
	}
	size_t i;
	json_t *block;
	json_array_foreach(content, i, block) block_text(block, buf);
}
