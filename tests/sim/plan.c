/* Why this exists: the daemon refuses early when the plan is used up, and learns it from
 * rate_limit_event alone. The upstream's headers are
 * anthropic-ratelimit-unified-{status,reset,representative-claim,overage-status,
 * overage-disabled-reason} and, per window w of {5h,7d},
 * -{w}-{status,utilization,reset,surpassed-threshold}. A warning is not taken from the status but
 * from a window's surpassed-threshold.  API keys get no events. */
#include "tests/sim/plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/emit.h"
#include "tests/sim/login.h"

#define HOUR 3600
#define PREFIX "anthropic-ratelimit-unified-"

static struct jbuf info; /* read, perhaps not printed yet */
static bool rejected_by_plan;

struct window {
	const char *name, *header;
	const char *status, *use, *reset, *threshold;
};

void plan_done(void)
{
	jbuf_done(&info);
}

void plan_drop(void)
{
	info.len = 0;
}

bool plan_rejected(const struct sim *sim)
{
	(void)sim;
	return rejected_by_plan;
}

void plan_print(struct sim *sim)
{
	if (info.len)
		emit_rate_limit(sim, &info);
	info.len = 0;
}

static void add_word(const char *key, const char *value)
{
	if (!value)
		return;
	jbuf_printf(&info, ",\"%s\":", key);
	jbuf_string(&info, value, strlen(value));
}

static void add_number(const char *key, const char *value)
{
	if (value)
		jbuf_printf(&info, ",\"%s\":%.12g", key, strtod(value, NULL));
}

static void add_windows(const struct window *windows, size_t count)
{
	bool any = false;
	for (size_t i = 0; i < count; i++) {
		const struct window *w = &windows[i];
		if (!w->use)
			continue;
		jbuf_puts(&info, any ? "," : ",\"unifiedWindows\":{");
		any = true;
		jbuf_printf(&info, "\"%s\":{\"utilization\":%.12g", w->name, strtod(w->use, NULL));
		add_number("resetsAt", w->reset);
		add_word("status", w->status);
		add_number("surpassedThreshold", w->threshold);
		jbuf_puts(&info, "}");
	}
	if (any)
		jbuf_puts(&info, "}");
}

static const char *ask(plan_header header, void *context, const char *first, const char *second)
{
	char name[96];
	snprintf(name, sizeof name, PREFIX "%s%s", first, second);
	return header(context, name);
}

void plan_from_headers(struct sim *sim, int status, plan_header header, void *context)
{
	struct window windows[] = {{.name = "five_hour", .header = "5h"},
				   {.name = "seven_day", .header = "7d"}};
	const struct window *warning = NULL;
	rejected_by_plan = false;
	info.len = 0;
	if (!login_is_subscription(sim) || (status != 200 && status != 429))
		return;
	for (size_t i = 0; i < 2; i++) {
		struct window *w = &windows[i];
		w->status = ask(header, context, w->header, "-status");
		w->use = ask(header, context, w->header, "-utilization");
		w->reset = ask(header, context, w->header, "-reset");
		w->threshold = ask(header, context, w->header, "-surpassed-threshold");
		if (w->threshold && !warning)
			warning = w;
	}
	const char *state = status == 429 ? "rejected" : ask(header, context, "status", "");
	const char *claim = ask(header, context, "representative-claim", "");
	const char *reset = ask(header, context, "reset", "");
	if (!state || !strcmp(state, "allowed_warning"))
		state = "allowed";
	if (strcmp(state, "allowed"))
		warning = NULL;
	rejected_by_plan = status == 429 && claim;
	jbuf_printf(&info, "{\"status\":\"%s\"",
		    warning           ? "allowed_warning"
		    : state[0] == 'r' ? "rejected"
				      : "allowed");
	add_number("resetsAt", warning ? warning->reset : reset);
	add_word("rateLimitType", warning ? warning->name : claim);
	add_number("utilization", warning ? warning->use : NULL);
	add_word("overageStatus", ask(header, context, "overage-status", ""));
	add_word("overageDisabledReason", ask(header, context, "overage-disabled-reason", ""));
	jbuf_puts(&info, ",\"isUsingOverage\":false");
	add_number("surpassedThreshold", warning ? warning->threshold : NULL);
	add_windows(windows, 2);
	jbuf_puts(&info, "}");
}

/* The headers a plan fault stands for. */
struct fault_headers {
	const char *status;
	char use[32], reset[24], week_reset[24];
};

static const char *fault_header(void *context, const char *name)
{
	const struct fault_headers *h = context;
	const char *key = name + sizeof PREFIX - 1;
	bool warning = !strcmp(h->status, "allowed_warning");
	if (!strcmp(key, "status") || !strcmp(key, "5h-status"))
		return h->status;
	if (!strcmp(key, "representative-claim"))
		return "five_hour";
	if (!strcmp(key, "reset") || !strcmp(key, "5h-reset"))
		return h->reset;
	if (!strcmp(key, "5h-utilization"))
		return h->use;
	if (!strcmp(key, "5h-surpassed-threshold"))
		return warning ? "0.9" : NULL;
	if (!strcmp(key, "7d-status"))
		return "allowed";
	if (!strcmp(key, "7d-utilization"))
		return "0.11";
	return !strcmp(key, "7d-reset") ? h->week_reset : NULL;
}

void plan_from_fault(struct sim *sim)
{
	struct faults *f = &sim->turn.faults;
	bool used_up = !strcmp(f->error, "plan");
	if (!*f->plan && !used_up)
		return;
	struct fault_headers h = {.status = "allowed"};
	double use = used_up ? 1 : strtod(f->plan, NULL);
	const char *comma = strchr(f->plan, ',');
	if (used_up)
		h.status = "rejected";
	else if (comma)
		h.status = comma + 1;
	/* Stable, so that a repeat is no news, and more than an hour away, so that no test sees its
	 * end. */
	int64_t hour = (now_wall_ms() / 1000 / HOUR + 2) * HOUR;
	snprintf(h.use, sizeof h.use, "%.6g", use);
	snprintf(h.reset, sizeof h.reset, "%jd", (intmax_t)hour);
	snprintf(h.week_reset, sizeof h.week_reset, "%jd", (intmax_t)(hour + 72 * HOUR));
	plan_from_headers(sim, !strcmp(h.status, "rejected") ? 429 : 200, fault_header, &h);
}
