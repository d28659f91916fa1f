#include "daemon/pool/population.h"

#include "tests/unit/test.h"

#define FINE POPULATION_FINE
#define START POPULATION_START_ONE
#define RETIRE POPULATION_RETIRE_ONE

struct row {
	unsigned workers, spares;
	bool bound;
	unsigned alive, fresh, idle_bound, wanting;
	enum population_step step;
};

static void the_census_decides_the_step(void **state)
{
	static const struct row rows[] = {
		/* workers, spares, bound, alive, fresh, idle, wanting */
		{5, 1, true, 0, 0, 0, 0, START},  /* nobody yet */
		{5, 1, true, 5, 5, 0, 0, START},  /* one short */
		{5, 1, true, 6, 6, 0, 0, FINE},   /* all fresh */
		{5, 1, true, 6, 1, 5, 0, FINE},   /* the spare stands ready */
		{5, 1, true, 6, 0, 6, 0, RETIRE}, /* no spare: a bound one makes room */
		{5, 1, true, 6, 0, 0, 0, FINE},   /* all at work */
		{5, 1, true, 6, 0, 1, 0, RETIRE},
		{5, 1, true, 6, 1, 2, 1, FINE},   /* the spare is for the one who waits */
		{5, 1, true, 6, 1, 2, 2, RETIRE}, /* two wait */
		{5, 1, true, 6, 2, 1, 2, FINE},
		{5, 1, true, 6, 5, 1, 99, FINE},  /* no more fresh than may work at once */
		{5, 1, true, 7, 1, 6, 0, RETIRE}, /* configured down */
		{5, 1, true, 7, 0, 0, 0, FINE},   /* later: all are at work */
		{5, 1, true, 7, 7, 0, 0, RETIRE},
		{5, 0, true, 5, 0, 5, 0, FINE}, /* no spares: places stay as they are */
		{5, 0, true, 5, 0, 5, 1, RETIRE},
		{1, 0, true, 1, 0, 1, 1, RETIRE},
		{1, 0, true, 1, 1, 0, 1, FINE},
		{1, 3, true, 4, 3, 1, 0, FINE}, /* more spares than workers */
		{1, 3, true, 4, 2, 2, 0, RETIRE},
		{5, 1, false, 6, 0, 6, 9, FINE}, /* any worker serves any project */
		{5, 1, false, 5, 0, 5, 0, START},
		{5, 1, false, 7, 0, 7, 0, RETIRE},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct population p = {.workers = rows[i].workers,
				       .spares = rows[i].spares,
				       .bound = rows[i].bound,
				       .alive = rows[i].alive,
				       .fresh = rows[i].fresh,
				       .idle_bound = rows[i].idle_bound,
				       .wanting = rows[i].wanting};

		if (population_next(&p) != rows[i].step)
			fail_msg("row %zu: step %d", i, (int)population_next(&p));
	}
}

/* Does what it is told until it is told nothing; how many steps that took. */
static unsigned settle(struct population *p)
{
	unsigned steps = 0;

	for (enum population_step s; (s = population_next(p)) != FINE; steps++) {
		assert_true(steps < 1000);
		if (s == START) {
			p->alive++;
			p->fresh++;
		} else if (p->idle_bound > 0) {
			p->idle_bound--;
			p->alive--;
		} else {
			p->fresh--;
			p->alive--;
		}
		assert_true(s != START || p->alive <= p->workers + p->spares);
	}
	return steps;
}

static void any_census_settles_at_or_below_the_configured_number(void **state)
{
	(void)state;
	for (unsigned workers = 1; workers <= 4; workers++)
		for (unsigned n = 0; n < 3 * 6 * 6 * 6 * 4; n++) {
			struct population p = {.workers = workers,
					       .spares = n % 3,
					       .bound = n / 3 % 2,
					       .fresh = n / 6 % 6,
					       .idle_bound = n / 36 % 6,
					       .wanting = n / 216 % 3 * 2};
			unsigned busy = n / 648 % 4;

			p.alive = p.fresh + p.idle_bound + busy;
			settle(&p);
			assert_true(p.alive >= workers + p.spares);
			assert_true(p.alive == workers + p.spares || p.fresh + p.idle_bound == 0);
			assert_int_equal(settle(&p), 0);
		}
}

/* Each further project costs one start, and no project loses its worker without need. */
static void a_new_project_costs_one_exchange(void **state)
{
	struct population p = {.workers = 3, .spares = 1, .bound = true};

	(void)state;
	assert_int_equal(settle(&p), 4);
	for (int i = 0; i < 3; i++) { /* a fresh one is bound and becomes idle */
		p.fresh--;
		p.idle_bound++;
		assert_int_equal(settle(&p), 0);
	}
	p.fresh--;
	p.idle_bound++;
	assert_int_equal(settle(&p), 2); /* one retired, one started */
	assert_int_equal(p.fresh, 1);
	assert_int_equal(p.idle_bound, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_census_decides_the_step),
		cmocka_unit_test(any_census_settles_at_or_below_the_configured_number),
		cmocka_unit_test(a_new_project_costs_one_exchange),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
