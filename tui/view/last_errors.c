#include "tui/view/last_errors.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "shared/json.h"

#include "tui/canvas/draw.h"
#include "tui/model/words.h"
#include "tui/widget/layout.h"

/* Keeps the newest: behind those that are as new. */
static int insert(struct last_error *list, int count, int max, struct last_error e)
{
	int at = count;

	while (at > 0 && strcmp(list[at - 1].at, e.at) < 0)
		at--;
	if (at >= max)
		return count;
	if (count == max)
		count--;
	memmove(list + at + 1, list + at, (size_t)(count - at) * sizeof *list);
	list[at] = e;
	return count + 1;
}

/* What clients did wrong, or gave up, is their affair. */
static bool is_error(const json_t *request)
{
	const char *outcome = json_get_str(request, "outcome");
	int64_t status;

	/* First what is true of most: all of them are looked at with every draw. */
	if (!outcome || strcmp(outcome, "ok") == 0 || strcmp(outcome, "cache_hit") == 0)
		return false;
	status = json_get_int(request, "status", 0);
	return status == 0 || status >= 500;
}

static bool is_error_line(const json_t *event)
{
	const char *level = json_get_str(json_object_get(event, "data"), "level"), *topic;

	if (!level || strcmp(level, "error") != 0)
		return false;
	topic = json_get_str(event, "topic");
	return topic && (strcmp(topic, "log") == 0 || strcmp(topic, "dashboard") == 0);
}

int last_errors(const struct model *m, struct last_error *ret, int max)
{
	int count = 0;

	max = max > LAST_ERRORS_MAX ? LAST_ERRORS_MAX : max;
	if (max <= 0)
		return 0;
	for (size_t i = m->requests.count; i > 0; i--) {
		const json_t *request = m->requests.items[i - 1];
		const char *at = is_error(request) ? json_get_str(request, "ended_at") : NULL;

		if (at)
			count = insert(ret, count, max, (struct last_error){at, request, NULL});
	}
	for (size_t i = m->events.count; i > 0; i--) {
		const json_t *event = m->events.items[i - 1];
		const char *at = is_error_line(event) ? json_get_str(event, "at") : NULL;

		if (at)
			count = insert(ret, count, max, (struct last_error){at, NULL, event});
	}
	return count;
}

static const char *text_of(const json_t *object, const char *member)
{
	const char *text = json_get_str(object, member);

	return text ? text : "-";
}

void last_error_draw(const struct last_error *e, struct area a, int y)
{
	static const struct layout_part parts[] = {
		{.min = 8},                                     /* when */
		{.min = 10, .max = 28, .weight = 1, .drop = 3}, /* request, or area */
		{.min = 8, .max = 20, .weight = 1, .drop = 2},  /* project */
		{.min = 10, .max = 24, .weight = 1, .drop = 1}, /* outcome */
		{.min = 12, .weight = 4},                       /* words */
	};
	const json_t *row = e->request ? e->request : json_object_get(e->event, "data");
	int64_t at_ms =
		e->request ? words_time(e->request, "ended_at") : words_time(e->event, "at");
	const char *words = json_get_str(row, e->request ? "error" : "message");
	char clock[WORDS_SIZE], outcome[96];
	struct rect at[5];

	snprintf(outcome, sizeof outcome, "%" PRId64 " %.64s", json_get_int(row, "status", 0),
		 text_of(row, "outcome"));
	layout_columns((struct rect){1, y, a.rect.width - 2, 1}, 2, parts, 5, at);
	draw_field(a, at[0].x, y, at[0].width, ALIGN_LEFT, STYLE_DIM, words_clock(clock, at_ms));
	draw_field(a, at[1].x, y, at[1].width, ALIGN_LEFT, STYLE_NORMAL,
		   text_of(row, e->request ? "id" : "area"));
	draw_field(a, at[2].x, y, at[2].width, ALIGN_LEFT, STYLE_NORMAL,
		   e->request ? text_of(row, "project") : "");
	draw_field(a, at[3].x, y, at[3].width, ALIGN_LEFT, STYLE_ERROR,
		   e->request ? outcome : text_of(row, "level"));
	draw_field(a, at[4].x, y, at[4].width, ALIGN_LEFT, STYLE_NORMAL, words ? words : "");
}
