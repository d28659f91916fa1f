#include "daemon/notify.h"

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>

#include "shared/clock.h"
#include "shared/str.h"

#ifdef CCAPI_HAVE_SYSTEMD
#include <systemd/sd-daemon.h>

static uint64_t watchdog_us(void)
{
	uint64_t us = 0;

	return sd_watchdog_enabled(1, &us) > 0 ? us : 0;
}

static void tell(const char *words)
{
	sd_notify(0, words);
}

int notify_sockets(int *ret_first)
{
	int count = sd_listen_fds(1);

	*ret_first = SD_LISTEN_FDS_START;
	return count;
}
#else
static uint64_t watchdog_us(void)
{
	return 0;
}

static void tell(const char *words)
{
	(void)words;
}

int notify_sockets(int *ret_first)
{
	*ret_first = -1;
	return 0;
}
#endif

static void on_watchdog(uv_timer_t *timer)
{
	(void)timer;
	tell("WATCHDOG=1");
}

int notify_start(struct notify *n, uv_loop_t *loop)
{
	uint64_t us = watchdog_us();
	uint64_t half_ms = us / 2000;

	uv_timer_init(loop, &n->watchdog);
	if (us == 0)
		return 0;
	if (half_ms == 0)
		half_ms = 1;
	return uv_timer_start(&n->watchdog, on_watchdog, 0, half_ms);
}

void notify_stop(struct notify *n)
{
	uv_close((uv_handle_t *)&n->watchdog, NULL);
}

/* The protocol is lines: a status with a line break in it would say more than its caller meant. */
static void tell_status(const char *words, const char *status)
{
	char clean[400], all[512];

	str_copy_clean(clean, sizeof clean, status);
	snprintf(all, sizeof all, "%sSTATUS=%s", words, clean);
	tell(all);
}

void notify_ready(const char *status)
{
	tell_status("READY=1\n", status);
}

void notify_status(const char *status)
{
	tell_status("", status);
}

void notify_reloading(void)
{
	char words[128];

	snprintf(words, sizeof words, "RELOADING=1\nMONOTONIC_USEC=%" PRId64, clock_mono_us());
	tell(words);
}

void notify_stopping(const char *status)
{
	tell_status("STOPPING=1\n", status);
}
