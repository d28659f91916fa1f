#include <stdio.h>
#include <string.h>

#include "shared/json.h"

#include "ctl/output.h"
#include "ctl/present.h"
#include "ctl/show.h"

enum { GAUGE_CELLS = 30 };

static void add_gauge(struct buf *b, double part)
{
	int full = part <= 0 ? 0 : part >= 1 ? GAUGE_CELLS : (int)(part * GAUGE_CELLS);

	buf_add_char(b, '[');
	for (int i = 0; i < GAUGE_CELLS; i++)
		buf_add_char(b, i < full ? '#' : '.');
	buf_add_char(b, ']');
}

/* "5 hours [#####.....]   57 %   resets in 1 h 12 m" */
static void print_window(const char *title, const json_t *window)
{
	static const struct show_field used = {"", "utilization", SHOW_PERCENT};
	static const struct show_field resets = {"", "resets_at", SHOW_UNTIL};
	const json_t *part = json_object_get(window, "utilization");
	struct buf b;

	buf_init(&b, 64 * 1024);
	buf_printf(&b, "%-8s ", title);
	if (json_is_number(part)) {
		add_gauge(&b, json_number_value(part));
		buf_add_str(&b, "  ");
		show_value(&b, &used, window);
	} else {
		buf_add_str(&b, "not reported yet");
	}
	if (json_get_str(window, "resets_at")) {
		buf_add_str(&b, "   resets ");
		show_value(&b, &resets, window);
	}
	output_text(stdout, b.data ? b.data : "", CLEAN_LINE);
	putchar('\n');
	buf_done(&b);
}

static void print_status(const json_t *plan)
{
	static const struct show_field received = {"", "received_at", SHOW_AGE};
	static const struct show_field resets = {"", "resets_at", SHOW_UNTIL};
	const char *status = json_get_str(plan, "status"), *limit = json_get_str(plan, "limit");
	struct buf b;

	buf_init(&b, 64 * 1024);
	buf_printf(&b, "%-8s %s", "status", status ? status : "?");
	if (limit)
		buf_printf(&b, ", by the limit %s", limit);
	if (json_get_str(plan, "resets_at")) {
		buf_add_str(&b, ", resets ");
		show_value(&b, &resets, plan);
	}
	buf_add_str(&b, "   heard ");
	show_value(&b, &received, plan);
	output_text(stdout, b.data ? b.data : "", CLEAN_LINE);
	putchar('\n');
	buf_done(&b);
}

int present_plan(const struct command *c, const json_t *result)
{
	const char *status = json_get_str(result, "status");

	if (c->quiet) {
		output_text(stdout, status ? status : "?", CLEAN_LINE);
		putchar('\n');
		return EXIT_DONE;
	}
	print_window("5 hours", json_object_get(result, "five_hour"));
	print_window("7 days", json_object_get(result, "seven_day"));
	print_status(result);
	return EXIT_DONE;
}
