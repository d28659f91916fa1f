/* The command line in three steps: options and words are told apart; the words name the verb; then
 * options and the words that are left become the verb's parameters.
 *
 * Options may stand anywhere, so they are read before the verb is known.  That works because an
 * option of one name takes a value for every verb or for none. */
#include "ctl/command.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "shared/err.h"
#include "shared/str.h"
#include "shared/suggest.h"
#include "shared/verb_value.h"

enum { OPTIONS_MAX = 64, CLEAN_SIZE = 80 };

/* One option as it was written; names are borrowed from argv. */
struct option {
	const char *name;
	size_t name_len;
	const char *value; /* NULL: none */
};

struct parser {
	struct command *c;
	struct option options[OPTIONS_MAX]; /* of the verb */
	size_t option_count;
	char *why;
};

static const struct {
	const char *name, *letter;
} flags[] = {
	{"--json", NULL}, {"--quiet", "-q"}, {"--yes", "-y"}, {"--help", "-h"}, {"--version", NULL},
};

static int fail(struct parser *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static int fail(struct parser *p, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(p->why, COMMAND_WHY_MAX, fmt, args);
	va_end(args);
	return ERR_SYNTAX;
}

static void hint(struct parser *p, const struct suggestion *near)
{
	size_t len = strlen(p->why);

	if (near->best)
		snprintf(p->why + len, COMMAND_WHY_MAX - len, "; did you mean '%s'?", near->best);
}

/* ---- options and words ---- */

static bool is_option(const struct option *o, const char *name)
{
	return name && strlen(name) == o->name_len && strncmp(name, o->name, o->name_len) == 0;
}

/* Which of our own flags it is; NULL: none. */
static bool *own_flag(struct command *c, const struct option *o)
{
	bool *const places[] = {&c->json, &c->quiet, &c->yes, &c->help, &c->version};

	for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++)
		if (is_option(o, flags[i].name) || is_option(o, flags[i].letter))
			return places[i];
	return NULL;
}

static const struct verb_param *param_of(const struct verb *v, const struct option *o)
{
	for (const struct verb_param *p = v->params; p && p->name; p++)
		if (is_option(o, p->option) || is_option(o, p->letter))
			return p;
	return NULL;
}

/* Whether some verb's option of this name wants a value. */
static bool takes_value(const struct option *o)
{
	for (size_t i = 0; i < verb_count; i++) {
		const struct verb_param *p = param_of(&verbs[i], o);

		if (p)
			return p->type != PARAM_FLAG;
	}
	return is_option(o, "--socket") || is_option(o, "-s");
}

/* A value may stand behind `=` or as the next argument, then not beginning like an option. */
static int find_value(struct parser *p, struct option *o, int argc, char **argv, int *at)
{
	const char *equals = strchr(o->name, '=');
	bool wanted;

	if (equals && strncmp(o->name, "--", 2) == 0) {
		o->name_len = (size_t)(equals - o->name);
		o->value = equals + 1;
	}
	wanted = takes_value(o);
	if (!wanted && o->value && own_flag(p->c, o))
		return fail(p, "%.*s takes no value", (int)o->name_len, o->name);
	if (!wanted || o->value)
		return 0;
	if (*at + 1 >= argc)
		return fail(p, "%s needs a value", o->name);
	if (strncmp(argv[*at + 1], "--", 2) == 0)
		return fail(p, "%s needs a value; write %s=%.40s if that is meant", o->name,
			    o->name, argv[*at + 1]);
	o->value = argv[++*at];
	return 0;
}

static int take_option(struct parser *p, int argc, char **argv, int *at)
{
	struct option o = {.name = argv[*at], .name_len = strlen(argv[*at])};
	int rc = find_value(p, &o, argc, argv, at);
	bool *flag;

	if (rc < 0)
		return rc;
	flag = own_flag(p->c, &o);
	if (flag)
		*flag = true;
	else if ((is_option(&o, "--socket") || is_option(&o, "-s")) && !*o.value)
		return fail(p, "%.*s must be a path, not empty", (int)o.name_len, o.name);
	else if (is_option(&o, "--socket") || is_option(&o, "-s"))
		p->c->socket = o.value;
	else if (p->option_count == OPTIONS_MAX)
		return fail(p, "too many options");
	else
		p->options[p->option_count++] = o;
	return 0;
}

static int take_all(struct parser *p, int argc, char **argv)
{
	bool only_words = false;

	for (int at = 1; at < argc; at++) {
		int rc = 0;

		if (!only_words && strcmp(argv[at], "--") == 0)
			only_words = true;
		else if (!only_words && argv[at][0] == '-' && argv[at][1] != '\0')
			rc = take_option(p, argc, argv, &at);
		else if (p->c->word_count == COMMAND_WORDS_MAX)
			rc = fail(p, "too many words");
		else
			p->c->words[p->c->word_count++] = argv[at];
		if (rc < 0)
			return rc;
	}
	return 0;
}

/* ---- the verb ---- */

static bool begins_group(const char *words, const char *group)
{
	size_t len = strlen(group);

	return words && strncmp(words, group, len) == 0 && words[len] == ' ';
}

/* Below the first word there is something, but not this: says what there is. */
static int no_verb_in_group(struct parser *p, const char *list)
{
	const char *group = p->c->words[0], *second = p->c->words[1];
	struct suggestion near = {0};
	char clean[CLEAN_SIZE];

	if (p->c->word_count < 2)
		return fail(p, "%s needs one of: %s", group, list);
	for (size_t i = 0; i < verb_count; i++)
		if (begins_group(verbs[i].words, group))
			suggest_offer(&near, second, verbs[i].words + strlen(group) + 1);
	str_copy_clean(clean, sizeof clean, second);
	fail(p, "%s has no '%s'; there are: %s", group, clean, list);
	hint(p, &near);
	return ERR_SYNTAX;
}

/* Whole commands first ("key list", "statsu"), then anything of a group of that name ("key"). */
static void offer_commands(struct parser *p, struct suggestion *near)
{
	const char *first = p->c->words[0];
	char written[CLEAN_SIZE];

	snprintf(written, sizeof written, "%s%s%s", first, p->c->word_count > 1 ? " " : "",
		 p->c->word_count > 1 ? p->c->words[1] : "");
	for (size_t i = 0; i < verb_count; i++)
		if (verbs[i].words)
			suggest_offer(near, written, verbs[i].words);
	for (size_t i = 0; i < verb_count && !near->best; i++) {
		size_t len = verbs[i].words ? strcspn(verbs[i].words, " ") : 0;

		if (len && suggest_distance(verbs[i].words, len, first) <= suggest_allowed(first))
			near->best = verbs[i].words;
	}
}

static int no_verb(struct parser *p)
{
	const char *first = p->c->words[0];
	struct suggestion near = {0};
	char list[256] = "", clean[CLEAN_SIZE];
	size_t len = 0;

	for (size_t i = 0; i < verb_count && len < sizeof list; i++)
		if (begins_group(verbs[i].words, first))
			len += (size_t)snprintf(list + len, sizeof list - len, "%s%s",
						len ? ", " : "",
						verbs[i].words + strlen(first) + 1);
	if (len > 0)
		return no_verb_in_group(p, list);
	offer_commands(p, &near);
	str_copy_clean(clean, sizeof clean, first);
	fail(p, "there is no command '%s'", clean);
	hint(p, &near);
	return ERR_SYNTAX;
}

/* ---- parameters ---- */

static int unknown_option(struct parser *p, const struct option *o)
{
	char written[CLEAN_SIZE], clean[CLEAN_SIZE];
	struct suggestion near = {0};

	snprintf(written, sizeof written, "%.*s", (int)o->name_len, o->name);
	str_copy_clean(clean, sizeof clean, written);
	for (const struct verb_param *q = p->c->verb->params; q && q->name; q++)
		if (q->option)
			suggest_offer(&near, written, q->option);
	for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++)
		suggest_offer(&near, written, flags[i].name);
	fail(p, "%s has no option %s", p->c->verb->words, clean);
	hint(p, &near);
	return ERR_SYNTAX;
}

/* A list that is given again grows; anything else that is given again is a mistake. */
static int set_param(struct parser *p, const struct verb_param *q, const char *called,
		     const char *text)
{
	json_t *old = json_object_get(p->c->params, q->name);
	char why[VALUE_WHY_MAX];
	json_t *value;

	if (old && !json_is_array(old))
		return fail(p, "%s is given twice", called);
	value = verb_value_parse(q, text, why);
	if (!value)
		return fail(p, "%s %s", called, why);
	if (json_is_array(old) && json_is_array(value)) {
		json_array_extend(old, value);
		json_decref(value);
	} else {
		json_object_set_new(p->c->params, q->name, value);
	}
	return 0;
}

static int take_options(struct parser *p)
{
	for (size_t i = 0; i < p->option_count; i++) {
		const struct option *o = &p->options[i];
		const struct verb_param *q = param_of(p->c->verb, o);
		int rc;

		if (!q)
			return unknown_option(p, o);
		if (q->type == PARAM_FLAG && o->value)
			return fail(p, "%s takes no value", q->option);
		rc = set_param(p, q, q->option, o->value ? o->value : "");
		if (rc < 0)
			return rc;
	}
	return 0;
}

static int take_words(struct parser *p, size_t from)
{
	const struct verb_param *q = p->c->verb->params;
	char clean[CLEAN_SIZE];

	for (size_t i = from; i < p->c->word_count; i++) {
		int rc;

		while (q && q->name &&
		       (!(q->flags & PARAM_POSITIONAL) || param_given(p->c->params, q->name)))
			q++;
		if (!q || !q->name) {
			str_copy_clean(clean, sizeof clean, p->c->words[i]);
			return fail(p, "%s: '%s' is one word too many; put quotes around a text",
				    p->c->verb->words, clean);
		}
		rc = set_param(p, q, q->metavar, p->c->words[i]);
		if (rc < 0)
			return rc;
	}
	return 0;
}

static int check_required(struct parser *p)
{
	for (const struct verb_param *q = p->c->verb->params; q && q->name; q++) {
		if (!(q->flags & PARAM_REQUIRED) || param_given(p->c->params, q->name))
			continue;
		return fail(p, "%s needs %s%s%s: %s", p->c->verb->words, q->option ? q->option : "",
			    q->option ? " " : "", q->metavar, q->help);
	}
	return 0;
}

int command_parse(struct command *c, int argc, char **argv, char why[COMMAND_WHY_MAX])
{
	struct parser p = {.c = c, .why = why};
	size_t used = 0;
	int rc;

	*c = (struct command){.params = json_object()};
	rc = take_all(&p, argc, argv);
	if (rc < 0)
		return rc;
	if (c->word_count > 0 && strcmp(c->words[0], "help") == 0) {
		c->help = true;
		memmove(c->words, c->words + 1, --c->word_count * sizeof c->words[0]);
	}
	if (c->word_count > 0)
		c->verb = verb_find_words(c->words, c->word_count, &used);
	if (c->version || (c->help && (c->verb || c->word_count == 0)))
		return 0;
	if (c->word_count == 0)
		return fail(&p, "what is to be done?");
	if (!c->verb && c->help && c->word_count == 1)
		for (size_t i = 0; i < verb_count; i++)
			if (begins_group(verbs[i].words, c->words[0]))
				return 0;
	if (!c->verb)
		return no_verb(&p);
	rc = take_options(&p);
	if (rc == 0)
		rc = take_words(&p, used);
	return rc == 0 ? check_required(&p) : rc;
}

void command_done(struct command *c)
{
	json_decref(c->params);
	c->params = NULL;
}

const char *command_subject(const struct command *c, char number[COMMAND_NUMBER_SIZE])
{
	static const char *const names[] = {"name", "id", "project", "key"};

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		const json_t *value = json_object_get(c->params, names[i]);

		if (json_is_string(value))
			return json_string_value(value);
		if (!json_is_integer(value))
			continue;
		snprintf(number, COMMAND_NUMBER_SIZE, "%" JSON_INTEGER_FORMAT,
			 json_integer_value(value));
		return number;
	}
	return "everybody";
}
