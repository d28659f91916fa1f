/* Drives claude-sim directly, as the daemon does but with nothing in between: settings, model,
 * question in one write, then the reset.  What a request costs here is what the daemon's own
 * latency is measured against.
 *
 *   sim-direct PATH_OF_CLAUDE_SIM REQUESTS     prints "p50 p99" in microseconds, question written
 * to result read */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 1 << 20, WARM_UP = 200 };

static int to_sim, from_sim;
static char line[LINE_MAX_BYTES];
static size_t have, used;

static _Noreturn void fail(const char *what)
{
	fprintf(stderr, "sim-direct: %s: %s\n", what, strerror(errno));
	exit(1);
}

static double now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e6 + (double)ts.tv_nsec / 1e3;
}

static void start(const char *path)
{
	static const char *const flags[] = {"-p",
					    "--input-format",
					    "stream-json",
					    "--output-format",
					    "stream-json",
					    "--verbose",
					    "--include-partial-messages",
					    NULL};
	char *argv[16] = {(char *)path};
	int in[2], out[2];

	for (int i = 0; flags[i]; i++)
		argv[i + 1] = (char *)flags[i];
	if (pipe(in) != 0 || pipe(out) != 0)
		fail("pipe");
	switch (fork()) {
	case -1:
		fail("fork");
	case 0:
		dup2(in[0], STDIN_FILENO);
		dup2(out[1], STDOUT_FILENO);
		close(in[1]);
		close(out[0]);
		execv(path, argv);
		fail(path);
	}
	close(in[0]);
	close(out[1]);
	to_sim = in[1];
	from_sim = out[0];
}

static void send_text(const char *text)
{
	if (write(to_sim, text, strlen(text)) != (ssize_t)strlen(text))
		fail("write");
}

/* Reads lines until one holds `what`. */
static void await(const char *what)
{
	for (;;) {
		char *end;

		while (!(end = memchr(line + used, '\n', have - used))) {
			ssize_t n;

			memmove(line, line + used, have - used);
			have -= used;
			used = 0;
			n = read(from_sim, line + have, sizeof line - have);
			if (n <= 0)
				fail("read");
			have += (size_t)n;
		}
		*end = '\0';
		char *this_line = line + used;

		used = (size_t)(end - line) + 1;
		if (strstr(this_line, what))
			return;
	}
}

static double one_request(int n)
{
	char text[2048], uuid[37];
	double from;

	snprintf(uuid, sizeof uuid, "00000000-0000-4000-8000-%012d", n);
	snprintf(text, sizeof text,
		 "{\"type\":\"control_request\",\"request_id\":\"s%d\",\"request\":{\"subtype\":"
		 "\"apply_flag_settings\","
		 "\"settings\":{\"env\":{\"CLAUDE_CODE_MAX_OUTPUT_TOKENS\":null,\"CLAUDE_CODE_"
		 "EXTRA_BODY\":"
		 "\"{\\\"messages\\\":[{\\\"role\\\":\\\"user\\\",\\\"content\\\":\\\"hello "
		 "there\\\"}]}\"}}}}\n"
		 "{\"type\":\"control_request\",\"request_id\":\"m%d\",\"request\":{\"subtype\":"
		 "\"set_model\","
		 "\"model\":\"haiku\",\"system_prompt\":\"You are a helpful assistant.\"}}\n"
		 "{\"type\":\"user\",\"uuid\":\"%s\",\"client_composed\":true,\"message\":{"
		 "\"role\":\"user\","
		 "\"content\":\".\"},\"parent_tool_use_id\":null,\"session_id\":\"\"}\n",
		 n, n, uuid);
	from = now_us();
	send_text(text);
	await("\"terminal_reason\"");
	from = now_us() - from;
	snprintf(text, sizeof text,
		 "{\"type\":\"control_request\",\"request_id\":\"r%d\",\"request\":{\"subtype\":"
		 "\"rewind_conversation\","
		 "\"target_message_uuid\":\"%s\",\"last_seen_user_message_uuid\":\"%s\"}}\n",
		 n, uuid, uuid);
	send_text(text);
	await("\"rewound\"");
	return from;
}

static int by_value(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
	int count = argc == 3 ? atoi(argv[2]) : 0;
	double *us;

	if (count < 100) {
		fprintf(stderr, "usage: sim-direct PATH_OF_CLAUDE_SIM REQUESTS (at least 100)\n");
		return 2;
	}
	us = calloc((size_t)count, sizeof *us);
	if (!us)
		fail("calloc");
	signal(SIGPIPE, SIG_IGN);
	start(argv[1]);
	send_text("{\"type\":\"control_request\",\"request_id\":\"n1\",\"request\":{\"subtype\":"
		  "\"initialize\","
		  "\"systemPrompt\":[\"You are a helpful "
		  "assistant.\"],\"systemPromptSnapshot\":false}}\n");
	await("\"control_response\"");
	for (int i = 0; i < count + WARM_UP; i++) {
		double took = one_request(i);

		if (i >= WARM_UP)
			us[i - WARM_UP] = took;
	}
	qsort(us, (size_t)count, sizeof *us, by_value);
	printf("%.1f %.1f\n", us[count / 2], us[(size_t)((double)count * 0.99)]);
	free(us);
	close(to_sim);
	wait(NULL);
	return 0;
}
