#include "ctl/token.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

enum {
	PIECE = 512,
	LEAST = 20,
	MORE_MS = 300 /* within which a pasted line follows the one before */
};

static const char prefix[] = "sk-ant-oat";

void token_wipe(struct token *t)
{
	explicit_bzero(t, sizeof *t);
}

/* ESC [ 2 0 0 ~ and ESC [ 2 0 1 ~ stand around a paste. */
static size_t paste_mark(const char *at, size_t left)
{
	enum { MARK = 6 };

	if (left < MARK)
		return 0;
	return memcmp(at, "\033[200~", MARK) == 0 || memcmp(at, "\033[201~", MARK) == 0 ? MARK : 0;
}

static void trim_end(struct token *t)
{
	while (t->len > 0 && (t->text[t->len - 1] == ' ' || t->text[t->len - 1] == '\t'))
		t->len--;
}

static void take_one(struct token *t, char c)
{
	bool blank = c == ' ' || c == '\t';

	if (c == '\n' || c == '\r') {
		trim_end(t);
		t->broken = true;
		return;
	}
	if (blank && (t->broken || t->len == 0))
		return;
	t->broken = false;
	if (c == '\x7f' || c == '\b') {
		t->len -= t->len > 0;
	} else if (c == '\x15') {
		t->len = 0;
		t->too_long = false;
	} else if (t->len + 1 < sizeof t->text) {
		t->text[t->len++] = c;
	} else {
		t->too_long = true;
	}
}

void token_take(struct token *t, const char *bytes, size_t len)
{
	for (size_t i = 0; i < len;) {
		size_t mark = paste_mark(bytes + i, len - i);

		if (mark == 0)
			take_one(t, bytes[i]);
		i += mark ? mark : 1;
	}
	t->text[t->len] = '\0';
}

const char *token_fault(const struct token *t)
{
	if (t->len == 0)
		return "there is no token";
	if (t->too_long)
		return "it is too long to be a token";
	if (strncmp(t->text, prefix, strlen(prefix)) != 0)
		return "it is no token of claude setup-token: these begin with sk-ant-oat";
	for (size_t i = 0; i < t->len; i++)
		if (t->text[i] <= ' ' || t->text[i] >= '\x7f')
			return "there are characters in it that no token has";
	return t->len < LEAST ? "it is too short: a part of it is missing" : NULL;
}

int token_read_file(struct token *t, int fd)
{
	char piece[PIECE];
	ssize_t n;

	while ((n = read(fd, piece, sizeof piece)) != 0) {
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0)
			token_take(t, piece, (size_t)n);
	}
	explicit_bzero(piece, sizeof piece);
	token_take(t, "\n", 1);
	return 0;
}

/* ---- from a terminal ---- */

struct silence {
	int fd, signals;
	struct termios before, silent;
	sigset_t caught, old_mask;
};

/* Byte by byte, so that a paste of several lines comes whole; ^C still is a signal. */
static int silence_begin(struct silence *s, int fd)
{
	static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP};

	*s = (struct silence){.fd = fd};
	if (tcgetattr(fd, &s->before) < 0)
		return -errno;
	sigemptyset(&s->caught);
	for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
		sigaddset(&s->caught, numbers[i]);
	s->signals = signalfd(-1, &s->caught, SFD_CLOEXEC);
	if (s->signals < 0)
		return -errno;
	sigprocmask(SIG_BLOCK, &s->caught, &s->old_mask);
	s->silent = s->before;
	s->silent.c_lflag &= ~(tcflag_t)(ECHO | ECHONL | ICANON);
	s->silent.c_cc[VMIN] = 1;
	s->silent.c_cc[VTIME] = 0;
	tcsetattr(fd, TCSAFLUSH, &s->silent);
	return 0;
}

/* What is left of a paste is thrown away: a shell would take it for a command. */
static void silence_end(struct silence *s)
{
	tcsetattr(s->fd, TCSAFLUSH, &s->before);
	close(s->signals);
	sigprocmask(SIG_SETMASK, &s->old_mask, NULL);
}

/* True: the wait is over. */
static bool take_signal(struct silence *s, int *ret_signal)
{
	struct signalfd_siginfo info;

	if (read(s->signals, &info, sizeof info) != sizeof info)
		return false;
	if (info.ssi_signo != SIGTSTP) {
		*ret_signal = (int)info.ssi_signo;
		return true;
	}
	tcsetattr(s->fd, TCSAFLUSH, &s->before);
	raise(SIGSTOP);
	tcsetattr(s->fd, TCSAFLUSH, &s->silent);
	return false;
}

/* 1: there is more to come, 0: that was all, -errno. */
static int take_typed(struct token *t, int fd)
{
	char piece[PIECE];
	ssize_t n = read(fd, piece, sizeof piece);
	char *end;

	if (n < 0)
		return errno == EINTR || errno == EAGAIN ? 1 : -errno;
	end = n > 0 ? memchr(piece, '\x04', (size_t)n) : NULL;
	if (end)
		n = end - piece;
	token_take(t, piece, (size_t)n);
	explicit_bzero(piece, sizeof piece);
	return end || n == 0 ? 0 : 1;
}

int token_read_terminal(struct token *t, int fd, int *ret_signal)
{
	struct silence s;
	int rc = silence_begin(&s, fd);

	if (rc < 0)
		return rc;
	for (rc = 1; rc == 1;) {
		struct pollfd p[] = {{.fd = fd, .events = POLLIN},
				     {.fd = s.signals, .events = POLLIN}};
		int ready = poll(p, 2, t->broken ? MORE_MS : -1);

		if (ready == 0)
			rc = 0;
		else if (ready < 0)
			rc = errno == EINTR ? 1 : -errno;
		else if (p[1].revents && take_signal(&s, ret_signal))
			rc = -EINTR;
		else if (p[0].revents)
			rc = take_typed(t, fd);
	}
	silence_end(&s);
	return rc;
}
