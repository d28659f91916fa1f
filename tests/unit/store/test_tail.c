#include "tests/unit/store/store_support.h"

static struct {
	int calls, rc;
	size_t count;
	struct ledger_record lines[64];
} got;

static void on_tail(void *ctx, int rc, const struct ledger_record *lines, size_t count)
{
	(void)ctx;
	got.calls++;
	got.rc = rc;
	got.count = count;
	assert_true(count <= 64);
	if (count > 0)
		memcpy(got.lines, lines, count * sizeof *lines);
}

static void ask(const char *project, int64_t before, size_t count)
{
	memset(&got, 0, sizeof got);
	assert_int_equal(store_ledger_tail(store, project, before, count, on_tail, NULL), 0);
	wait_for(&got.calls, 1);
	assert_int_equal(got.rc, 0);
}

/* Lines 1 to 40, of "odd" and "even" in turn. */
static int setup(void **state)
{
	struct answer a = {0};

	if (setup_store(state) != 0)
		return -1;
	for (int i = 1; i <= 40; i++) {
		struct ledger_record line = a_line(i % 2 ? "odd" : "even", "k_1", "m", NOON_MS + i);

		store_settle(store, 0, &line, NULL, on_done, &a);
	}
	wait_for(&a.calls, 40);
	return 0;
}

static void the_newest_come_oldest_first(void **state)
{
	(void)state;
	ask("", 0, 5);
	assert_int_equal(got.count, 5);
	for (int i = 0; i < 5; i++)
		assert_int_equal(got.lines[i].seq, 36 + i);
}

static void a_line_has_all_it_was_written_with(void **state)
{
	struct ledger_record line = a_line("odd", "k_1", "m", NOON_MS + 39), *r = &got.lines[0];

	(void)state;
	ask("odd", 0, 1);
	assert_int_equal(r->seq, 39);
	line.seq = 39;
	assert_string_equal(r->request_id, line.request_id);
	assert_string_equal(r->project, line.project);
	assert_string_equal(r->key_id, line.key_id);
	assert_string_equal(r->model, line.model);
	assert_string_equal(r->route, line.route);
	assert_string_equal(r->outcome, line.outcome);
	assert_memory_equal(&r->used, &line.used, sizeof line.used);
	assert_int_equal(r->at_ms, line.at_ms);
	assert_int_equal(r->held_tokens, line.held_tokens);
	assert_int_equal(r->held_micro_usd, line.held_micro_usd);
	assert_int_equal(r->queue_ms, 1);
	assert_int_equal(r->first_text_ms, 2);
	assert_int_equal(r->total_ms, 3);
}

static void of_one_project_before_a_line(void **state)
{
	(void)state;
	ask("even", 20, 3);
	assert_int_equal(got.count, 3);
	assert_int_equal(got.lines[0].seq, 14);
	assert_int_equal(got.lines[2].seq, 18);
}

static void fewer_than_asked_for(void **state)
{
	(void)state;
	ask("", 4, SIZE_MAX);
	assert_int_equal(got.count, 3);
	assert_int_equal(got.lines[0].seq, 1);
	ask("nobody", 0, 10);
	assert_int_equal(got.count, 0);
	ask("", 0, 0);
	assert_int_equal(got.count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown_store)
		T(the_newest_come_oldest_first),
		T(a_line_has_all_it_was_written_with),
		T(of_one_project_before_a_line),
		T(fewer_than_asked_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
