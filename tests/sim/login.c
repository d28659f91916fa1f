/* Why this exists: the daemon's start-up gate asks `auth status` and the `initialize` reply whose
 * login serves. CLAUDE_SIM_LOGIN (none, oauth, api_key, claude.ai) overrides what the other
 * variables say; CLAUDE_SIM_EMAIL adds an address to claude.ai.  Without any of them a demo login
 * answers, so that claude-sim works out of the box. */
#include "tests/sim/login.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum login { LOGIN_NONE, LOGIN_API_KEY, LOGIN_OAUTH, LOGIN_CLAUDE_AI, LOGIN_DEMO };

static const char *set(const char *name)
{
	const char *value = getenv(name);
	return value && *value ? value : NULL;
}

static void config_dir(char *ret_path, size_t size)
{
	const char *dir = set("CLAUDE_CONFIG_DIR"), *home = set("HOME");
	if (dir)
		snprintf(ret_path, size, "%s", dir);
	else
		snprintf(ret_path, size, "%s/.claude", home ? home : "");
}

static bool credentials_file(void)
{
	char dir[3800], path[4096];
	config_dir(dir, sizeof dir);
	snprintf(path, sizeof path, "%s/.credentials.json", dir);
	return !access(path, F_OK);
}

static enum login detect(void)
{
	static const struct {
		const char *name;
		enum login login;
	} names[] = {{"none", LOGIN_NONE},
		     {"oauth", LOGIN_OAUTH},
		     {"api_key", LOGIN_API_KEY},
		     {"claude.ai", LOGIN_CLAUDE_AI}};
	const char *override = set("CLAUDE_SIM_LOGIN");
	for (size_t i = 0; override && i < sizeof names / sizeof names[0]; i++)
		if (!strcmp(override, names[i].name))
			return names[i].login;
	if (set("ANTHROPIC_API_KEY"))
		return LOGIN_API_KEY;
	if (set("CLAUDE_CODE_OAUTH_TOKEN"))
		return LOGIN_OAUTH;
	return credentials_file() ? LOGIN_CLAUDE_AI : LOGIN_DEMO;
}

/* Looked up once: the answer cannot change, and a turn should not cost a system call for it. */
static enum login current(void)
{
	static bool known;
	static enum login login;
	if (!known)
		login = detect();
	known = true;
	return login;
}

bool login_present(const struct sim *sim)
{
	(void)sim;
	return current() != LOGIN_NONE;
}

bool login_is_subscription(const struct sim *sim)
{
	(void)sim;
	enum login login = current();
	return login != LOGIN_NONE && login != LOGIN_API_KEY;
}

void login_account(const struct sim *sim, struct jbuf *buf)
{
	(void)sim;
	const char *email = set("CLAUDE_SIM_EMAIL");
	switch (current()) {
	case LOGIN_NONE:
		jbuf_puts(buf, "{\"tokenSource\":\"none\",\"apiProvider\":\"firstParty\"}");
		break;
	case LOGIN_API_KEY:
		jbuf_puts(buf, "{\"tokenSource\":\"none\",\"apiKeySource\":\"ANTHROPIC_API_KEY\","
			       "\"apiProvider\":\"firstParty\"}");
		break;
	case LOGIN_OAUTH:
	case LOGIN_DEMO:
		jbuf_puts(buf, "{\"tokenSource\":\"CLAUDE_CODE_OAUTH_TOKEN\",\"apiProvider\":"
			       "\"firstParty\"}");
		break;
	case LOGIN_CLAUDE_AI:
		jbuf_puts(buf,
			  "{\"subscriptionType\":\"Claude Max\",\"apiProvider\":\"firstParty\"");
		if (email) {
			jbuf_puts(buf, ",\"email\":");
			jbuf_string(buf, email, strlen(email));
		}
		jbuf_puts(buf, "}");
		break;
	}
}

int login_status(const struct sim *sim, bool as_text)
{
	(void)sim;
	static const char *const methods[] = {"none", "api_key", "oauth_token", "claude.ai",
					      "oauth_token"};
	enum login login = current();
	const char *email = set("CLAUDE_SIM_EMAIL");
	struct jbuf out = {0};
	char dir[3800];
	config_dir(dir, sizeof dir);
	if (as_text) {
		puts(login ? "Logged in to claude-sim."
			   : "Not logged in. Run claude auth login to authenticate.");
		return login ? 0 : 1;
	}
	jbuf_printf(&out,
		    "{\n  \"loggedIn\": %s,\n  \"authMethod\": \"%s\",\n  \"apiProvider\": "
		    "\"firstParty\",\n",
		    login ? "true" : "false", methods[login]);
	jbuf_puts(&out, "  \"configDirectory\": ");
	jbuf_string(&out, dir, strlen(dir));
	jbuf_puts(&out, ",\n  \"loginExpiresAt\": null");
	if (login == LOGIN_API_KEY)
		jbuf_puts(&out, ",\n  \"apiKeySource\": \"ANTHROPIC_API_KEY\"");
	if (login == LOGIN_DEMO)
		jbuf_puts(&out, ",\n  \"account\": \"claude-sim\"");
	if (login == LOGIN_CLAUDE_AI) {
		jbuf_puts(&out, ",\n  \"subscriptionType\": \"max\"");
		if (email) {
			jbuf_puts(&out, ",\n  \"email\": ");
			jbuf_string(&out, email, strlen(email));
		}
	}
	jbuf_puts(&out, "\n}\n");
	fwrite(out.data, 1, out.len, stdout);
	jbuf_done(&out);
	return login ? 0 : 1;
}
