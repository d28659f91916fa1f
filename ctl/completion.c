#include "ctl/completion.h"

#include <string.h>

#include "ctl/help.h"
#include "ctl/run.h"

/* What a daemon can list, by what the parameter is called. */
static const struct {
	const char *metavar, *words;
} sources[] = {
	{"PROJECT", "projects list"},
	{"KEY", "keys list"},
	{"WORKER", "workers list"},
	{"REQUEST", "requests list"},
};

const char *completion_source(const struct verb *v, const struct verb_param *p)
{
	const char *last = strrchr(v->words, ' ');

	/* What is created does not exist yet. */
	if (last && strcmp(last, " create") == 0 && (p->flags & PARAM_POSITIONAL))
		return NULL;
	for (size_t i = 0; p->metavar && i < sizeof sources / sizeof sources[0]; i++)
		if (strcmp(sources[i].metavar, p->metavar) == 0)
			return sources[i].words;
	return NULL;
}

const struct verb_param *completion_position(const struct verb *v, unsigned n)
{
	for (const struct verb_param *p = v->params; p && p->name; p++)
		if ((p->flags & PARAM_POSITIONAL) && --n == 0)
			return p;
	return NULL;
}

void completion_options(const struct verb *v,
			void (*each)(FILE *f, const struct verb *v,
				     const struct completion_option *o),
			FILE *f)
{
	for (const struct verb_param *p = v->params; p && p->name; p++) {
		struct completion_option o = {.help = p->help, .param = p};

		if (!p->option)
			continue;
		snprintf(o.letter, sizeof o.letter, "%s", p->letter ? p->letter : "");
		snprintf(o.name, sizeof o.name, "%s", p->option);
		snprintf(o.metavar, sizeof o.metavar, "%s", p->metavar ? p->metavar : "");
		each(f, v, &o);
	}
}

/* "-s, --socket PATH" and "    --json" of the help. */
void completion_common(void (*each)(FILE *f, const struct verb *v,
				    const struct completion_option *o),
		       FILE *f)
{
	for (const struct help_option *h = help_options; h->name; h++) {
		struct completion_option o = {.help = h->help};
		const char *name = strstr(h->name, "--"), *end = name + strcspn(name, " ");

		if (h->name[0] == '-' && h->name[1] != '-')
			snprintf(o.letter, sizeof o.letter, "%.2s", h->name);
		snprintf(o.name, sizeof o.name, "%.*s", (int)(end - name), name);
		snprintf(o.metavar, sizeof o.metavar, "%s", *end ? end + 1 : "");
		each(f, NULL, &o);
	}
}

bool completion_has_options(const struct verb *v)
{
	if (!v->words)
		return false;
	for (const struct verb_param *p = v->params; p && p->name; p++)
		if (p->option)
			return true;
	return false;
}

/* Whether an option of that name stands further up in the table. */
static bool stands_above(const struct verb_param *param)
{
	for (size_t i = 0; i < verb_count; i++)
		for (const struct verb_param *p = verbs[i].params; p && p->name; p++) {
			if (p == param)
				return false;
			if (verbs[i].words && p->option && strcmp(p->option, param->option) == 0)
				return true;
		}
	return false;
}

/* "-s, --socket PATH": both names. */
static void print_common_taking(FILE *f, const char *before)
{
	for (const struct help_option *h = help_options; h->name; h++) {
		const char *name = strstr(h->name, "--");
		size_t len = strcspn(name, " ");

		if (!name[len])
			continue;
		if (h->name[0] == '-')
			fprintf(f, "%s%.2s", before, h->name);
		fprintf(f, "%s%.*s", before, (int)len, name);
	}
}

void completion_taking(FILE *f, const char *before)
{
	print_common_taking(f, before);
	for (size_t i = 0; i < verb_count; i++)
		for (const struct verb_param *p = verbs[i].params; p && p->name; p++) {
			if (!verbs[i].words || !p->option || !p->metavar || stands_above(p))
				continue;
			if (p->letter)
				fprintf(f, "%s%s", before, p->letter);
			fprintf(f, "%s%s", before, p->option);
		}
}

size_t completion_first_len(const struct verb *v)
{
	return strcspn(v->words, " ");
}

bool completion_is_group(const struct verb *v)
{
	return v->words[completion_first_len(v)] == ' ';
}

bool completion_begins_group(const struct verb *v)
{
	size_t len = completion_first_len(v);

	for (const struct verb *w = verbs; w < v; w++)
		if (w->words && strncmp(w->words, v->words, len + 1) == 0)
			return false;
	return true;
}

void completion_quote(FILE *f, const char *text, const char *escape)
{
	fputc('\'', f);
	for (; *text; text++) {
		if (*text == '\'')
			fputs(escape, f);
		else
			fputc(*text, f);
	}
	fputc('\'', f);
}

int run_completion(const struct command *c)
{
	const char *shell = json_string_value(json_object_get(c->params, "shell"));

	if (strcmp(shell, "bash") == 0)
		completion_bash(stdout);
	else if (strcmp(shell, "zsh") == 0)
		completion_zsh(stdout);
	else
		completion_fish(stdout);
	return EXIT_DONE;
}
