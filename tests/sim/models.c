/* Why this exists: the daemon learns models and prices from the CLI alone, so the stand-in needs a
 * table of its own. */
#include "tests/sim/models.h"

#include <ctype.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

struct model {
	const char *alias;
	const char *id;
	const char *display;
	const char *about;
	double in, out;           /* dollars per million tokens */
	double long_in, long_out; /* for prompts over 100k tokens; 0: the same */
	int64_t context, max_output;
	int listed;
};

static const struct model table[] = {
	{"opus", "claude-opus-5-5", "Opus 5.5", "Best for everyday, complex tasks", 4, 20, 0, 0,
	 1000000, 128000, 1},
	{"fable", "claude-fable-5-2", "Fable 5.2",
	 "Most capable for your hardest and longest-running tasks", 8, 40, 0, 0, 1000000, 128000,
	 1},
	{"sonnet", "claude-sonnet-5-5", "Sonnet 5.5", "Efficient for routine tasks", 2, 10, 0, 0,
	 1000000, 128000, 1},
	{"haiku", "claude-haiku-5-5", "Haiku 5.5", "Fastest for quick answers", 0.1, 0.5, 0.5, 2.5,
	 1000000, 128000, 1},
	{"", "claude-haiku-4-5-20251001", "Haiku 4.5", "", 1, 5, 0, 0, 200000, 32000, 0},
	{"", "claude-sonnet-4-5-20250929", "Sonnet 4.5", "", 3, 15, 0, 0, 200000, 32000, 0},
};

#define MODEL_COUNT (sizeof table / sizeof table[0])
#define LONG_PROMPT 100000

static const struct model *find(const char *id)
{
	for (size_t i = 0; i < MODEL_COUNT; i++)
		if (!strcmp(table[i].id, id))
			return &table[i];
	return NULL;
}

/* Ids that are no longer served are silently replaced, as the CLI does. */
static const char *remapped(const char *id)
{
	if (!strncmp(id, "claude-opus-4", 13) || !strncmp(id, "claude-3-opus", 13))
		return "claude-opus-5-5";
	return id;
}

void model_resolve(const char *name, char ret_id[MODEL_ID_MAX])
{
	char word[MODEL_ID_MAX];
	size_t n = 0;
	for (const char *c = name ? name : "default"; *c && n + 1 < sizeof word; c++)
		if (!isspace((unsigned char)*c))
			word[n++] = *c;
	word[n] = '\0';
	char *suffix = strstr(word, "[1m]");
	if (suffix)
		*suffix = '\0';
	const char *found = remapped(word);
	for (size_t i = 0; i < MODEL_COUNT; i++)
		if (*table[i].alias && !strcasecmp(word, table[i].alias))
			found = table[i].id;
	if (!strcasecmp(word, "default") || !strcasecmp(word, "best"))
		found = table[0].id;
	snprintf(ret_id, MODEL_ID_MAX, "%s", found);
}

const char *model_display(const char *id)
{
	const struct model *m = find(id);
	return m ? m->display : id;
}

int64_t model_max_output(const char *id)
{
	const struct model *m = find(id);
	return m ? m->max_output : 32000;
}

int64_t model_context(const char *id)
{
	const struct model *m = find(id);
	return m ? m->context : 1000000;
}

double model_cost(const char *id, const struct usage *usage)
{
	const struct model *m = find(id);
	if (!m)
		m = &table[0];
	double in = m->in, out = m->out;
	if (m->long_in > 0 && usage->input + usage->cache_read + usage->cache_write > LONG_PROMPT) {
		in = m->long_in;
		out = m->long_out;
	}
	double short_writes = (double)(usage->cache_write - usage->cache_write_1h);
	double input = (double)usage->input + 0.1 * (double)usage->cache_read +
		       1.25 * short_writes + 2.0 * (double)usage->cache_write_1h;
	return (input * in + (double)usage->output * out) / 1e6;
}

bool model_known(const char *id)
{
	return find(id) != NULL;
}

static void add_price(struct jbuf *buf, const struct model *m)
{
	const char *format = m->in < 1 ? "$%.2f/$%.2f per Mtok" : "$%.0f/$%.0f per Mtok";
	char text[64];
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	snprintf(text, sizeof text, format, m->in, m->out);
#pragma GCC diagnostic pop
	jbuf_puts(buf, text);
	if (m->long_in > 0)
		jbuf_printf(buf, " ($%.2f/$%.2f for prompts over 100k)", m->long_in, m->long_out);
}

static void add_row(struct jbuf *buf, const struct model *m, int is_default)
{
	size_t name_len = strcspn(m->display, " ");
	jbuf_printf(buf, "{\"value\":\"%s\",\"resolvedModel\":\"%s\",\"displayName\":\"",
		    is_default ? "default" : m->alias, m->id);
	if (is_default)
		jbuf_printf(buf,
			    "Default (recommended)\",\"description\":\"Use the default model "
			    "(currently %s)",
			    m->display);
	else
		jbuf_printf(buf, "%.*s\",\"description\":\"%s \xc2\xb7 %s", (int)name_len,
			    m->display, m->display, m->about);
	jbuf_puts(buf, " \xc2\xb7 ");
	add_price(buf, m);
	jbuf_puts(
		buf,
		"\",\"supportsEffort\":true,\"supportedEffortLevels\":[\"low\",\"medium\",\"high\","
		"\"xhigh\",\"max\"],\"supportsAdaptiveThinking\":true,\"supportsAutoMode\":true,"
		"\"supportsThinkingOff\":false}");
}

void models_rows(struct jbuf *buf)
{
	jbuf_puts(buf, "[");
	add_row(buf, &table[0], 1);
	for (size_t i = 0; i < MODEL_COUNT; i++) {
		if (!table[i].listed)
			continue;
		jbuf_puts(buf, ",");
		add_row(buf, &table[i], 0);
	}
	jbuf_puts(buf, "]");
}
