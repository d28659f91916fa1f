#include "tests/unit/admit/fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/clock.h"
#include "shared/log.h"

#include "daemon/admit/window.h"
#include "daemon/observe/metrics.h"

#include "tests/unit/test.h"

struct registry *reg;
struct rate_limits unlimited = {-1, -1, -1};

static uv_loop_t loop;
static bool is_closed;

static void take_event(void *ctx, const struct event *e)
{
	char *text = json_dumps(e->data, JSON_COMPACT);
	size_t at = strlen(fakes.event_text);

	(void)ctx;
	assert_true(fakes.event_count < FAKE_EVENTS_MAX);
	snprintf(fakes.events[fakes.event_count++], sizeof fakes.events[0], "%s %s", e->topic,
		 json_string_value(json_object_get(e->data, "action")));
	snprintf(fakes.event_text + at, sizeof fakes.event_text - at, "%s\n", text);
	free(text);
}

static struct event_listener listener = {.event = take_event};

int fakes_setup(void **state)
{
	(void)state;
	memset(&fakes, 0, sizeof fakes);
	reg = NULL;
	log_set_level(LOG_LEVEL_ERROR);
	clock_freeze(INT64_C(5000000000), NOW_MS * 1000);
	metrics_reset();
	window_set_zone("UTC");
	events_listen(&listener);
	return uv_loop_init(&loop);
}

int fakes_teardown(void **state)
{
	(void)state;
	if (reg)
		reg_free();
	events_unlisten(&listener);
	clock_thaw();
	return uv_loop_close(&loop);
}

void reg_new(void)
{
	reg = registry_new(&loop, fakes_store());
	assert_non_null(reg);
}

static void closed(void *ctx)
{
	(void)ctx;
	is_closed = true;
}

void reg_free(void)
{
	is_closed = false;
	registry_free(reg, closed, NULL);
	reg = NULL;
	uv_run(&loop, UV_RUN_DEFAULT);
	fakes_end_all();
	assert_true(is_closed);
}

void outcome_done(void *ctx, int rc)
{
	struct outcome *o = ctx;

	o->calls++;
	o->rc = rc;
}

struct project *make_project(const char *name)
{
	struct project_record wanted = {.limits = unlimited};
	struct outcome o = {0, 1};
	struct refusal why;

	snprintf(wanted.name, sizeof wanted.name, "%s", name);
	assert_int_equal(registry_create_project(reg, &wanted, outcome_done, &o, &why), 0);
	fakes_end_all();
	assert_int_equal(o.rc, 0);
	return registry_find_project(reg, name);
}

struct key *make_key(const char *project, char secret[SECRET_SIZE])
{
	struct key_record wanted = {.scopes = KEY_CHAT | KEY_USAGE, .limits = unlimited};
	char id[KEY_ID_SIZE], own[SECRET_SIZE];
	struct outcome o = {0, 1};
	struct refusal why;

	snprintf(wanted.project, sizeof wanted.project, "%s", project);
	snprintf(wanted.label, sizeof wanted.label, "of %s", project);
	assert_int_equal(registry_create_key(reg, &wanted, id, secret ? secret : own, outcome_done,
					     &o, &why),
			 0);
	fakes_end_all();
	assert_int_equal(o.rc, 0);
	return registry_find_key(reg, id);
}

struct budget_record budget_of(enum scope scope, const char *subject, enum budget_window window,
			       int64_t tokens, int64_t micro_usd)
{
	struct budget_record b = {.scope = scope,
				  .window = window,
				  .limit_tokens = tokens,
				  .limit_micro_usd = micro_usd};

	snprintf(b.subject, sizeof b.subject, "%s", subject);
	return b;
}

void make_budget(const struct budget_record *b)
{
	struct outcome o = {0, 1};
	struct refusal why;

	assert_int_equal(registry_put_budget(reg, b, outcome_done, &o, &why), 0);
	fakes_end_all();
	assert_int_equal(o.rc, 0);
}

struct look {
	enum budget_window window;
	struct budget_view view;
	bool found;
};

static void look_at(void *ctx, const struct budget_view *v)
{
	struct look *l = ctx;

	if (v->record.window != l->window)
		return;
	l->view = *v;
	l->found = true;
}

struct budget_view view_of(struct account_list *list, enum budget_window window)
{
	struct look l = {.window = window};

	budget_each(list, clock_wall_ms(), look_at, &l);
	assert_true(l.found);
	return l.view;
}

bool has_account(struct account_list *list, enum budget_window window)
{
	struct look l = {.window = window};

	budget_each(list, clock_wall_ms(), look_at, &l);
	return l.found;
}
