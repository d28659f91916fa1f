/* Sessions against a model, over a long random walk.
 *
 * Two daemons share a back end that fails at times and loses everything now and then.  Requests
 * begin sessions, go on with them, give up, look and delete, while the clock runs.  The model says
 * what each of the three copies of a session is, and so what every call must answer.
 *
 * CCAPI_TEST_SEED=N walks another way; a failure prints the seed. */
#include <inttypes.h>

#include "tests/unit/dispatch/sessions_support.h"

enum { DAEMONS = 2, KEYS = 4, STEPS = 60000 };

struct copy {
	bool there, deleted;
	int64_t version, at_ms;
	int mark; /* which turn it is of */
};

static struct copy memory[DAEMONS][KEYS], there[KEYS];
static struct turn turns[DAEMONS][KEYS];
static struct sessions *daemons[DAEMONS];
static int marks;
static unsigned seen[SESSION_FAILED + 1], conflicts, kept;
static uint64_t first_seed, seed;
static int step;

static int rnd(int below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (int)((seed >> 11) % (uint64_t)below);
}

#define MUST(cond)                                                                                 \
	do {                                                                                       \
		if (!(cond)) {                                                                     \
			print_message("CCAPI_TEST_SEED=%" PRIu64 ", step %d\n", first_seed, step); \
			fail_msg("%s", #cond);                                                     \
		}                                                                                  \
	} while (0)

static struct session_key nth_key(int k)
{
	return key_of('p', (char)('a' + k));
}

/* ---- the model ---- */

static bool is_alive(const struct copy *c)
{
	return c->there && clock_wall_ms() - c->at_ms < TTL_MS;
}

/* Which copy a look-up finds; NULL: none. */
static const struct copy *model_find(int d, int k)
{
	const struct copy *ours = is_alive(&memory[d][k]) ? &memory[d][k] : NULL;
	const struct copy *theirs = is_alive(&there[k]) ? &there[k] : NULL;

	if (backend_down)
		return ours;
	if (theirs && theirs->deleted)
		return NULL;
	if (ours && (!theirs || ours->version > theirs->version))
		return ours;
	return theirs;
}

static enum session_found model_answer(const struct copy *c)
{
	return c ? SESSION_FOUND : backend_down ? SESSION_FAILED : SESSION_NONE;
}

/* True: it was put. */
static bool model_put(int k, const struct copy *c)
{
	if (is_alive(&there[k]) && there[k].version >= c->version)
		return false;
	there[k] = *c;
	return true;
}

static void model_open(int d, int k)
{
	const struct copy *found = model_find(d, k);
	struct copy c = found ? *found : (struct copy){.there = false};

	if (found == &memory[d][k] && !backend_down)
		model_put(k, &c);
	memory[d][k] = c;
}

/* True: in conflict. */
static bool model_save(int d, int k, struct copy next)
{
	memory[d][k] = next;
	if (backend_down || model_put(k, &next))
		return false;
	memory[d][k].there = false;
	return true;
}

/* ---- what requests do ---- */

static void check_found(const struct turn *t, const struct copy *c)
{
	json_t *last;

	MUST(t->told == 1);
	MUST(t->found == model_answer(c));
	seen[t->found]++;
	if (!c)
		return;
	MUST(t->s->version == c->version);
	MUST(t->s->at_ms == c->at_ms);
	last = json_array_get(t->s->messages, json_array_size(t->s->messages) - 1);
	MUST((int)json_integer_value(json_object_get(last, "mark")) == c->mark);
}

static void open_one(int d, int k)
{
	struct turn *t = &turns[d][k], other;
	const struct copy *c = model_find(d, k);

	if (t->ticket.held) {
		turn_open(daemons[d], &other, nth_key(k));
		MUST(other.found == SESSION_BUSY);
		seen[SESSION_BUSY]++;
		turn_end(daemons[d], &other);
		return;
	}
	turn_open(daemons[d], t, nth_key(k));
	check_found(t, c);
	model_open(d, k);
	if (t->found != SESSION_FOUND)
		turn_end(daemons[d], t);
}

/* An id is new only where nobody has it. */
static void begin_one(int d, int k)
{
	bool is_new = !is_alive(&there[k]);

	for (int i = 0; i < DAEMONS; i++)
		is_new &= !is_alive(&memory[i][k]) && !turns[i][k].ticket.held;
	if (is_new)
		turn_new(daemons[d], &turns[d][k], nth_key(k));
}

static void save_one(int d, int k)
{
	struct turn *t = &turns[d][k];
	struct copy next = {.there = true,
			    .version = (t->s ? t->s->version : 0) + 1,
			    .at_ms = clock_wall_ms(),
			    .mark = ++marks};
	struct session *s;

	if (!t->ticket.held)
		return;
	s = after(t->s, 'x', 1);
	if (json_array_size(s->messages) > 3)
		json_array_remove(s->messages, 1);
	json_object_set_new(json_array_get(s->messages, json_array_size(s->messages) - 1), "mark",
			    json_integer(marks));
	t->saved = 0;
	sessions_save(daemons[d], &t->ticket, s, on_saved, t);
	session_unref(s);
	MUST(t->saved == 1);
	MUST(t->conflict == model_save(d, k, next));
	conflicts += t->conflict;
	kept += !t->conflict;
	turn_end(daemons[d], t);
}

static void look_one(int d, int k)
{
	struct session_key key = nth_key(k);
	struct turn t = {.told = 0};

	sessions_look(daemons[d], &key, &t.ticket, on_ready, &t);
	check_found(&t, model_find(d, k));
	session_unref(t.s);
}

static void delete_one(int d, int k)
{
	const struct copy stone = {.there = true,
				   .deleted = true,
				   .version = SESSION_LAST_VERSION,
				   .at_ms = clock_wall_ms()};
	const struct copy *c = model_find(d, k);
	int told = delete_now(daemons[d], nth_key(k));

	if (turns[d][k].ticket.held) {
		MUST(told == SESSION_BUSY);
		return;
	}
	MUST(told == (int)(c && backend_down ? SESSION_FAILED : model_answer(c)));
	model_open(d, k);
	if (told != SESSION_FOUND)
		return;
	memory[d][k].there = false;
	model_put(k, &stone);
}

static void change_world(void)
{
	if (rnd(4) == 0) {
		backend_down = !backend_down;
	} else if (rnd(20) == 0) {
		shelf_flush();
		memset(there, 0, sizeof there);
	} else {
		clock_advance_ms(rnd(rnd(10) ? TTL_MS / 50 : 2 * TTL_MS));
	}
}

static void one_step(void)
{
	int d = rnd(DAEMONS), k = rnd(KEYS), what = rnd(100);

	if (what < 30)
		open_one(d, k);
	else if (what < 55)
		save_one(d, k);
	else if (what < 65)
		begin_one(d, k);
	else if (what < 70)
		turn_end(daemons[d], &turns[d][k]);
	else if (what < 85)
		look_one(d, k);
	else if (what < 88)
		delete_one(d, k);
	else
		change_world();
}

static void every_answer_is_the_model_s(void **state)
{
	const char *asked_seed = getenv("CCAPI_TEST_SEED");
	struct sessions_count n;

	(void)state;
	first_seed = seed = asked_seed ? strtoull(asked_seed, NULL, 10) : 20240229;
	for (int d = 0; d < DAEMONS; d++)
		daemons[d] = daemon_new(false);
	for (step = 0; step < STEPS; step++)
		one_step();
	for (int d = 0; d < DAEMONS; d++) {
		for (int k = 0; k < KEYS; k++)
			turn_end(daemons[d], &turns[d][k]);
		clock_advance_ms(2 * TTL_MS);
		delete_now(daemons[d], nth_key(0)); /* tidies up */
		sessions_count(daemons[d], &n);
		assert_int_equal(n.entries, 0);
		assert_int_equal(n.bytes, 0);
		sessions_free(daemons[d]);
	}
	print_message("%u found, %u not there, %u busy, %u failed; %u turns kept, %u conflicts\n",
		      seen[SESSION_FOUND], seen[SESSION_NONE], seen[SESSION_BUSY],
		      seen[SESSION_FAILED], kept, conflicts);
	/* A walk that never came there would show nothing. */
	for (int i = 0; i <= SESSION_FAILED; i++)
		assert_true(seen[i] > STEPS / 100);
	assert_true(kept > STEPS / 50 && conflicts > STEPS / 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(every_answer_is_the_model_s, support_setup,
						support_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
