/* What a subscriber is told first, and again when it has lost events: everything that events speak
 * of, as it is now. */
#include "shared/clock.h"

#include "daemon/control/internal.h"
#include "daemon/observe/activity.h"
#include "daemon/observe/view.h"
#include "daemon/pool/pool_view.h"

static json_t *requests(const struct subscription *s)
{
	struct activity_query live = {.live = true, .count = SIZE_MAX};
	struct activity_query recent = {.ended = true, .count = s->recent};

	return json_pack("{so so}", "live", activity_list(&live), "recent", activity_list(&recent));
}

json_t *snapshot_new(struct control *c, const struct subscription *s)
{
	json_t *to = json_pack("{sI so so}", "seq", (json_int_t)events_seq(), "at",
			       view_time_ms(clock_wall_ms()), "status", status_view(c));

	if (feed_wants(s, "stats"))
		json_object_set_new(to, "history", activity_history());
	if (feed_wants(s, "worker"))
		json_object_set_new(to, "workers", pool_view_workers(c->deps.pool));
	if (feed_wants(s, "request"))
		json_object_set_new(to, "requests", requests(s));
	if (feed_wants(s, "log") && c->deps.log)
		json_object_set_new(to, "logs",
				    log_ring_lines(c->deps.log, s->logs, LOG_LEVEL_DEBUG));
	return to;
}
