#include "tui/view/subject.h"

#include <stdio.h>
#include <string.h>

#include "shared/json.h"
#include "shared/str.h"

const char *subject_param(const json_t *object)
{
	if (json_get_str(object, "key"))
		return "key";
	return json_get_str(object, "project") ? "project" : "global";
}

char *subject_words(char to[SUBJECT_SIZE], const json_t *object)
{
	const char *key = json_get_str(object, "key"), *project = json_get_str(object, "project");

	if (key) {
		memcpy(to, "key ", 4);
		str_copy_clean(to + 4, SUBJECT_SIZE - 4, key);
	} else {
		str_copy_clean(to, SUBJECT_SIZE, project ? project : "everybody");
	}
	return to;
}

json_t *subject_params(const json_t *object)
{
	const char *param = subject_param(object);

	if (strcmp(param, "global") == 0)
		return json_pack("{sb}", "global", 1);
	return json_pack("{sO}", param, json_object_get(object, param));
}
