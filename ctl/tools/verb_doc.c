/* verb-doc: writes documentation from the table of verbs.
 *   verb-doc verbs      docs/control-verbs.md: methods, rights, parameters
 *   verb-doc ccapictl   docs/ccapictl.md: commands */
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
	     "```\n"
	     "ccapictl projects create demo\n"
	     "ccapictl keys create --project demo --json\n"
	     "ccapictl budgets set demo --tokens 1M --window month\n"
	     "ccapictl limits set demo --requests-per-minute 60 --concurrent 4\n"
	     "ccapictl routing set --cap sonnet --project demo --for 2h\n"
	     "ccapictl usage --project demo --group-by day --csv\n"
	     "```");
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

int main(int argc, char **argv)
{
	const char *form = argc == 2 ? argv[1] : "";

	if (strcmp(form, "verbs") == 0) {
		print_methods();
	} else if (strcmp(form, "ccapictl") == 0) {
		print_commands();
	} else {
		fprintf(stderr, "usage: verb-doc verbs|ccapictl\n");
		return 2;
	}
	return fflush(stdout) == 0 ? 0 : 1;
}
