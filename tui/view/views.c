#include "tui/view/views.h"

#include <string.h>

const struct view_ops *const views[] = {
	&view_overview, &view_workers, &view_requests, &view_budgets,
	&view_keys,     &view_routing, &view_events,   &view_help,
};
const int view_count = sizeof views / sizeof views[0];

int view_find(const char *name)
{
	for (int i = 0; i < view_count; i++)
		if (strcmp(views[i]->name, name) == 0)
			return i;
	return -1;
}
