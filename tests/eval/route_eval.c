/* route-eval: how well the seed rules choose a model.
 *
 *   route-eval [options] TUNED.tsv HELDOUT.tsv   accuracy, confusion, cost
 *       --errors                also the rows that were decided otherwise than labelled
 *       --markdown              as docs/ROUTING.md has it
 *       --price MODEL=IN/OUT    dollars per million tokens
 *       --floor P, --heldout-floor P, --opus-to-haiku N
 *                               exit status 1 below that accuracy in percent, over all rows and
 *                               over the held-out ones, or with more such confusions
 *   route-eval --conditions     the table of conditions for docs/ROUTING.md
 *   route-eval --rules          the seed rules for docs/ROUTING.md
 *   route-eval --bench          CPU time of a decision, for a prompt of 1 KB
 *
 * A row is LABEL, tokens of context, description, separated by tabs.  It is decided by the
 * functions that answer model "auto".  Its cost is that of the context and 500 tokens of answer. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "daemon/dispatch/router.h"
#include "daemon/dispatch/router_rules.h"

enum {
	CLASSES = 3,
	LINE_MAX_BYTES = 65536,
	ANSWER_TOKENS = 500,
	SHORT_CONTEXT = 10000 /* tokens; longer rows are most of the cost */
};

/* The two files, and what is summed up from both. */
enum { TUNED, HELD_OUT, FILES, ALL = FILES, SHORT, SETS };

static struct model catalogue[CLASSES] = {
	{.name = "haiku", .id = "claude-haiku"},
	{.name = "sonnet", .id = "claude-sonnet"},
	{.name = "opus", .id = "claude-opus"},
};
static const struct models models = {.items = catalogue, .count = CLASSES};

/* What came out of a set. */
struct tally {
	unsigned confusion[CLASSES][CLASSES]; /* [label][chosen] */
	double auto_usd, labels_usd, sonnet_usd, opus_usd;
};

struct options {
	bool errors, markdown;
	double floor, heldout_floor;
	unsigned opus_to_haiku;
	const char *files[FILES];
	int file_count;
};

static const char *const set_names[SETS] = {"tuned", "held out", "all",
					    "all of at most 10,000 tokens"};

static int class_of(const char *name)
{
	for (int c = 0; c < CLASSES; c++)
		if (strcmp(catalogue[c].name, name) == 0)
			return c;
	return -1;
}

static bool set_price(const char *text)
{
	char name[16];
	double in, out;
	int class;

	if (sscanf(text, "%15[a-z]=%lf/%lf", name, &in, &out) != 3 || !(in >= 0) || !(out >= 0) ||
	    in > 1e5 || out > 1e5)
		return false;
	class = class_of(name);
	if (class < 0)
		return false;
	catalogue[class].input_micro_usd_per_mtok = (int64_t)(in * 1e6 + 0.5);
	catalogue[class].output_micro_usd_per_mtok = (int64_t)(out * 1e6 + 0.5);
	return true;
}

static double cost_usd(int class, int64_t context)
{
	return ((double)context * (double)catalogue[class].input_micro_usd_per_mtok +
		(double)ANSWER_TOKENS * (double)catalogue[class].output_micro_usd_per_mtok) /
	       1e12;
}

static int decide(const struct router *router, const struct route_features *f,
		  struct route_decision *d)
{
	struct route_query q = {
		.features = f,
		.budget_left_tokens = INT64_MAX,
		.explain = true,
	};

	return router_decide(router, &models, &q, 0, d) ? -1 : class_of(d->model->name);
}

static void count(struct tally *t, int label, int chosen, int64_t context)
{
	t->confusion[label][chosen]++;
	t->auto_usd += cost_usd(chosen, context);
	t->labels_usd += cost_usd(label, context);
	t->sonnet_usd += cost_usd(1, context);
	t->opus_usd += cost_usd(2, context);
}

/* Adds a row of a file to its sets.  False: the line is none of ours. */
static bool run_line(const struct router *router, char *line, const struct options *o, int file,
		     struct tally *sets)
{
	char *context = strchr(line, '\t');
	char *text = context ? strchr(context + 1, '\t') : NULL;
	struct route_features f;
	struct route_decision d;
	int label, chosen;

	if (!text)
		return false;
	*context++ = *text++ = '\0';
	text[strcspn(text, "\n")] = '\0';
	label = class_of(line);
	if (label < 0 || !*context || context[strspn(context, "0123456789")])
		return false;
	route_features_of_text(&f, text, strtoll(context, NULL, 10));
	chosen = decide(router, &f, &d);
	if (chosen < 0)
		return false;
	count(&sets[file], label, chosen, f.context_tokens);
	count(&sets[ALL], label, chosen, f.context_tokens);
	if (f.context_tokens <= SHORT_CONTEXT)
		count(&sets[SHORT], label, chosen, f.context_tokens);
	if (o->errors && chosen != label)
		printf("%s not %s: %.90s [%s]\n", catalogue[chosen].name, line, text, d.reasoning);
	return true;
}

static int run_file(const struct router *router, const struct options *o, int file,
		    struct tally *sets)
{
	static char line[LINE_MAX_BYTES];
	const char *name = o->files[file];
	FILE *in = fopen(name, "r");
	unsigned number = 0;
	int rc = 0;

	if (!in) {
		fprintf(stderr, "%s: %s\n", name, strerror(errno));
		return 1;
	}
	while (!rc && fgets(line, sizeof line, in)) {
		number++;
		if (!run_line(router, line, o, file, sets)) {
			fprintf(stderr, "%s:%u: not LABEL, context, description\n", name, number);
			rc = 1;
		}
	}
	if (ferror(in)) {
		fprintf(stderr, "%s: cannot be read\n", name);
		rc = 1;
	}
	fclose(in);
	return rc;
}

static unsigned rows_of(const struct tally *t)
{
	unsigned n = 0;

	for (int l = 0; l < CLASSES; l++)
		for (int c = 0; c < CLASSES; c++)
			n += t->confusion[l][c];
	return n;
}

static double accuracy(const struct tally *t)
{
	unsigned n = rows_of(t), right = 0;

	for (int c = 0; c < CLASSES; c++)
		right += t->confusion[c][c];
	return n ? 100.0 * right / n : 0;
}

/* Against another cost, in percent: "saves 35 %" or "costs 33 % more". */
static void print_saving(double cost, double against)
{
	double percent = against > 0 ? 100 * (1 - cost / against) : 0;

	printf(percent >= 0 ? " saves %.0f %% |" : " costs %.0f %% more |",
	       percent >= 0 ? percent : -percent);
}

static void print_markdown(const struct tally *sets)
{
	const struct tally *all = &sets[ALL];

	puts("| Set | Rows | Decided as labelled | Cost by `auto` | by the labels | all sonnet "
	     "| all opus | `auto` against sonnet | against opus |\n"
	     "| --- | --- | --- | --- | --- | --- | --- | --- | --- |");
	for (int s = 0; s < SETS; s++) {
		printf("| %s | %u | %.1f %% | $%.4f | $%.4f | $%.4f | $%.4f |", set_names[s],
		       rows_of(&sets[s]), accuracy(&sets[s]), sets[s].auto_usd, sets[s].labels_usd,
		       sets[s].sonnet_usd, sets[s].opus_usd);
		print_saving(sets[s].auto_usd, sets[s].sonnet_usd);
		print_saving(sets[s].auto_usd, sets[s].opus_usd);
		putchar('\n');
	}
	for (int s = 0; s <= ALL; s++) {
		printf("\n| Label (%s) | to haiku | to sonnet | to opus |\n| --- | --- | --- | --- "
		       "|\n",
		       set_names[s]);
		for (int l = 0; l < CLASSES; l++)
			printf("| %s | %u | %u | %u |\n", catalogue[l].name,
			       sets[s].confusion[l][0], sets[s].confusion[l][1],
			       sets[s].confusion[l][2]);
	}
	printf("\nPrices per million tokens:");
	for (int c = 0; c < CLASSES; c++)
		printf("%s %s $%.10g/$%.10g", c ? "," : "", catalogue[c].name,
		       (double)catalogue[c].input_micro_usd_per_mtok / 1e6,
		       (double)catalogue[c].output_micro_usd_per_mtok / 1e6);
	printf("; %u of %u rows that need opus went to haiku.\n", all->confusion[2][0],
	       all->confusion[2][0] + all->confusion[2][1] + all->confusion[2][2]);
}

static void print_plain(const struct tally *sets)
{
	for (int s = 0; s < SETS; s++) {
		printf("%s: %u rows, %.1f %% as labelled; $%.4f, always sonnet $%.4f, always opus "
		       "$%.4f\n",
		       set_names[s], rows_of(&sets[s]), accuracy(&sets[s]), sets[s].auto_usd,
		       sets[s].sonnet_usd, sets[s].opus_usd);
		for (int l = 0; l < CLASSES; l++)
			printf("  %-6s -> haiku %3u, sonnet %3u, opus %3u\n", catalogue[l].name,
			       sets[s].confusion[l][0], sets[s].confusion[l][1],
			       sets[s].confusion[l][2]);
	}
}

static int evaluate(const struct router *router, const struct options *o)
{
	struct tally sets[SETS] = {0};
	const struct tally *all = &sets[ALL];

	for (int file = 0; file < FILES; file++)
		if (run_file(router, o, file, sets))
			return 1;
	if (o->markdown)
		print_markdown(sets);
	else
		print_plain(sets);
	if (accuracy(all) < o->floor || accuracy(&sets[HELD_OUT]) < o->heldout_floor ||
	    all->confusion[2][0] > o->opus_to_haiku) {
		fprintf(stderr,
			"below the floor: all %.1f %% (%.1f), held out %.1f %% (%.1f), opus "
			"to haiku %u (%u)\n",
			accuracy(all), o->floor, accuracy(&sets[HELD_OUT]), o->heldout_floor,
			all->confusion[2][0], o->opus_to_haiku);
		return 1;
	}
	return 0;
}

static int print_conditions(void)
{
	struct buf b;
	int rc;

	buf_init(&b, 65536);
	route_conditions_write(&b);
	rc = b.failed || fputs(b.data, stdout) < 0;
	buf_done(&b);
	return rc;
}

static int print_rules(void)
{
	puts("```");
	for (size_t i = 0; i < router_seed_rule_count; i++)
		puts(router_seed_rules[i]);
	puts("```");
	return 0;
}

static int bench(const struct router *router)
{
	static const char words[] = "the service keeps every order in a table and sends mail ";
	enum { ROUNDS = 20000, SIZE = 1024 };
	char text[SIZE + 1];
	struct timespec from, to;
	struct route_decision d;
	long long ns;

	for (int i = 0; i < SIZE; i++)
		text[i] = words[i % (int)(sizeof words - 1)];
	text[SIZE] = '\0';
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from);
	for (int i = 0; i < ROUNDS; i++) {
		struct route_features f;

		route_features_of_text(&f, text, -1);
		if (decide(router, &f, &d) < 0)
			return 1;
	}
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &to);
	ns = (long long)(to.tv_sec - from.tv_sec) * 1000000000 + (to.tv_nsec - from.tv_nsec);
	printf("%lld ns of CPU per decision of a prompt of %d bytes\n", ns / ROUNDS, SIZE);
	return 0;
}

static int usage(void)
{
	fputs("usage: route-eval [--errors] [--markdown] [--price MODEL=IN/OUT] [--floor P]\n"
	      "           [--heldout-floor P] [--opus-to-haiku N] TUNED.tsv HELDOUT.tsv\n"
	      "       route-eval --conditions | --rules | --bench\n",
	      stderr);
	return 2;
}

static bool take_option(struct options *o, const char *name, const char *value)
{
	if (strcmp(name, "--price") == 0)
		return set_price(value);
	if (strcmp(name, "--floor") == 0)
		o->floor = atof(value);
	else if (strcmp(name, "--heldout-floor") == 0)
		o->heldout_floor = atof(value);
	else if (strcmp(name, "--opus-to-haiku") == 0)
		o->opus_to_haiku = (unsigned)atoi(value);
	else
		return false;
	return true;
}

static bool parse(struct options *o, int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--errors") == 0)
			o->errors = true;
		else if (strcmp(argv[i], "--markdown") == 0)
			o->markdown = true;
		else if (argv[i][0] == '-' && i + 1 < argc && take_option(o, argv[i], argv[i + 1]))
			i++;
		else if (argv[i][0] != '-' && o->file_count < FILES)
			o->files[o->file_count++] = argv[i];
		else
			return false;
	}
	return o->file_count == FILES;
}

int main(int argc, char **argv)
{
	struct options o = {.opus_to_haiku = UINT32_MAX};
	struct router *router;
	char why[512];
	int rc;

	set_price("haiku=0.1/0.5"); /* as the CLI tells them today */
	set_price("sonnet=2/10");
	set_price("opus=4/20");
	router = router_new(router_seed_rules, router_seed_rule_count, ROUTER_SONNET_SCORE,
			    ROUTER_OPUS_SCORE, why, sizeof why);
	if (!router) {
		fprintf(stderr, "the seed rules: %s\n", why);
		return 1;
	}
	if (argc == 2 && strcmp(argv[1], "--conditions") == 0)
		rc = print_conditions();
	else if (argc == 2 && strcmp(argv[1], "--rules") == 0)
		rc = print_rules();
	else if (argc == 2 && strcmp(argv[1], "--bench") == 0)
		rc = bench(router);
	else
		rc = parse(&o, argc, argv) ? evaluate(router, &o) : usage();
	router_free(router);
	return rc;
}
