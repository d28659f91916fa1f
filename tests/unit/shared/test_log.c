#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "shared/clock.h"
#include "shared/json.h"
#include "shared/log.h"
#include "shared/str.h"

#include "tests/unit/test.h"

enum { CAPTURE_MAX = 256 * 1024 };

static int capture_fd, real_stderr;

static int begin_capture(void **state)
{
	(void)state;
	capture_fd = memfd_create("log", MFD_CLOEXEC);
	real_stderr = dup(STDERR_FILENO);
	dup2(capture_fd, STDERR_FILENO);
	log_set_level(LOG_LEVEL_INFO);
	log_set_format(LOG_FORMAT_TEXT);
	clock_freeze(0, 1700000000123000);
	return capture_fd < 0;
}

static int end_capture(void **state)
{
	(void)state;
	dup2(real_stderr, STDERR_FILENO);
	close(real_stderr);
	close(capture_fd);
	clock_thaw();
	return 0;
}

/* What was logged since the last call. */
static const char *logged(void)
{
	static char text[CAPTURE_MAX];
	ssize_t n = pread(capture_fd, text, sizeof text - 1, 0);

	assert_true(n >= 0);
	text[n] = '\0';
	assert_int_equal(ftruncate(capture_fd, 0), 0);
	lseek(STDERR_FILENO, 0, SEEK_SET);
	return text;
}

static void text_lines_have_time_level_area_message_and_fields(void **state)
{
	const struct log_field fields[] = {LOG_STR("id", "r1"),   LOG_STR("why", "two words"),
					   LOG_STR("none", NULL), LOG_INT("n", -5),
					   LOG_MILLI("s", 1500),  LOG_MICRO("usd", -1500),
					   LOG_STR("empty", "")};

	(void)state;
	log_event(LOG_LEVEL_WARN, "pool", fields, 7, "worker %d ended", 3);
	assert_string_equal(
		logged(),
		"2023-11-14T22:13:20.123Z warn  pool: worker 3 ended id=r1 why=\"two words\" "
		"n=-5 s=1.500 usd=-0.001500 empty=\"\"\n");
}

static void json_lines_are_json(void **state)
{
	const struct log_field fields[] = {LOG_STR("id", "a\"b\n"), LOG_INT("n", 7),
					   LOG_MILLI("s", 50)};
	json_t *line;

	(void)state;
	log_set_format(LOG_FORMAT_JSON);
	log_event(LOG_LEVEL_ERROR, "http", fields, 3, "bad \xFF caf\xC3\xA9 %s", "\x1b");
	line = json_loads(logged(), 0, NULL);
	assert_non_null(line);
	assert_string_equal(json_get_str(line, "time"), "2023-11-14T22:13:20.123Z");
	assert_string_equal(json_get_str(line, "level"), "error");
	assert_string_equal(json_get_str(line, "message"), "bad \xEF\xBF\xBD caf\xC3\xA9 \x1b");
	assert_string_equal(json_get_str(line, "id"), "a\"b\n");
	assert_true(json_get_num(line, "s", 0) == 0.05);
	json_decref(line);
}

static void events_below_the_level_are_left_out(void **state)
{
	(void)state;
	log_debug("x", "hidden");
	assert_string_equal(logged(), "");
	log_set_level(LOG_LEVEL_DEBUG);
	log_debug("x", "shown");
	assert_non_null(strstr(logged(), "shown"));
	log_set_level(LOG_LEVEL_ERROR);
	log_warn("x", "hidden");
	assert_string_equal(logged(), "");
	assert_true(log_enabled(LOG_LEVEL_ERROR));
	assert_false(log_enabled(LOG_LEVEL_WARN));
}

static void control_characters_never_reach_the_terminal(void **state)
{
	const struct log_field field = LOG_STR("v", "\x1b[2J \xC2\x9B \x9B");
	const char *line;

	(void)state;
	for (int format = LOG_FORMAT_TEXT; format <= LOG_FORMAT_JSON; format++) {
		log_set_format((enum log_format)format);
		log_event(LOG_LEVEL_INFO, "x", &field, 1, "a\x1b[2J\nb\xC2\x9B\x9B\x7f");
		line = logged();
		assert_true(str_is_utf8(line, strlen(line)));
		assert_null(strchr(line, '\x1b'));
		assert_null(strchr(line, '\x7f'));
		assert_null(strstr(line, "\xC2\x9B"));
		assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
	}
}

static void a_value_that_is_too_long_is_cut_and_the_line_stays(void **state)
{
	char *huge = malloc(100 * 1024);
	struct log_field fields[] = {LOG_STR("body", huge), LOG_STR("id", "r9")};
	json_t *line;

	(void)state;
	memset(huge, 'x', 100 * 1024 - 1);
	huge[100 * 1024 - 1] = '\0';
	log_set_format(LOG_FORMAT_JSON);
	log_event(LOG_LEVEL_INFO, "x", fields, 2, "request");
	line = json_loads(logged(), 0, NULL);
	assert_non_null(line);
	assert_string_equal(json_get_str(line, "id"), "r9");
	assert_memory_equal(json_get_str(line, "body"), "xxxx", 4);
	json_decref(line);
	free(huge);
}

static void logging_leaves_errno_alone(void **state)
{
	(void)state;
	errno = ENOENT;
	close(STDERR_FILENO); /* makes write fail */
	log_info("x", "lost");
	assert_int_equal(errno, ENOENT);
	dup2(capture_fd, STDERR_FILENO);
}

#define CAPTURED(test) cmocka_unit_test_setup_teardown(test, begin_capture, end_capture)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CAPTURED(text_lines_have_time_level_area_message_and_fields),
		CAPTURED(json_lines_are_json),
		CAPTURED(events_below_the_level_are_left_out),
		CAPTURED(control_characters_never_reach_the_terminal),
		CAPTURED(a_value_that_is_too_long_is_cut_and_the_line_stays),
		CAPTURED(logging_leaves_errno_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
