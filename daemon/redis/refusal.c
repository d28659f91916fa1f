#include "daemon/redis/refusal.h"

#include <stdio.h>
#include <string.h>

#include "shared/str.h"

static const struct refusal {
	const char *kind;
	bool final;
	const char *words;
} refusals[] = {
	{"NOAUTH", true, "it wants a password and redis.url has none"},
	{"WRONGPASS", true, "it does not take the user and password of redis.url"},
	{"DENIED", true, "it is in protected mode: give it a password, or bind it to this machine"},
	{"LOADING", true, "it is loading its data"},
	{"MASTERDOWN", true, "it is a replica that has lost its master"},
	{"READONLY", false, "it is a replica and takes no writes"},
	{"OOM", false, "it is full, see maxmemory"},
	{"MISCONF", false, "it cannot write to its disk and takes no writes"},
	{"NOREPLICAS", false, "it has too few replicas and takes no writes"},
	{"NOPERM", false, "its ACL does not allow a command or a key of ours"},
	{"WRONGTYPE", false, "a value of another type stands under a key of ours"},
	{"MOVED", false, "it is a cluster, which is not supported"},
	{"ASK", false, "it is a cluster, which is not supported"},
	{"CLUSTERDOWN", false, "it is a cluster, which is not supported"},
	{"BUSY", false, "a script keeps it busy"},
};

void refusal_kind(const char *text, char ret_kind[REFUSAL_KIND_SIZE])
{
	char word[REFUSAL_KIND_SIZE];

	snprintf(word, sizeof word, "%.*s", (int)strcspn(text, " "), text);
	str_copy_clean(ret_kind, REFUSAL_KIND_SIZE, word);
}

static const struct refusal *find(const char *text)
{
	char kind[REFUSAL_KIND_SIZE];

	refusal_kind(text, kind);
	for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++)
		if (strcmp(refusals[i].kind, kind) == 0)
			return &refusals[i];
	return NULL;
}

bool refusal_is_final(const char *text)
{
	const struct refusal *r = find(text);

	return r && r->final;
}

/* Of an error's text what may be shown: some servers repeat the command's arguments, which are
 * somebody's answer or conversation. */
static int shown_length(const char *text)
{
	const char *arguments = strstr(text, "with args");

	return (int)(arguments ? (size_t)(arguments - text) : strlen(text));
}

void refusal_explain(const char *text, const char *secret, char *to, size_t size)
{
	const struct refusal *r = find(text);
	bool tells = secret && *secret && strstr(text, secret);
	const char *words = r ? r->words : tells ? "it refuses a command" : "";
	char line[512];

	if (tells)
		snprintf(line, sizeof line, "%s", words);
	else if (*words)
		snprintf(line, sizeof line, "%s (%.*s)", words, shown_length(text), text);
	else
		snprintf(line, sizeof line, "%.*s", shown_length(text), text);
	str_copy_clean(to, size, line);
}
