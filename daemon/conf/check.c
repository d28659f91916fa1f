/* The checks that a row's bounds cannot express: forms of addresses and names, and what two keys
 * mean together. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "shared/err.h"
#include "shared/paths.h"
#include "shared/str.h"

#include "daemon/conf/conf.h"
#include "daemon/conf/schema.h"

#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
#define DIGITS "0123456789"

enum { HOST_SIZE = 256 };

/* Variables that decide which code runs in a worker, where it keeps things, or what keeps clients'
 * text from being acted upon.  A name that ends in '*' stands for all that begin so. */
static const struct {
	const char *name, *why;
} refused_env[] = {
	{"CLAUDE_CONFIG_DIR", "set claude.config_dir instead"},
	{"CLAUDE_CODE_TMPDIR", "the daemon gives each process its own folder"},
	{"TMPDIR", "the daemon gives each process its own folder"},
	{"HOME", "the daemon sets it by claude.login"},
	{"PATH", "the daemon sets it; set claude.path to choose the program"},
	{"SHELL", "the daemon sets it"},
	{"CLAUDE_CODE_EXTRA_BODY", "the daemon sets it for each request"},
	{"CLAUDE_CODE_MAX_OUTPUT_TOKENS", "the daemon sets it for each request"},
	{"CLAUDE_CODE_EFFORT_LEVEL", "the daemon sets it for each request"},
	{"CLAUDE_CODE_DISABLE_THINKING", "the daemon sets it for each request"},
	{"CLAUDE_CODE_MAX_RETRIES", "the daemon does the retries"},
	{"CLAUDE_CODE_DISABLE_NONSTREAMING_FALLBACK", "the daemon does the retries"},
	{"CLAUDE_CODE_DISABLE_REFUSAL_RETRY", "the daemon does the retries"},
	{"CLAUDE_CODE_DISABLE_REFUSAL_FALLBACK", "the daemon does the retries"},
	{"CLAUDE_CODE_SIMPLE", "it changes how the program starts"},
	{"CLAUDE_CODE_DISABLE_FILE_MENTIONS", "it keeps requests from reading files"},
	{"CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "the daemon sets it"},
	{"CLAUDE_CODE_STARTUP_FAILURE_RESULTS", "the daemon sets it"},
	{"DISABLE_AUTO_COMPACT", "it keeps conversations as the client sent them"},
	{"DISABLE_AUTOUPDATER", "the program must not change while it runs"},
	{"NODE_OPTIONS", "it can load other code into the program"},
	{"NODE_PATH", "it can load other code into the program"},
	{"BUN_*", "it can load other code into the program"},
	{"LD_*", "it can load other code into the program"},
	{"GCONV_PATH", "it can load other code into the program"},
	{"BASH_ENV", "it can run other code"},
	{"ENV", "it can run other code"},
};

/* Splits "HOST:PORT" or "[V6]:PORT"; the brackets go. */
static bool split_address(const char *text, char host[HOST_SIZE], bool *ret_v6)
{
	const char *colon = strrchr(text, ':'), *from = text;
	struct in6_addr v6;
	size_t len;

	if (!colon || !str_in_set(colon + 1, 1, 5, DIGITS) || atoi(colon + 1) > 65535)
		return false;
	len = (size_t)(colon - text);
	*ret_v6 = text[0] == '[';
	if (*ret_v6) {
		if (len < 3 || text[len - 1] != ']')
			return false;
		from++;
		len -= 2;
	}
	if (!len || len >= HOST_SIZE)
		return false;
	memcpy(host, from, len);
	host[len] = '\0';
	return *ret_v6 ? inet_pton(AF_INET6, host, &v6) == 1
		       : str_in_set(host, 1, HOST_SIZE - 1, LETTERS DIGITS ".-_");
}

/* A name other than localhost may resolve to anything, now or later. */
static bool is_loopback(const char *host, bool is_v6)
{
	struct in6_addr v6;
	struct in_addr v4;

	if (is_v6)
		return inet_pton(AF_INET6, host, &v6) == 1 &&
		       (IN6_IS_ADDR_LOOPBACK(&v6) ||
			(IN6_IS_ADDR_V4MAPPED(&v6) && v6.s6_addr[12] == 127));
	if (inet_pton(AF_INET, host, &v4) == 1)
		return ntohl(v4.s_addr) >> 24 == 127;
	return strcasecmp(host, "localhost") == 0;
}

static void check_listen(struct conf_reader *r, const struct conf *conf)
{
	for (size_t i = 0; i < conf->listen.count; i++) {
		const char *text = conf->listen.items[i];
		char host[HOST_SIZE];
		bool v6;

		if (!split_address(text, host, &v6))
			conf_reader_error(r, ERR_SYNTAX, "listen",
					  "%.80s must be HOST:PORT or [IPv6]:PORT", text);
		else if (!conf->auth.required && !is_loopback(host, v6))
			conf_reader_error(
				r, ERR_STATE, "listen",
				"%.80s is not a loopback address: without API keys (auth.required "
				"= "
				"false) only 127.0.0.0/8, ::1 and localhost may be served",
				text);
	}
}

static const char *env_refusal(const char *name)
{
	if (!str_in_set(name, 1, CONF_PAIR_NAME_MAX, LETTERS DIGITS "_") || strchr(DIGITS, name[0]))
		return "is no name of an environment variable";
	for (size_t i = 0; i < sizeof refused_env / sizeof refused_env[0]; i++) {
		const char *bad = refused_env[i].name;
		size_t len = strlen(bad);

		if (bad[len - 1] == '*' ? strncmp(bad, name, len - 1) == 0 : strcmp(bad, name) == 0)
			return refused_env[i].why;
	}
	return NULL;
}

static void check_env(struct conf_reader *r, const struct conf *conf)
{
	for (size_t i = 0; i < conf->claude.env.count; i++) {
		const char *why = env_refusal(conf->claude.env.keys[i]);

		if (why)
			conf_reader_error(r, ERR_STATE, "claude.env", "%.80s is refused: %s",
					  conf->claude.env.keys[i], why);
	}
}

/* A host as in a URL, without port. */
static bool is_host(const char *host, size_t len)
{
	char copy[HOST_SIZE];
	struct in6_addr v6;

	if (!len || len >= sizeof copy)
		return false;
	memcpy(copy, host, len);
	copy[len] = '\0';
	if (copy[0] != '[')
		return str_in_set(copy, 1, sizeof copy - 1, LETTERS DIGITS ".-_");
	if (copy[len - 1] != ']')
		return false;
	copy[len - 1] = '\0';
	return inet_pton(AF_INET6, copy + 1, &v6) == 1;
}

static bool is_origin(const char *text)
{
	const char *sep = strstr(text, "://"), *host, *bracket, *colon;
	size_t scheme;

	if (!sep)
		return false;
	scheme = strspn(text, "abcdefghijklmnopqrstuvwxyz" DIGITS "+.-");
	if (!scheme || text + scheme != sep || strchr(DIGITS "+.-", text[0]))
		return false;
	host = sep + 3;
	bracket = strrchr(host, ']');
	colon = strrchr(bracket ? bracket : host, ':');
	if (!colon)
		return is_host(host, strlen(host));
	return str_in_set(colon + 1, 1, 5, DIGITS) && atoi(colon + 1) <= 65535 &&
	       is_host(host, (size_t)(colon - host));
}

static void check_http(struct conf_reader *r, const struct conf *conf)
{
	for (size_t i = 0; i < conf->http.cors_origins.count; i++)
		if (!is_origin(conf->http.cors_origins.items[i]))
			conf_reader_error(
				r, ERR_SYNTAX, "http.cors_origins",
				"%.80s must be scheme://host or scheme://host:port, without a path",
				conf->http.cors_origins.items[i]);
	for (size_t i = 0; i < conf->http.allowed_hosts.count; i++) {
		const char *host = conf->http.allowed_hosts.items[i];

		if (!is_host(host, strlen(host)))
			conf_reader_error(r, ERR_SYNTAX, "http.allowed_hosts",
					  "%.80s must be a host name or address without a port",
					  host);
	}
}

/* With its last answer a conversation may be twice as large: it must not push itself out. */
static void check_sessions(struct conf_reader *r, const struct conf *conf)
{
	if (conf->sessions.max_bytes / 2 < conf->sessions.max_size)
		conf_reader_error(r, ERR_LIMIT, "sessions.max_bytes",
				  "must be at least twice sessions.max_size");
}

/* The default depends on who runs the daemon, so it is no text in the table. */
static void compute_state_dir(struct conf_reader *r, struct conf *conf)
{
	struct paths_env env;
	char *dir;

	if (conf->state_dir[0])
		return;
	paths_env_read(&env);
	dir = paths_state_dir(&env);
	if (!dir) {
		conf_reader_error(r, -ENOENT, "state_dir",
				  "must be set, because no home folder is known");
		return;
	}
	free(conf->state_dir);
	conf->state_dir = dir;
}

/* Likewise. */
static void compute_control_socket(struct conf_reader *r, struct conf *conf)
{
	struct paths_env env;
	char *path;

	if (conf->control.socket[0])
		return;
	paths_env_read(&env);
	path = paths_control_socket(&env);
	if (!path) {
		conf_reader_error(r, -ENOENT, "control.socket",
				  "must be set, because no home folder is known");
		return;
	}
	free(conf->control.socket);
	conf->control.socket = path;
}

void conf_check(struct conf_reader *r)
{
	struct conf *conf = r->conf;
	const char *prompt = conf->claude.system_prompt, *model = conf->routing.default_model;

	compute_state_dir(r, conf);
	compute_control_socket(r, conf);
	check_listen(r, conf);
	check_http(r, conf);
	check_env(r, conf);
	check_sessions(r, conf);
	if (str_is_blank(prompt, strlen(prompt)))
		conf_reader_error(r, ERR_TYPE, "claude.system_prompt", "must not be blank");
	if (model[0] && !str_in_set(model, 1, 64, LETTERS DIGITS "._[]-"))
		conf_reader_error(r, ERR_SYNTAX, "routing.default_model",
				  "%.80s may hold only letters, digits and . _ - [ ]", model);
}
