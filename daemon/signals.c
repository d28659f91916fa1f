#include "daemon/signals.h"

#include <signal.h>

static void on_end(uv_signal_t *handle, int signum)
{
	struct signals *s = handle->data;

	s->actions.end(s->actions.ctx, signum == SIGTERM ? "SIGTERM" : "SIGINT");
}

static void on_hangup(uv_signal_t *handle, int signum)
{
	struct signals *s = handle->data;

	(void)signum;
	s->actions.reload(s->actions.ctx);
}

int signals_start(struct signals *s, uv_loop_t *loop, const struct signal_actions *actions)
{
	int rc;

	s->actions = *actions;
	uv_signal_init(loop, &s->terminate);
	uv_signal_init(loop, &s->interrupt);
	uv_signal_init(loop, &s->hangup);
	s->terminate.data = s->interrupt.data = s->hangup.data = s;
	rc = uv_signal_start(&s->terminate, on_end, SIGTERM);
	if (rc == 0)
		rc = uv_signal_start(&s->interrupt, on_end, SIGINT);
	if (rc == 0)
		rc = uv_signal_start(&s->hangup, on_hangup, SIGHUP);
	return rc;
}

void signals_stop(struct signals *s)
{
	uv_close((uv_handle_t *)&s->terminate, NULL);
	uv_close((uv_handle_t *)&s->interrupt, NULL);
	uv_close((uv_handle_t *)&s->hangup, NULL);
}
