/* What the files of observe/activity share: activity.c (requests under way and ended), _view.c
 * (records as JSON), _stats.c (figures of the last minutes). */
#ifndef DAEMON_OBSERVE_ACTIVITY_PRIVATE_H
#define DAEMON_OBSERVE_ACTIVITY_PRIVATE_H

#include "shared/buf.h"

#include "daemon/observe/activity.h"

enum { BYTES_PER_TOKEN = 4 /* of text, for estimates */, ROW_MAX = 16 * 1024 };

void activity_write(const struct activity_record *r, struct buf *to); /* a row */
json_t *activity_view(const struct activity_record *r);

void activity_stats_count(const struct activity_record *ended);
void activity_stats_reset(void);

/* Calls for each record that is kept, the newest first, until it returns false. */
void activity_each_ended(bool (*each)(void *ctx, const struct activity_record *r), void *ctx);

#endif
