/* Everything that happens in a handler is prepared before: write(), tcsetattr(), sigaction() and
 * raise() are all it calls.  SIGTERM, SIGHUP, SIGINT, SIGTSTP and SIGCONT are not among the signals
 * here: the loop takes them (term/terminal.c).  SIGKILL cannot be helped. */
#include "tui/term/restore.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/err.h"

static const int fatal[] = {SIGSEGV,   SIGBUS,  SIGFPE,  SIGILL,  SIGABRT, SIGQUIT,
			    SIGTRAP,   SIGSYS,  SIGXCPU, SIGXFSZ, SIGALRM, SIGPIPE,
			    SIGVTALRM, SIGPROF, SIGUSR1, SIGUSR2};
#define FATAL_COUNT (sizeof(fatal) / sizeof(fatal[0]))

/* Two states, so that the one a handler reads is never half written. */
static struct {
	int fd;
	struct termios modes;
	char bytes[RESTORE_MAX];
	size_t len;
} states[2];

static atomic_int armed = -1; /* index of the state to restore, -1: none */
static pid_t owner;           /* a child that exits leaves the terminal alone */
static struct sigaction before[FATAL_COUNT];
static bool installed;
static char alternate_stack[65536]; /* for the overflow of the usual one */

void restore_now(void)
{
	int state = atomic_exchange(&armed, -1);
	size_t at = 0;

	if (state < 0 || getpid() != owner)
		return;
	while (at < states[state].len) {
		ssize_t n =
			write(states[state].fd, states[state].bytes + at, states[state].len - at);

		if (n <= 0 && errno != EINTR)
			break;
		at += n > 0 ? (size_t)n : 0;
	}
	tcsetattr(states[state].fd, TCSANOW, &states[state].modes);
}

void restore_disarm(void)
{
	atomic_store(&armed, -1);
}

/* A fault happens again by itself when the handler returns, what was sent is sent anew; either
 * meets the disposition of before. */
static void on_fatal(int signo, siginfo_t *info, void *context)
{
	int saved_errno = errno;

	(void)context;
	restore_now();
	for (size_t i = 0; i < FATAL_COUNT; i++)
		if (fatal[i] == signo)
			sigaction(signo, &before[i], NULL);
	if (info->si_code <= 0 || info->si_code == SI_KERNEL)
		raise(signo);
	errno = saved_errno;
}

static void use_alternate_stack(void)
{
	stack_t stack = {.ss_sp = alternate_stack, .ss_size = sizeof(alternate_stack)}, now;

	/* A sanitizer has its own. */
	if (sigaltstack(NULL, &now) == 0 && (now.ss_flags & SS_DISABLE))
		sigaltstack(&stack, NULL);
}

static void install(void)
{
	struct sigaction action = {.sa_sigaction = on_fatal, .sa_flags = SA_SIGINFO | SA_ONSTACK};

	installed = true;
	sigemptyset(&action.sa_mask);
	use_alternate_stack();
	for (size_t i = 0; i < FATAL_COUNT; i++) {
		if (sigaction(fatal[i], NULL, &before[i]) < 0 || before[i].sa_handler == SIG_IGN)
			continue;
		sigaction(fatal[i], &action, NULL);
	}
	atexit(restore_now);
}

int restore_arm(int fd, const struct termios *modes, const char *bytes, size_t len)
{
	int next = atomic_load(&armed) == 0 ? 1 : 0;

	if (len > RESTORE_MAX)
		return ERR_LIMIT;
	states[next].fd = fd;
	states[next].modes = *modes;
	memcpy(states[next].bytes, bytes, len);
	states[next].len = len;
	owner = getpid();
	if (!installed)
		install();
	atomic_store(&armed, next);
	return 0;
}
