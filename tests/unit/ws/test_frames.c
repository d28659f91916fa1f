#include <stdlib.h>
#include <string.h>

#include "shared/err.h"

#include "daemon/ws/frames.h"

#include "tests/unit/test.h"

#define KEY "\x01\x80\xff\x10"
#define S(bytes) bytes, sizeof bytes - 1

/* Appends a masked frame; returns its end. */
static unsigned char *put(unsigned char *to, unsigned first, const char *payload, size_t len)
{
	*to++ = (unsigned char)first;
	if (len < 126) {
		*to++ = (unsigned char)(0x80 | len);
	} else if (len < 65536) {
		*to++ = 0x80 | 126;
		*to++ = (unsigned char)(len >> 8);
		*to++ = (unsigned char)len;
	} else {
		*to++ = 0x80 | 127;
		for (int shift = 56; shift >= 0; shift -= 8)
			*to++ = (unsigned char)((uint64_t)len >> shift);
	}
	memcpy(to, KEY, 4);
	to += 4;
	for (size_t i = 0; i < len; i++)
		*to++ = (unsigned char)(payload[i] ^ KEY[i % 4]);
	return to;
}

/* What a stream of bytes says, written down: message data as it comes, "|" at a message's end,
 * "<PING x>" and the like, "!" and the violation at the end. */
struct script {
	char *text;
	size_t len;
	bool binary;
};

static void say(struct script *s, const void *bytes, size_t len)
{
	s->text = realloc(s->text, s->len + len + 1);
	memcpy(s->text + s->len, bytes, len);
	s->len += len;
	s->text[s->len] = '\0';
}

static void say_piece(struct script *s, const struct frames_piece *p)
{
	static const char *const names[] = {"", "<PING ", "<PONG ", "<CLOSE "};

	s->binary |= p->binary;
	say(s, names[p->kind], strlen(names[p->kind]));
	say(s, p->data, p->len);
	say(s, p->kind == FRAMES_DATA ? (p->last ? "|" : "") : ">",
	    p->kind == FRAMES_DATA ? p->last : 1);
}

/* Reads the bytes `step` at a time. */
static struct script read_by(const unsigned char *bytes, size_t len, size_t step)
{
	struct frames f = {0};
	struct script s = {0};
	struct frames_piece piece;
	size_t used, n;
	int rc = 1;

	say(&s, "", 0);
	while (len && rc >= 0) {
		unsigned char *copy, *at;

		n = len < step ? len : step;
		copy = malloc(n); /* of this very size, so that a read past the end is seen */
		memcpy(copy, bytes, n);
		bytes += n;
		len -= n;
		for (at = copy, rc = 1; rc > 0; at += used, n -= used) {
			rc = frames_take(&f, at, n, &used, &piece);
			assert_true(used <= n);
			if (rc > 0)
				say_piece(&s, &piece);
		}
		free(copy);
	}
	if (rc < 0) {
		assert_int_equal(rc, ERR_SYNTAX);
		assert_int_equal(frames_take(&f, NULL, 0, &used, &piece), ERR_SYNTAX);
		say(&s, "!", 1);
		say(&s, f.violation, strlen(f.violation));
	}
	return s;
}

/* Whatever the pieces in which the bytes come. */
static void says(const unsigned char *bytes, size_t len, const char *expected)
{
	for (size_t step = 1; step <= len; step = step < 40 ? step + 1 : step * 2) {
		struct script s = read_by(bytes, len, step);

		assert_string_equal(s.text, expected);
		free(s.text);
	}
}

static void messages_and_fragments_are_put_out(void **state)
{
	unsigned char bytes[512], *at = bytes;

	(void)state;
	at = put(at, 0x81, S("hello"));
	at = put(at, 0x01, S("a"));
	at = put(at, 0x00, S(""));
	at = put(at, 0x80, S("bc"));
	at = put(at, 0x81, S(""));
	at = put(at, 0x01, S(""));
	at = put(at, 0x80, S(""));
	says(bytes, (size_t)(at - bytes), "hello|abc|||");
}

static void control_frames_come_between_fragments(void **state)
{
	unsigned char bytes[1024], *at = bytes;
	char full[126], expected[400];

	(void)state;
	memset(full, 'p', 125);
	full[125] = '\0';
	at = put(at, 0x01, S("a"));
	at = put(at, 0x89, S("x"));
	at = put(at, 0x8a, S(""));
	at = put(at, 0x80, S("b"));
	at = put(at, 0x89, full, 125);
	at = put(at, 0x88,
		 S("\x03\xe8"
		   "bye"));
	strcpy(expected, "a<PING x><PONG >b|<PING ");
	strcat(expected, full);
	strcat(expected, "><CLOSE \x03\xe8"
			 "bye>");
	says(bytes, (size_t)(at - bytes), expected);
}

static void every_form_of_length_is_read(void **state)
{
	static const size_t sizes[] = {1, 125, 126, 127, 65535, 65536, 70000};

	(void)state;
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		const size_t n = sizes[i];
		char *payload = malloc(n + 2);
		unsigned char *bytes = malloc(n + 14), *end;
		struct script s;

		for (size_t k = 0; k < n; k++)
			payload[k] = (char)('a' + k % 26);
		payload[n] = '|';
		payload[n + 1] = '\0';
		end = put(bytes, 0x81, payload, n);
		s = read_by(bytes, (size_t)(end - bytes), 4096);
		assert_int_equal(s.len, n + 1);
		assert_memory_equal(s.text, payload, n + 1);
		free(s.text);
		free(payload);
		free(bytes);
	}
}

static void what_a_head_announces_is_told_with_the_head(void **state)
{
	unsigned char bytes[] = {0x81, 0xff, 0, 0, 1, 0, 0, 0, 0, 5, 0, 0, 0, 0, 'a', 'b'};
	struct frames f = {0};
	struct frames_piece piece;
	size_t used;

	(void)state;
	assert_int_equal(frames_take(&f, bytes, 14, &used, &piece), 1);
	assert_int_equal(used, 14);
	assert_int_equal(piece.len, 0);
	assert_true(piece.to_come == ((uint64_t)1 << 40) + 5);
	assert_int_equal(frames_take(&f, bytes + 14, 0, &used, &piece), 0);
	assert_int_equal(frames_take(&f, bytes + 14, 2, &used, &piece), 1);
	assert_int_equal(used, 2);
	assert_memory_equal(piece.data, "ab", 2);
	assert_true(piece.to_come == ((uint64_t)1 << 40) + 3);
	assert_false(piece.last);
}

static void binary_is_told_for_all_of_its_fragments(void **state)
{
	unsigned char bytes[64], *at = bytes;
	struct frames f = {0};
	struct frames_piece piece;
	size_t used, n;

	(void)state;
	at = put(at, 0x02, S("a"));
	at = put(at, 0x80, S("b"));
	at = put(at, 0x81, S("c"));
	n = (size_t)(at - bytes);
	at = bytes;
	for (int i = 0; i < 3; i++, at += used, n -= used) {
		assert_int_equal(frames_take(&f, at, n, &used, &piece), 1);
		assert_int_equal(piece.binary, i < 2);
	}
}

static void violations_end_the_stream(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
		const char *why;
	} cases[] = {
		{S("\xc1\x80"), "!reserved bits"},
		{S("\xa1\x80"), "!reserved bits"},
		{S("\x91\x80"), "!reserved bits"},
		{S("\x81\x00"), "!frame without a mask"},
		{S("\x88\x00"), "!frame without a mask"},
		{S("\x83\x80"), "!unknown opcode"},
		{S("\x87\x80"), "!unknown opcode"},
		{S("\x8b\x80"), "!unknown opcode"},
		{S("\x8f\x80"), "!unknown opcode"},
		{S("\x80\x80"), "!continuation of no message"},
		{S("\x00\x80"), "!continuation of no message"},
		{S("\x09\x80"), "!fragmented control frame"},
		{S("\x08\x80"), "!fragmented control frame"},
		{S("\x89\xfe"), "!control frame over 125 bytes"},
		{S("\x88\xff"), "!control frame over 125 bytes"},
		{S("\x81\xff\x80\0\0\0\0\0\0\0"), "!frame length over 63 bits"},
		{S("\x01\x80" KEY "\x81\x80"), "!new message within a fragmented one"},
		{S("\x01\x80" KEY "\x02\x80"), "!new message within a fragmented one"},
		{S("\x81\x80" KEY "\x80\x80"), "|!continuation of no message"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		says((const unsigned char *)cases[i].bytes, cases[i].len, cases[i].why);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages_and_fragments_are_put_out),
		cmocka_unit_test(control_frames_come_between_fragments),
		cmocka_unit_test(every_form_of_length_is_read),
		cmocka_unit_test(what_a_head_announces_is_told_with_the_head),
		cmocka_unit_test(binary_is_told_for_all_of_its_fragments),
		cmocka_unit_test(violations_end_the_stream),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
