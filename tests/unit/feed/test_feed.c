/* The feed against a server of ours on the same loop: it reads lines and says what the test tells
 * it to, in pieces of any size. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "shared/buf.h"
#include "shared/json.h"

#include "tests/unit/test.h"
#include "tui/feed/feed.h"

#define HELLO                                                                                      \
	"{\"jsonrpc\":\"2.0\",\"method\":\"hello\",\"params\":{\"protocol\":1,\"name\":"           \
	"\"ccapid\","                                                                              \
	"\"version\":\"0.9.0\",\"pid\":77,\"right\":\"operate\"}}\n"
enum { DEADLINE_MS = 10000 };

static uv_loop_t loop;
static uv_pipe_t listener;
static uv_pipe_t *peer; /* the newest connection */
static struct buf heard;
static int connections;
static char path[96], directory[64];

static struct feed *f;
static int hellos, snapshots, events, losses, for_good, answers, failures;
static int64_t last_retry_ms;
static enum verb_right right;
static char words[1024], last_event[256], last_error[512];
static int last_error_code;

/* ---- the server ---- */

static void on_alloc(uv_handle_t *h, size_t size, uv_buf_t *ret)
{
	static char room[65536];

	(void)h;
	(void)size;
	*ret = uv_buf_init(room, sizeof room);
}

static void free_handle(uv_handle_t *h)
{
	free(h);
}

static void on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *b)
{
	if (n > 0)
		buf_add(&heard, b->base, (size_t)n);
	if (n < 0 && !uv_is_closing((uv_handle_t *)s)) {
		if (peer == (uv_pipe_t *)s)
			peer = NULL;
		uv_close((uv_handle_t *)s, free_handle);
	}
}

static void on_connection(uv_stream_t *s, int status)
{
	uv_pipe_t *p = calloc(1, sizeof *p);

	assert_int_equal(status, 0);
	uv_pipe_init(&loop, p, 0);
	assert_int_equal(uv_accept(s, (uv_stream_t *)p), 0);
	uv_read_start((uv_stream_t *)p, on_alloc, on_read);
	peer = p;
	connections++;
}

static void on_sent(uv_write_t *w, int status)
{
	(void)status;
	free(w->data);
	free(w);
}

static void say_bytes(const char *bytes, size_t len)
{
	uv_write_t *w = calloc(1, sizeof *w);
	uv_buf_t b;

	assert_non_null(peer);
	w->data = malloc(len);
	memcpy(w->data, bytes, len);
	b = uv_buf_init(w->data, (unsigned)len);
	assert_int_equal(uv_write(w, (uv_stream_t *)peer, &b, 1, on_sent), 0);
}

static void say(const char *line)
{
	say_bytes(line, strlen(line));
}

static void hang_up(void)
{
	uv_close((uv_handle_t *)peer, free_handle);
	peer = NULL;
}

static void listen_at(void)
{
	uv_pipe_init(&loop, &listener, 0);
	assert_int_equal(uv_pipe_bind(&listener, path), 0);
	assert_int_equal(uv_listen((uv_stream_t *)&listener, 8, on_connection), 0);
}

/* ---- what the feed tells ---- */

static void on_hello(void *owner, const char *version, int64_t pid, enum verb_right its_right)
{
	assert_ptr_equal(owner, &loop);
	assert_string_equal(version, "0.9.0");
	assert_int_equal(pid, 77);
	right = its_right;
	hellos++;
}

static void on_snapshot(void *owner, const json_t *snapshot)
{
	(void)owner;
	assert_true(json_is_object(snapshot));
	snapshots++;
}

static bool close_at_event;

static void on_event(void *owner, const json_t *event)
{
	const char *topic = json_get_str(event, "topic");

	(void)owner;
	snprintf(last_event, sizeof last_event, "%s", topic ? topic : "");
	events++;
	if (close_at_event) {
		feed_close(f);
		f = NULL;
	}
}

static void on_lost(void *owner, const char *its_words, bool its_for_good, int64_t retry_ms)
{
	(void)owner;
	snprintf(words, sizeof words, "%s", its_words);
	losses++;
	for_good += its_for_good;
	last_retry_ms = retry_ms;
}

static void on_answer(void *ctx, const json_t *result, const struct rpc_error *error)
{
	assert_ptr_equal(ctx, &answers);
	assert_true((result != NULL) != (error != NULL));
	if (error) {
		failures++;
		last_error_code = error->code;
		snprintf(last_error, sizeof last_error, "%s", error->message);
	} else {
		answers++;
	}
}

static const struct feed_events feed_events = {on_hello, on_snapshot, on_event, on_lost};

/* ---- running ---- */

static bool timed_out;

static void on_deadline(uv_timer_t *t)
{
	(void)t;
	timed_out = true;
}

/* Runs the loop until the condition holds. */
#define WAIT_FOR(condition)                                                                        \
	do {                                                                                       \
		uv_timer_t deadline_;                                                              \
		timed_out = false;                                                                 \
		uv_timer_init(&loop, &deadline_);                                                  \
		uv_timer_start(&deadline_, on_deadline, DEADLINE_MS, 0);                           \
		while (!(condition) && !timed_out)                                                 \
			uv_run(&loop, UV_RUN_ONCE);                                                \
		assert_true(condition);                                                            \
		uv_close((uv_handle_t *)&deadline_, NULL);                                         \
		uv_run(&loop, UV_RUN_NOWAIT);                                                      \
	} while (0)

static bool has_heard(const char *text)
{
	return heard.data && strstr(heard.data, text);
}

static void open_feed(bool once)
{
	const struct feed_conf conf = {
		.loop = &loop, .socket = path, .recent = 1000, .logs = 200, .once = once};

	f = feed_new(&conf, &feed_events, &loop);
	assert_non_null(f);
}

/* The id with which a method was asked for last. */
static int id_of(const char *method)
{
	char wanted[64];
	const char *at, *found = NULL;
	int id = 0;

	snprintf(wanted, sizeof wanted, "\"method\":\"%s\"", method);
	for (at = heard.data; at && (at = strstr(at, wanted)); at++)
		found = at;
	assert_non_null(found);
	while (found > heard.data && strncmp(found, "\"id\":", 5) != 0)
		found--;
	assert_int_equal(sscanf(found, "\"id\":%d", &id), 1);
	return id;
}

static void answer(const char *method, const char *result)
{
	char line[512];

	snprintf(line, sizeof line, "{\"jsonrpc\":\"2.0\",\"id\":%d,\"result\":%s}\n",
		 id_of(method), result);
	say(line);
}

static void subscribed(void)
{
	int before = snapshots;

	WAIT_FOR(peer != NULL);
	say(HELLO);
	WAIT_FOR(has_heard("\"method\":\"subscribe\""));
	answer("subscribe", "{\"seq\":1,\"status\":{}}");
	WAIT_FOR(snapshots == before + 1);
	assert_true(feed_is_live(f));
}

static int make(void **state)
{
	(void)state;
	hellos = snapshots = events = losses = for_good = answers = failures = connections = 0;
	words[0] = last_event[0] = last_error[0] = '\0';
	peer = NULL;
	f = NULL;
	uv_loop_init(&loop);
	buf_init(&heard, 1 << 20);
	snprintf(directory, sizeof directory, "/tmp/ccapi-feed-XXXXXX");
	assert_non_null(mkdtemp(directory));
	snprintf(path, sizeof path, "%s/control.sock", directory);
	listen_at();
	return 0;
}

static void close_all(uv_handle_t *h, void *ctx)
{
	(void)ctx;
	if (!uv_is_closing(h))
		uv_close(h, h == (uv_handle_t *)&listener ? NULL : free_handle);
}

static int unmake(void **state)
{
	(void)state;
	feed_close(f);
	uv_run(&loop, UV_RUN_NOWAIT);
	uv_walk(&loop, close_all, NULL);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&loop), 0);
	buf_done(&heard);
	unlink(path);
	rmdir(directory);
	return 0;
}

/* ---- tests ---- */

static void it_says_hello_subscribes_and_hands_on(void **state)
{
	(void)state;
	open_feed(false);
	subscribed();
	assert_int_equal(right, RIGHT_OPERATE);
	assert_true(has_heard("\"method\":\"hello\""));
	assert_true(has_heard("\"protocol\":1"));
	assert_true(has_heard("\"recent\":1000"));
	assert_true(has_heard("\"logs\":200"));
	say("{\"jsonrpc\":\"2.0\",\"method\":\"event\",\"params\":{\"seq\":2,\"topic\":\"queue\"}}"
	    "\n");
	WAIT_FOR(events == 1);
	assert_string_equal(last_event, "queue");
	/* We were too slow: everything anew. */
	say("{\"jsonrpc\":\"2.0\",\"method\":\"snapshot\",\"params\":{\"lost\":41}}\n");
	WAIT_FOR(snapshots == 2);
	assert_int_equal(losses, 0);
}

static void lines_may_come_in_any_pieces(void **state)
{
	static const char two[] =
		"{\"jsonrpc\":\"2.0\",\"method\":\"event\",\"params\":{\"topic\":\"a\"}}\n"
		"{\"jsonrpc\":\"2.0\",\"method\":\"event\",\"params\":{\"topic\":\"last\"}}\n";

	(void)state;
	open_feed(false);
	subscribed();
	for (size_t i = 0; i < sizeof two - 1; i++) {
		say_bytes(two + i, 1);
		uv_run(&loop, UV_RUN_NOWAIT);
	}
	WAIT_FOR(events == 2);
	say(two);
	WAIT_FOR(events == 4);
	assert_string_equal(last_event, "last");
}

static void answers_find_their_questions(void **state)
{
	(void)state;
	open_feed(false);
	assert_true(feed_call(f, "early", NULL, on_answer, &answers) < 0);
	subscribed();
	assert_int_equal(feed_call(f, "one", NULL, on_answer, &answers), 0);
	assert_int_equal(feed_call(f, "two", json_pack("{si}", "n", 7), on_answer, &answers), 0);
	WAIT_FOR(has_heard("\"method\":\"two\",\"params\":{\"n\":7}"));
	answer("two", "{}");
	WAIT_FOR(answers == 1);
	answer("two", "{}"); /* a second time: nobody's */
	say("{\"jsonrpc\":\"2.0\",\"id\":99999,\"result\":{}}\n"
	    "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32600,\"message\":\"x\"}}\n");
	answer("one", "{}");
	WAIT_FOR(answers == 2);
	assert_int_equal(failures, 0);
}

static void an_error_is_an_answer(void **state)
{
	char line[256];

	(void)state;
	open_feed(false);
	subscribed();
	feed_call(f, "one", NULL, on_answer, &answers);
	WAIT_FOR(has_heard("\"method\":\"one\""));
	snprintf(line, sizeof line,
		 "{\"jsonrpc\":\"2.0\",\"id\":%d,\"error\":{\"code\":-32001,\"message\":\"no\"}}\n",
		 id_of("one"));
	say(line);
	WAIT_FOR(failures == 1);
	assert_int_equal(last_error_code, RPC_NOT_PERMITTED);
	assert_string_equal(last_error, "no");
}

static void only_so_many_calls_are_open(void **state)
{
	(void)state;
	open_feed(false);
	subscribed();
	for (int i = 0; i < FEED_CALLS_MAX; i++)
		assert_int_equal(feed_call(f, "x", NULL, on_answer, &answers), 0);
	assert_true(feed_call(f, "x", NULL, on_answer, &answers) < 0);
	WAIT_FOR(has_heard("\"method\":\"x\""));
	hang_up();
	WAIT_FOR(losses == 1);
	assert_int_equal(failures, FEED_CALLS_MAX); /* before it was told that it is lost */
	assert_int_equal(last_error_code, RPC_TIMEOUT);
}

static void it_comes_back_when_the_daemon_does(void **state)
{
	(void)state;
	open_feed(false);
	subscribed();
	hang_up();
	WAIT_FOR(losses == 1);
	assert_false(feed_is_live(f));
	assert_int_equal(for_good, 0);
	assert_string_equal(words, "ccapid closed the connection");
	assert_int_equal(last_retry_ms, 200);
	WAIT_FOR(connections == 2);
	buf_clear(&heard);
	subscribed();
	assert_int_equal(hellos, 2);
}

static void without_a_daemon_it_waits_longer_each_time(void **state)
{
	(void)state;
	uv_close((uv_handle_t *)&listener, NULL);
	uv_run(&loop, UV_RUN_NOWAIT);
	unlink(path);
	open_feed(false);
	WAIT_FOR(losses == 3);
	assert_int_equal(last_retry_ms, 800);
	assert_non_null(strstr(words, path));
	assert_non_null(strstr(words, "no such file"));
	listen_at();
	WAIT_FOR(connections == 1);
	subscribed();
	hang_up();
	WAIT_FOR(losses == 4);
	assert_int_equal(last_retry_ms, 200);
}

static void open_feed_of_short_beats(void)
{
	const struct feed_conf conf = {.loop = &loop, .socket = path, .beat_ms = 20};

	f = feed_new(&conf, &feed_events, &loop);
	assert_non_null(f);
}

static void who_says_nothing_any_more_is_lost(void **state)
{
	(void)state;
	open_feed_of_short_beats();
	WAIT_FOR(losses == 1); /* no hello */
	assert_non_null(strstr(words, "is silent"));
	WAIT_FOR(connections == 2);
	subscribed();
	WAIT_FOR(losses >= 2); /* nothing after the snapshot */
	assert_non_null(strstr(words, "is silent"));
}

static void on_chat(uv_timer_t *timer)
{
	(void)timer;
	if (peer)
		say("{\"jsonrpc\":\"2.0\",\"method\":\"other\",\"params\":{}}\n");
}

/* What it says while it owes the snapshot does not count. */
static void who_talks_but_does_not_answer_is_lost(void **state)
{
	static uv_timer_t chat;

	(void)state;
	open_feed_of_short_beats();
	WAIT_FOR(peer != NULL);
	say(HELLO);
	uv_timer_init(&loop, &chat);
	uv_timer_start(&chat, on_chat, 5, 5);
	WAIT_FOR(losses >= 1);
	uv_timer_stop(&chat);
	assert_int_equal(snapshots, 0);
	assert_non_null(strstr(words, "is silent"));
	uv_close((uv_handle_t *)&chat, NULL);
}

static void once_is_once(void **state)
{
	(void)state;
	uv_close((uv_handle_t *)&listener, NULL);
	uv_run(&loop, UV_RUN_NOWAIT);
	open_feed(true);
	WAIT_FOR(losses == 1);
	assert_int_equal(for_good, 1);
	assert_int_equal(last_retry_ms, 0);
}

static void another_protocol_is_named_with_its_cure(void **state)
{
	static const struct {
		const char *hello, *theirs, *cure;
	} cases[] = {{"{\"jsonrpc\":\"2.0\",\"method\":\"hello\",\"params\":{\"protocol\":2,"
		      "\"name\":\"ccapid\",\"version\":\"0.9.0\"}}\n",
		      "ccapid 0.9.0 speaks 2", "use the ccapitop that was installed"},
		     {"{\"jsonrpc\":\"2.0\",\"method\":\"hello\",\"params\":{\"protocol\":0,"
		      "\"name\":\"ccapid\",\"version\":\"0.9.0\"}}\n",
		      "ccapid 0.9.0 speaks 0", "restart ccapid"}};

	(void)state;
	for (int i = 0; i < 2; i++) {
		open_feed(false);
		WAIT_FOR(connections == i + 1);
		buf_clear(&heard);
		say(cases[i].hello);
		WAIT_FOR(for_good == i + 1);
		assert_non_null(strstr(words, "protocol 1"));
		assert_non_null(strstr(words, cases[i].theirs));
		assert_non_null(strstr(words, cases[i].cure));
		WAIT_FOR(has_heard("\"method\":\"hello\"")); /* so that its log says it too */
		assert_false(has_heard("subscribe"));
		assert_int_equal(hellos, 0);
		feed_close(f);
	}
	f = NULL;
}

static void a_daemon_that_refuses_our_protocol_is_not_tried_again(void **state)
{
	char line[256];

	(void)state;
	open_feed(false);
	WAIT_FOR(peer != NULL);
	say(HELLO);
	WAIT_FOR(has_heard("\"method\":\"subscribe\""));
	snprintf(line, sizeof line,
		 "{\"jsonrpc\":\"2.0\",\"id\":%d,\"error\":{\"code\":-32008,\"message\":\"too "
		 "old\"}}\n",
		 id_of("hello"));
	say(line);
	WAIT_FOR(for_good == 1);
	assert_string_equal(words, "too old");
}

static void what_is_no_daemon_is_said_to_be_none(void **state)
{
	static const char *const said[] = {
		"SSH-2.0-OpenSSH_9.2\n",
		"{\"jsonrpc\":\"2.0\",\"method\":\"event\",\"params\":{}}\n",
		"{\"jsonrpc\":\"2.0\",\"method\":\"hello\",\"params\":{\"protocol\":1,"
		"\"name\":\"sshd\"}}\n",
		"{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32006,\"message\":\"full\"}}"
		"\n",
		"\n",
		"[1]\n",
		"{\"jsonrpc\":\"2.0\",\"method\":\"hello\"}\n",
		"\xff\xfe{\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof said / sizeof said[0]; i++) {
		int before = losses;

		words[0] = '\0';
		open_feed(true);
		WAIT_FOR(connections == (int)i + 1);
		say(said[i]);
		WAIT_FOR(losses == before + 1);
		assert_true(words[0] != '\0');
		feed_close(f);
		WAIT_FOR(peer == NULL);
	}
	f = NULL;
	assert_int_equal(hellos, 0);
}

static void after_the_snapshot_nonsense_ends_the_connection(void **state)
{
	(void)state;
	open_feed(false);
	subscribed();
	say("{\"jsonrpc\":\"2.0\",\"method\":\"from_the_future\",\"params\":{}}\n"
	    "{\"jsonrpc\":\"2.0\",\"method\":\"event\"}\n"
	    "{\"jsonrpc\":\"2.0\",\"method\":\"event\",\"params\":{\"topic\":\"queue\"}}\n");
	WAIT_FOR(events == 1);
	assert_int_equal(losses, 0);
	say("{\"jsonrpc\":\"2.0\",\"method\":\nand more\n");
	WAIT_FOR(connections == 2);
	assert_int_equal(losses, 1); /* for both lines */
}

static void a_line_without_an_end_is_not_kept_for_ever(void **state)
{
	static char bytes[1 << 20];

	(void)state;
	memset(bytes, ' ', sizeof bytes);
	open_feed(true);
	WAIT_FOR(peer != NULL);
	for (int i = 0; i < 66 && losses == 0; i++) {
		if (peer)
			say_bytes(bytes, sizeof bytes);
		WAIT_FOR(losses > 0 || !peer ||
			 uv_stream_get_write_queue_size((uv_stream_t *)peer) == 0);
	}
	WAIT_FOR(losses == 1);
	assert_non_null(strstr(words, "no buffer space"));
}

/* From within whatever it calls. */
static void close_from(void *ctx, const json_t *result, const struct rpc_error *error)
{
	(void)ctx;
	(void)result;
	failures += error != NULL;
	feed_close(f);
	f = NULL;
}

static void it_may_be_closed_from_an_answer(void **state)
{
	(void)state;
	open_feed(false);
	subscribed();
	feed_call(f, "one", NULL, close_from, NULL);
	feed_call(f, "two", NULL, on_answer, &answers);
	WAIT_FOR(has_heard("\"method\":\"two\""));
	hang_up(); /* both would fail; the first one closes */
	WAIT_FOR(f == NULL);
	assert_int_equal(failures, 1);
	assert_int_equal(losses, 0);
}

static void nothing_comes_after_it_was_closed_from_an_event(void **state)
{
	static const char two[] =
		"{\"jsonrpc\":\"2.0\",\"method\":\"event\",\"params\":{\"topic\":\"a\"}}\n"
		"{\"jsonrpc\":\"2.0\",\"method\":\"event\",\"params\":{\"topic\":\"b\"}}\n";

	(void)state;
	open_feed(false);
	subscribed();
	close_at_event = true;
	say(two);
	WAIT_FOR(f == NULL);
	WAIT_FOR(peer == NULL); /* it has hung up */
	close_at_event = false;
	assert_int_equal(events, 1);
	assert_string_equal(last_event, "a");
}

static void it_may_be_closed_at_once(void **state)
{
	(void)state;
	open_feed(false);
	feed_close(f);
	open_feed(false);
	WAIT_FOR(peer != NULL);
	feed_close(f);
	feed_close(NULL);
	f = NULL;
	uv_run(&loop, UV_RUN_NOWAIT);
	assert_int_equal(losses + hellos, 0);
}

static void a_path_that_is_too_long_is_said(void **state)
{
	static char long_path[300];
	const struct feed_conf conf = {.loop = &loop, .socket = long_path, .once = true};

	(void)state;
	memset(long_path, 'x', sizeof long_path - 1);
	f = feed_new(&conf, &feed_events, &loop);
	WAIT_FOR(losses == 1);
	assert_non_null(strstr(words, "name too long"));
}

static void a_socket_that_is_not_ours_is_not_tried_again(void **state)
{
	(void)state;
	if (geteuid() == 0)
		skip(); /* root may open everything */
	assert_int_equal(chmod(path, 0), 0);
	open_feed(false);
	WAIT_FOR(for_good == 1);
	assert_non_null(strstr(words, "control.group"));
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, make, unmake)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(it_says_hello_subscribes_and_hands_on),
		TEST(lines_may_come_in_any_pieces),
		TEST(answers_find_their_questions),
		TEST(an_error_is_an_answer),
		TEST(only_so_many_calls_are_open),
		TEST(it_comes_back_when_the_daemon_does),
		TEST(without_a_daemon_it_waits_longer_each_time),
		TEST(who_says_nothing_any_more_is_lost),
		TEST(who_talks_but_does_not_answer_is_lost),
		TEST(once_is_once),
		TEST(another_protocol_is_named_with_its_cure),
		TEST(a_daemon_that_refuses_our_protocol_is_not_tried_again),
		TEST(what_is_no_daemon_is_said_to_be_none),
		TEST(after_the_snapshot_nonsense_ends_the_connection),
		TEST(a_line_without_an_end_is_not_kept_for_ever),
		TEST(it_may_be_closed_from_an_answer),
		TEST(nothing_comes_after_it_was_closed_from_an_event),
		TEST(it_may_be_closed_at_once),
		TEST(a_path_that_is_too_long_is_said),
		TEST(a_socket_that_is_not_ours_is_not_tried_again),
	};

	signal(SIGPIPE, SIG_IGN); /* as the program does */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
