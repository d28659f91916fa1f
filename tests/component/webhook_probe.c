/* The webhook without the daemon, for test_webhook.py.  Usage: webhook_probe FIRST MOST FOR
 * TIMEOUT, all in milliseconds.  It reads commands, one per line, and answers each on one line:
 *
 *   url URL            configures that URL, and the topics (none: off)
 *   topics A,B         the topics of the next `url`
 *   publish TOPIC N    publishes N events {"n":0} ... of that topic
 *   long TOPIC BYTES   publishes one with a long text
 *   stats              {"sent":...,"failed":...,"fds":...,"handles":...}
 *   stop               stops, and publishes events nobody listens to any more; the program
 *                      ends with stats and status 0 when nothing is left
 *
 * A look-up of hangs.test never ends. */
#include <dirent.h>
#include <dlfcn.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/log.h"

#include "daemon/observe/events.h"
#include "daemon/observe/metrics.h"
#include "daemon/observe/webhook.h"

#include "tests/component/probe_input.h"

static uv_loop_t loop;
static uv_pipe_t input;
static struct webhook *webhook;
static struct webhook_conf conf;
static char line[8192], topics[256], *topic_list[16];
static bool stopped;

/* Takes the C library's place for libcurl too. */
int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
		struct addrinfo **res)
{
	int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **);

	while (node && strcmp(node, "hangs.test") == 0)
		pause();
	*(void **)&real = dlsym(RTLD_NEXT, "getaddrinfo");
	return real(node, service, hints, res);
}

static unsigned open_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned n = 0;

	while (dir && readdir(dir))
		n++;
	if (dir)
		closedir(dir);
	return n;
}

static void count_handle(uv_handle_t *handle, void *count)
{
	(void)handle;
	++*(unsigned *)count;
}

static void stats(void)
{
	unsigned handles = 0;

	uv_walk(&loop, count_handle, &handles);
	printf("{\"sent\":%lld,\"failed\":%lld,\"fds\":%u,\"handles\":%u}\n",
	       (long long)metric_value(METRIC_WEBHOOK_SENT),
	       (long long)metric_value(METRIC_WEBHOOK_FAILED), open_descriptors(), handles);
}

static void configure(const char *url)
{
	conf.url = url;
	printf("%d\n", webhook_configure(webhook, &conf));
}

static void set_topics(const char *list)
{
	conf.topic_count = 0;
	snprintf(topics, sizeof topics, "%s", list);
	for (char *t = strtok(topics, ","); t && conf.topic_count < 16; t = strtok(NULL, ","))
		topic_list[conf.topic_count++] = t;
	conf.topics = (const char *const *)topic_list;
	printf("%zu\n", conf.topic_count);
}

static void publish(const char *topic, int count)
{
	for (int i = 0; i < count; i++)
		events_publish(topic, false, json_pack("{s:i}", "n", i), "");
	printf("%d\n", count);
}

static void publish_long(const char *topic, size_t bytes)
{
	char *text = malloc(bytes + 1);

	memset(text, 'x', bytes);
	text[bytes] = '\0';
	events_publish(topic, false, json_pack("{s:s}", "text", text), "");
	printf("%zu\n", bytes);
	free(text);
}

static void on_stopped(void *ctx)
{
	*(bool *)ctx = true;
}

static void command(char *words)
{
	char *rest = strchr(words, ' '), *number;

	if (rest)
		*rest++ = '\0';
	number = rest && strcmp(words, "url") ? strchr(rest, ' ') : NULL;
	if (number)
		*number++ = '\0';
	if (strcmp(words, "url") == 0)
		configure(rest ? rest : "");
	else if (strcmp(words, "topics") == 0)
		set_topics(rest ? rest : "");
	else if (strcmp(words, "publish") == 0)
		publish(rest, number ? atoi(number) : 1);
	else if (strcmp(words, "long") == 0)
		publish_long(rest, (size_t)atoi(number));
	else if (strcmp(words, "stats") == 0)
		stats();
	fflush(stdout);
	if (strcmp(words, "stop") == 0) {
		webhook_stop(webhook, on_stopped, &stopped);
		events_publish("late", false, json_object(), "");
		uv_close((uv_handle_t *)&input, NULL);
	}
}

int main(int argc, char **argv)
{
	if (argc != 5)
		return 2;
	signal(SIGPIPE, SIG_IGN);
	log_set_level(LOG_LEVEL_DEBUG);
	conf = (struct webhook_conf){.retry_first_ms = atoi(argv[1]),
				     .retry_most_ms = atoi(argv[2]),
				     .retry_for_ms = atoi(argv[3]),
				     .timeout_ms = atoi(argv[4])};
	uv_loop_init(&loop);
	uv_pipe_init(&loop, &input, 0);
	uv_pipe_open(&input, STDIN_FILENO);
	probe_read_commands((uv_stream_t *)&input, line, sizeof line, command);
	webhook = webhook_new(&loop, &conf);
	if (!webhook)
		return 1;
	uv_run(&loop, UV_RUN_DEFAULT);
	events_publish("late", false, json_object(), "");
	stats();
	return stopped && uv_loop_close(&loop) == 0 ? 0 : 1;
}
