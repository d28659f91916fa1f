#include "daemon/pool/login.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "shared/err.h"
#include "shared/json.h"
#include "shared/str.h"

enum { TOKEN_MAX = 4096 };

static bool exists(const char *path)
{
	return path && access(path, F_OK) == 0;
}

static void trim(char *s)
{
	size_t len = strcspn(s, "\r\n \t");

	memset(s + len, 0, strlen(s + len));
}

/* Where a token may be. */
enum token_place {
	TOKEN_CONFIGURED, /* must be there */
	TOKEN_CREDENTIAL, /* its mode is the service manager's business */
	TOKEN_IN_STATE_DIR
};

/* Reads the token into l->token; a file that others can read is refused, because then it is no
 * secret. */
static void read_token(const char *path, enum token_place place, struct login *l)
{
	char text[TOKEN_MAX + 1] = {0};
	struct stat st;
	ssize_t n = -1;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 && errno == ENOENT && place != TOKEN_CONFIGURED)
		return;
	if (fd >= 0 && fstat(fd, &st) == 0)
		n = read(fd, text, TOKEN_MAX);
	if (n < 0)
		snprintf(l->problem, sizeof l->problem, "cannot read the token file %s: %s", path,
			 err_str(-errno));
	else if (place != TOKEN_CREDENTIAL && (st.st_mode & 077) != 0)
		snprintf(l->problem, sizeof l->problem,
			 "the token file %s is open to others: chmod 600 %s", path, path);
	else
		trim(text);
	if (fd >= 0)
		close(fd);
	if (!l->problem[0] && text[0])
		l->token = strdup(text);
	explicit_bzero(text, sizeof text);
}

static bool env_has_credentials(const struct conf_map *env)
{
	static const char *const names[] = {"ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN",
					    "CLAUDE_CODE_OAUTH_TOKEN"};

	for (size_t i = 0; i < env->count; i++)
		for (size_t n = 0; n < sizeof names / sizeof *names; n++)
			if (strcmp(env->keys[i], names[n]) == 0)
				return true;
	return false;
}

static bool has_stored_login(const char *config_dir)
{
	char *path = NULL;
	bool found;

	if (asprintf(&path, "%s/.credentials.json", config_dir) < 0)
		return false;
	found = exists(path);
	free(path);
	return found;
}

/* The token is in claude.token_file, else in systemd's credential, else in the state directory. */
static int find_token(const struct conf *conf, struct login *l)
{
	const char *credentials = getenv("CREDENTIALS_DIRECTORY");
	char *path = NULL;

	if (conf->claude.token_file[0]) {
		read_token(conf->claude.token_file, TOKEN_CONFIGURED, l);
		return 0;
	}
	if (credentials) {
		if (asprintf(&path, "%s/claude-token", credentials) < 0)
			return -ENOMEM;
		read_token(path, TOKEN_CREDENTIAL, l);
		free(path);
	}
	if (l->token || l->problem[0])
		return 0;
	if (asprintf(&path, "%s/claude-token", conf->state_dir) < 0)
		return -ENOMEM;
	read_token(path, TOKEN_IN_STATE_DIR, l);
	free(path);
	return 0;
}

static int choose_own(const struct conf *conf, struct login *l)
{
	int rc = find_token(conf, l);

	if (rc != 0)
		return rc;
	if (asprintf(&l->home, "%s/home", conf->state_dir) < 0)
		l->home = NULL;
	if (conf->claude.config_dir[0])
		l->config_dir = strdup(conf->claude.config_dir);
	else if (asprintf(&l->config_dir, "%s/claude", conf->state_dir) < 0)
		l->config_dir = NULL;
	rc = l->home && l->config_dir ? 0 : -ENOMEM;
	if (rc == 0)
		l->sessions_dir = strdup(l->config_dir);
	snprintf(l->words, sizeof l->words, "the daemon's own login");
	return rc;
}

static int choose_user(struct login *l)
{
	const char *config_dir = getenv("CLAUDE_CONFIG_DIR"), *home = getenv("HOME");
	const struct passwd *pw = home && home[0] ? NULL : getpwuid(getuid());

	if (pw)
		home = pw->pw_dir;
	l->cli.user = true;
	l->home = strdup(home && home[0] ? home : "/");
	if (config_dir && config_dir[0])
		l->config_dir = strdup(config_dir);
	if (l->config_dir)
		l->sessions_dir = strdup(l->config_dir);
	else if (asprintf(&l->sessions_dir, "%s/.claude", l->home ? l->home : "") < 0)
		l->sessions_dir = NULL;
	snprintf(l->words, sizeof l->words, "the login of the user who started the daemon");
	return l->home && l->sessions_dir ? 0 : -ENOMEM;
}

int login_choose(const struct conf *conf, struct login *ret_login)
{
	struct login l = {0};
	bool own_has_some;
	int rc = 0;

	if (conf->claude.login != CONF_LOGIN_USER) {
		rc = choose_own(conf, &l);
		own_has_some = rc == 0 &&
			       (l.token || l.problem[0] || env_has_credentials(&conf->claude.env) ||
				has_stored_login(l.config_dir));
		if (rc == 0 && conf->claude.login == CONF_LOGIN_AUTO && !own_has_some &&
		    geteuid() != 0) {
			login_done(&l);
			rc = choose_user(&l);
		}
	} else {
		rc = choose_user(&l);
	}
	if (rc != 0) {
		login_done(&l);
		return rc;
	}
	l.cli.home = l.home;
	l.cli.config_dir = l.config_dir;
	l.cli.token = l.token;
	*ret_login = l;
	return 0;
}

void login_done(struct login *l)
{
	if (l->token)
		explicit_bzero(l->token, strlen(l->token));
	free(l->token);
	free(l->home);
	free(l->config_dir);
	free(l->sessions_dir);
	*l = (struct login){0};
}

/* The CLI tells times as Unix milliseconds, seconds or ISO 8601, depending on its version. */
static int64_t time_ms(const json_t *value)
{
	struct tm tm = {0};

	if (json_is_integer(value)) {
		int64_t n = json_integer_value(value);

		return n > INT64_C(100000000000) ? n : n > 0 && n < INT64_MAX / 1000 ? n * 1000 : 0;
	}
	if (json_is_string(value) && strptime(json_string_value(value), "%Y-%m-%dT%H:%M:%S", &tm))
		return (int64_t)timegm(&tm) * 1000;
	return 0;
}

void login_parse_status(const char *output, struct login_status *ret)
{
	json_t *status = json_loads(output, JSON_DISABLE_EOF_CHECK, NULL);
	const char *method = json_get_str(status, "authMethod"),
		   *email = json_get_str(status, "email");
	const char *plan = json_get_str(status, "subscriptionType");
	char words[sizeof ret->words];

	*ret = (struct login_status){.logged_in = json_get_true(status, "loggedIn"),
				     .has_email = email && email[0],
				     .expires_at_ms =
					     time_ms(json_object_get(status, "loginExpiresAt"))};
	snprintf(words, sizeof words, "%s%s%s%s%s", method ? method : "unknown",
		 plan ? ", subscription " : "", plan ? plan : "", ret->has_email ? ", " : "",
		 ret->has_email ? email : "");
	str_copy_clean(ret->words, sizeof ret->words, words);
	json_decref(status);
}
