/* What can be done with a key.  Its secret is seen once, in the box of view/secret.h, when it is
 * made or changed. */
#include "tui/view/key_facts.h"

#include <stdio.h>
#include <string.h>

#include "shared/json.h"
#include "shared/str.h"

#include "tui/canvas/style.h"
#include "tui/model/words.h"
#include "tui/view/budget_facts.h"
#include "tui/view/list.h"
#include "tui/view/project_facts.h"

enum { NAME_BYTES = 160, SENTENCE_BYTES = 640 };

/* k_3fa2c19d "ci" of analyzer */
static char *name_of(char to[NAME_BYTES], const json_t *key)
{
	const char *label = json_get_str(key, "label");
	char id[32], project[72], shown[48];

	str_copy_clean(id, sizeof id, list_text(key, "id"));
	str_copy_clean(project, sizeof project, list_text(key, "project"));
	str_copy_clean(shown, sizeof shown, label ? label : "");
	snprintf(to, NAME_BYTES, "%s%s%s%s of %s", id, *shown ? " \"" : "", shown,
		 *shown ? "\"" : "", project);
	return to;
}

static void told(struct host *h, const json_t *key, const char *words)
{
	char id[32], text[SENTENCE_BYTES];

	str_copy_clean(id, sizeof id, list_text(key, "id"));
	snprintf(text, sizeof text, "key %s %s", id, words);
	h->ops->say(h, STYLE_OK, text);
}

static void show_secret(struct host *h, const json_t *result, const char *words)
{
	const char *secret = json_get_str(result, "key");
	char id[32], project[72], title[NAME_BYTES];

	if (!secret) {
		h->ops->complain(h, "the daemon's answer holds no secret: rotate the key");
		return;
	}
	str_copy_clean(id, sizeof id, list_text(result, "id"));
	str_copy_clean(project, sizeof project, list_text(result, "project"));
	snprintf(title, sizeof title, "Secret of key %s of %s", id, project);
	told(h, result, words);
	h->ops->show_secret(h, title, secret);
}

static void told_created(struct host *h, const json_t *params, const json_t *result)
{
	char project[72], words[NAME_BYTES];

	str_copy_clean(project, sizeof project, list_text(params, "project"));
	snprintf(words, sizeof words, "of %s created", project);
	show_secret(h, result, words);
}

static void told_rotated(struct host *h, const json_t *params, const json_t *result)
{
	int64_t until = words_time(result, "old_secret_until"), now_ms = h->ops->now_ms(h);
	char span[WORDS_SIZE], words[NAME_BYTES];

	(void)params;
	if (until > now_ms)
		snprintf(words, sizeof words, "rotated; its old secret stops working %s",
			 words_until(span, until, now_ms));
	else
		snprintf(words, sizeof words, "rotated; its old secret works no more");
	show_secret(h, result, words);
}

static void told_set(struct host *h, const json_t *params, const json_t *result)
{
	(void)result;
	told(h, params, "changed");
}

static void told_revoked(struct host *h, const json_t *params, const json_t *result)
{
	(void)result;
	told(h, params, "revoked: it is worthless from now on");
}

void key_ask_create(struct host *h, const json_t *key)
{
	json_t *preset = json_pack("{s[sss]}", "scopes", "chat", "batch", "usage");

	if (key && json_is_string(json_object_get(key, "project")))
		json_object_set(preset, "project", json_object_get(key, "project"));
	h->ops->act(h, &(struct action){.kind = ACTION_FORM,
					.method = "keys.create",
					.params = preset,
					.title = "New key",
					.word = "create",
					.done = told_created});
}

void key_ask_rotate(struct host *h, const json_t *key)
{
	char name[NAME_BYTES], title[NAME_BYTES + 16];

	snprintf(title, sizeof title, "Rotate key %s", name_of(name, key));
	h->ops->act(
		h, &(struct action){.kind = ACTION_FORM,
				    .method = "keys.rotate",
				    .params = json_pack("{sO ss}", "id", json_object_get(key, "id"),
							"grace", "24h"),
				    .fixed = "id",
				    .title = title,
				    .word = "rotate",
				    .done = told_rotated});
}

void key_ask_set(struct host *h, const json_t *key)
{
	static const char *const members[] = {"id",
					      "label",
					      "scopes",
					      "models",
					      "requests_per_minute",
					      "tokens_per_minute",
					      "concurrent",
					      NULL};
	char name[NAME_BYTES], title[NAME_BYTES + 16];
	json_t *preset = json_object();

	copy_members(preset, key, members);
	snprintf(title, sizeof title, "Key %s", name_of(name, key));
	h->ops->act(h, &(struct action){.kind = ACTION_FORM,
					.method = "keys.set",
					.params = preset,
					.fixed = "id",
					.title = title,
					.word = "change",
					.done = told_set});
}

void key_ask_revoke(struct host *h, const json_t *key)
{
	char name[NAME_BYTES], title[NAME_BYTES], text[SENTENCE_BYTES];

	snprintf(title, sizeof title, "Revoke key %.32s", list_text(key, "id"));
	snprintf(text, sizeof text,
		 "Key %s stops working at once and for ever: who uses it is refused from then on. "
		 "Requests that run are finished. This cannot be undone.",
		 name_of(name, key));
	h->ops->act(h,
		    &(struct action){.kind = ACTION_CONFIRM,
				     .method = "keys.revoke",
				     .params = json_pack("{sO}", "id", json_object_get(key, "id")),
				     .title = title,
				     .text = text,
				     .word = "revoke",
				     .dangerous = true,
				     .done = told_revoked});
}

void key_ask_budget(struct host *h, const json_t *key)
{
	json_t *whom = json_pack("{sO}", "key", json_object_get(key, "id"));

	if (whom)
		budget_ask_set(h, whom, NULL);
	json_decref(whom);
}
