#include "shared/units.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <strings.h>

#include "shared/err.h"

struct unit {
	const char *name;
	int64_t factor;
};

/* Largest first: printing takes the first one that divides.  The unnamed one is what a plain number
 * means. */
static const struct unit durations[] = {{"d", 86400000}, {"h", 3600000}, {"m", 60000}, {"s", 1000},
					{"ms", 1},       {"", 1000},     {NULL, 0}};
static const struct unit sizes[] = {{"T", INT64_C(1) << 40},
				    {"G", INT64_C(1) << 30},
				    {"M", INT64_C(1) << 20},
				    {"K", INT64_C(1) << 10},
				    {"", 1},
				    {NULL, 0}};

static int parse(const char *text, const struct unit *units, int64_t *ret_value)
{
	int64_t value = 0;
	const char *p = text;

	for (; *p >= '0' && *p <= '9'; p++)
		if (__builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, *p - '0', &value))
			return ERR_LIMIT;
	if (p == text)
		return ERR_SYNTAX;
	while (units->name && strcasecmp(units->name, p) != 0)
		units++;
	if (!units->name)
		return ERR_SYNTAX;
	if (__builtin_mul_overflow(value, units->factor, &value))
		return ERR_LIMIT;
	*ret_value = value;
	return 0;
}

static void print(int64_t value, const struct unit *units, char out[UNITS_TEXT_MAX])
{
	while (value % units->factor != 0)
		units++;
	snprintf(out, UNITS_TEXT_MAX, "%" PRId64 "%s", value / units->factor, units->name);
}

int units_parse_duration(const char *text, int64_t *ret_ms)
{
	return parse(text, durations, ret_ms);
}

int units_parse_size(const char *text, int64_t *ret_bytes)
{
	return parse(text, sizes, ret_bytes);
}

void units_print_duration(int64_t ms, char out[UNITS_TEXT_MAX])
{
	if (ms <= 0)
		snprintf(out, UNITS_TEXT_MAX, "0s");
	else
		print(ms, durations, out);
}

void units_print_size(int64_t bytes, char out[UNITS_TEXT_MAX])
{
	if (bytes <= 0)
		snprintf(out, UNITS_TEXT_MAX, "0");
	else
		print(bytes, sizes, out);
}
