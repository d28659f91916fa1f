/* The newest lines of the log. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "shared/clock.h"
#include "shared/json.h"
#include "shared/log.h"

#include "daemon/observe/events.h"
#include "daemon/observe/log_ring.h"
#include "daemon/observe/row.h"

#include "tests/unit/test.h"

static uv_loop_t loop;
static struct log_ring *ring;
static struct event_listener watcher;
static int told, lost, real_stderr;
static char last[1024]; /* the data of the newest event */
static bool closed;

static void on_event(void *ctx, const struct event *e)
{
	json_t *data = e->text ? row_parse(e->text) : json_incref((json_t *)e->data);
	char *text = json_dumps(data, JSON_COMPACT | JSON_SORT_KEYS);

	(void)ctx;
	assert_non_null(data);
	if (strcmp(e->topic, "log") == 0) {
		told++;
		lost += (int)json_get_int(data, "lost", 0);
		snprintf(last, sizeof last, "%s", text);
	}
	free(text);
	json_decref(data);
}

static int begin(void **state)
{
	int null = open("/dev/null", O_WRONLY);

	(void)state;
	real_stderr = dup(STDERR_FILENO);
	dup2(null, STDERR_FILENO);
	close(null);
	clock_freeze(0, INT64_C(1795516800123) * 1000);
	log_set_level(LOG_LEVEL_DEBUG);
	told = lost = 0;
	*last = '\0';
	uv_loop_init(&loop);
	ring = log_ring_new(&loop);
	watcher = (struct event_listener){.event = on_event, .live = true};
	events_listen(&watcher);
	return !ring;
}

static void on_closed(void *ctx)
{
	(void)ctx;
	closed = true;
}

static int end(void **state)
{
	int rc;

	(void)state;
	events_unlisten(&watcher);
	closed = false;
	log_ring_free(ring, on_closed, NULL);
	uv_run(&loop, UV_RUN_DEFAULT);
	rc = uv_loop_close(&loop);
	dup2(real_stderr, STDERR_FILENO);
	close(real_stderr);
	log_set_level(LOG_LEVEL_INFO);
	clock_thaw();
	return rc || !closed;
}

static void turn_the_loop(void)
{
	uv_run(&loop, UV_RUN_NOWAIT);
}

/* Messages of the lines, with spaces between. */
static const char *messages(size_t count, enum log_level level)
{
	static char text[4096];
	json_t *lines = log_ring_lines(ring, count, level), *line;
	size_t i;

	*text = '\0';
	json_array_foreach(lines, i, line)
	{
		snprintf(text + strlen(text), sizeof text - strlen(text), "%s ",
			 json_get_str(line, "message"));
	}
	json_decref(lines);
	return text;
}

static void a_line_is_kept_and_told_with_its_fields(void **state)
{
	const struct log_field fields[] = {LOG_STR("who", "me"), LOG_INT("n", 7),
					   LOG_MILLI("s", 1500), LOG_MICRO("usd", 250000),
					   LOG_STR("absent", NULL)};

	(void)state;
	log_event(LOG_LEVEL_WARN, "area", fields, 5, "hello");
	assert_int_equal(told, 0); /* never from inside */
	turn_the_loop();
	assert_int_equal(told, 1);
	assert_string_equal(last, "{\"area\":\"area\",\"at\":\"2026-11-24T10:40:00.123Z\","
				  "\"fields\":{\"n\":7,\"s\":1.5,\"usd\":0.25,\"who\":\"me\"},"
				  "\"level\":\"warn\",\"message\":\"hello\"}");
	assert_string_equal(messages(9, LOG_LEVEL_DEBUG), "hello ");
}

static void a_prompt_that_is_logged_is_not_passed_on(void **state)
{
	const struct log_field fields[] = {LOG_STR("who", "me"), LOG_SECRET("body", "my prompt"),
					   LOG_INT("n", 7)};

	(void)state;
	log_event(LOG_LEVEL_INFO, "prompt", fields, 3, "prompt");
	turn_the_loop();
	assert_non_null(strstr(last, "\"fields\":{\"n\":7,\"who\":\"me\"}"));
	assert_null(strstr(last, "my prompt"));
}

static void lists_are_the_newest_of_a_level_the_oldest_first(void **state)
{
	(void)state;
	log_info("a", "i1");
	log_error("a", "e1");
	log_debug("a", "d1");
	log_warn("a", "w1");
	assert_string_equal(messages(9, LOG_LEVEL_DEBUG), "i1 e1 d1 w1 ");
	assert_string_equal(messages(2, LOG_LEVEL_DEBUG), "d1 w1 ");
	assert_string_equal(messages(9, LOG_LEVEL_WARN), "e1 w1 ");
	assert_string_equal(messages(1, LOG_LEVEL_ERROR), "e1 ");
	assert_string_equal(messages(0, LOG_LEVEL_DEBUG), "");
}

static void what_is_not_logged_is_not_kept(void **state)
{
	(void)state;
	log_set_level(LOG_LEVEL_WARN);
	log_info("a", "i1");
	assert_string_equal(messages(9, LOG_LEVEL_DEBUG), "");
}

static void the_oldest_lines_go(void **state)
{
	json_t *lines;

	(void)state;
	for (int i = 0; i < LOG_RING_LINES + 3; i++)
		log_info("a", "n%d", i);
	lines = log_ring_lines(ring, 5000, LOG_LEVEL_DEBUG);
	assert_int_equal(json_array_size(lines), LOG_RING_LINES);
	assert_string_equal(json_get_str(json_array_get(lines, 0), "message"), "n3");
	json_decref(lines);
}

static void a_watcher_hears_how_many_it_missed(void **state)
{
	(void)state;
	for (int i = 0; i < LOG_RING_LINES + 40; i++)
		log_info("a", "n%d", i);
	turn_the_loop();
	assert_int_equal(lost, 40);
	assert_int_equal(told, LOG_RING_LINES + 1);
}

static void what_was_logged_before_somebody_watched_is_not_told(void **state)
{
	(void)state;
	watcher.live = false;
	log_info("a", "before");
	watcher.live = true;
	log_info("a", "after");
	turn_the_loop();
	assert_int_equal(told, 1);
	assert_non_null(strstr(last, "after"));
}

static void long_and_broken_lines_are_cut_and_stay_json(void **state)
{
	static char big[20000];
	const struct log_field fields[] = {LOG_STR("big", big), LOG_STR("bytes", "\xff\xfe")};
	json_t *lines, *line;

	(void)state;
	memset(big, 'x', sizeof big - 1);
	log_event(LOG_LEVEL_INFO, "a", fields, 2, "%s", big);
	lines = log_ring_lines(ring, 1, LOG_LEVEL_DEBUG);
	line = json_array_get(lines, 0);
	assert_int_equal(strlen(json_get_str(line, "message")), 1024);
	line = json_object_get(line, "fields");
	assert_int_equal(strlen(json_get_str(line, "big")), 512);
	assert_non_null(json_get_str(line, "bytes"));
	json_decref(lines);
}

static void without_a_ring_there_are_no_lines(void **state)
{
	json_t *lines = log_ring_lines(NULL, 9, LOG_LEVEL_DEBUG);

	(void)state;
	assert_int_equal(json_array_size(lines), 0);
	json_decref(lines);
}

#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_line_is_kept_and_told_with_its_fields),
		T(a_prompt_that_is_logged_is_not_passed_on),
		T(lists_are_the_newest_of_a_level_the_oldest_first),
		T(what_is_not_logged_is_not_kept),
		T(the_oldest_lines_go),
		T(a_watcher_hears_how_many_it_missed),
		T(what_was_logged_before_somebody_watched_is_not_told),
		T(long_and_broken_lines_are_cut_and_stay_json),
		T(without_a_ring_there_are_no_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
