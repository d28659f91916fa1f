/* Records as JSON: a row of the operators' lists of requests. */
#include "daemon/observe/activity_private.h"
#include "daemon/observe/row.h"

static void write_who(const struct activity_record *r, struct buf *to)
{
	static const char *const states[] = {[ACTIVITY_PREPARING] = "preparing",
					     [ACTIVITY_QUEUED] = "queued",
					     [ACTIVITY_RUNNING] = "running",
					     [ACTIVITY_ENDED] = "ended"};

	row_text(to, "id", r->id);
	row_int(to, "number", (int64_t)r->number);
	row_text(to, "state", states[r->state]);
	row_text(to, "method", r->method);
	row_text(to, "path", r->path);
	row_text(to, "peer", r->peer);
	row_bool(to, "stream", r->stream);
	row_text(to, "priority", r->priority);
	row_text(to, "project", r->project);
	row_text(to, "key_id", r->key_id);
	row_text(to, "key_label", r->key_label);
}

static void write_how(const struct activity_record *r, struct buf *to)
{
	row_text(to, "model_asked", r->model_asked);
	row_text(to, "model", r->model);
	row_text(to, "route", r->route);
	row_text(to, "route_reason", r->reason);
	row_text(to, "cache", r->cache);
	row_int_or_null(to, "worker", r->worker ? (int64_t)r->worker : -1);
	if (r->warm < 0)
		row_null(to, "warm");
	else
		row_bool(to, "warm", r->warm);
	row_int(to, "attempts", r->attempts);
	row_time(to, "accepted_at", r->accepted_ms);
	row_time(to, "queued_at", r->queued_ms);
	row_time(to, "dispatched_at", r->dispatched_ms);
	row_time(to, "first_token_at", r->first_token_ms);
	row_time(to, "ended_at", r->ended_ms);
}

static void write_outcome(const struct activity_record *r, struct buf *to)
{
	row_int(to, "input_tokens", r->input_tokens);
	row_int(to, "cache_read_tokens", r->cache_read_tokens);
	row_int(to, "cache_creation_tokens", r->cache_creation_tokens);
	row_int(to, "output_tokens", r->output_tokens);
	row_bool(to, "output_estimated", r->output_estimated);
	row_usd(to, "cost_usd", r->cost_micro_usd);
	row_int_or_null(to, "held_tokens", r->held_tokens);
	row_usd(to, "held_usd", r->held_micro_usd);
	row_text(to, "outcome", r->outcome);
	row_int_or_null(to, "status", r->status ? r->status : -1);
	row_text(to, "error", r->error);
}

void activity_write(const struct activity_record *r, struct buf *to)
{
	row_open(to);
	write_who(r, to);
	write_how(r, to);
	write_outcome(r, to);
	row_close(to);
}

json_t *activity_view(const struct activity_record *r)
{
	struct buf text;
	json_t *row;

	buf_init(&text, ROW_MAX);
	activity_write(r, &text);
	row = row_parse(&text);
	buf_done(&text);
	return row;
}
