/* A test prompt by the whole way of a request.  Interrupting it closes the connection, which
 * cancels it. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "shared/control_client.h"
#include "shared/json.h"

#include "ctl/connect.h"
#include "ctl/output.h"
#include "ctl/present.h"
#include "ctl/run.h"
#include "ctl/show.h"
#include "ctl/stop.h"

struct chat {
	const struct command *c;
	size_t printed; /* bytes */
	char last;      /* byte that was printed */
};

static void print_text(struct chat *chat, const char *text)
{
	if (!text || !*text || chat->c->json)
		return;
	output_text(stdout, text, CLEAN_TEXT);
	chat->printed += strlen(text);
	chat->last = text[strlen(text) - 1];
}

static void add(struct buf *b, const char *before, const json_t *object, const char *member,
		enum show_kind kind, const char *after)
{
	const struct show_field field = {"", member, kind};
	const json_t *value = json_object_get(object, member);

	if (!value || json_is_null(value))
		return;
	buf_add_str(b, before);
	show_value(b, &field, object);
	buf_add_str(b, after);
}

/* "claude-opus-5-5 (auto:design)  in 12, out 803 tokens  $0.07  queued 0.31 s ..." */
static void print_facts(const json_t *result)
{
	json_t *r = present_request_row(json_object_get(result, "request"));
	const char *finish = json_get_str(result, "finish_reason");
	struct buf b;

	buf_init(&b, 64 * 1024);
	add(&b, "", r, "model", SHOW_TEXT, "");
	add(&b, " (", r, "route", SHOW_TEXT, ")");
	add(&b, "   in ", r, "input_tokens", SHOW_COUNT, "");
	add(&b, ", out ", r, "output_tokens", SHOW_COUNT, " tokens");
	add(&b, "   ", r, "cost_usd", SHOW_USD, "");
	add(&b, "   queued ", r, "queue_ms", SHOW_MS, "");
	add(&b, ", first token ", r, "first_ms", SHOW_MS, "");
	add(&b, ", in all ", r, "total_ms", SHOW_MS, "");
	add(&b, "   ", r, "id", SHOW_TEXT, "");
	output_text(stderr, b.data ? b.data : "", CLEAN_LINE);
	fputc('\n', stderr);
	if (finish && strcmp(finish, "stop") != 0) {
		fputs("the answer ended early: ", stderr);
		output_text(stderr, finish, CLEAN_LINE);
		fputc('\n', stderr);
	}
	buf_done(&b);
	json_decref(r);
}

static int print_end(struct chat *chat, const json_t *result)
{
	if (chat->c->json)
		return output_json(stdout, result) < 0 ? EXIT_FAILED : EXIT_DONE;
	if (chat->printed == 0)
		print_text(chat, json_get_str(result, "text"));
	if (chat->printed > 0 && chat->last != '\n')
		putchar('\n');
	fflush(stdout);
	if (!chat->c->quiet)
		print_facts(result);
	return EXIT_DONE;
}

/* As if the signal had not been caught, so that a shell's loop ends too. */
static int interrupted(struct control_client *client)
{
	int number = stop_signal();

	control_client_close(client);
	if (number == 0)
		return EXIT_FAILED; /* nobody reads the answer */
	fflush(stdout);
	fputs("\nccapictl: cancelled\n", stderr);
	signal(number, SIG_DFL);
	raise(number);
	return EXIT_FAILED;
}

static int hear(struct chat *chat, struct control_client *client, int stop_fd)
{
	char words[CLIENT_WORDS_MAX];
	struct rpc_message m;

	for (;;) {
		enum client_failure failure = control_client_next(client, stop_fd, &m, words);
		int status = EXIT_DONE;

		if (failure == CLIENT_INTERRUPTED)
			return interrupted(client);
		if (failure == CLIENT_OK && m.method) {
			if (strcmp(m.method, "chat.text") == 0)
				print_text(chat, json_get_str(m.params, "text"));
			rpc_message_done(&m);
			fflush(stdout);
			continue;
		}
		if (chat->printed > 0 && chat->last != '\n' && (failure != CLIENT_OK || m.failed))
			putchar('\n'); /* what went wrong begins a line */
		fflush(stdout);
		if (failure != CLIENT_OK)
			status = connect_failed(failure, NULL, words);
		else
			status = m.failed ? (int)connect_refused(&m.error)
					  : print_end(chat, m.result);
		if (failure == CLIENT_OK)
			rpc_message_done(&m);
		control_client_close(client);
		return status;
	}
}

int run_chat(const struct command *c)
{
	struct chat chat = {.c = c};
	struct control_client *client = NULL;
	char words[CLIENT_WORDS_MAX];
	enum client_failure failure;
	int stop_fd = stop_watch(), status;

	if (stop_fd < 0) {
		perror("ccapictl");
		return EXIT_FAILED;
	}
	failure = connect_open(c, &client);
	if (failure != CLIENT_OK)
		return connect_exit(failure);
	failure = control_client_send(client, "chat", c->params, words);
	if (failure != CLIENT_OK) {
		complain(words);
		control_client_close(client);
		return connect_exit(failure);
	}
	status = hear(&chat, client, stop_fd);
	if (stop_output_closed())
		stop_forget_output();
	return status;
}
