/* GET /v1/models: the CLI's catalogue in OpenAI's form: `auto`, then the aliases, then the full ids
 * behind them. */
#include <string.h>

#include "shared/json.h"
#include "shared/money.h"

#include "daemon/api/handlers.h"
#include "daemon/api/request.h"

enum { BODY_MAX = 1024 * 1024 };

/* model may be NULL: `auto` when the configured default is not on offer. */
static void write_model(struct buf *b, const char *id, const struct model *model, int64_t created)
{
	buf_add_str(b, "{\"id\":");
	json_add_string_lossy(b, id);
	buf_printf(b, ",\"object\":\"model\",\"created\":%lld,\"owned_by\":\"anthropic\"",
		   (long long)created);
	if (model && model->display_name[0]) {
		buf_add_str(b, ",\"display_name\":");
		json_add_string_lossy(b, model->display_name);
	}
	if (model) {
		buf_add_str(b, ",\"resolves_to\":");
		json_add_string_lossy(b, model->id);
	}
	if (model && model->input_micro_usd_per_mtok >= 0 &&
	    model->output_micro_usd_per_mtok >= 0) {
		buf_add_str(b, ",\"pricing\":{\"input_usd_per_mtok\":");
		money_add_usd(b, model->input_micro_usd_per_mtok);
		buf_add_str(b, ",\"output_usd_per_mtok\":");
		money_add_usd(b, model->output_micro_usd_per_mtok);
		buf_add_char(b, '}');
	}
	buf_add_char(b, '}');
}

/* Whether a row before row i, or any alias when `full_ids`, already listed this name. */
static bool listed_before(const struct models *m, size_t i, const char *name, bool full_ids)
{
	if (strcmp(name, "auto") == 0)
		return true;
	for (size_t k = 0; k < (full_ids ? m->count : i); k++)
		if (strcmp(m->items[k].name, name) == 0)
			return true;
	for (size_t k = 0; full_ids && k < i; k++)
		if (strcmp(m->items[k].id, name) == 0)
			return true;
	return false;
}

static const struct model *default_model(const struct request *r)
{
	const char *name = r->api->deps.conf->routing.default_model;

	return *name ? models_find(pool_models(r->api->deps.pool), name) : NULL;
}

static bool catalogue_is_known(struct request *r)
{
	struct failure f;

	if (pool_models(r->api->deps.pool)->count)
		return true;
	failure_set(&f, FAULT_BACKEND_UNAVAILABLE, NULL,
		    "The models are not known, because no worker has started yet.");
	request_fail(r, &f);
	return false;
}

void handle_models(struct request *r)
{
	const struct models *m = pool_models(r->api->deps.pool);
	int64_t created = r->api->started_wall_s;
	struct buf b;

	if (!catalogue_is_known(r))
		return;
	buf_init(&b, BODY_MAX);
	buf_add_str(&b, "{\"object\":\"list\",\"data\":[");
	write_model(&b, "auto", default_model(r), created);
	for (int full_ids = 0; full_ids <= 1; full_ids++) {
		for (size_t i = 0; i < m->count; i++) {
			const char *name = full_ids ? m->items[i].id : m->items[i].name;

			if (listed_before(m, i, name, full_ids))
				continue;
			buf_add_char(&b, ',');
			write_model(&b, name, &m->items[i], created);
		}
	}
	buf_add_str(&b, "]}");
	request_reply(r, 200, "application/json", &b);
	buf_done(&b);
}

void handle_model(struct request *r)
{
	bool is_auto = strcmp(r->arg, "auto") == 0;
	const struct model *model;
	struct failure f;
	struct buf b;

	if (!catalogue_is_known(r))
		return;
	model = is_auto ? default_model(r) : models_find(pool_models(r->api->deps.pool), r->arg);
	if (!model && !is_auto) {
		failure_set(&f, FAULT_MODEL_NOT_FOUND, "model",
			    "The model '%.100s' does not exist; GET /v1/models lists those on "
			    "offer.",
			    r->arg);
		request_fail(r, &f);
		return;
	}
	buf_init(&b, BODY_MAX);
	write_model(&b, r->arg, model, r->api->started_wall_s);
	request_reply(r, 200, "application/json", &b);
	buf_done(&b);
}
