/* Looking things up in the table of verbs. */
#include <string.h>

#include "shared/verbs.h"

const struct verb *verb_find(const char *method)
{
	for (size_t i = 0; i < verb_count; i++)
		if (verbs[i].method && strcmp(verbs[i].method, method) == 0)
			return &verbs[i];
	return NULL;
}

/* How many of the words spell the verb out; 0: they do not. */
static size_t spelled(const struct verb *v, const char *const *words, size_t count)
{
	const char *at = v->words;
	size_t used = 0;

	while (at && used < count) {
		size_t len = strcspn(at, " ");

		if (strlen(words[used]) != len || strncmp(words[used], at, len) != 0)
			return 0;
		used++;
		if (at[len] == '\0')
			return used;
		at += len + 1;
	}
	return 0;
}

const struct verb *verb_find_words(const char *const *words, size_t count, size_t *ret_used)
{
	for (size_t i = 0; i < verb_count; i++) {
		size_t used = spelled(&verbs[i], words, count);

		if (used > 0) {
			*ret_used = used;
			return &verbs[i];
		}
	}
	return NULL;
}

const struct verb_param *verb_find_param(const struct verb *v, const char *name)
{
	for (const struct verb_param *p = v->params; p && p->name; p++)
		if (strcmp(p->name, name) == 0)
			return p;
	return NULL;
}

const char *verb_right_name(enum verb_right right)
{
	static const char *const names[RIGHTS] = {
		[RIGHT_READ] = "read", [RIGHT_OPERATE] = "operate", [RIGHT_ADMIN] = "admin"};

	return (unsigned)right < RIGHTS ? names[right] : "unknown";
}
