/* Values of the metrics.  A family has a list of series; one without labels has one, which is made
 * at the first use and shown from the start.  The last one used is tried first: most of what is
 * counted is the same thing again. */
#include "daemon/observe/metrics.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "shared/log.h"

/* Upper bounds of histograms' buckets, in microseconds: from a cache hit to a long answer. */
static const int64_t bounds[] = {100,       250,       500,      1000,     2500,     5000,
				 10000,     25000,     50000,    100000,   250000,   500000,
				 1000000,   2500000,   5000000,  10000000, 30000000, 60000000,
				 120000000, 300000000, 600000000};

enum { BUCKETS = sizeof bounds / sizeof *bounds, LABEL_MAX = 128, MILLION = 1000000 };

struct histogram {
	int64_t buckets[BUCKETS]; /* not cumulative; what is above the last is in `count` alone */
	int64_t count, sum_us;
};

struct series {
	int64_t value;
	struct series *next;
	char *labels[METRIC_LABELS]; /* into `text`; NULL: no more */
	char text[];
};

static struct series *families[METRICS], *last_used[METRICS];
static struct series plain[METRICS]; /* of families without labels */
static struct histogram histograms[METRICS];

static unsigned label_count(enum metric m)
{
	unsigned n = 0;

	while (n < METRIC_LABELS && metric_families[m].labels[n])
		n++;
	return n;
}

static unsigned most_series(enum metric m)
{
	return metric_families[m].series ? metric_families[m].series : METRIC_SERIES;
}

/* ---- series ---- */

static const char *label_at(const char *const labels[METRIC_LABELS], unsigned i)
{
	return labels[i] && *labels[i] ? labels[i] : "none";
}

static bool is_of(const struct series *s, const char *const labels[METRIC_LABELS], unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (strcmp(s->labels[i], label_at(labels, i)) != 0)
			return false;
	return true;
}

static struct series *make(enum metric m, const char *const labels[METRIC_LABELS], unsigned n)
{
	struct series *s;
	size_t size = 0, len;
	char *to;

	for (unsigned i = 0; i < n; i++)
		size += strlen(label_at(labels, i)) + 1;
	s = calloc(1, sizeof *s + size);
	if (!s)
		return NULL;
	to = s->text;
	for (unsigned i = 0; i < n; i++) {
		len = strlen(label_at(labels, i)) + 1;
		s->labels[i] = memcpy(to, label_at(labels, i), len);
		to += len;
	}
	LL_APPEND(families[m], s);
	return s;
}

static struct series *find(enum metric m, const char *const labels[METRIC_LABELS], unsigned n,
			   unsigned *ret_count)
{
	struct series *s;

	*ret_count = 0;
	LL_FOREACH(families[m], s)
	{
		if (is_of(s, labels, n))
			return s;
		++*ret_count;
	}
	return NULL;
}

/* NULL: out of memory; then it is not counted. */
static struct series *series_of(enum metric m, const char *const labels[METRIC_LABELS])
{
	static const char *const other[METRIC_LABELS] = {"other", "other", "other", "other"};
	unsigned n = label_count(m), count;
	struct series *s = last_used[m];

	if (n == 0)
		return &plain[m];
	if (s && is_of(s, labels, n))
		return s;
	s = find(m, labels, n, &count);
	if (!s && count + 1 < most_series(m))
		s = make(m, labels, n);
	else if (!s) /* the last one is for all others */
		s = find(m, other, n, &count);
	if (!s)
		s = make(m, other, n);
	last_used[m] = s;
	return s;
}

/* ---- counting ---- */

static void add(struct series *s, int64_t n)
{
	if (s && n >= 0 && __builtin_add_overflow(s->value, n, &s->value))
		s->value = INT64_MAX;
}

void metric_add_labels(enum metric m, int64_t n, const char *const labels[METRIC_LABELS])
{
	add(series_of(m, labels), n);
}

void metric_add_as(enum metric m, int64_t n, const char *label)
{
	metric_add_labels(m, n, (const char *const[METRIC_LABELS]){label});
}

void metric_add(enum metric m, int64_t n)
{
	metric_add_labels(m, n, (const char *const[METRIC_LABELS]){NULL});
}

void metric_set_labels(enum metric m, int64_t value, const char *const labels[METRIC_LABELS])
{
	struct series *s = series_of(m, labels);

	if (s)
		s->value = value;
}

void metric_set(enum metric m, int64_t value)
{
	metric_set_labels(m, value, (const char *const[METRIC_LABELS]){NULL});
}

void metric_observe(enum metric m, int64_t us)
{
	struct histogram *h = &histograms[m];
	unsigned i = 0;

	if (us < 0)
		return;
	while (i < BUCKETS && us > bounds[i])
		i++;
	if (i < BUCKETS)
		h->buckets[i]++;
	h->count++;
	if (__builtin_add_overflow(h->sum_us, us, &h->sum_us))
		h->sum_us = INT64_MAX;
}

void metric_clear(enum metric m)
{
	struct series *s, *next;

	LL_FOREACH_SAFE(families[m], s, next)
	free(s);
	families[m] = last_used[m] = NULL;
	plain[m].value = 0;
	histograms[m] = (struct histogram){.count = 0};
}

int64_t metric_value(enum metric m)
{
	const struct series *s;
	int64_t sum = plain[m].value;

	if (metric_families[m].type == METRIC_HISTOGRAM)
		return histograms[m].count;
	LL_FOREACH(families[m], s)
	{
		if (__builtin_add_overflow(sum, s->value, &sum))
			return INT64_MAX;
	}
	return sum;
}

const char *metric_name(enum metric m)
{
	return metric_families[m].name;
}

void metrics_reset(void)
{
	for (int m = 0; m < METRICS; m++)
		metric_clear((enum metric)m);
}

/* ---- Prometheus' text form ---- */

static void add_number(struct buf *to, int64_t value, bool micro)
{
	uint64_t whole = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
	unsigned part = micro ? (unsigned)(whole % MILLION) : 0, digits = 6;

	buf_add_str(to, value < 0 ? "-" : "");
	buf_printf(to, "%llu", (unsigned long long)(micro ? whole / MILLION : whole));
	if (part == 0)
		return;
	while (part % 10 == 0) {
		part /= 10;
		digits--;
	}
	buf_printf(to, ".%0*u", (int)digits, part);
}

/* Escapes what the format asks to escape; control characters are no part of a label. */
static void add_label(struct buf *to, const char *name, const char *value)
{
	buf_printf(to, "%s=\"", name);
	for (size_t i = 0; value[i] && i < LABEL_MAX; i++) {
		if (value[i] == '\\' || value[i] == '"')
			buf_add_char(to, '\\');
		buf_add_char(to, (unsigned char)value[i] < ' ' ? '?' : value[i]);
	}
	buf_add_char(to, '"');
}

static void write_series(struct buf *to, const struct metric_family *f, const struct series *s)
{
	buf_add_str(to, f->name);
	for (unsigned i = 0; i < METRIC_LABELS && f->labels[i]; i++) {
		buf_add_char(to, i ? ',' : '{');
		add_label(to, f->labels[i], s->labels[i]);
	}
	buf_add_str(to, f->labels[0] ? "} " : " ");
	add_number(to, s->value, f->micro);
	buf_add_char(to, '\n');
}

static void write_histogram(struct buf *to, const struct metric_family *f,
			    const struct histogram *h)
{
	int64_t below = 0;

	for (unsigned i = 0; i < BUCKETS; i++) {
		below += h->buckets[i];
		buf_printf(to, "%s_bucket{le=\"", f->name);
		add_number(to, bounds[i], true);
		buf_printf(to, "\"} %lld\n", (long long)below);
	}
	buf_printf(to, "%s_bucket{le=\"+Inf\"} %lld\n%s_sum ", f->name, (long long)h->count,
		   f->name);
	add_number(to, h->sum_us, true);
	buf_printf(to, "\n%s_count %lld\n", f->name, (long long)h->count);
}

void metrics_write(struct buf *to)
{
	static const char *const types[] = {[METRIC_COUNTER] = "counter",
					    [METRIC_GAUGE] = "gauge",
					    [METRIC_HISTOGRAM] = "histogram"};
	const struct series *s;

	for (int m = 0; m < METRICS; m++) {
		const struct metric_family *f = &metric_families[m];

		buf_printf(to, "# HELP %s %s\n# TYPE %s %s\n", f->name, f->help, f->name,
			   types[f->type]);
		if (f->type == METRIC_HISTOGRAM)
			write_histogram(to, f, &histograms[m]);
		else if (!f->labels[0])
			write_series(to, f, &plain[m]);
		LL_FOREACH(families[m], s)
		write_series(to, f, s);
	}
}
