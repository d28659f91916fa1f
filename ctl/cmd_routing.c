#include <stdio.h>

#include "shared/json.h"

#include "ctl/output.h"
#include "ctl/present.h"
#include "ctl/show.h"

static const struct show_field overrides[] = {
	{"ID", "id", SHOW_TEXT},
	{"OF", "scope", SHOW_SUBJECT},
	{"DOES", "action", SHOW_TEXT},
	{"MODEL", "model", SHOW_TEXT},
	{"ENDS", "expires_at", SHOW_UNTIL},
	{"REASON", "reason", SHOW_LONG},
	{"BY UID", "uid", SHOW_TEXT},
	{"SET", "created_at", SHOW_AGE},
};
static const struct show_field rules[] = {
	{"RULE", "rule", SHOW_TEXT},
	{"TEXT", "text", SHOW_LONG},
};
static const struct show_field decision[] = {
	{"Model", "recommended_model", SHOW_TEXT},
	{"Id", "model_id", SHOW_TEXT},
	{"Rule", "rule", SHOW_TEXT},
	{"Score", "score", SHOW_TEXT},
	{"Because", "reasoning", SHOW_TEXT},
};
static const struct show_field alternatives[] = {
	{"ALTERNATIVE", "model", SHOW_TEXT},
	{"ESTIMATED COST", "estimated_cost_usd", SHOW_USD},
};

int present_routing(const struct command *c, const json_t *result)
{
	show_list(json_object_get(result, "overrides"), overrides, SHOW_COUNT_OF(overrides),
		  c->quiet, "No overrides: the rules decide.");
	if (c->quiet)
		return EXIT_DONE;
	putchar('\n');
	show_list(json_object_get(result, "rules"), rules, SHOW_COUNT_OF(rules), false,
		  "No rules.");
	return EXIT_DONE;
}

int present_route(const struct command *c, const json_t *result)
{
	const char *model = json_get_str(result, "recommended_model");

	if (c->quiet) {
		output_text(stdout, model ? model : "", CLEAN_LINE);
		putchar('\n');
		return EXIT_DONE;
	}
	show_sheet(result, decision, SHOW_COUNT_OF(decision));
	if (json_array_size(json_object_get(result, "alternatives")) > 0) {
		putchar('\n');
		show_list(json_object_get(result, "alternatives"), alternatives,
			  SHOW_COUNT_OF(alternatives), false, "");
	}
	return EXIT_DONE;
}

int present_cleared(const struct command *c, const json_t *result)
{
	int64_t n = json_get_int(result, "cleared", 0);

	if (!c->quiet && n == 0)
		puts("No override was in force.");
	else if (!c->quiet)
		printf("Overrides cleared: %lld.\n", (long long)n);
	return EXIT_DONE;
}
