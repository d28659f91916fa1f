#include "daemon/pool/cli_env.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/pool/cli_binary.h"

/* Our own timers come first; the CLI's are the net below them. */
enum { CLI_TIMER_MARGIN_MS = 5000, CLI_SHORTEST_IDLE_MS = 10000 };

static void add_owned(struct string_list *l, char *item)
{
	char **items = item ? realloc(l->items, (l->count + 2) * sizeof *items) : NULL;

	if (!items) {
		free(item);
		l->failed = true;
		return;
	}
	l->items = items;
	l->items[l->count++] = item;
	l->items[l->count] = NULL;
}

void string_list_add(struct string_list *l, const char *item)
{
	add_owned(l, strdup(item));
}

void string_list_addf(struct string_list *l, const char *fmt, ...)
{
	char *item;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&item, fmt, ap) < 0)
		item = NULL;
	va_end(ap);
	add_owned(l, item);
}

void string_list_done(struct string_list *l)
{
	for (size_t i = 0; i < l->count; i++)
		free(l->items[i]);
	free(l->items);
	*l = (struct string_list){0};
}

void cli_argv(struct string_list *l, const char *path, int64_t version)
{
	static const char *const flags[] = {
		"-p",
		"--input-format",
		"stream-json",
		"--output-format",
		"stream-json",
		"--verbose",
		"--include-partial-messages",
		"--no-session-persistence",
		"--model",
		"haiku", /* set again per request; without it the default is Opus */
		"--tools",
		"",
		"--strict-mcp-config",
		"--setting-sources",
		"",
		"--restricted",
		"--disable-slash-commands",
		"--max-turns",
		"1", /* a tool call ends the turn */
	};

	string_list_add(l, path);
	for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
		string_list_add(l, flags[i]);
	if (cli_version_has_permission_prompts(version)) {
		string_list_add(l, "--permission-prompts");
		string_list_add(l, "none");
	}
}

static void add_login(struct string_list *l, const struct cli_login *login)
{
	string_list_addf(l, "HOME=%s", login->home);
	if (login->config_dir)
		string_list_addf(l, "CLAUDE_CONFIG_DIR=%s", login->config_dir);
	if (login->token)
		string_list_addf(l, "CLAUDE_CODE_OAUTH_TOKEN=%s", login->token);
}

void cli_env(struct string_list *l, const struct cli_login *login, const struct conf *conf,
	     const struct conf_map *extra)
{
	static const char *const fixed[] = {
		"PATH=/usr/bin:/bin",
		"CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC=1",
		"DISABLE_AUTOUPDATER=1",
		"DISABLE_TELEMETRY=1",
		"CLAUDE_CODE_MAX_RETRIES=0", /* the daemon owns retries */
		"CLAUDE_CODE_DISABLE_NONSTREAMING_FALLBACK=1",
		"CLAUDE_CODE_DISABLE_REFUSAL_RETRY=1",
		"CLAUDE_CODE_DISABLE_REFUSAL_FALLBACK=1",
		"CLAUDE_CODE_DISABLE_FILE_MENTIONS=1",
		"DISABLE_AUTO_COMPACT=1",
		"CLAUDE_CODE_STARTUP_FAILURE_RESULTS=1",
	};
	int64_t idle = conf->pool.idle_timeout > CLI_SHORTEST_IDLE_MS ? conf->pool.idle_timeout
								      : CLI_SHORTEST_IDLE_MS;

	for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++)
		string_list_add(l, fixed[i]);
	add_login(l, login);
	string_list_addf(l, "API_TIMEOUT_MS=%" PRId64,
			 conf->pool.first_byte_timeout + CLI_TIMER_MARGIN_MS);
	string_list_addf(l, "CLAUDE_BYTE_STREAM_IDLE_TIMEOUT_MS=%" PRId64,
			 idle + CLI_TIMER_MARGIN_MS);
	for (size_t i = 0; extra && i < extra->count; i++)
		string_list_addf(l, "%s=%s", extra->keys[i], extra->values[i]);
}
