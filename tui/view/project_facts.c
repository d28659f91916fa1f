#include "tui/view/project_facts.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "shared/json.h"
#include "shared/str.h"

#include "tui/canvas/style.h"
#include "tui/model/words.h"

enum { NAME_BYTES = 80, SENTENCE_BYTES = 512, LIST_BYTES = 1024 };

char *list_words(char *to, size_t size, const json_t *list, const char *otherwise)
{
	size_t used = 0;
	json_t *item;
	size_t i;

	if (json_array_size(list) == 0) {
		snprintf(to, size, "%s", otherwise);
		return to;
	}
	to[0] = '\0';
	json_array_foreach((json_t *)list, i, item)
	{
		int n = json_is_string(item)
				? snprintf(to + used, size - used, "%s%s", used > 0 ? ", " : "",
					   json_string_value(item))
				: 0;

		used += n > 0 ? (size_t)n : 0;
		if (used >= size - 1)
			break;
	}
	return to;
}

void copy_members(json_t *to, const json_t *row, const char *const *names)
{
	for (; *names; names++) {
		json_t *value = json_object_get(row, *names);

		if (value && !json_is_null(value))
			json_object_set(to, *names, value);
	}
}

/* ---- facts ---- */

void project_fill(struct sheet *s, const json_t *project)
{
	const char *model = json_get_str(project, "default_model");
	const char *created = json_get_str(project, "created_at");
	char models[LIST_BYTES], count[WORDS_SIZE];

	sheet_format(s, STYLE_NORMAL, "keys", "%s   %s running",
		     words_count(count, json_get_int(project, "keys", -1)),
		     words_count((char[WORDS_SIZE]){""}, json_get_int(project, "running", -1)));
	sheet_format(s, STYLE_NORMAL, "models", "%s   default %s",
		     list_words(models, sizeof models, json_object_get(project, "models"), "all"),
		     model && *model ? model : "the server's");
	if (created)
		sheet_format(s, STYLE_NORMAL, "created", "%.10s", created);
}

void limits_fill(struct sheet *s, const json_t *limits)
{
	static const struct {
		const char *member, *words;
	} all[] = {{"requests_per_minute", "requests a minute"},
		   {"tokens_per_minute", "tokens a minute"},
		   {"concurrent", "at one time"}};
	char count[WORDS_SIZE], text[256] = "";
	size_t len = 0;

	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
		int64_t n = json_get_int(limits, all[i].member, -1);

		if (n >= 0)
			len += (size_t)snprintf(text + len, sizeof text - len, "%s%s %s",
						len > 0 ? "   " : "", words_count(count, n),
						all[i].words);
	}
	sheet_parts(s, STYLE_NORMAL, "limits", len > 0 ? text : "none");
}

/* ---- actions ---- */

static void told(struct host *h, const json_t *params, const char *words)
{
	const char *is = json_get_str(params, "name");
	char name[NAME_BYTES], text[SENTENCE_BYTES];

	str_copy_clean(name, sizeof name, is ? is : "");
	snprintf(text, sizeof text, "project %s %s", name, words);
	h->ops->say(h, STYLE_OK, text);
}

static void told_created(struct host *h, const json_t *params, const json_t *result)
{
	(void)result;
	told(h, params, "created; it needs a key to be used");
}

static void told_set(struct host *h, const json_t *params, const json_t *result)
{
	(void)result;
	told(h, params, "changed");
}

static void told_deleted(struct host *h, const json_t *params, const json_t *result)
{
	(void)result;
	told(h, params, "deleted, its keys revoked");
}

void project_ask_create(struct host *h)
{
	h->ops->act(h, &(struct action){.kind = ACTION_FORM,
					.method = "projects.create",
					.title = "New project",
					.word = "create",
					.done = told_created});
}

void project_ask_set(struct host *h, const json_t *project)
{
	static const char *const members[] = {"name",
					      "default_model",
					      "models",
					      "requests_per_minute",
					      "tokens_per_minute",
					      "concurrent",
					      NULL};
	const char *is = json_get_str(project, "name");
	char name[NAME_BYTES], title[2 * NAME_BYTES];
	json_t *preset = json_object();

	copy_members(preset, project, members);
	str_copy_clean(name, sizeof name, is ? is : "");
	snprintf(title, sizeof title, "Project %s", name);
	h->ops->act(h, &(struct action){.kind = ACTION_FORM,
					.method = "projects.set",
					.params = preset,
					.fixed = "name",
					.title = title,
					.word = "change",
					.done = told_set});
}

void project_ask_delete(struct host *h, const json_t *project)
{
	const char *is = json_get_str(project, "name");
	int64_t keys = json_get_int(project, "keys", 0);
	size_t budgets = json_array_size(json_object_get(project, "budgets"));
	char name[NAME_BYTES], title[2 * NAME_BYTES], text[SENTENCE_BYTES];

	str_copy_clean(name, sizeof name, is ? is : "");
	snprintf(title, sizeof title, "Delete project %s", name);
	snprintf(text, sizeof text,
		 "Project %s is deleted: its keys (%" PRId64 ") are worthless from then on, its "
		 "budgets (%zu) and limits are gone. This cannot be undone. Its usage stays in the "
		 "ledger.",
		 name, keys, budgets);
	h->ops->act(h, &(struct action){.kind = ACTION_CONFIRM,
					.method = "projects.delete",
					.params = json_pack("{sO}", "name",
							    json_object_get(project, "name")),
					.title = title,
					.text = text,
					.word = "delete",
					.dangerous = true,
					.done = told_deleted});
}
