#include "ctl/help.h"

#include <string.h>

#include "ctl/output.h"

enum { INDENT = 2, WORDS_WIDTH = 18, OPTION_WIDTH = 30, PARAM_SIZE = 80 };

const struct help_option help_options[] = {
	{"-s, --socket PATH", "the daemon's socket, instead of $CCAPI_SOCKET or the usual places"},
	{"    --json", "print the daemon's answer as one line of JSON"},
	{"-q, --quiet", "print only what was asked for: names, ids, a new key's secret"},
	{"-y, --yes", "do what cannot be undone without asking"},
	{"-h, --help", "this, or the help of a command"},
	{"    --version", "the version of this program"},
	{NULL, NULL},
};

const struct help_option help_exit_codes[] = {
	{"0", "done"},
	{"1", "failed; what was wrong is on stderr"},
	{"2", "the command line is wrong"},
	{"3", "no daemon can be reached"},
	{"4", "not permitted"},
	{NULL, NULL},
};

void help_param(char *to, size_t size, const struct verb_param *p)
{
	snprintf(to, size, "%s%s%s%s%s", p->letter ? p->letter : "", p->letter ? ", " : "",
		 p->option ? p->option : "", p->option && p->metavar ? " " : "",
		 p->metavar ? p->metavar : "");
}

/* "[PROJECT]" where the option may be left out, else with it. */
static void usage_of(char *to, size_t size, const struct verb_param *p)
{
	char text[PARAM_SIZE];

	if (p->flags & PARAM_POSITIONAL)
		snprintf(text, sizeof text, "%s", p->metavar);
	else if (p->letter)
		snprintf(text, sizeof text, "%s%s%s", p->letter, p->metavar ? " " : "",
			 p->metavar ? p->metavar : "");
	else
		help_param(text, sizeof text, p);
	snprintf(to, size, p->flags & PARAM_REQUIRED ? "%s" : "[%s]", text);
}

void help_usage(FILE *f, const struct verb *v, unsigned width)
{
	char text[PARAM_SIZE + 2];
	size_t column;

	column = (size_t)fprintf(f, "ccapictl %s", v->words);
	for (const struct verb_param *p = v->params; p && p->name; p++) {
		usage_of(text, sizeof text, p);
		if (width && column + 1 + strlen(text) > width) {
			fputs("\n        ", f);
			column = 8;
		}
		column += (size_t)fprintf(f, " %s", text);
	}
	fputc('\n', f);
}

static void print_options(FILE *f)
{
	fputs("\nOptions, anywhere on the line:\n", f);
	for (const struct help_option *o = help_options; o->name; o++)
		fprintf(f, "  %-20s %s\n", o->name, o->help);
}

static void print_verb_line(FILE *f, const struct verb *v)
{
	fprintf(f, "  %-*s %s\n", WORDS_WIDTH, v->words, v->help);
}

static void print_all(FILE *f)
{
	fputs("usage: ccapictl COMMAND [ARGUMENT]... [OPTION]...\n\nCommands:\n", f);
	for (size_t i = 0; i < verb_count; i++)
		if (verbs[i].words)
			print_verb_line(f, &verbs[i]);
	print_options(f);
	fputs("\nccapictl COMMAND --help says more.  Exit codes:", f);
	for (const struct help_option *o = help_exit_codes; o->name; o++)
		fprintf(f, "%s %s %s", o == help_exit_codes ? "" : ",", o->name,
			o == help_exit_codes + 1 ? "failed" : o->help);
	fputs(".\n", f);
}

static void print_group(FILE *f, const char *group)
{
	size_t len = strlen(group);

	fputs("Commands:\n", f);
	for (size_t i = 0; i < verb_count; i++)
		if (verbs[i].words && strncmp(verbs[i].words, group, len) == 0 &&
		    verbs[i].words[len] == ' ')
			print_verb_line(f, &verbs[i]);
	print_options(f);
}

static void print_verb(FILE *f, const struct verb *v)
{
	char text[PARAM_SIZE];

	fputs("usage: ", f);
	help_usage(f, v, 80);
	fprintf(f, "\n%s\n", v->help);
	if (v->params && v->params->name)
		fputc('\n', f);
	for (const struct verb_param *p = v->params; p && p->name; p++) {
		help_param(text, sizeof text, p);
		fprintf(f, "  %-*s %s\n", OPTION_WIDTH, text, p->help);
		for (const char *const *w = p->words; w && *w; w++)
			fprintf(f, w == p->words ? "  %*s %s" : "%.*s, %s",
				w == p->words ? OPTION_WIDTH : 0, "", *w);
		if (p->words)
			fputc('\n', f);
	}
	if (v->right != RIGHT_READ)
		fprintf(f, "\nNeeds the right '%s'.\n", verb_right_name(v->right));
	print_options(f);
}

void help_print(FILE *f, const struct command *c)
{
	if (c->verb)
		print_verb(f, c->verb);
	else if (c->word_count > 0)
		print_group(f, c->words[0]);
	else
		print_all(f);
}
