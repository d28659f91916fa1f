/* claude-sim: stand-in for the Claude Code CLI as `claude -p --input-format stream-json
 * --output-format stream-json`.
 *
 * It exists so that the daemon can be demonstrated, tested and loaded without a login, without
 * network and without 200 MB per worker, and so that every way a worker can fail can be asked for.
 * It has two modes: canned    no ANTHROPIC_BASE_URL: answers itself, deterministically (answer.c)
 *   upstream  ANTHROPIC_BASE_URL=http://127.0.0.1:PORT: sends the request the CLI would send and
 * relays the answer Faults and answer shaping: --help.
 *
 * One thread, one poll over stdin and the upstream socket.  Controls are answered as they are read,
 * also during a turn; user lines queue until all input at hand is read, then one turn takes them.
 * Closing stdin ends the process after the running turn. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/sim/emit.h"
#include "tests/sim/input.h"
#include "tests/sim/login.h"
#include "tests/sim/plan.h"
#include "tests/sim/session.h"
#include "tests/sim/sim.h"
#include "tests/sim/turn.h"
#include "tests/sim/upstream.h"

#define READ_SIZE 65536u

static struct sim sim;
static volatile sig_atomic_t interrupted;

const char *sim_env(const struct sim *s, const char *name)
{
	const char *value = json_string_value(json_object_get(s->session.env, name));
	if (!value)
		value = getenv(name);
	return value && *value && strcmp(value, "null") ? value : NULL;
}

bool sim_env_true(const struct sim *s, const char *name)
{
	const char *value = sim_env(s, name);
	return value && (!strcmp(value, "1") || !strcmp(value, "true"));
}

const char *sim_version(const struct sim *s)
{
	return *s->faults.version ? s->faults.version : "2.1.330";
}

void sim_flush(struct sim *s)
{
	size_t done = 0;
	while (done < s->out.len) {
		ssize_t n = write(STDOUT_FILENO, s->out.data + done, s->out.len - done);
		if (n > 0) {
			done += (size_t)n;
		} else if (errno == EAGAIN) {
			struct pollfd fd = {.fd = STDOUT_FILENO, .events = POLLOUT};
			poll(&fd, 1, -1);
		} else if (errno != EINTR) {
			_exit(1);
		}
	}
	jbuf_reset(&s->out);
}

static void on_signal(int number)
{
	if (number == SIGINT)
		interrupted = 1;
	else
		_exit(128 + number);
}

/* Signals are let in only while poll waits, so that SIGINT cannot slip by unseen. */
static void set_signals(sigset_t *ret_waiting)
{
	struct sigaction action = {.sa_handler = on_signal};
	sigset_t block;
	sigemptyset(&block);
	sigaddset(&block, SIGINT);
	sigprocmask(SIG_BLOCK, &block, ret_waiting);
	sigdelset(ret_waiting, SIGINT);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
	signal(SIGPIPE, SIG_IGN);
}

/* --- arguments --- */

struct options {
	bool stream_in, stream_out, verbose, print;
	const char *model, *system_prompt;
	int max_turns;
};

static const char *const flags[] = {"-p",
				    "--print",
				    "--verbose",
				    "--include-partial-messages",
				    "--no-session-persistence",
				    "--strict-mcp-config",
				    "--restricted",
				    "--disable-slash-commands",
				    "--bare",
				    "--safe-mode",
				    "--await-initialize"};
static const char *const with_value[] = {
	"--input-format",    "--output-format",      "--model",         "--tools",
	"--setting-sources", "--permission-prompts", "--max-turns",     "--system-prompt",
	"--settings",        "--permission-mode",    "--max-budget-usd"};

static bool listed(const char *name, const char *const *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!strcmp(name, list[i]))
			return true;
	return false;
}

static void take_value(struct options *options, const char *name, const char *value)
{
	if (!strcmp(name, "--input-format"))
		options->stream_in = !strcmp(value, "stream-json");
	else if (!strcmp(name, "--output-format"))
		options->stream_out = !strcmp(value, "stream-json");
	else if (!strcmp(name, "--model"))
		options->model = value;
	else if (!strcmp(name, "--system-prompt"))
		options->system_prompt = value;
	else if (!strcmp(name, "--max-turns"))
		options->max_turns = atoi(value);
}

static bool parse_arguments(int argc, char **argv, struct options *options)
{
	for (int i = 1; i < argc; i++) {
		const char *arg = argv[i];
		if (listed(arg, flags, sizeof flags / sizeof flags[0])) {
			options->print =
				options->print || !strcmp(arg, "-p") || !strcmp(arg, "--print");
			options->verbose = options->verbose || !strcmp(arg, "--verbose");
		} else if (listed(arg, with_value, sizeof with_value / sizeof with_value[0]) &&
			   i + 1 < argc) {
			take_value(options, arg, argv[++i]);
		} else {
			fprintf(stderr, "error: unknown option '%s'\n", arg);
			return false;
		}
	}
	if (options->stream_out && !options->verbose) {
		fputs("Error: When using --print, --output-format=stream-json requires --verbose\n",
		      stderr);
		return false;
	}
	if (!options->print || !options->stream_in || !options->stream_out) {
		fputs("claude-sim: only -p with --input-format and --output-format stream-json\n",
		      stderr);
		return false;
	}
	return true;
}

static void help(void)
{
	puts("claude-sim: stand-in for `claude -p` with stream-json input and output.\n"
	     "  claude-sim -p --input-format stream-json --output-format stream-json --verbose "
	     "...\n"
	     "  claude-sim --version | auth status | --help\n\n"
	     "Without ANTHROPIC_BASE_URL it answers \"You said: ...\" itself; with "
	     "http://127.0.0.1:PORT it asks there.\n"
	     "CLAUDE_SIM_LOGIN=none|oauth|api_key|claude.ai and CLAUDE_SIM_EMAIL set whose login "
	     "it reports.\n");
	faults_help();
}

/* --- main loop --- */

/* Handles the complete lines of *in; what is left of a line stays. */
static void take_lines(struct jbuf *in, size_t *scanned)
{
	size_t start = 0;
	char *end;
	while (!sim.ending && (end = memchr(in->data + *scanned, '\n', in->len - *scanned))) {
		size_t at = (size_t)(end - in->data);
		input_line(&sim, in->data + start, at - start);
		start = *scanned = at + 1;
	}
	memmove(in->data, in->data + start, in->len - start);
	in->len -= start;
	*scanned = in->len;
	if (!in->len)
		jbuf_reset(in);
}

/* False: stdin is at its end. */
static bool read_input(struct jbuf *in)
{
	ssize_t n = read(STDIN_FILENO, jbuf_room(in, READ_SIZE), READ_SIZE);
	if (n > 0)
		in->len += (size_t)n;
	return n > 0 || (n < 0 && (errno == EINTR || errno == EAGAIN));
}

static void wait_for(struct pollfd *fds, int64_t due_ns, const sigset_t *waiting)
{
	struct timespec timeout = {0};
	int64_t left = due_ns < 0 ? 0 : due_ns - now_ns();
	if (left > 0) {
		timeout.tv_sec = left / 1000000000;
		timeout.tv_nsec = left % 1000000000;
	}
	if (ppoll(fds, 2, due_ns < 0 ? NULL : &timeout, waiting) < 0)
		fds[0].revents = fds[1].revents = 0;
}

/* A hung worker reads nothing, yet notices that its master is gone. */
static void hang(const sigset_t *waiting)
{
	struct pollfd fd = {.fd = STDIN_FILENO, .events = POLLRDHUP};
	sim_flush(&sim);
	while (!(fd.revents & (POLLHUP | POLLERR | POLLRDHUP)))
		ppoll(&fd, 1, NULL, waiting);
	_exit(1);
}

static int exit_code(bool eof)
{
	return (eof || sim.ending) && sim.session.last_result_error ? 1 : 0;
}

/* SIGINT prints the aborted result and exits 0. */
static int on_interrupt(void)
{
	if (sim.turn.phase != PHASE_IDLE)
		turn_abort(&sim);
	sim_flush(&sim);
	return 0;
}

static int run(const sigset_t *waiting)
{
	struct jbuf in = {0};
	size_t scanned = 0;
	bool eof = false;
	for (;;) {
		if (sim.turn.phase == PHASE_IDLE && sim.queue_count && !sim.ending)
			turn_begin(&sim);
		if (sim.turn.phase == PHASE_HUNG)
			hang(waiting);
		int64_t due = turn_run(&sim);
		sim_flush(&sim);
		bool idle = sim.turn.phase == PHASE_IDLE;
		if (idle && (sim.ending || (eof && !sim.queue_count)))
			break;
		if (idle && sim.queue_count)
			continue;
		struct pollfd fds[2] = {{.fd = eof ? -1 : STDIN_FILENO, .events = POLLIN}};
		fds[1].fd = upstream_fd(&sim, &fds[1].events);
		wait_for(fds, due, waiting);
		if (interrupted) {
			jbuf_done(&in);
			return on_interrupt();
		}
		if (fds[0].revents) {
			eof = !read_input(&in);
			if (eof && in.len) /* a last line without its end counts */
				jbuf_puts(&in, "\n");
			take_lines(&in, &scanned);
		}
		if (fds[1].revents && upstream_fd(&sim, &fds[1].events) >= 0)
			upstream_io(&sim);
	}
	jbuf_done(&in);
	return exit_code(eof);
}

static bool start(const struct options *options)
{
	const char *url = getenv("ANTHROPIC_BASE_URL");
	ids_init();
	session_init(&sim.session);
	sim.turn.due_ns = -1;
	sim.max_turns = options->max_turns;
	model_resolve(options->model, sim.session.model);
	if (options->system_prompt)
		jbuf_puts(&sim.session.system_prompt, options->system_prompt);
	if (sim.faults.start_delay_ms) {
		struct timespec delay = {sim.faults.start_delay_ms / 1000,
					 sim.faults.start_delay_ms % 1000 * 1000000};
		nanosleep(&delay, NULL);
	}
	if (sim.faults.start_fail) {
		fputs("claude-sim: start_fail asked for\n", stderr);
		return false;
	}
	if (url && *url) {
		sim.upstream = upstream_new(url);
		return sim.upstream != NULL;
	}
	return true;
}

static void stop(void)
{
	for (size_t i = 0; i < sim.queue_count; i++) {
		free(sim.queue[i].uuid);
		json_decref(sim.queue[i].content);
	}
	turn_done(&sim);
	plan_done();
	upstream_free(sim.upstream);
	session_done(&sim.session);
	jbuf_done(&sim.out);
}

int main(int argc, char **argv)
{
	struct options options = {.model = "default"};
	sigset_t waiting;
	if (!faults_from_list(getenv("CLAUDE_SIM_FAULTS"), &sim.faults))
		return 2;
	if (argc > 1 && (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-v"))) {
		printf("%s (claude-sim)\n", sim_version(&sim));
		return 0;
	}
	if (argc > 1 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))) {
		help();
		return 0;
	}
	if (argc > 2 && !strcmp(argv[1], "auth") && !strcmp(argv[2], "status"))
		return login_status(&sim, argc > 3 && !strcmp(argv[3], "--text"));
	if (!parse_arguments(argc, argv, &options))
		return 1;
	set_signals(&waiting);
	int code = start(&options) ? run(&waiting) : 1;
	stop();
	return code;
}
