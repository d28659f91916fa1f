#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "shared/clock.h"
#include "shared/log.h"

#include "daemon/observe/events.h"

#include "tests/unit/test.h"

#define NOW_MS INT64_C(1795516800000) /* 2026-11-24T10:40:00Z */

static int log_fd, real_stderr;

/* What a listener was told. */
struct heard {
	struct event_listener listener;
	struct event_listener *ends[2]; /* stop listening when it is told */
	int count;
	struct event last; /* without its data */
	char data[200];
};

static char order[128]; /* who was told, in order */

static void hear(void *ctx, const struct event *e)
{
	struct heard *h = ctx;
	char *text = json_dumps(e->data, JSON_COMPACT | JSON_SORT_KEYS);

	h->count++;
	h->last = *e;
	h->last.data = NULL;
	snprintf(h->data, sizeof h->data, "%s", text);
	free(text);
	snprintf(order + strlen(order), sizeof order - strlen(order), "%p ", ctx);
	for (size_t i = 0; i < 2 && h->ends[i]; i++)
		events_unlisten(h->ends[i]);
}

static void note(void *ctx, const struct event *e)
{
	*(struct event *)ctx = *e;
}

static void listen_to(struct heard *h)
{
	*h = (struct heard){.listener = {.event = hear, .ctx = h}};
	events_listen(&h->listener);
}

static int begin(void **state)
{
	(void)state;
	*order = '\0';
	log_fd = memfd_create("log", MFD_CLOEXEC);
	real_stderr = dup(STDERR_FILENO);
	dup2(log_fd, STDERR_FILENO);
	log_set_level(LOG_LEVEL_INFO);
	log_set_format(LOG_FORMAT_TEXT);
	clock_freeze(0, NOW_MS * 1000);
	return log_fd < 0;
}

static int end(void **state)
{
	(void)state;
	dup2(real_stderr, STDERR_FILENO);
	close(real_stderr);
	close(log_fd);
	clock_thaw();
	return 0;
}

static const char *logged(void)
{
	static char text[4096];
	ssize_t n = pread(log_fd, text, sizeof text - 1, 0);

	assert_true(n >= 0);
	text[n] = '\0';
	return text;
}

static void publish(const char *topic, const char *value)
{
	events_publish(topic, false, json_pack("{ss}", "v", value), "something happened");
}

static void a_listener_is_told_what_happened(void **state)
{
	struct heard h;
	uint64_t before = events_seq();

	(void)state;
	listen_to(&h);
	publish("key", "a");
	assert_int_equal(h.count, 1);
	assert_int_equal(h.last.seq, before + 1);
	assert_int_equal(h.last.at_ms, NOW_MS);
	assert_string_equal(h.last.topic, "key");
	assert_string_equal(h.data, "{\"v\":\"a\"}");
	publish("budget", "b");
	assert_int_equal(h.last.seq, before + 2);
	assert_int_equal(events_seq(), before + 2);
	events_unlisten(&h.listener);
	publish("budget", "c");
	assert_int_equal(h.count, 2);
	assert_int_equal(events_seq(), before + 3);
}

static void all_are_told_in_the_order_in_which_they_came(void **state)
{
	struct heard a, b, c;
	char expected[sizeof order];

	(void)state;
	listen_to(&a);
	listen_to(&b);
	listen_to(&c);
	publish("key", "x");
	snprintf(expected, sizeof expected, "%p %p %p ", (void *)&a, (void *)&b, (void *)&c);
	assert_string_equal(order, expected);
	events_unlisten(&b.listener);
	events_unlisten(&a.listener);
	publish("key", "y");
	assert_int_equal(a.count, 1);
	assert_int_equal(b.count, 1);
	assert_int_equal(c.count, 2);
	events_unlisten(&c.listener);
}

static void a_listener_may_end_itself_and_others_when_told(void **state)
{
	struct heard a, *b = malloc(sizeof *b), c, d;

	(void)state;
	assert_non_null(b);
	listen_to(&a);
	listen_to(b);
	listen_to(&c);
	listen_to(&d);
	a.ends[0] = &b->listener; /* the next one */
	c.ends[0] = &c.listener;
	c.ends[1] = &a.listener; /* an earlier one */
	publish("key", "x");
	assert_int_equal(a.count, 1);
	assert_int_equal(b->count, 0);
	assert_int_equal(c.count, 1);
	assert_int_equal(d.count, 1);
	free(b);
	d.ends[0] = &d.listener; /* the only one */
	publish("key", "y");
	publish("key", "z");
	assert_int_equal(c.count, 1);
	assert_int_equal(d.count, 2);
}

static void the_data_is_taken(void **state)
{
	json_t *data = json_object();

	(void)state;
	assert_non_null(data);
	events_publish("key", false, json_incref(data), "something happened");
	assert_int_equal(data->refcount, 1);
	json_decref(data);
}

static void every_event_is_a_line_of_the_log(void **state)
{
	(void)state;
	publish("project", "x");
	assert_non_null(strstr(logged(), "something happened"));
	assert_non_null(strstr(logged(), "project"));
	assert_non_null(strstr(logged(), "{\\\"v\\\":\\\"x\\\"}"));
	assert_null(strstr(logged(), "warn"));
	events_publish("budget", true, json_object(), "used up");
	assert_non_null(strstr(logged(), "warn"));
	assert_non_null(strstr(logged(), "used up"));
}

static void without_memory_for_the_data_only_the_log_has_it(void **state)
{
	struct heard h;
	uint64_t before = events_seq();

	(void)state;
	listen_to(&h);
	events_publish("budget", true, NULL, "used up");
	assert_int_equal(h.count, 0);
	assert_int_equal(events_seq(), before + 1);
	assert_non_null(strstr(logged(), "error"));
	assert_non_null(strstr(logged(), "budget: used up"));
	events_unlisten(&h.listener);
}

static void live_events_are_for_watchers_and_stand_in_no_log(void **state)
{
	struct heard watcher, other;
	uint64_t before = events_seq();

	(void)state;
	listen_to(&other);
	assert_false(events_live());
	events_tell("worker", json_object()); /* nobody watches: it is nothing */
	assert_int_equal(events_seq(), before);
	listen_to(&watcher);
	watcher.listener.live = true;
	assert_true(events_live());
	events_tell("worker", json_pack("{ss}", "v", "a"));
	assert_int_equal(watcher.count, 1);
	assert_int_equal(watcher.last.seq, before + 1);
	assert_string_equal(watcher.last.topic, "worker");
	assert_int_equal(other.count, 0);
	assert_string_equal(logged(), "");
	publish("key", "b");
	assert_int_equal(watcher.count, 2);
	assert_int_equal(other.count, 1);
	events_unlisten(&watcher.listener);
	assert_false(events_live());
	events_unlisten(&other.listener);
}

static void a_watcher_hears_of_what_could_not_be_told(void **state)
{
	static struct event seen;
	struct event_listener l = {.event = note, .ctx = &seen, .live = true};

	(void)state;
	seen = (struct event){.seq = 0};
	events_listen(&l);
	events_tell("worker", NULL);
	assert_int_equal(seen.seq, events_seq());
	assert_null(seen.data);
	events_unlisten(&l);
}

#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_listener_is_told_what_happened),
		T(all_are_told_in_the_order_in_which_they_came),
		T(a_listener_may_end_itself_and_others_when_told),
		T(the_data_is_taken),
		T(every_event_is_a_line_of_the_log),
		T(without_memory_for_the_data_only_the_log_has_it),
		T(live_events_are_for_watchers_and_stand_in_no_log),
		T(a_watcher_hears_of_what_could_not_be_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
