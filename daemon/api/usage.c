/* GET /v1/usage: what a project has used.  A key sees its own project; without keys the project is
 * named by project_id. */
#include <errno.h>
#include <string.h>

#include "shared/clock.h"

#include "daemon/admit/report.h"
#include "daemon/api/auth.h"
#include "daemon/api/fields.h"
#include "daemon/api/handlers.h"
#include "daemon/api/request.h"

enum usage_arg { ARG_PROJECT, ARG_PERIOD, ARG_FROM, ARG_TO, ARG_GROUP, ARG_FORMAT };

const char *const usage_args[] = {[ARG_PROJECT] = "project_id",
				  [ARG_PERIOD] = "period",
				  [ARG_FROM] = "from",
				  [ARG_TO] = "to",
				  [ARG_GROUP] = "group_by",
				  [ARG_FORMAT] = "format",
				  NULL};

static const char *arg(const struct request *r, enum usage_arg which)
{
	return exchange_arg(r->x, usage_args[which]);
}

static const char *short_name(void *ctx, const char *model_id)
{
	const struct request *r = ctx;

	return models_short_name(pool_models(r->api->deps.pool), model_id);
}

static void answer(void *ctx, int rc, const struct buf *text)
{
	struct request *r = ctx;
	struct failure f;
	struct buf copy;

	if (r->x && rc < 0) {
		failure_set(&f, FAULT_STORE, NULL, "%s", "");
		request_fail(r, &f);
	} else if (r->x) {
		buf_init(&copy, text->len + 1);
		buf_add(&copy, text->data, text->len);
		request_reply(r, 200, r->user ? "text/csv; charset=utf-8" : "application/json",
			      &copy);
		buf_done(&copy);
	}
	request_unref(r);
}

static int read_format(const char *text, enum report_format *ret, struct failure *f)
{
	if (text && strcmp(text, "csv") != 0 && strcmp(text, "json") != 0)
		return failure_set(f, FAULT_INVALID_REQUEST, "format",
				   "format: expected json or csv.");
	*ret = text && strcmp(text, "csv") == 0 ? REPORT_CSV : REPORT_JSON;
	return 0;
}

/* By project is for operators, who see more than one. */
static int check_group(const char *text, struct failure *f)
{
	if (text && strcmp(text, "project") == 0)
		return failure_set(f, FAULT_INVALID_REQUEST, "group_by",
				   "group_by: expected model, day or key.");
	return 0;
}

static int ask(struct request *r, struct failure *f)
{
	const struct api_deps *deps = &r->api->deps;
	const char *project = auth_project_name(r, arg(r, ARG_PROJECT), f);
	enum report_format format = REPORT_JSON;
	struct report_query q;
	struct refusal why;

	if (!project || check_group(arg(r, ARG_GROUP), f) ||
	    read_format(arg(r, ARG_FORMAT), &format, f))
		return -EINVAL;
	if (report_parse(&q, project, arg(r, ARG_PERIOD), arg(r, ARG_FROM), arg(r, ARG_TO),
			 arg(r, ARG_GROUP), clock_wall_ms(), &why)) {
		failure_from_refusal(f, &why);
		return -EINVAL;
	}
	r->user = format == REPORT_CSV ? r : NULL;
	request_ref(r); /* until the answer */
	if (report_run(deps->registry, deps->store, &q, format, short_name, answer, r) == 0)
		return 0;
	request_unref(r);
	return failure_set(f, FAULT_STORE, NULL, "%s", "");
}

void handle_usage(struct request *r)
{
	struct failure f;

	if (ask(r, &f))
		request_fail(r, &f);
}
