#include "tui/view/host.h"

#include "shared/verbs.h"

bool host_may(const struct host *h, const char *method)
{
	const struct verb *verb = verb_find(method);

	return verb && h->model->link == LINK_LIVE && h->model->right >= verb->right;
}
