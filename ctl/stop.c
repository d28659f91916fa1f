/* Signals wake a descriptor.  A write to a reader that takes nothing must end by Ctrl-C too, also
 * when the signal comes just before it: so stdout is replaced by a stream that waits for room and
 * for the signal together, and then writes no more than there is room for. */
#include "ctl/stop.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

static volatile sig_atomic_t came;
static int wake = -1, stop_fd = -1;

static void take(int number)
{
	const uint64_t one = 1;
	int saved = errno;
	ssize_t n;

	came = number;
	n = write(wake, &one, sizeof one);
	(void)n; /* it is full only when it is awake */
	errno = saved;
}

static int watch_one(int epoll, int fd, uint32_t events)
{
	struct epoll_event e = {.events = events, .data.fd = fd};

	return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e);
}

/* Waits for room or the end.  A pipe that is ready takes PIPE_BUF bytes without a wait. */
static ssize_t write_some(const char *data, size_t len)
{
	struct pollfd p[] = {{.fd = STDOUT_FILENO, .events = POLLOUT},
			     {.fd = stop_fd, .events = POLLIN}};

	if (poll(p, 2, -1) < 0)
		return errno == EINTR ? 0 : -1;
	if (p[1].revents) {
		errno = came ? EINTR : EPIPE;
		return -1;
	}
	return write(STDOUT_FILENO, data, len < PIPE_BUF ? len : PIPE_BUF);
}

/* As fopencookie() has it: all, or it is an error. */
static ssize_t write_all(void *cookie, const char *data, size_t len)
{
	size_t done = 0;

	(void)cookie;
	while (done < len) {
		ssize_t n = write_some(data + done, len - done);

		if (n < 0)
			break;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

static int replace_stdout(void)
{
	FILE *f = fopencookie(NULL, "w", (cookie_io_functions_t){.write = write_all});

	if (!f)
		return -1;
	fflush(stdout);
	stdout = f;
	return 0;
}

int stop_watch(void)
{
	static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
	struct sigaction act = {.sa_handler = take}; /* no SA_RESTART */
	struct sigaction ignore = {.sa_handler = SIG_IGN};
	int epoll = epoll_create1(EPOLL_CLOEXEC);

	stop_fd = epoll;
	wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (epoll < 0 || wake < 0 || watch_one(epoll, wake, EPOLLIN) < 0)
		return -1;
	/* Errors and the end are told without being asked for.  A file has neither: EPERM. */
	if (watch_one(epoll, STDOUT_FILENO, 0) < 0 && errno != EPERM && errno != EBADF)
		return -1;
	if (replace_stdout() < 0)
		return -1;
	sigaction(SIGPIPE, &ignore, NULL);
	for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
		struct sigaction old;

		/* What the caller had ignored (nohup) stays ignored. */
		if (sigaction(numbers[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN)
			sigaction(numbers[i], &act, NULL);
	}
	return epoll;
}

int stop_signal(void)
{
	return came;
}

bool stop_output_closed(void)
{
	struct pollfd p = {.fd = STDOUT_FILENO};

	return poll(&p, 1, 0) > 0 && (p.revents & (POLLERR | POLLHUP | POLLNVAL));
}

void stop_forget_output(void)
{
	__fpurge(stdout);
	clearerr(stdout);
}
