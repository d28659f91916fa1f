/* Drives the store by itself, for tests that kill it and for measuring:
 *
 *   store_drive settle FILE WAYS     holds and settles without end, WAYS requests at a time, and
 * prints each request's id once its settlement is durable store_drive open FILE            opens
 * and closes it in order; prints how many holds were closed store_drive time FILE WAYS N     N
 * requests, WAYS at a time: requests/s, median and 99th percentile of hold + settle, CPU
 *   store_drive hits FILE N          N cache hits, 64 at a time
 *   store_drive usage FILE           time of the questions about usage and of the ledger's tail
 *   store_drive fill FILE N          N lines with their sums, made in SQL */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include <uv.h>

#include "shared/clock.h"

#include "daemon/store/ledger.h"
#include "daemon/store/store.h"
#include "daemon/store/usage.h"

static uv_loop_t loop;
static struct store *store;

static void die(const char *what)
{
	fprintf(stderr, "store_drive: %s\n", what);
	exit(1);
}

static void check(int rc, const char *what)
{
	if (rc != 0)
		die(what);
}

static void open_store(const char *path)
{
	check(uv_loop_init(&loop), "no loop");
	store = store_new(&loop, path, NULL, NULL);
	if (!store || !store_healthy(store))
		die(store ? store_detail(store) : "out of memory");
}

static void on_closed(void *ctx)
{
	(void)ctx;
}

static void stop_store(void)
{
	store_stop(store, on_closed, NULL);
	uv_run(&loop, UV_RUN_DEFAULT);
}

/* ---- requests ---- */

struct request {
	int64_t id, began_us;
};

static bool print_ids;
static int64_t to_begin, running;
static int64_t *took_us;
static size_t taken;

static void begin_request(struct request *r);

static void on_settled(void *ctx, int rc)
{
	struct request *r = ctx;
	char line[32];
	int len;

	check(rc, "a settlement failed");
	if (print_ids) {
		len = snprintf(line, sizeof line, "%lld\n", (long long)r->id);
		if (write(STDOUT_FILENO, line, (size_t)len) != len)
			exit(1);
	} else {
		took_us[taken++] = clock_mono_us() - r->began_us;
	}
	running--;
	begin_request(r);
}

static void on_held(void *ctx, int rc)
{
	struct request *r = ctx;
	struct ledger_record line = {.at_ms = clock_wall_ms(),
				     .model = "claude-sonnet-4-5",
				     .route = "auto:simple-task",
				     .outcome = "ok",
				     .used = {.requests = 1,
					      .input_tokens = 10,
					      .output_tokens = 20,
					      .cost_micro_usd = 330},
				     .held_tokens = 1100,
				     .held_micro_usd = 15300};

	check(rc, "a hold failed");
	snprintf(line.request_id, sizeof line.request_id, "req-%lld", (long long)r->id);
	snprintf(line.project, sizeof line.project, "project-%lld", (long long)(r->id % 3));
	snprintf(line.key_id, sizeof line.key_id, "k_%lld", (long long)(r->id % 5));
	check(store_settle(store, r->id, &line, NULL, on_settled, r), "no settlement");
}

static void begin_request(struct request *r)
{
	struct hold_record hold = {.at_ms = clock_wall_ms(),
				   .model = "claude-sonnet-4-5",
				   .prompt_tokens = 10,
				   .prompt_micro_usd = 30,
				   .tokens = 1100,
				   .micro_usd = 15300};

	if (to_begin-- <= 0)
		return;
	running++;
	r->id = store_next_id(store);
	r->began_us = clock_mono_us();
	hold.id = r->id;
	snprintf(hold.request_id, sizeof hold.request_id, "req-%lld", (long long)r->id);
	snprintf(hold.project, sizeof hold.project, "project-%lld", (long long)(r->id % 3));
	snprintf(hold.key_id, sizeof hold.key_id, "k_%lld", (long long)(r->id % 5));
	check(store_hold(store, &hold, on_held, r), "no hold");
}

static void run_requests(int ways, int64_t count)
{
	struct request *requests = calloc((size_t)ways, sizeof *requests);

	if (!requests)
		die("out of memory");
	to_begin = count;
	for (int i = 0; i < ways; i++)
		begin_request(&requests[i]);
	while (running > 0)
		uv_run(&loop, UV_RUN_ONCE);
	free(requests);
}

static int compare(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static int64_t cpu_us(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * INT64_C(1000000) +
	       usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
}

static void time_requests(int ways, int64_t count)
{
	int64_t began = clock_mono_us(), cpu = cpu_us(), wall;
	struct store_counts counts;

	took_us = calloc((size_t)count, sizeof *took_us);
	if (!took_us)
		die("out of memory");
	run_requests(ways, count);
	wall = clock_mono_us() - began;
	cpu = cpu_us() - cpu;
	qsort(took_us, taken, sizeof *took_us, compare);
	store_count(store, &counts);
	printf("%d at a time: %lld requests/s, hold + settle p50 %lld us, p99 %lld us, %.1f us of "
	       "CPU per request, %.1f writes per commit\n",
	       ways, (long long)(count * 1000000 / wall), (long long)took_us[taken / 2],
	       (long long)took_us[taken * 99 / 100], (double)cpu / (double)count,
	       (double)counts.writes / (double)counts.commits);
	free(took_us);
}

/* ---- cache hits ---- */

static void on_hit(void *ctx, int rc)
{
	check(rc, "a hit failed");
	running--;
	if (to_begin-- > 0) {
		running++;
		check(store_cache_hit(store, "demo", "k_1", "claude-sonnet-4-5", clock_wall_ms(),
				      on_hit, ctx),
		      "no hit");
	}
}

static void time_hits(int64_t count)
{
	int64_t began = clock_mono_us(), cpu = cpu_us(), wall;

	to_begin = count;
	for (int i = 0; i < 64; i++) {
		running++;
		on_hit(NULL, 0);
	}
	while (running > 0)
		uv_run(&loop, UV_RUN_ONCE);
	wall = clock_mono_us() - began;
	cpu = cpu_us() - cpu;
	printf("cache hits, 64 at a time: %lld/s, %.1f us of CPU each\n",
	       (long long)(count * 1000000 / wall), (double)cpu / (double)count);
}

/* ---- questions ---- */

static int answered;

static void on_usage(void *ctx, int rc, const struct usage_row *rows, size_t count)
{
	(void)rows;
	check(rc, "no usage");
	*(size_t *)ctx = count;
	answered++;
}

static void on_tail(void *ctx, int rc, const struct ledger_record *lines, size_t count)
{
	(void)lines;
	check(rc, "no tail");
	*(size_t *)ctx = count;
	answered++;
}

static void time_question(const char *name, const struct usage_query *q)
{
	enum { ROUNDS = 50 };
	int64_t took[ROUNDS];
	size_t rows = 0;

	for (int i = 0; i < ROUNDS; i++) {
		took[i] = clock_mono_us();
		answered = 0;
		check(q ? store_usage(store, q, on_usage, &rows)
			: store_ledger_tail(store, "project-1", 0, 50, on_tail, &rows),
		      "no question");
		while (!answered)
			uv_run(&loop, UV_RUN_ONCE);
		took[i] = clock_mono_us() - took[i];
	}
	qsort(took, ROUNDS, sizeof *took, compare);
	printf("%-28s %6lld us, %zu rows\n", name, (long long)took[ROUNDS / 2], rows);
}

static void time_usage(void)
{
	static const struct {
		const char *name, *project, *key;
		enum usage_group group;
	} questions[] = {{"project by model", "project-1", "", USAGE_BY_MODEL},
			 {"project by day", "project-1", "", USAGE_BY_DAY},
			 {"project by key", "project-1", "", USAGE_BY_KEY},
			 {"one key", "", "k_1", USAGE_BY_NOTHING},
			 {"all", "", "", USAGE_BY_NOTHING},
			 {"all by project", "", "", USAGE_BY_PROJECT}};

	for (size_t i = 0; i < sizeof questions / sizeof *questions; i++) {
		struct usage_query q = {.from_ms = clock_wall_ms() - 30 * DAY_MS,
					.to_ms = clock_wall_ms() + DAY_MS,
					.group = questions[i].group};

		strcpy(q.project, questions[i].project);
		strcpy(q.key_id, questions[i].key);
		time_question(questions[i].name, &q);
	}
	time_question("tail of 50", NULL);
}

/* One line a second up to now, over 3 projects, 5 keys and 2 models. */
static const char fill[] =
	"BEGIN; DROP TABLE IF EXISTS temp.lines; CREATE TEMP TABLE lines AS WITH RECURSIVE n(i) AS "
	"(SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < %lld) SELECT i, (unixepoch() - i) * "
	"1000 AS at, 'project-' || (i %% 3) AS project, 'k_' || (i %% 5) AS key_id, 'model-' || (i "
	"%% 2) AS model FROM n;"
	"INSERT INTO ledger SELECT NULL, at, 'req-' || i, project, key_id, model, 'requested', "
	"'ok', "
	"1, 0, 0, 10, 20, 0, 0, 0, 330, 1100, 15300, 0, 1, 2 FROM lines ORDER BY i DESC;"
	"INSERT INTO usage_quarter SELECT project, at / 900000 * 900000, key_id, model, count(*), "
	"0, "
	"0, 10 * count(*), 20 * count(*), 0, 0, 0, 330 * count(*) FROM lines GROUP BY 1, 2, 3, 4;"
	"INSERT INTO usage_quarter SELECT '', at / 900000 * 900000, '', model, count(*), 0, 0, 10 "
	"* "
	"count(*), 20 * count(*), 0, 0, 0, 330 * count(*) FROM lines GROUP BY 1, 2, 3, 4;"
	"INSERT INTO usage_day SELECT project, at / 86400000 * 86400000, key_id, model, "
	"sum(requests), 0, 0, sum(input_tokens), sum(output_tokens), 0, 0, 0, sum(cost_micro_usd) "
	"FROM usage_quarter GROUP BY 1, 2, 3, 4;"
	"COMMIT;";

static void fill_file(const char *path, long long count)
{
	char sql[sizeof fill + 32];
	char *error = NULL;
	sqlite3 *conn;

	open_store(path); /* makes the schema */
	stop_store();
	snprintf(sql, sizeof sql, fill, count);
	check(sqlite3_open(path, &conn), "cannot open");
	if (sqlite3_exec(conn, sql, NULL, NULL, &error) != SQLITE_OK)
		die(error);
	sqlite3_close(conn);
}

int main(int argc, char **argv)
{
	const char *what = argc > 2 ? argv[1] : "";
	int64_t first = argc > 3 ? atoll(argv[3]) : 0, second = argc > 4 ? atoll(argv[4]) : 0;
	struct store_counts counts;

	if (strcmp(what, "fill") == 0) {
		fill_file(argv[2], first);
		return 0;
	}
	if (!*what)
		die("see the top of store_drive.c");
	open_store(argv[2]);
	if (strcmp(what, "settle") == 0) {
		print_ids = true;
		run_requests((int)first, INT64_MAX);
	} else if (strcmp(what, "open") == 0) {
		store_count(store, &counts);
		printf("%lld\n", (long long)counts.open_holds_closed);
	} else if (strcmp(what, "time") == 0 && first > 0 && second > 0) {
		time_requests((int)first, second);
	} else if (strcmp(what, "hits") == 0) {
		time_hits(first);
	} else if (strcmp(what, "usage") == 0) {
		time_usage();
	} else {
		die("see the top of store_drive.c");
	}
	stop_store();
	return 0;
}
