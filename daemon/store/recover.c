#include "daemon/store/recover.h"

#include <string.h>

static void read_hold(struct query *q, int64_t now_ms, struct ledger_record *line)
{
	*line = (struct ledger_record){.at_ms = now_ms,
				       .outcome = "interrupted",
				       .queue_ms = -1,
				       .first_text_ms = -1,
				       .total_ms = -1};
	query_get_text(q, 0, line->request_id, sizeof line->request_id);
	query_get_text(q, 1, line->project, sizeof line->project);
	query_get_text(q, 2, line->key_id, sizeof line->key_id);
	query_get_text(q, 3, line->model, sizeof line->model);
	line->used = (struct usage_amounts){.requests = 1,
					    .errors = 1,
					    .input_tokens = query_get_int(q, 4),
					    .cost_micro_usd = query_get_int(q, 5)};
	line->held_tokens = query_get_int(q, 6);
	line->held_micro_usd = query_get_int(q, 7);
}

int recover_holds(struct books *b, int64_t now_ms, int64_t *ret_count)
{
	struct query q =
		query_start(&b->db, "SELECT request_id, project, key_id, model, prompt_tokens, "
				    "prompt_micro_usd, tokens, micro_usd FROM holds ORDER BY id");
	struct ledger_record line;
	int64_t count = 0;
	int rc;

	while ((rc = query_row(&q)) > 0) {
		int64_t seq = 0;

		read_hold(&q, now_ms, &line);
		rc = books_append(b, &line, &seq);
		if (rc != 0)
			break;
		count++;
	}
	query_end(&q);
	if (rc == 0 && count > 0)
		rc = db_exec(&b->db, "DELETE FROM holds");
	if (rc == 0)
		*ret_count = count;
	return rc;
}
