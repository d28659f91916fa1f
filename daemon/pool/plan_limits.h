/* The subscription's limits as the CLI last reported them, newest report of all workers. */
#ifndef DAEMON_POOL_PLAN_LIMITS_H
#define DAEMON_POOL_PLAN_LIMITS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

enum plan_status { PLAN_UNKNOWN, PLAN_ALLOWED, PLAN_WARNING, PLAN_REJECTED };

struct plan_window {
	double utilization; /* 0..1; -1: not reported */
	int64_t resets_at;  /* Unix seconds; 0: not reported */
};

struct plan_limits {
	enum plan_status status;
	char type[48];     /* the limit that counts: "five_hour", ... */
	int64_t resets_at; /* Unix seconds; 0: not reported */
	struct plan_window five_hour, seven_day;
	int64_t received_ms; /* wall clock */
};

void plan_limits_init(struct plan_limits *p);

/* Takes rate_limit_event's rate_limit_info.  A "rejected" without windows or reset time is
 * throttling, not the plan: ignored. */
void plan_limits_update(struct plan_limits *p, const json_t *info, int64_t now_wall_ms);

/* Milliseconds until the plan lets requests through again; 0: it does now. */
int64_t plan_limits_wait_ms(const struct plan_limits *p, int64_t now_wall_ms);

/* The fuller of the two windows' utilisation, windows past their reset counting as 0; 0 when
 * unknown. */
double plan_limits_use(const struct plan_limits *p, int64_t now_wall_ms);

#endif
