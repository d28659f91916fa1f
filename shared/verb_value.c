#include "shared/verb_value.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "shared/err.h"
#include "shared/json.h"
#include "shared/money.h"
#include "shared/str.h"
#include "shared/suggest.h"
#include "shared/units.h"

enum { SHOWN = 40 }; /* characters of a wrong value that are repeated */

#define MICRO INT64_C(1000000)

static bool complain(char why[VALUE_WHY_MAX], const char *must, const char *written)
{
	char shown[SHOWN + 1];

	str_copy_clean(shown, sizeof shown, written);
	snprintf(why, VALUE_WHY_MAX, "must be %s, not %s%s", must, *shown ? shown : "empty",
		 strlen(shown) < strlen(written) ? "..." : "");
	return false;
}

static bool complain_number(char why[VALUE_WHY_MAX], const struct verb_param *p, int64_t is)
{
	snprintf(why, VALUE_WHY_MAX, "must be %" PRId64 "..%" PRId64 ", not %" PRId64, p->min,
		 p->max, is);
	return false;
}

static bool complain_type(char why[VALUE_WHY_MAX], const char *must)
{
	snprintf(why, VALUE_WHY_MAX, "must be %s", must);
	return false;
}

/* ---- from the command line ---- */

/* 1000000, 1M, 250k, 2G; whole numbers only. */
static int parse_count(const char *text, int64_t *ret)
{
	static const struct {
		char letter;
		int64_t factor;
	} units[] = {{'k', 1000}, {'m', 1000000}, {'g', 1000000000}};
	int64_t value = 0, factor = 1;
	const char *at = text;

	for (; *at >= '0' && *at <= '9'; at++)
		if (__builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, *at - '0', &value))
			return ERR_LIMIT;
	if (at == text)
		return ERR_SYNTAX;
	if (*at) {
		factor = 0;
		for (size_t i = 0; i < sizeof units / sizeof units[0] && !at[1]; i++)
			if ((*at | 0x20) == units[i].letter)
				factor = units[i].factor;
		if (!factor)
			return ERR_SYNTAX;
	}
	if (__builtin_mul_overflow(value, factor, &value))
		return ERR_LIMIT;
	*ret = value;
	return 0;
}

static json_t *count_from(const struct verb_param *p, const char *text, char why[VALUE_WHY_MAX])
{
	int64_t value;
	int rc = parse_count(text, &value);

	if (rc == ERR_LIMIT)
		value = INT64_MAX;
	else if (rc < 0) {
		complain(why, "a whole number such as 1000000, 250k or 1M", text);
		return NULL;
	}
	if (value < p->min || value > p->max) {
		complain_number(why, p, value);
		return NULL;
	}
	return json_integer(value);
}

static json_t *list_from(const char *text)
{
	json_t *list = json_array();

	for (const char *at = text;;) {
		size_t len = strcspn(at, ",");

		json_array_append_new(list, json_stringn(at, len));
		if (!at[len])
			return list;
		at += len + 1;
	}
}

json_t *verb_value_parse(const struct verb_param *p, const char *text, char why[VALUE_WHY_MAX])
{
	json_t *value;

	if ((p->flags & PARAM_NONE) && strcmp(text, "none") == 0)
		return json_null();
	if (!str_is_utf8(text, strlen(text))) {
		complain(why, "UTF-8", text);
		return NULL;
	}
	if (p->type == PARAM_COUNT)
		return count_from(p, text, why);
	if (p->type == PARAM_FLAG)
		value = json_true();
	else if (p->type == PARAM_LIST)
		value = list_from(text);
	else
		value = json_string(text);
	if (!verb_value_check(p, value, why)) {
		json_decref(value);
		return NULL;
	}
	return value;
}

/* ---- checks ---- */

/* Money as JSON has it: micro-dollars of a decimal string, an integer, or a real that is no finer
 * than a micro-dollar. */
static int usd_of(const json_t *value, int64_t *ret)
{
	double micro;

	if (json_is_string(value))
		return money_parse_usd(json_string_value(value), ret);
	if (!json_is_number(value))
		return ERR_TYPE;
	micro = json_number_value(value) * (double)MICRO;
	if (!isfinite(micro) || fabs(micro) > 9e18)
		return ERR_LIMIT;
	if (fabs(micro - nearbyint(micro)) > 1e-3)
		return ERR_SYNTAX;
	*ret = (int64_t)nearbyint(micro);
	return 0;
}

static bool check_usd(const struct verb_param *p, const json_t *value, char why[VALUE_WHY_MAX])
{
	char most[MONEY_TEXT_SIZE];
	int64_t micro;
	int rc = usd_of(value, &micro);

	if (rc == 0 && micro >= p->min && micro <= p->max)
		return true;
	if (rc == ERR_SYNTAX || rc == ERR_TYPE)
		return complain_type(why, "dollars with at most six decimals, such as 5 or 0.25");
	money_format_usd(most, p->max);
	snprintf(why, VALUE_WHY_MAX, "must be 0 to %s dollars", most);
	return false;
}

static int duration_of(const json_t *value, int64_t *ret)
{
	if (json_is_string(value))
		return units_parse_duration(json_string_value(value), ret);
	if (!json_is_integer(value))
		return ERR_TYPE;
	return __builtin_mul_overflow((int64_t)json_integer_value(value), INT64_C(1000), ret)
		       ? ERR_LIMIT
		       : 0;
}

static bool check_duration(const struct verb_param *p, const json_t *value, char why[VALUE_WHY_MAX])
{
	char least[UNITS_TEXT_MAX], most[UNITS_TEXT_MAX];
	int64_t ms;
	int rc = duration_of(value, &ms);

	if (rc == 0 && ms >= p->min && ms <= p->max)
		return true;
	if (rc == ERR_SYNTAX || rc == ERR_TYPE)
		return complain_type(why, "a time such as 30s, 15m, 2h or 7d");
	units_print_duration(p->min, least);
	units_print_duration(p->max, most);
	snprintf(why, VALUE_WHY_MAX, "must be %s to %s", least, most);
	return false;
}

static bool check_text(const struct verb_param *p, const json_t *value, char why[VALUE_WHY_MAX])
{
	size_t len = json_string_length(value);

	if (!json_is_string(value))
		return complain_type(why, "text");
	if (len >= (size_t)p->min && len <= (size_t)p->max)
		return true;
	if (len == 0)
		return complain_type(why, "given, not empty");
	snprintf(why, VALUE_WHY_MAX, "must be at most %" PRId64 " bytes, not %zu", p->max, len);
	return false;
}

static bool is_word(const char *const *words, const char *text)
{
	for (; *words; words++)
		if (strcmp(*words, text) == 0)
			return true;
	return false;
}

static bool check_word(const struct verb_param *p, const json_t *value, char why[VALUE_WHY_MAX])
{
	const char *text = json_string_value(value);
	char must[VALUE_WHY_MAX / 2] = "";
	size_t used = 0;

	if (text && is_word(p->words, text))
		return true;
	for (size_t i = 0; p->words[i] && used < sizeof must; i++)
		used += (size_t)snprintf(must + used, sizeof must - used, "%s%s",
					 i == 0            ? ""
					 : p->words[i + 1] ? ", "
							   : " or ",
					 p->words[i]);
	return text ? complain(why, must, text) : complain_type(why, must);
}

static bool check_list(const struct verb_param *p, const json_t *value, char why[VALUE_WHY_MAX])
{
	json_t *item;
	size_t i;

	if (!json_is_array(value) || json_array_size(value) == 0)
		return complain_type(why, "a list of one or more");
	if (json_array_size(value) > LIST_MAX_ITEMS) {
		snprintf(why, VALUE_WHY_MAX, "must be at most %d", LIST_MAX_ITEMS);
		return false;
	}
	json_array_foreach((json_t *)value, i, item)
	{
		if (!(p->words ? check_word(p, item, why) : check_text(p, item, why)))
			return false;
	}
	return true;
}

bool verb_value_check(const struct verb_param *p, const json_t *value, char why[VALUE_WHY_MAX])
{
	int64_t number = json_integer_value(value);

	if (json_is_null(value))
		return (p->flags & PARAM_NONE) || complain_type(why, "given, not null");
	switch (p->type) {
	case PARAM_COUNT:
		if (!json_is_integer(value))
			return complain_type(why, "a whole number");
		return (number >= p->min && number <= p->max) || complain_number(why, p, number);
	case PARAM_USD:
		return check_usd(p, value, why);
	case PARAM_FLAG:
		return json_is_boolean(value) || complain_type(why, "true or false");
	case PARAM_DURATION:
		return check_duration(p, value, why);
	case PARAM_LIST:
		return check_list(p, value, why);
	case PARAM_WORD:
		return check_word(p, value, why);
	case PARAM_TEXT:
	case PARAM_WINDOW:
	case PARAM_TYPES:
		break;
	}
	return check_text(p, value, why);
}

static int unknown_param(const struct verb *v, const char *name, struct rpc_error *ret_error)
{
	struct suggestion near = {0};
	char clean[sizeof ret_error->field];

	for (const struct verb_param *p = v->params; p && p->name; p++)
		suggest_offer(&near, name, p->name);
	str_copy_clean(clean, sizeof clean, name);
	rpc_error_set(ret_error, RPC_INVALID_PARAMS, clean, "%s takes no '%s'", v->method, clean);
	if (near.best)
		snprintf(ret_error->hint, sizeof ret_error->hint, "did you mean '%s'?", near.best);
	return -EINVAL;
}

int verb_params_check(const struct verb *v, const json_t *params, struct rpc_error *ret_error)
{
	char why[VALUE_WHY_MAX];
	const char *name;
	json_t *value;

	json_object_foreach((json_t *)params, name, value)
	{
		const struct verb_param *p = verb_find_param(v, name);

		if (!p)
			return unknown_param(v, name, ret_error);
		if (!verb_value_check(p, value, why)) {
			rpc_error_set(ret_error, RPC_INVALID_PARAMS, name, "%s %s", name, why);
			return -EINVAL;
		}
	}
	for (const struct verb_param *p = v->params; p && p->name; p++) {
		if (!(p->flags & PARAM_REQUIRED) || param_given(params, p->name))
			continue;
		rpc_error_set(ret_error, RPC_INVALID_PARAMS, p->name, "%s is missing: %s", p->name,
			      p->help);
		return -EINVAL;
	}
	return 0;
}

/* ---- reading ---- */

bool param_given(const json_t *params, const char *name)
{
	return json_object_get(params, name) != NULL;
}

bool param_is_none(const json_t *params, const char *name)
{
	return json_is_null(json_object_get(params, name));
}

int64_t param_count(const json_t *params, const char *name, int64_t otherwise)
{
	return json_get_int(params, name, otherwise);
}

int64_t param_micro_usd(const json_t *params, const char *name, int64_t otherwise)
{
	int64_t micro;

	return usd_of(json_object_get(params, name), &micro) == 0 ? micro : otherwise;
}

int64_t param_duration_ms(const json_t *params, const char *name, int64_t otherwise)
{
	int64_t ms;

	return duration_of(json_object_get(params, name), &ms) == 0 ? ms : otherwise;
}
