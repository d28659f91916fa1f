/* conf-doc: writes the documentation of the settings from their table.
 *   conf-doc markdown   docs/configuration.md
 *   conf-doc example    packaging/ccapid.conf.example */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/conf/conf.h"
#include "daemon/conf/schema.h"

enum { TEXT_MAX = 4096, EXAMPLE_COLUMNS = 92 };

static const char *const types[] = {
	[CONF_BOOL] = "bool",          [CONF_INT] = "number",  [CONF_DURATION] = "duration",
	[CONF_SIZE] = "size",          [CONF_RATIO] = "ratio", [CONF_STRING] = "text",
	[CONF_PATH] = "path",          [CONF_ENUM] = "word",   [CONF_LIST] = "list of texts",
	[CONF_MAP] = "group of texts",
};

static const struct {
	const char *name, *title;
} groups[] = {
	{"", "General"},
	{"auth", "Access"},
	{"http", "HTTP"},
	{"docs", "API reference"},
	{"websocket", "WebSocket"},
	{"control", "Control socket"},
	{"claude", "Claude Code"},
	{"pool", "Processes and requests"},
	{"routing", "Models"},
	{"cache", "Cache"},
	{"sessions", "Sessions"},
	{"redis", "Redis"},
	{"limits", "Rate limits"},
	{"budget", "Budgets"},
	{"webhook", "Webhook"},
	{"plan", "Plan limits"},
	{"log", "Log"},
};

static const char introduction[] =
	"# Configuration\n"
	"\n"
	"<!-- Written by conf-doc from daemon/conf/schema.c; change it there. -->\n"
	"\n"
	"`ccapid` runs without any settings: it then serves on 127.0.0.1:8080. Settings come from "
	"three\n"
	"places, and a later one wins: the defaults below, one settings file, and `-o` on the "
	"command line.\n"
	"\n"
	"## The file\n"
	"\n"
	"The file is the one given with `--config FILE`. Without that option it is the first one "
	"that exists of\n"
	"\n"
	"1. `$XDG_CONFIG_HOME/ccapi/ccapid.conf`, which is `~/.config/ccapi/ccapid.conf` unless "
	"the variable is set\n"
	"2. `/etc/ccapi/ccapid.conf`\n"
	"\n"
	"A key such as `pool.workers` below stands in the group `pool`:\n"
	"\n"
	"```conf\n"
	"listen = [ \"127.0.0.1:8080\", \"[::1]:8080\" ];\n"
	"pool: {\n"
	"\tworkers = 8;\n"
	"\tqueue_timeout = \"30s\";\n"
	"};\n"
	"claude: {\n"
	"\tenv: { HTTPS_PROXY = \"http://proxy.example:3128\"; };\n"
	"};\n"
	"```\n"
	"\n"
	"Comments begin with `#` or `//`. `@include \"more.conf\"` at the start of a line reads "
	"another file; its\n"
	"path starts at the folder of the main file. Relative paths in values start at the working "
	"directory,\n"
	"`~/` at the home folder.\n"
	"\n"
	"- **duration**: `\"250ms\"`, `\"30s\"`, `\"5m\"`, `\"1h\"`, `\"1d\"`, or a plain number "
	"of seconds\n"
	"- **size**: `\"16K\"`, `\"32M\"`, `\"1G\"` (powers of 1024), or a plain number of bytes\n"
	"- **ratio**: a number, with a point where it is not whole\n"
	"- a plain number above 2147483647 needs an `L` behind it: `4294967296L`\n"
	"\n"
	"`ccapid --check-config` reads everything, lists each error with file and line, and ends.\n"
	"\n"
	"## The command line\n"
	"\n"
	"`-o KEY=VALUE` sets one key by its whole name and may be given more than once. The value "
	"is everything\n"
	"behind the first `=`, without quotes of its own:\n"
	"\n"
	"```sh\n"
	"ccapid -o pool.workers=8 -o pool.queue_timeout=30s -o log.bodies=yes\n"
	"ccapid -o listen=127.0.0.1:8080 -o listen=[::1]:8080\n"
	"ccapid -o claude.env.HTTPS_PROXY=http://proxy.example:3128\n"
	"```\n"
	"\n"
	"- a bool is true, yes or on; or false, no or off\n"
	"- the first `-o` of a list replaces what the file says, the next ones add to it; commas "
	"are part of the\n"
	"  value, and an empty value empties the list\n"
	"- an entry of a group of texts is set by `KEY.NAME=VALUE` and joins those of the file\n"
	"\n"
	"## Changing settings while the daemon runs\n"
	"\n"
	"SIGHUP makes the daemon read everything again, with the same `-o`. The new settings are "
	"taken over all\n"
	"together or not at all: when one is wrong, or when a key that needs a restart has "
	"changed, the log says\n"
	"so and everything stays as it was.\n";

static bool in_group(const struct conf_key *key, const char *group)
{
	size_t len = strlen(group);

	if (!len)
		return !strchr(key->name, '.');
	return strncmp(key->name, group, len) == 0 && key->name[len] == '.';
}

/* Inside a table a bar would end the cell. */
static void print_cell(const char *text)
{
	for (; *text; text++)
		printf(*text == '|' ? "\\|" : "%c", *text);
}

static void print_default(const struct conf_key *key, const struct conf *defaults, struct buf *b)
{
	buf_clear(b);
	conf_value_render(key, defaults, b);
	if (b->data && strcmp(b->data, "\"\"") != 0)
		printf("`%s`", b->data);
	else
		printf("not set");
}

static void print_row(const struct conf_key *key, const struct conf *defaults, struct buf *b)
{
	printf("| `%s` | %s | ", key->name, types[key->type]);
	print_default(key, defaults, b);
	buf_clear(b);
	conf_value_bounds(key, b);
	printf(" | ");
	print_cell(b->data ? b->data : "");
	printf(" | %s | ", key->reloadable ? "reload" : "restart");
	print_cell(key->doc);
	printf(" |\n");
}

static void print_markdown(const struct conf *defaults, struct buf *b)
{
	fputs(introduction, stdout);
	for (size_t g = 0; g < sizeof groups / sizeof groups[0]; g++) {
		printf("\n## %s\n\n| Key | Type | Default | Bounds | A change needs | Meaning |\n"
		       "| --- | --- | --- | --- | --- | --- |\n",
		       groups[g].title);
		for (size_t i = 0; i < conf_schema.count; i++)
			if (in_group(&conf_schema.keys[i], groups[g].name))
				print_row(&conf_schema.keys[i], defaults, b);
	}
}

/* `text` as comment lines, broken between words. */
static void print_comment(const char *indent, const char *text)
{
	size_t column = 0;

	while (*text) {
		size_t word = strcspn(text, " ");

		if (!column)
			printf("%s#", indent);
		printf(" %.*s", (int)word, text);
		column += word + 1;
		text += word + strspn(text + word, " ");
		if (!*text || column + 1 + strcspn(text, " ") > EXAMPLE_COLUMNS) {
			putchar('\n');
			column = 0;
		}
	}
}

static void print_example_key(const struct conf_key *key, const struct conf *defaults,
			      const char *indent, struct buf *b)
{
	buf_clear(b);
	buf_printf(b, "%s (", key->doc);
	conf_value_bounds(key, b);
	buf_printf(b, "; a change needs a %s)", key->reloadable ? "reload" : "restart");
	print_comment(indent, b->data);
	buf_clear(b);
	conf_value_render(key, defaults, b);
	printf("%s#%s = %s;\n", indent,
	       strrchr(key->name, '.') ? strrchr(key->name, '.') + 1 : key->name, b->data);
}

static void print_example(const struct conf *defaults, struct buf *b)
{
	printf("# Settings of ccapid: /etc/ccapi/ccapid.conf or ~/.config/ccapi/ccapid.conf.\n"
	       "# Every key stands here with its default; take away the # to change it.\n"
	       "# Check with: ccapid --check-config\n");
	for (size_t g = 0; g < sizeof groups / sizeof groups[0]; g++) {
		const char *indent = groups[g].name[0] ? "\t" : "";

		printf("\n");
		if (*indent)
			printf("%s: {\n", groups[g].name);
		for (size_t i = 0; i < conf_schema.count; i++)
			if (in_group(&conf_schema.keys[i], groups[g].name))
				print_example_key(&conf_schema.keys[i], defaults, indent, b);
		if (*indent)
			printf("};\n");
	}
}

/* A group without a title would be left out without a word. */
static bool all_groups_known(void)
{
	for (size_t i = 0; i < conf_schema.count; i++) {
		bool found = false;

		for (size_t g = 0; g < sizeof groups / sizeof groups[0] && !found; g++)
			found = in_group(&conf_schema.keys[i], groups[g].name);
		if (!found) {
			fprintf(stderr, "conf-doc: %s is in a group without a title\n",
				conf_schema.keys[i].name);
			return false;
		}
	}
	return true;
}

int main(int argc, char **argv)
{
	const char *form = argc == 2 ? argv[1] : "";
	struct conf defaults;
	struct buf b;

	if (strcmp(form, "markdown") != 0 && strcmp(form, "example") != 0) {
		fprintf(stderr, "usage: conf-doc markdown|example\n");
		return 2;
	}
	if (!all_groups_known() || conf_table_defaults(&conf_schema, &defaults))
		return 1;
	buf_init(&b, TEXT_MAX);
	if (form[0] == 'm')
		print_markdown(&defaults, &b);
	else
		print_example(&defaults, &b);
	buf_done(&b);
	conf_table_done(&conf_schema, &defaults);
	return fflush(stdout) == 0 ? 0 : 1;
}
