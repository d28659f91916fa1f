#include <string.h>

#include "ctl/completion.h"

#define ESCAPE "\\'"

static const char head[] =
	"# fish completion for ccapictl.  Written by `ccapictl completion fish`; do not edit.\n"
	"\n"
	"# What was said that is no option.\n"
	"function __ccapictl_said\n"
	"\tset -l value\n"
	"\tset -l only_words\n"
	"\tset -l tokens (commandline -opc)\n"
	"\tfor word in $tokens[2..-1]\n"
	"\t\tif test -n \"$value\"\n"
	"\t\t\tset value\n"
	"\t\telse if test -n \"$only_words\"\n"
	"\t\t\techo -- $word\n"
	"\t\telse if test \"$word\" = --\n"
	"\t\t\tset only_words yes\n"
	"\t\telse if contains -- \"$word\" $__ccapictl_taking\n"
	"\t\t\tset value yes\n"
	"\t\telse if not string match -q -- '-?*' \"$word\"\n"
	"\t\t\techo -- $word\n"
	"\t\tend\n"
	"\tend\n"
	"end\n"
	"\n"
	"# VERB [N]: whether that is said, and its Nth argument comes next.\n"
	"function __ccapictl_verb_is\n"
	"\tset -l said (__ccapictl_said)\n"
	"\ttest \"$said[1]\" = help; and set -e said[1]\n"
	"\tset -l n (count (string split ' ' -- $argv[1]))\n"
	"\ttest (count $said) -ge $n; or return 1\n"
	"\ttest \"$said[1..$n]\" = \"$argv[1]\"; or return 1\n"
	"\ttest (count $argv) -lt 2; or test (count $said) -eq (math $n + $argv[2] - 1)\n"
	"end\n"
	"\n"
	"# [GROUP]: whether that is all that is said.\n"
	"function __ccapictl_only\n"
	"\tset -l said (__ccapictl_said)\n"
	"\ttest \"$said[1]\" = help; and set -e said[1]\n"
	"\ttest \"$said\" = \"$argv\"\n"
	"end\n"
	"\n"
	"# What the daemon has: projects, keys, workers, requests.\n"
	"function __ccapictl_ask\n"
	"\tset -l place\n"
	"\tset -l tokens (commandline -opc)\n"
	"\tfor i in (seq (count $tokens))\n"
	"\t\tswitch $tokens[$i]\n"
	"\t\t\tcase -s --socket\n"
	"\t\t\t\ttest $i -lt (count $tokens); and set place --socket $tokens[(math $i + 1)]\n"
	"\t\t\tcase '--socket=*'\n"
	"\t\t\t\tset place $tokens[$i]\n"
	"\t\tend\n"
	"\tend\n"
	"\ttimeout 2 ccapictl $place $argv --quiet 2>/dev/null\n"
	"end\n"
	"\n"
	"# Of a list with commas the last part is completed.\n"
	"function __ccapictl_list\n"
	"\tset -l before (commandline -ct | string replace -r '^--[^=]*=' '' | string match -r "
	"'.*,')\n"
	"\tprintf '%s\\n' \"$before\"$argv\n"
	"end\n"
	"\n";

/* What may stand there, as the command that lists it. */
static void print_values(FILE *f, const struct verb *v, const struct verb_param *p)
{
	const char *source = completion_source(v, p);

	if (!source && !p->words)
		return;
	fprintf(f, " -a '(%s",
		source                  ? "__ccapictl_ask "
		: p->type == PARAM_LIST ? "__ccapictl_list"
					: "printf \"%s\\n\"");
	if (source)
		fputs(source, f);
	for (const char *const *w = p->words; !source && *w; w++)
		fprintf(f, " %s", *w);
	fputs(")'", f);
}

static void print_option(FILE *f, const struct verb *v, const struct completion_option *o)
{
	fputs("complete -c ccapictl", f);
	if (v)
		fprintf(f, " -n '__ccapictl_verb_is \"%s\"'", v->words);
	if (o->letter[0])
		fprintf(f, " -s %s", o->letter + 1);
	fprintf(f, " -l %s", o->name + 2);
	if (o->metavar[0])
		fputs(o->param ? " -x" : " -r -F", f);
	if (o->param)
		print_values(f, v, o->param);
	fputs(" -d ", f);
	completion_quote(f, o->help, ESCAPE);
	fputc('\n', f);
}

static void print_word(FILE *f, const struct verb *v)
{
	size_t len = completion_first_len(v);

	if (completion_begins_group(v)) {
		fprintf(f, "complete -c ccapictl -n __ccapictl_only -a %.*s -d ", (int)len,
			v->words);
		completion_quote(f, completion_is_group(v) ? "several commands" : v->help, ESCAPE);
		fputc('\n', f);
	}
	if (completion_is_group(v)) {
		fprintf(f, "complete -c ccapictl -n '__ccapictl_only %.*s' -a %s -d ", (int)len,
			v->words, v->words + len + 1);
		completion_quote(f, v->help, ESCAPE);
		fputc('\n', f);
	}
}

static void print_positions(FILE *f, const struct verb *v)
{
	const struct verb_param *p;

	for (unsigned n = 1; (p = completion_position(v, n)); n++) {
		if (!completion_source(v, p) && !p->words)
			continue;
		fprintf(f, "complete -c ccapictl -n '__ccapictl_verb_is \"%s\" %u'", v->words, n);
		print_values(f, v, p);
		fputc('\n', f);
	}
}

void completion_fish(FILE *f)
{
	fputs(head, f);
	fputs("set -g __ccapictl_taking", f);
	completion_taking(f, " ");
	fputs("\n\ncomplete -c ccapictl -f\n"
	      "complete -c ccapictl -n __ccapictl_only -a help -d 'the help of a command'\n",
	      f);
	completion_common(print_option, f);
	for (size_t i = 0; i < verb_count; i++) {
		if (!verbs[i].words)
			continue;
		print_word(f, &verbs[i]);
		completion_options(&verbs[i], print_option, f);
		print_positions(f, &verbs[i]);
	}
}
