#include "daemon/pool/plan_limits.h"

#include <string.h>

#include "shared/json.h"
#include "shared/str.h"

/* The longest window is a month (overage); a time beyond it is a mistake, not to be waited for. */
enum { LONGEST_WINDOW_S = 32 * 24 * 3600 };

void plan_limits_init(struct plan_limits *p)
{
	*p = (struct plan_limits){.five_hour = {.utilization = -1},
				  .seven_day = {.utilization = -1}};
}

static enum plan_status status_of(const char *name)
{
	if (!name)
		return PLAN_UNKNOWN;
	if (strcmp(name, "allowed") == 0)
		return PLAN_ALLOWED;
	if (strcmp(name, "allowed_warning") == 0)
		return PLAN_WARNING;
	return strcmp(name, "rejected") == 0 ? PLAN_REJECTED : PLAN_UNKNOWN;
}

/* A window that the report does not name keeps its last figures. */
static void take_window(struct plan_window *w, const json_t *windows, const char *name)
{
	const json_t *row = json_object_get(windows, name);
	double use = json_get_num(row, "utilization", -1);

	if (use < 0 || use > 1000)
		return;
	w->utilization = use;
	w->resets_at = json_get_int(row, "resetsAt", 0);
}

void plan_limits_update(struct plan_limits *p, const json_t *info, int64_t now_wall_ms)
{
	enum plan_status status = status_of(json_get_str(info, "status"));
	const json_t *windows = json_object_get(info, "unifiedWindows");
	int64_t resets_at = json_get_int(info, "resetsAt", 0);
	const char *type = json_get_str(info, "rateLimitType");

	if (status == PLAN_UNKNOWN || (status == PLAN_REJECTED && resets_at <= 0))
		return;
	p->status = status;
	p->resets_at = resets_at;
	p->received_ms = now_wall_ms;
	str_copy_clean(p->type, sizeof p->type, type ? type : "");
	take_window(&p->five_hour, windows, "five_hour");
	take_window(&p->seven_day, windows, "seven_day");
}

int64_t plan_limits_wait_ms(const struct plan_limits *p, int64_t now_wall_ms)
{
	int64_t left;

	if (p->status != PLAN_REJECTED || p->resets_at > now_wall_ms / 1000 + LONGEST_WINDOW_S)
		return 0;
	left = p->resets_at * 1000 - now_wall_ms;
	return left > 0 ? left : 0;
}

static double window_use(const struct plan_window *w, int64_t now_wall_ms)
{
	if (w->utilization < 0 || (w->resets_at > 0 && w->resets_at <= now_wall_ms / 1000))
		return 0;
	return w->utilization;
}

double plan_limits_use(const struct plan_limits *p, int64_t now_wall_ms)
{
	double five = window_use(&p->five_hour, now_wall_ms),
	       seven = window_use(&p->seven_day, now_wall_ms);

	return five > seven ? five : seven;
}
