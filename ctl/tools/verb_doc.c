/* verb-doc: writes documentation from the table of verbs.
 *   verb-doc verbs      docs/control-verbs.md: methods, rights, parameters
 *   verb-doc ccapictl   docs/ccapictl.md: commands
 *   verb-doc man        man/ccapictl.1: commands, for man */
#include <stdio.h>
#include <string.h>

#include "shared/verbs.h"

#include "ctl/help.h"

static const char *const types[PARAM_TYPES] = {
	[PARAM_TEXT] = "text",
	[PARAM_COUNT] = "integer",
	[PARAM_USD] = "dollars: number or decimal text",
	[PARAM_FLAG] = "bool",
	[PARAM_DURATION] = "duration: text such as `\"2h\"`, or whole seconds",
	[PARAM_WINDOW] = "window: text",
	[PARAM_LIST] = "array of texts",
	[PARAM_WORD] = "text",
};

/* Inside a table a bar would end the cell. */
static void print_cell(const char *text)
{
	for (; *text; text++)
		printf(*text == '|' ? "\\|" : "%c", *text);
}

static void print_words(const struct verb_param *p)
{
	for (const char *const *w = p->words; w && *w; w++)
		printf("%s`%s`", w == p->words ? ": " : ", ", *w);
}

static void print_method_param(const struct verb_param *p)
{
	printf("| `%s` | %s", p->name, types[p->type]);
	print_words(p);
	if (p->flags & PARAM_NONE)
		printf(" or null");
	printf(" | %s | ", p->flags & PARAM_REQUIRED ? "yes" : "no");
	print_cell(p->help);
	printf(" |\n");
}

static void print_methods(void)
{
	puts("# Verbs of the control socket\n\n"
	     "<!-- Written by verb-doc from shared/verbs.c; change it there. -->\n\n"
	     "What a line means and how errors look is in "
	     "[control-protocol.md](control-protocol.md). "
	     "Rights: read is\nwhoever may open the socket, operate the members of "
	     "`control.operator_group`, admin root, the daemon's\nuser and the members of "
	     "`control.admin_group`; each includes the ones before it.");
	for (size_t i = 0; i < verb_count; i++) {
		const struct verb *v = &verbs[i];

		if (!v->method)
			continue;
		printf("\n## %s\n\n%s Right: %s.\n", v->method, v->help, verb_right_name(v->right));
		if (!v->params || !v->params->name)
			continue;
		puts("\n| Parameter | Type | Required | Meaning |\n| --- | --- | --- | --- |");
		for (const struct verb_param *p = v->params; p->name; p++)
			print_method_param(p);
	}
}

static void print_command_param(const struct verb_param *p)
{
	char text[80];

	if ((p->flags & PARAM_POSITIONAL) && p->option)
		printf("- `%s` or `%s %s`: %s", p->metavar, p->option, p->metavar, p->help);
	else {
		help_param(text, sizeof text, p);
		printf("- `%s`: %s", text, p->help);
	}
	print_words(p);
	putchar('\n');
}

static void print_pairs(const char *title, const struct help_option *o)
{
	printf("\n## %s\n\n", title);
	for (; o->name; o++)
		printf("- `%s`: %s\n", o->name + strspn(o->name, " "), o->help);
}

static void print_commands(void)
{
	puts("# ccapictl\n\n"
	     "<!-- Written by verb-doc from shared/verbs.c; change it there. -->\n\n"
	     "`ccapictl` asks a running `ccapid` over its control socket: `$CCAPI_SOCKET`, else\n"
	     "`$XDG_RUNTIME_DIR/ccapi/control.sock`, else `/run/ccapi/control.sock`. Amounts may "
	     "be "
	     "written 1000000,\n1M or 250k; times 90s, 15m, 2h or 7d; `none` takes a limit away. "
	     "Options stand anywhere, as `--opt value`\nor `--opt=value`; `--` ends them.\n\n"
	     "```sh\n"
	     "ccapictl projects create demo\n"
	     "ccapictl keys create --project demo --json\n"
	     "ccapictl budgets set demo --tokens 1M --window month\n"
	     "ccapictl limits set demo --requests-per-minute 60 --concurrent 4\n"
	     "ccapictl routing set --cap sonnet --project demo --for 2h\n"
	     "ccapictl usage --project demo --group-by day --csv\n"
	     "ccapictl doctor\n"
	     "ccapictl requests list --state live\n"
	     "ccapictl workers restart 2 --yes\n"
	     "ccapictl chat \"say hello\" --model haiku\n"
	     "ccapictl logs -f --level warn\n"
	     "ccapictl events --topic request,worker | jq .data\n"
	     "ccapictl login < token\n"
	     "```\n\n"
	     "`events`, `requests tail` and `logs -f` go on until they are interrupted or nobody "
	     "reads them any\nmore, which is a good end (exit code 0); when the daemon goes they "
	     "say "
	     "so and end with 3.\n\n"
	     "Completion is installed for bash, zsh and fish; by hand: "
	     "`source <(ccapictl completion bash)`.");
	print_pairs("Options of every command", help_options);
	print_pairs("Exit codes", help_exit_codes);
	for (size_t i = 0; i < verb_count; i++) {
		const struct verb *v = &verbs[i];

		if (!v->words)
			continue;
		printf("\n## %s\n\n%s\n\n```\n", v->words, v->help);
		help_usage(stdout, v, 100);
		puts("```");
		if (v->params && v->params->name)
			putchar('\n');
		for (const struct verb_param *p = v->params; p && p->name; p++)
			print_command_param(p);
		if (v->right != RIGHT_READ)
			printf("\nNeeds the right `%s`.\n", verb_right_name(v->right));
	}
}

/* ---- the manual page ---- */

/* A minus that can be copied, no end of a sentence at a line's beginning, no command. */
static void print_roff(const char *text)
{
	for (const char *at = text; *at; at++) {
		if (*at == '-')
			fputs("\\-", stdout);
		else if (*at == '\\')
			fputs("\\e", stdout);
		else if (*at == '`')
			continue;
		else if (at == text && (*at == '.' || *at == '\''))
			printf("\\&%c", *at);
		else
			putchar(*at);
	}
}

/* .TP with its tag in bold, then what it means. */
static void print_tagged(const char *tag, const char *text)
{
	fputs(".TP\n.B ", stdout);
	print_roff(tag + strspn(tag, " "));
	putchar('\n');
	print_roff(text);
}

static void print_man_pairs(const char *title, const struct help_option *o)
{
	printf(".SH %s\n", title);
	for (; o->name; o++) {
		print_tagged(o->name, o->help);
		puts(".");
	}
}

static void print_man_verb(const struct verb *v)
{
	char text[80];

	fputs(".SS ", stdout);
	print_roff(v->words);
	putchar('\n');
	print_roff(v->help);
	if (v->right != RIGHT_READ)
		printf("\nNeeds the right %s.", verb_right_name(v->right));
	putchar('\n');
	for (const struct verb_param *p = v->params; p && p->name; p++) {
		help_param(text, sizeof text, p);
		print_tagged(text, p->help);
		for (const char *const *w = p->words; w && *w; w++)
			printf("%s%s", w == p->words ? ": " : ", ", *w);
		puts(".");
	}
}

static void print_man(void)
{
	puts(".\\\" Written by verb-doc from shared/verbs.c; change it there.\n"
	     ".TH CCAPICTL 1 \"\" \"ccapi\" \"User Commands\"\n"
	     ".SH NAME\nccapictl \\- ask and steer a running ccapid\n"
	     ".SH SYNOPSIS\n.B ccapictl\n.I COMMAND\n.RI [ ARGUMENT ]...\n.RI [ OPTION ]...\n"
	     ".SH DESCRIPTION\n.B ccapictl\n"
	     "asks a running\n.B ccapid\nover its control socket: $CCAPI_SOCKET, else\n"
	     "$XDG_RUNTIME_DIR/ccapi/control.sock, else /run/ccapi/control.sock.\n"
	     "Amounts may be written 1000000, 1M or 250k; times 90s, 15m, 2h or 7d; none takes a "
	     "limit away.\n"
	     "Options stand anywhere, as \\-\\-opt value or \\-\\-opt=value; \\-\\- ends them.");
	print_man_pairs("OPTIONS", help_options);
	puts(".SH COMMANDS");
	for (size_t i = 0; i < verb_count; i++)
		if (verbs[i].words)
			print_man_verb(&verbs[i]);
	print_man_pairs("EXIT STATUS", help_exit_codes);
	puts(".SH ENVIRONMENT\n.TP\n.B CCAPI_SOCKET\nThe daemon's socket.\n"
	     ".TP\n.B NO_COLOR\nNo colours, if it is not empty.\n"
	     ".SH SEE ALSO\n.BR ccapitop (1),\n.BR ccapid (8)");
}

int main(int argc, char **argv)
{
	const char *form = argc == 2 ? argv[1] : "";

	if (strcmp(form, "verbs") == 0) {
		print_methods();
	} else if (strcmp(form, "ccapictl") == 0) {
		print_commands();
	} else if (strcmp(form, "man") == 0) {
		print_man();
	} else {
		fprintf(stderr, "usage: verb-doc verbs|ccapictl|man\n");
		return 2;
	}
	return fflush(stdout) == 0 ? 0 : 1;
}
