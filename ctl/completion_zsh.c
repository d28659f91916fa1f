/* _arguments does the work: once for what every command takes, then for the verb that was named. */
#include <string.h>

#include "ctl/completion.h"

static const char head[] =
	"#compdef ccapictl\n"
	"# zsh completion for ccapictl.  Written by `ccapictl completion zsh`; do not edit.\n"
	"\n"
	"# What the daemon has: projects, keys, workers, requests.\n"
	"_ccapictl_ask()\n"
	"{\n"
	"\tlocal -a values place\n"
	"\tlocal socket=${opt_args[--socket]:-${opt_args[-s]:-$ccapictl_socket}}\n"
	"\t[[ -z $socket ]] || place=(--socket ${(Q)socket})\n"
	"\tvalues=(${(f)\"$(timeout 2 ccapictl $place $@ --quiet 2>/dev/null)\"})\n"
	"\tcompadd -a values\n"
	"}\n"
	"\n";

/* In a specification brackets and colons have a meaning. */
static void print_escaped(FILE *f, const char *text)
{
	for (; *text; text++) {
		if (strchr("[]:\\", *text))
			fputc('\\', f);
		if (*text == '\'')
			fputs("'\\''", f);
		else
			fputc(*text, f);
	}
}

/* What completes a value: ":NAME:ACTION". */
static void print_action(FILE *f, const struct verb *v, const struct verb_param *p)
{
	const char *source = completion_source(v, p);

	fprintf(f, ":%s:", p->metavar);
	if (source) {
		fprintf(f, "{_ccapictl_ask %s}", source);
	} else if (p->words) {
		fputs(p->type == PARAM_LIST ? "{_values -s , values" : "(", f);
		for (const char *const *w = p->words; *w; w++)
			fprintf(f, "%s%s", p->type == PARAM_LIST || w != p->words ? " " : "", *w);
		fputc(p->type == PARAM_LIST ? '}' : ')', f);
	} else {
		fputc(' ', f);
	}
}

static void print_option(FILE *f, const struct verb *v, const struct completion_option *o)
{
	const char *equals = o->metavar[0] ? "=" : "";

	fputs("\t\t", f);
	if (o->letter[0])
		fprintf(f, "'(%s %s)'{%s%s,%s%s}'[", o->letter, o->name, o->letter,
			o->metavar[0] ? "+" : "", o->name, equals);
	else
		fprintf(f, "'%s%s%s[", o->param && o->param->type == PARAM_LIST ? "*" : "", o->name,
			equals);
	print_escaped(f, o->help);
	fputc(']', f);
	if (o->metavar[0] && o->param)
		print_action(f, v, o->param);
	else if (o->metavar[0])
		fprintf(f, ":%s:_files", o->metavar);
	fputs("'\n", f);
}

static void print_verb(FILE *f, const struct verb *v)
{
	const struct verb_param *p;

	fprintf(f, "\t'%s')\n\t\tspecs+=(\n", v->words);
	completion_options(v, print_option, f);
	for (unsigned n = 1; (p = completion_position(v, n)); n++) {
		/* Two colons: it may be left out. */
		fprintf(f, "\t\t'%u%s", n, p->flags & PARAM_REQUIRED ? "" : ":");
		print_action(f, v, p);
		fputs("'\n", f);
	}
	fputs("\t\t)\n\t\t;;\n", f);
}

/* As _describe takes them: 'word:what it does'. */
static void print_described(FILE *f, const char *word, size_t len, const char *help)
{
	fprintf(f, " '%.*s:", (int)len, word);
	print_escaped(f, help);
	fputc('\'', f);
}

static void print_group(FILE *f, const struct verb *first)
{
	size_t len = completion_first_len(first);

	fprintf(f, "\t%.*s) verbs=(", (int)len, first->words);
	for (size_t i = 0; i < verb_count; i++) {
		const char *words = verbs[i].words;

		if (words && strncmp(words, first->words, len + 1) == 0)
			print_described(f, words + len + 1, strlen(words + len + 1), verbs[i].help);
	}
	fputs(") ;;\n", f);
}

/* For a group there is nothing to say but what is in it. */
static void print_first_words(FILE *f)
{
	fputs("\tverbs=('help:the help of a command'", f);
	for (size_t i = 0; i < verb_count; i++) {
		const struct verb *v = &verbs[i];
		size_t len = v->words ? completion_first_len(v) : 0;

		if (!v->words || !completion_begins_group(v))
			continue;
		print_described(f, v->words, len,
				completion_is_group(v) ? "several commands" : v->help);
	}
	fputs(")\n", f);
}

void completion_zsh(FILE *f)
{
	fputs(head, f);
	fputs("# The commands behind a first word, or the first words.\n"
	      "_ccapictl_verbs()\n{\n\tlocal -a verbs\n",
	      f);
	print_first_words(f);
	fputs("\tcase ${1-} in\n", f);
	for (size_t i = 0; i < verb_count; i++)
		if (verbs[i].words && completion_is_group(&verbs[i]) &&
		    completion_begins_group(&verbs[i]))
			print_group(f, &verbs[i]);
	fputs("\tesac\n\t_describe command verbs\n}\n\n", f);
	fputs("_ccapictl()\n{\n"
	      "\tlocal curcontext=$curcontext state state_descr line verb ccapictl_socket\n"
	      "\tlocal -a context specs\n\ttypeset -A opt_args\n\n\tspecs=(\n",
	      f);
	completion_common(print_option, f);
	fputs("\t)\n"
	      "\t_arguments -C -S $specs '1:command:->command' '*::argument:->rest' && return\n"
	      "\tccapictl_socket=${opt_args[--socket]:-${opt_args[-s]-}}\n"
	      "\tif [[ $state == command ]]; then\n\t\t_ccapictl_verbs\n\t\treturn\n\tfi\n"
	      "\t[[ $state == rest ]] || return\n"
	      "\tif [[ $words[1] == help ]]; then\n"
	      "\t\t(( CURRENT > 2 )) || { _ccapictl_verbs; return }\n"
	      "\t\tshift words\n\t\t(( CURRENT-- ))\n\tfi\n"
	      "\tverb=$words[1]\n"
	      "\tcase $verb in\n\t",
	      f);
	for (size_t i = 0, n = 0; i < verb_count; i++)
		if (verbs[i].words && completion_is_group(&verbs[i]) &&
		    completion_begins_group(&verbs[i]))
			fprintf(f, "%s%.*s", n++ ? " | " : "", (int)completion_first_len(&verbs[i]),
				verbs[i].words);
	fputs(")\n"
	      "\t\t(( CURRENT > 2 )) || { _ccapictl_verbs $verb; return }\n"
	      "\t\tverb+=\" $words[2]\"\n\t\tshift words\n\t\t(( CURRENT-- ))\n\t\t;;\n"
	      "\tesac\n"
	      "\tcase $verb in\n",
	      f);
	for (size_t i = 0; i < verb_count; i++)
		if (verbs[i].words && verbs[i].params)
			print_verb(f, &verbs[i]);
	fputs("\tesac\n\t_arguments -S $specs\n}\n\n_ccapictl \"$@\"\n", f);
}
