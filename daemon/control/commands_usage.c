/* usage and ledger.tail: what was asked and what it cost. */
#include <stdlib.h>
#include <string.h>

#include "shared/clock.h"
#include "shared/err.h"
#include "shared/json.h"
#include "shared/verb_value.h"

#include "daemon/admit/report.h"
#include "daemon/control/commands.h"
#include "daemon/control/json_view.h"
#include "daemon/control/whom.h"
#include "daemon/store/ledger.h"

enum { LEDGER_LINES = 20 };

static void store_refused(struct verb_call *r, int rc)
{
	struct rpc_error e;

	rpc_error_set(&e, RPC_STORE_FAILED, NULL, "the store cannot be read: %s", err_str(rc));
	snprintf(e.hint, sizeof e.hint, "%s", store_detail(r->control->deps.store));
	verb_call_fail(r, &e);
}

/* ---- usage ---- */

static const char *short_name(void *ctx, const char *model_id)
{
	const struct verb_call *r = ctx;

	return models_short_name(pool_models(r->control->deps.pool), model_id);
}

static void usage_as_csv(void *ctx, int rc, const struct buf *text)
{
	struct verb_call *r = ctx;

	if (rc < 0)
		store_refused(r, rc);
	else
		verb_call_answer(r, json_pack("{ss}", "csv", text->data ? text->data : ""));
}

static void usage_as_json(void *ctx, int rc, const struct buf *text)
{
	struct verb_call *r = ctx;

	if (rc < 0)
		store_refused(r, rc);
	else
		verb_call_answer_text(r, text);
}

void command_usage(struct verb_call *r)
{
	const struct control_deps *deps = &r->control->deps;
	const char *project = json_get_str(r->params, "project");
	bool csv = json_get_true(r->params, "csv");
	struct report_query query = {0};
	struct refusal why;
	struct key *key = NULL;
	int rc;

	if (project && !whom_project(r, "project"))
		return;
	if (param_given(r->params, "key")) {
		key = whom_key(r, "key");
		if (!key)
			return;
	}
	rc = report_parse(&query, project ? project : "", json_get_str(r->params, "period"),
			  json_get_str(r->params, "from"), json_get_str(r->params, "to"),
			  json_get_str(r->params, "group_by"), clock_wall_ms(), &why);
	if (rc < 0) {
		verb_call_started(r, rc, &why);
		return;
	}
	if (key)
		snprintf(query.usage.key_id, sizeof query.usage.key_id, "%s", key->record.id);
	rc = report_run(deps->registry, deps->store, &query, csv ? REPORT_CSV : REPORT_JSON,
			short_name, csv ? usage_as_csv : usage_as_json, r);
	if (rc < 0)
		store_refused(r, rc);
}

/* ---- ledger ---- */

static void show_lines(void *ctx, int rc, const struct ledger_record *lines, size_t count)
{
	struct verb_call *r = ctx;
	json_t *rows;

	if (rc < 0) {
		store_refused(r, rc);
		return;
	}
	rows = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(rows, view_ledger_line(&lines[i]));
	verb_call_answer(r, json_pack("{so}", "lines", rows));
}

void command_ledger_tail(struct verb_call *r)
{
	const char *project = json_get_str(r->params, "project");
	int rc;

	if (project && !whom_project(r, "project"))
		return;
	rc = store_ledger_tail(
		r->control->deps.store, project ? project : "", param_count(r->params, "before", 0),
		(size_t)param_count(r->params, "lines", LEDGER_LINES), show_lines, r);
	if (rc < 0)
		store_refused(r, rc);
}
