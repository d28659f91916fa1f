/* The answer must be one JSON object that has every member the schema requires, at the root and in
 * nested objects.
 *
 * This is no validator: types, formats and alternatives (anyOf, oneOf) are the model's business.
 * Followed are properties, items, allOf and local "$ref"s.  Schemas come from clients and may refer
 * to themselves, so the walk has a budget; what lies beyond it is taken as right. */
#include "daemon/api/answer_check.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "shared/json.h"
#include "shared/str.h"

enum { STEP_BUDGET = 100000, MAX_DEPTH = 128 };

static const struct json_bounds bounds = {
	.max_values = 500000, .max_depth = 128, .integers_as_reals = true};

struct check {
	const json_t *root_schema;
	unsigned steps, depth;
	const char *missing; /* the member that is not there */
};

static bool spent(struct check *c)
{
	return ++c->steps > STEP_BUDGET;
}

/* "#/$defs/Name" and the like; NULL: not local, or nothing there. */
static const json_t *resolve(const struct check *c, const char *ref)
{
	const json_t *at = c->root_schema;
	char name[128];

	if (*ref++ != '#')
		return NULL;
	while (at && *ref == '/') {
		size_t n = strcspn(++ref, "/");

		if (n >= sizeof name)
			return NULL;
		memcpy(name, ref, n);
		name[n] = '\0';
		at = json_object_get(at, name);
		ref += n;
	}
	return at;
}

static bool fits(struct check *c, const json_t *value, const json_t *schema);

static bool members_fit(struct check *c, const json_t *value, const json_t *schema)
{
	const json_t *required = json_object_get(schema, "required"), *item;
	json_t *properties = json_object_get(schema, "properties"), *sub;
	const char *key;
	size_t i;

	json_array_foreach(required, i, item)
	{
		key = json_string_value(item);
		if (spent(c))
			return true;
		if (key && !json_object_get(value, key)) {
			c->missing = key;
			return false;
		}
	}
	json_object_foreach(properties, key, sub)
	{
		const json_t *member = json_object_get(value, key);

		if (spent(c))
			return true;
		if (member && !fits(c, member, sub))
			return false;
	}
	return true;
}

static bool fits_each(struct check *c, const json_t *value, const json_t *schema)
{
	const json_t *all = json_object_get(schema, "allOf"), *sub;
	const json_t *items = json_object_get(schema, "items"), *item;
	const char *ref = json_get_str(schema, "$ref");
	size_t i;

	if (ref && !fits(c, value, resolve(c, ref)))
		return false;
	json_array_foreach(all, i, sub)
	{
		if (!fits(c, value, sub))
			return false;
	}
	if (json_is_object(value))
		return members_fit(c, value, schema);
	if (json_is_array(value) && items) {
		json_array_foreach(value, i, item)
		{
			if (!fits(c, item, items))
				return false;
		}
	}
	return true;
}

static bool fits(struct check *c, const json_t *value, const json_t *schema)
{
	bool ok;

	if (!json_is_object(schema) || c->depth >= MAX_DEPTH || spent(c))
		return true;
	c->depth++;
	ok = fits_each(c, value, schema);
	c->depth--;
	return ok;
}

int answer_check(const char *text, size_t len, const json_t *schema, char *why, size_t why_size)
{
	struct check c = {.root_schema = schema};
	char error[200];
	json_t *value = json_parse(text ? text : "", len, &bounds, error, sizeof error);
	int r = -EINVAL;

	if (!value) {
		snprintf(why, why_size, "The model's answer is not valid JSON.");
	} else if (!json_is_object(value)) {
		snprintf(why, why_size, "The model's answer is JSON, but no object.");
	} else if (!fits(&c, value, schema)) {
		char name[100];

		str_copy_clean(name, sizeof name, c.missing);
		snprintf(why, why_size, "The model's answer lacks the required member '%s'.", name);
	} else {
		r = 0;
	}
	json_decref(value);
	return r;
}
