/* The script takes the line apart as ccapictl does: options anywhere, then the words of a verb,
 * then its arguments.  It needs nothing but bash, and runs what the daemon answers through no
 * expansion. */
#include <string.h>

#include "ctl/completion.h"

static const char head[] =
	"# bash completion for ccapictl.  Written by `ccapictl completion bash`; do not edit.\n"
	"\n"
	"# What the daemon has: projects, keys, workers, requests.\n"
	"_ccapictl_ask()\n"
	"{\n"
	"\tlocal line\n"
	"\tlocal -a place=()\n"
	"\t[[ -z $socket ]] || place=(--socket \"$socket\")\n"
	"\twhile IFS= read -r line; do\n"
	"\t\t[[ ! $line =~ ^[A-Za-z0-9._-]+$ ]] || words+=(\"$line\")\n"
	"\tdone < <(timeout 2 \"$program\" ${place[@]+\"${place[@]}\"} \"$@\" --quiet "
	"2>/dev/null)\n"
	"}\n"
	"\n"
	"# Of a list with commas the last part is completed, with what is not there yet.\n"
	"_ccapictl_list()\n"
	"{\n"
	"\tlocal before= word\n"
	"\t[[ $cur != *,* ]] || before=${cur%,*},\n"
	"\tprefix+=$before cur=${cur##*,}\n"
	"\tfor word; do\n"
	"\t\t[[ ,$before == *,$word,* ]] || words+=(\"$word\")\n"
	"\tdone\n"
	"\tcompopt -o nospace 2>/dev/null\n"
	"}\n"
	"\n";

static const char tail[] =
	"_ccapictl()\n"
	"{\n"
	"\tlocal cur=${COMP_WORDS[COMP_CWORD]} program=${COMP_WORDS[0]/#\\~/${HOME-}}\n"
	"\tlocal i word option= only_words= socket=${CCAPI_SOCKET-} verb= position=0 prefix=\n"
	"\tlocal -a said=() words=()\n"
	"\n"
	"\tCOMPREPLY=()\n"
	"\tfor ((i = 1; i < COMP_CWORD; i++)); do\n"
	"\t\tword=${COMP_WORDS[i]}\n"
	"\t\tif [[ $option ]]; then\n"
	"\t\t\t# An = before the value is a word by itself.\n"
	"\t\t\t[[ $word != = ]] || continue\n"
	"\t\t\t[[ $option != --socket && $option != -s ]] || socket=${word/#\\~/${HOME-}}\n"
	"\t\t\toption=\n"
	"\t\telif [[ $only_words || $word != -?* ]]; then\n"
	"\t\t\tsaid+=(\"$word\")\n"
	"\t\telif [[ $word == -- ]]; then\n"
	"\t\t\tonly_words=yes\n"
	"\t\telif [[ $word != *=* ]] && _ccapictl_takes_value \"$word\"; then\n"
	"\t\t\toption=$word\n"
	"\t\tfi\n"
	"\tdone\n"
	"\t[[ ${said[0]-} != help ]] || said=(\"${said[@]:1}\")\n"
	"\tif [[ $option && $cur == = ]]; then\n"
	"\t\tcur=\n"
	"\telif [[ ! $option && ! $only_words && $cur == --*=* ]]; then\n"
	"\t\toption=${cur%%=*} prefix=${cur%%=*}= cur=${cur#*=}\n"
	"\tfi\n"
	"\n"
	"\t_ccapictl_verb\n"
	"\tif [[ $option == --socket || $option == -s ]]; then\n"
	"\t\tcompopt -o filenames 2>/dev/null\n"
	"\t\tmapfile -t words < <(compgen -f -- \"$cur\")\n"
	"\telif [[ $option ]]; then\n"
	"\t\t_ccapictl_values \"$verb\" \"$option\"\n"
	"\telif [[ $cur == -* && ! $only_words ]]; then\n"
	"\t\t_ccapictl_options \"$verb\"\n"
	"\telif [[ $verb ]]; then\n"
	"\t\t_ccapictl_values \"$verb\" \"$position\"\n"
	"\telif ((${#said[@]} <= 1)); then\n"
	"\t\t_ccapictl_words \"${said[0]-}\"\n"
	"\tfi\n"
	"\tfor word in ${words[@]+\"${words[@]}\"}; do\n"
	"\t\t[[ $word != \"$cur\"* ]] || COMPREPLY+=(\"$prefix$word\")\n"
	"\tdone\n"
	"}\n"
	"\n"
	"complete -F _ccapictl ccapictl\n";

/* ---- options ---- */

static void print_option(FILE *f, const struct verb *v, const struct completion_option *o)
{
	(void)v;
	fprintf(f, " %s", o->name);
}

static void print_options(FILE *f)
{
	fputs("# The options of a verb, and of every command.\n"
	      "_ccapictl_options()\n{\n\twords=(",
	      f);
	completion_common(print_option, f);
	fputs(")\n\tcase $1 in\n", f);
	for (size_t i = 0; i < verb_count; i++) {
		if (!completion_has_options(&verbs[i]))
			continue;
		fprintf(f, "\t'%s') words+=(", verbs[i].words);
		completion_options(&verbs[i], print_option, f);
		fputs(") ;;\n", f);
	}
	fputs("\tesac\n}\n\n", f);
}

static void print_takes_value(FILE *f)
{
	fputs("_ccapictl_takes_value()\n{\n\tcase $1 in\n\t''", f);
	completion_taking(f, " | ");
	fputs(") return 0 ;;\n\tesac\n\treturn 1\n}\n\n", f);
}

/* ---- values ---- */

static void print_value(FILE *f, const struct verb *v, const struct verb_param *p, const char *what)
{
	const char *source = completion_source(v, p);

	if (!source && !p->words)
		return;
	fprintf(f, "\t'%s/%s') ", v->words, what);
	if (source) {
		fprintf(f, "_ccapictl_ask %s", source);
	} else {
		fputs(p->type == PARAM_LIST ? "_ccapictl_list" : "words=(", f);
		for (const char *const *w = p->words; *w; w++)
			fprintf(f, "%s%s", p->type == PARAM_LIST || w != p->words ? " " : "", *w);
		fputs(p->type == PARAM_LIST ? "" : ")", f);
	}
	fputs(" ;;\n", f);
}

static void print_option_value(FILE *f, const struct verb *v, const struct completion_option *o)
{
	print_value(f, v, o->param, o->name);
	if (o->letter[0])
		print_value(f, v, o->param, o->letter);
}

static void print_values(FILE *f)
{
	fputs("# What may stand behind an option of a verb, or at a place of its arguments.\n"
	      "_ccapictl_values()\n{\n\tcase $1/$2 in\n",
	      f);
	for (size_t i = 0; i < verb_count; i++) {
		const struct verb_param *p;
		char place[16];

		if (!verbs[i].words)
			continue;
		completion_options(&verbs[i], print_option_value, f);
		for (unsigned n = 1; (p = completion_position(&verbs[i], n)); n++) {
			snprintf(place, sizeof place, "%u", n);
			print_value(f, &verbs[i], p, place);
		}
	}
	fputs("\tesac\n}\n\n", f);
}

/* ---- verbs ---- */

/* The verbs of one or of two words, as patterns. */
static void print_patterns(FILE *f, bool groups)
{
	bool first = true;

	for (size_t i = 0; i < verb_count; i++) {
		if (!verbs[i].words || completion_is_group(&verbs[i]) != groups)
			continue;
		fprintf(f, "%s'%s'", first ? "" : " | ", verbs[i].words);
		first = false;
	}
}

static void print_verb(FILE *f)
{
	fputs("# The verb that the words name, and which of its arguments comes next.\n"
	      "_ccapictl_verb()\n{\n\tcase \"${said[0]-} ${said[1]-}\" in\n\t",
	      f);
	print_patterns(f, true);
	fputs(")\n\t\tverb=\"${said[0]} ${said[1]}\" position=$((${#said[@]} - 1))\n"
	      "\t\treturn\n\t\t;;\n\tesac\n\tcase ${said[0]-} in\n\t",
	      f);
	print_patterns(f, false);
	fputs(")\n\t\tverb=${said[0]} position=${#said[@]}\n\t\t;;\n\tesac\n}\n\n", f);
}

static void print_group(FILE *f, const struct verb *first)
{
	size_t len = completion_first_len(first);

	fprintf(f, "\t%.*s) words=(", (int)len, first->words);
	for (size_t i = 0; i < verb_count; i++) {
		const char *words = verbs[i].words;

		if (words && strncmp(words, first->words, len + 1) == 0)
			fprintf(f, "%s%s", &verbs[i] == first ? "" : " ", words + len + 1);
	}
	fputs(") ;;\n", f);
}

static void print_words(FILE *f)
{
	fputs("# The words that may stand first, or behind a first one.\n"
	      "_ccapictl_words()\n{\n\tcase $1 in\n\t'') words=(help",
	      f);
	for (size_t i = 0; i < verb_count; i++)
		if (verbs[i].words && completion_begins_group(&verbs[i]))
			fprintf(f, " %.*s", (int)completion_first_len(&verbs[i]), verbs[i].words);
	fputs(") ;;\n", f);
	for (size_t i = 0; i < verb_count; i++)
		if (verbs[i].words && completion_is_group(&verbs[i]) &&
		    completion_begins_group(&verbs[i]))
			print_group(f, &verbs[i]);
	fputs("\tesac\n}\n\n", f);
}

void completion_bash(FILE *f)
{
	fputs(head, f);
	print_takes_value(f);
	print_options(f);
	print_values(f);
	print_verb(f);
	print_words(f);
	fputs(tail, f);
}
