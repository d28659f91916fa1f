/* A worker with a real process: shell scripts stand for the CLI, and this program is its own
 * `--exec-worker`. */
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

#include "shared/log.h"

#include "daemon/pool/worker.h"
#include "daemon/pool/worker_exec.h"

#include "tests/unit/pool/scratch.h"

static uv_loop_t loop;
static struct worker_spec spec;
static struct worker *worker;
static struct job *job;
static char script[256], answer[256], why_failed[256];
static char *argv_of_cli[2], *env_of_cli[] = {(char *)"PATH=/usr/bin:/bin", NULL};
static unsigned readies, turn_ends, initialized_count, failed_count;
static void (*when_ready)(void), (*when_text)(void);

static void on_ready(struct worker *w)
{
	readies++;
	assert_int_equal(w->state, WORKER_READY);
	if (when_ready)
		when_ready();
}

static void on_turn_end(struct worker *w, struct job *ended, bool login_rejected)
{
	(void)login_rejected;
	assert_ptr_equal(ended, job);
	assert_int_not_equal(w->state, WORKER_BUSY);
	turn_ends++;
}

static void on_initialized(struct worker *w, const json_t *reply)
{
	(void)w;
	(void)reply;
	initialized_count++;
}

static void on_plan(struct worker *w, const json_t *info)
{
	(void)w;
	(void)info;
}

static void on_failed(struct worker *w, const char *why)
{
	assert_int_equal(w->state, WORKER_DRAINING);
	failed_count++;
	snprintf(why_failed, sizeof why_failed, "%s", why);
}

static void on_gone(struct worker *w)
{
	assert_int_equal(w->state, WORKER_DEAD);
	assert_ptr_equal(w, worker);
	worker_free(w);
	worker = NULL;
}

static const struct worker_events events = {
	on_ready, on_turn_end, on_initialized, on_plan, on_failed, on_gone, NULL};

static void take_text(struct job *of, const char *text, size_t len)
{
	size_t at = strlen(answer);

	(void)of;
	snprintf(answer + at, sizeof answer - at, "%.*s", (int)len, text);
	if (when_text)
		when_text();
}

static const struct job_ops ops = {.text = take_text};

static int setup(void **state)
{
	if (scratch_setup(state) != 0)
		return -1;
	log_set_level(LOG_LEVEL_ERROR);
	uv_loop_init(&loop);
	mkdir(in_scratch("tmp"), 0700);
	mkdir(in_scratch("empty"), 0700);
	strcpy(script, in_scratch("cli"));
	argv_of_cli[0] = script;
	spec = (struct worker_spec){.spawn = {.path = script,
					      .argv = argv_of_cli,
					      .env = env_of_cli,
					      .cwd = strdup(in_scratch("empty"))},
				    .tmp_root = strdup(in_scratch("tmp")),
				    .system_prompt = "system",
				    .body_mode = true,
				    .start_timeout = 10000,
				    .first_byte_timeout = 10000,
				    .idle_timeout = 10000,
				    .interrupt_timeout = 10000,
				    .stop_timeout = 10000,
				    .max_line = 65536,
				    .max_answer = 1 << 20};
	job = job_new(&ops, NULL);
	job->prompt.model = strdup("haiku");
	job->prompt.messages = json_pack("[{s:s,s:s}]", "role", "user", "content", "hi");
	job_prompt_seal(&job->prompt);
	readies = turn_ends = initialized_count = failed_count = 0;
	answer[0] = why_failed[0] = '\0';
	when_ready = when_text = NULL;
	return 0;
}

static int teardown(void **state)
{
	job_unref(job);
	free((char *)spec.spawn.cwd);
	free((char *)spec.tmp_root);
	assert_int_equal(uv_loop_close(&loop), 0);
	return scratch_teardown(state);
}

/* The CLI in shell: `line` reads one, `uuid` is the last user line's. */
#define CLI                                                                                        \
	"#!/bin/sh\n"                                                                              \
	"line() { IFS= read -r l || exit 0; case $l in *'\"type\":\"user\"'*) "                    \
	"uuid=${l#*uuid\\\":\\\"}; uuid=${uuid%%\\\"*};; esac; }\n"                                \
	"say() { printf '%s\\n' \"$1\"; }\n"                                                       \
	"delta() { say '{\"type\":\"stream_event\",\"event\":{\"type\":\"content_block_delta\","   \
	"\"delta\":{\"type\":\"text_delta\",\"text\":\"'$1'\"}}}'; }\n"                            \
	"ok() { say '{\"type\":\"control_response\",\"response\":{\"subtype\":\"success\","        \
	"\"request_id\":\"'$1'\",\"response\":{'$2'}}}'; }\n"                                      \
	"no() { say '{\"type\":\"control_response\",\"response\":{\"subtype\":\"error\","          \
	"\"request_id\":\"'$1'\"}}'; }\n"                                                          \
	"result() { say '{\"type\":\"result\",\"user_message_uuid\":\"'$uuid'\",\"is_error\":"     \
	"false,\"num_turns\":1,\"stop_reason\":\"end_turn\"}'; }\n"                                \
	"turn() { line; line; line; delta hello; result; }\n"                                      \
	"rewound='\"rewound\":true,\"precedingAssistantUuid\":null'\n"

static void start(const char *text)
{
	char whole[4096];

	snprintf(whole, sizeof whole, "%s%s", CLI, text);
	scratch_file("cli", whole, 0700);
	worker = worker_start(&loop, 3, &spec, &events, NULL);
	assert_non_null(worker);
}

/* Until the worker is gone; nothing of it may be left. */
static void run(void)
{
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_null(worker);
	assert_false(scratch_has("tmp/3"));
}

/* The loop is told of the exit before it has read the pipe. */
static void worker_process_exits_first(void)
{
	siginfo_t info;

	assert_int_equal(waitid(P_PID, (id_t)worker->child.process.pid, &info, WEXITED | WNOWAIT),
			 0);
	worker->child.process.exit_cb(&worker->child.process, 0, 0);
}

static void give_job(void)
{
	if (readies == 1)
		worker_run(worker, job);
	else
		worker_stop(worker);
}

static void stop(void)
{
	worker_stop(worker);
}

static void a_job_is_served_and_the_conversation_removed(void **state)
{
	(void)state;
	when_ready = give_job;
	start("line; ok n1; turn; line; ok r1 \"$rewound\"; line");
	run();
	assert_int_equal(readies, 2);
	assert_int_equal(turn_ends, 1);
	assert_string_equal(answer, "hello");
	assert_int_equal(job->result.fault, FAULT_NONE);
	assert_int_equal(job->result.worker_id, 3);
	assert_int_equal(failed_count, 0);
}

static void a_reset_that_is_not_proven_ends_the_worker(void **state)
{
	static const char *const replies[] = {
		"no r1",
		"ok r1",
		"ok r1 '\"rewound\":true'",
		"ok r1 '\"rewound\":false,\"precedingAssistantUuid\":null'",
		"ok r1 '\"rewound\":true,\"precedingAssistantUuid\":\"x\"'",
	};
	char text[256];

	(void)state;
	when_ready = give_job;
	for (size_t i = 0; i < sizeof replies / sizeof *replies; i++) {
		readies = failed_count = 0;
		snprintf(text, sizeof text, "line; ok n1; turn; line; %s; line", replies[i]);
		start(text);
		run();
		assert_int_equal(readies, 1);
		assert_int_equal(failed_count, 1);
	}
}

static void the_last_words_of_a_dying_process_are_read(void **state)
{
	(void)state;
	when_ready = give_job;
	start("line; ok n1; turn; exit 1");
	run();
	assert_int_equal(turn_ends, 1);
	assert_string_equal(answer, "hello");
	assert_int_equal(job->result.fault, FAULT_NONE);
}

static void pause_it(void)
{
	when_text = NULL;
	worker_pause(worker, true);
}

static void a_paused_worker_that_dies_gives_its_job_back(void **state)
{
	(void)state;
	when_ready = give_job;
	when_text = pause_it;
	start("line; ok n1; line; line; line; delta one; exit 3");
	run();
	assert_int_equal(turn_ends, 1);
	assert_int_equal(job->result.fault, FAULT_WORKER);
	assert_string_equal(why_failed, "exited with status 3");
}

static void what_a_dead_process_left_unread_is_the_answers_end(void **state)
{
	(void)state;
	when_ready = give_job;
	when_text = pause_it;
	start("line; ok n1; line; line; line; delta one; sleep 0.1; delta two; result; exit 0");
	run();
	assert_int_equal(turn_ends, 1);
	assert_string_equal(answer, "onetwo");
	assert_int_equal(job->result.fault, FAULT_NONE);
}

static void pause_and_abort(void)
{
	pause_it();
	worker_abort(worker, FAULT_CANCELLED);
}

static void a_paused_job_can_be_aborted(void **state)
{
	(void)state;
	when_ready = give_job;
	when_text = pause_and_abort;
	start("line; ok n1; line; line; line; delta one; line; delta two; result; line; ok r1 "
	      "\"$rewound\"; line");
	run();
	assert_int_equal(turn_ends, 1);
	assert_string_equal(answer, "one");
	assert_int_equal(job->result.fault, FAULT_CANCELLED);
	assert_int_equal(readies, 2);
}

/* Both the reply and the end are there when the loop looks: READY would be told of a process that
 * has gone, and the next job be lost with it. */
static void a_process_that_died_behind_its_reply_is_not_ready(void **state)
{
	(void)state;
	start("line; ok n1; exit 0");
	worker_process_exits_first();
	assert_int_equal(readies, 0);
	run();
	assert_int_equal(readies, 0);
	assert_int_equal(failed_count, 1);
}

static void a_line_beyond_the_bound_ends_the_worker(void **state)
{
	(void)state;
	when_ready = stop;
	start("line; head -c 300000 /dev/zero | tr '\\0' x; line");
	run();
	assert_int_equal(readies, 0);
	assert_non_null(strstr(why_failed, "max_line"));
}

static void what_is_no_protocol_ends_the_worker(void **state)
{
	(void)state;
	when_ready = give_job;
	start("line; ok n1; line; line; line; say hello; line");
	run();
	assert_int_equal(turn_ends, 1);
	assert_int_equal(job->result.fault, FAULT_WORKER);
}

static void a_result_that_nobody_waits_for_ends_the_worker(void **state)
{
	(void)state;
	start("line; ok n1; uuid=x; result; line");
	run();
	assert_int_equal(readies, 1);
	assert_int_equal(failed_count, 1);
}

static void a_control_request_is_refused_and_the_turn_goes_on(void **state)
{
	(void)state;
	when_ready = give_job;
	start("line; ok n1; line; line; line; say '{\"type\":\"control_request\",\"request_id\":"
	      "\"q1\"}'; line; case $l in *q1*'not supported'*) delta refused;; esac; result; "
	      "line; ok r1 \"$rewound\"; line");
	run();
	assert_string_equal(answer, "refused");
}

static void a_refused_initialize_ends_the_worker(void **state)
{
	(void)state;
	start("line; no n1; line");
	run();
	assert_int_equal(readies, 0);
	assert_string_equal(why_failed, "refused to initialize");
}

/* Without its system prompt the job would run under the CLI's own. */
static void a_late_initialize_that_is_refused_ends_the_turn(void **state)
{
	(void)state;
	spec.late_init = spec.one_shot = true;
	when_ready = give_job;
	start("line; no n1; turn; line");
	run();
	assert_int_equal(turn_ends, 1);
	assert_int_equal(job->result.fault, FAULT_WORKER);
	assert_string_equal(answer, "");
}

static void a_late_initialize_comes_with_the_job(void **state)
{
	(void)state;
	spec.late_init = spec.one_shot = true;
	when_ready = give_job;
	job->prompt.system = strdup("of the job");
	start("line; case $l in *initialize*'of the job'*) ok n1;; esac; turn; line");
	run();
	assert_int_equal(initialized_count, 1);
	assert_string_equal(answer, "hello");
	assert_int_equal(job->result.fault, FAULT_NONE);
	assert_int_equal(readies, 1); /* one_shot: not again */
}

static void a_missing_program_fails_the_start(void **state)
{
	(void)state;
	strcpy(script, in_scratch("no-such-cli"));
	start("");
	run();
	assert_int_equal(failed_count, 1);
	assert_string_equal(why_failed, "exited with status 127");
}

static void a_missing_working_directory_leaves_a_worker_that_only_goes(void **state)
{
	(void)state;
	rmdir(in_scratch("empty"));
	start("line");
	assert_int_equal(worker->state, WORKER_DRAINING);
	run();
	assert_int_equal(readies, 0);
}

static void a_missing_temporary_root_leaves_a_worker_that_only_goes(void **state)
{
	(void)state;
	rmdir(in_scratch("tmp"));
	start("line");
	assert_int_equal(worker->state, WORKER_DRAINING);
	run();
}

static void a_start_that_takes_too_long_is_given_up(void **state)
{
	(void)state;
	spec.start_timeout = 50;
	start("while :; do line; done");
	run();
	assert_string_equal(why_failed, "did not answer initialize in time");
}

static void an_interrupt_that_is_ignored_ends_the_worker(void **state)
{
	(void)state;
	spec.first_byte_timeout = spec.interrupt_timeout = 50;
	when_ready = give_job;
	start("line; ok n1; while :; do line; done");
	run();
	assert_int_equal(turn_ends, 1);
	assert_int_equal(job->result.fault, FAULT_TIMEOUT);
	assert_string_equal(why_failed, "did not obey an interrupt in time");
}

static void a_stop_that_is_ignored_ends_in_a_kill(void **state)
{
	(void)state;
	spec.stop_timeout = 50;
	when_ready = stop;
	start("trap '' TERM; line; ok n1; while :; do sleep 1000; done");
	run();
	assert_int_equal(failed_count, 0);
}

/* Kept by the process: its three pipes, no descriptor of the daemon's, a group of its own. */
static void the_process_inherits_nothing(void **state)
{
	int leak = fcntl(0, F_DUPFD, 100); /* a shell has low ones of its own */
	char text[256];

	(void)state;
	assert_true(leak >= 100);
	when_ready = stop;
	snprintf(text, sizeof text,
		 "[ -e /proc/$$/fd/%d ] && exit 9\n"
		 "[ \"$ANTHROPIC_API_KEY\" ] && exit 8\n"
		 "[ \"$TMPDIR\" = %s/tmp/3 ] || exit 7\n"
		 "line; ok n1; line",
		 leak, scratch);
	setenv("ANTHROPIC_API_KEY", "leak", 1);
	start(text);
	run();
	close(leak);
	assert_int_equal(readies, 1);
	assert_int_equal(failed_count, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(a_job_is_served_and_the_conversation_removed),
		TEST(a_reset_that_is_not_proven_ends_the_worker),
		TEST(the_last_words_of_a_dying_process_are_read),
		TEST(a_paused_worker_that_dies_gives_its_job_back),
		TEST(what_a_dead_process_left_unread_is_the_answers_end),
		TEST(a_paused_job_can_be_aborted),
		TEST(a_process_that_died_behind_its_reply_is_not_ready),
		TEST(a_line_beyond_the_bound_ends_the_worker),
		TEST(what_is_no_protocol_ends_the_worker),
		TEST(a_result_that_nobody_waits_for_ends_the_worker),
		TEST(a_control_request_is_refused_and_the_turn_goes_on),
		TEST(a_refused_initialize_ends_the_worker),
		TEST(a_late_initialize_that_is_refused_ends_the_turn),
		TEST(a_late_initialize_comes_with_the_job),
		TEST(a_missing_program_fails_the_start),
		TEST(a_missing_working_directory_leaves_a_worker_that_only_goes),
		TEST(a_missing_temporary_root_leaves_a_worker_that_only_goes),
		TEST(a_start_that_takes_too_long_is_given_up),
		TEST(an_interrupt_that_is_ignored_ends_the_worker),
		TEST(a_stop_that_is_ignored_ends_in_a_kill),
		TEST(the_process_inherits_nothing),
	};

	if (argc > 1 && strcmp(argv[1], "--exec-worker") == 0)
		return worker_exec_main(argc, argv);
	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
