#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/json.h"

#include "ctl/output.h"
#include "ctl/present.h"
#include "ctl/show.h"

/* The groups are objects by name: {"haiku":{"tokens","cost","requests"}}. */
static json_t *rows_of(const json_t *groups)
{
	json_t *rows = json_array(), *group;
	const char *name;

	json_object_foreach((json_t *)groups, name, group)
	{
		json_t *row = json_copy(group);

		json_object_set_new(row, "name", json_string(name));
		json_array_append_new(rows, row);
	}
	return rows;
}

static const char *title_of(const char *grouping)
{
	static const char *const titles[][2] = {{"by_model", "MODEL"},
						{"by_day", "DAY"},
						{"by_key", "KEY"},
						{"by_project", "PROJECT"}};

	for (size_t i = 0; i < sizeof titles / sizeof titles[0]; i++)
		if (strcmp(titles[i][0], grouping) == 0)
			return titles[i][1];
	return "";
}

static void print_groups(const json_t *result, const char *grouping)
{
	const struct show_field fields[] = {
		{title_of(grouping), "name", SHOW_TEXT},  {"REQUESTS", "requests", SHOW_COUNT},
		{"TOKENS", "tokens", SHOW_COUNT},         {"COST", "cost", SHOW_USD},
		{"IN", "input_tokens", SHOW_COUNT},       {"OUT", "output_tokens", SHOW_COUNT},
		{"CACHE HITS", "cache_hits", SHOW_COUNT},
	};
	json_t *rows = rows_of(json_object_get(result, grouping));
	json_t *total = json_object(), *first = json_array_get(rows, 0);
	size_t count = sizeof fields / sizeof fields[0];

	/* Columns that the daemon does not break down are left out. */
	while (count > 4 && !json_object_get(first, fields[count - 1].member))
		count--;
	json_object_set_new(total, "name", json_string("total"));
	json_object_set(total, "requests", json_object_get(result, "requests"));
	json_object_set(total, "tokens", json_object_get(result, "total_tokens"));
	json_object_set(total, "cost", json_object_get(result, "total_cost"));
	json_object_set(total, "input_tokens", json_object_get(result, "input_tokens"));
	json_object_set(total, "output_tokens", json_object_get(result, "output_tokens"));
	json_object_set(total, "cache_hits", json_object_get(result, "cache_hits"));
	json_array_append_new(rows, total);
	show_list(rows, fields, count, false, "");
	json_decref(rows);
}

int present_usage(const struct command *c, const json_t *result)
{
	static const struct show_field head[] = {
		{"Project", "project_id", SHOW_TEXT},
		{"From", "from", SHOW_TIME},
		{"To", "to", SHOW_TIME},
	};
	const char *csv = json_get_str(result, "csv");
	const char *by = json_get_str(c->params, "group_by");
	char grouping[32];

	if (csv) {
		output_text(stdout, csv, CLEAN_LINES);
		return EXIT_DONE;
	}
	snprintf(grouping, sizeof grouping, "by_%s", by ? by : "model");
	if (!c->quiet) {
		show_sheet(result, head, SHOW_COUNT_OF(head));
		putchar('\n');
	}
	print_groups(result, grouping);
	return EXIT_DONE;
}
