/* Frames out of bytes.  A frame is a head of 2 to 14 bytes and a payload.  Payload of messages is
 * passed on as it comes, since a message may be large; that of control frames, at most 125 bytes,
 * is collected.  Whatever RFC 6455 forbids a client ends the stream at the head that does it. */
#include "daemon/ws/frames.h"

#include <string.h>

#include "shared/err.h"

enum { CONTINUATION = 0, TEXT = 1, BINARY = 2, CLOSE = 8, PING = 9, PONG = 10 };

#define FINAL 0x80
#define RESERVED 0x70
#define OPCODE 0x0f
#define CONTROL 0x08
#define MASKED 0x80
#define LENGTH 0x7f
#define LENGTH_16 126
#define LENGTH_64 127
#define MASK_SIZE 4

static unsigned opcode(const struct frames *f)
{
	return f->head[0] & OPCODE;
}

static bool is_control(const struct frames *f)
{
	return f->head[0] & CONTROL;
}

static unsigned length_size(const struct frames *f)
{
	const unsigned length = f->head[1] & LENGTH;

	return length == LENGTH_64 ? 8 : length == LENGTH_16 ? 2 : 0;
}

/* Of what is known so far: the second byte tells the rest. */
static unsigned head_size(const struct frames *f)
{
	return f->have < 2 ? 2 : 2 + length_size(f) + MASK_SIZE;
}

static const unsigned char *mask(const struct frames *f)
{
	return f->head + 2 + length_size(f);
}

static uint64_t payload_length(const struct frames *f)
{
	const unsigned size = length_size(f);
	uint64_t length = 0;

	if (!size)
		return f->head[1] & LENGTH;
	for (unsigned i = 0; i < size; i++)
		length = length << 8 | f->head[2 + i];
	return length;
}

static const char *check_control(const struct frames *f)
{
	if (opcode(f) > PONG)
		return "unknown opcode";
	if (!(f->head[0] & FINAL))
		return "fragmented control frame";
	return length_size(f) ? "control frame over 125 bytes" : NULL;
}

static const char *check_data(const struct frames *f)
{
	if (opcode(f) > BINARY)
		return "unknown opcode";
	if (opcode(f) == CONTINUATION)
		return f->in_message ? NULL : "continuation of no message";
	return f->in_message ? "new message within a fragmented one" : NULL;
}

/* Of the first two bytes. */
static const char *check_start(const struct frames *f)
{
	if (f->head[0] & RESERVED)
		return "reserved bits";
	if (!(f->head[1] & MASKED))
		return "frame without a mask";
	return is_control(f) ? check_control(f) : check_data(f);
}

static void begin_payload(struct frames *f)
{
	f->left = payload_length(f);
	f->in_payload = true;
	f->mask_at = 0;
	f->control_len = 0;
	if (is_control(f))
		return;
	if (opcode(f) != CONTINUATION)
		f->binary = opcode(f) == BINARY;
	f->in_message = !(f->head[0] & FINAL);
}

/* 1: the head is complete; 0: all bytes were taken before. */
static int take_head(struct frames *f, const unsigned char *bytes, size_t len, size_t *used)
{
	while (f->have < head_size(f)) {
		if (*used == len)
			return 0;
		f->head[f->have++] = bytes[(*used)++];
		if (f->have == 2)
			f->violation = check_start(f);
		if (f->have == 2 + length_size(f) && payload_length(f) > INT64_MAX)
			f->violation = "frame length over 63 bits";
		if (f->violation)
			return ERR_SYNTAX;
	}
	begin_payload(f);
	return 1;
}

static void unmask(struct frames *f, unsigned char *bytes, size_t len)
{
	const unsigned char *key = mask(f);

	for (size_t i = 0; i < len; i++)
		bytes[i] ^= key[(f->mask_at + i) % MASK_SIZE];
	f->mask_at = (unsigned)((f->mask_at + len) % MASK_SIZE);
}

static void end_frame(struct frames *f)
{
	f->have = 0;
	f->in_payload = false;
}

static int give_data(struct frames *f, const unsigned char *bytes, size_t len,
		     struct frames_piece *ret_piece)
{
	*ret_piece = (struct frames_piece){.kind = FRAMES_DATA,
					   .data = bytes,
					   .len = len,
					   .to_come = f->left,
					   .binary = f->binary,
					   .last = !f->left && !f->in_message};
	if (!f->left)
		end_frame(f);
	return 1;
}

static int give_control(struct frames *f, const unsigned char *bytes, size_t len,
			struct frames_piece *ret_piece)
{
	memcpy(f->control + f->control_len, bytes, len);
	f->control_len += len;
	if (f->left)
		return 0;
	*ret_piece = (struct frames_piece){.kind = opcode(f) == PING   ? FRAMES_PING
						   : opcode(f) == PONG ? FRAMES_PONG
								       : FRAMES_CLOSE,
					   .data = f->control,
					   .len = f->control_len};
	end_frame(f);
	return 1;
}

int frames_take(struct frames *f, unsigned char *bytes, size_t len, size_t *ret_used,
		struct frames_piece *ret_piece)
{
	size_t used = 0, more;
	bool fresh = false;
	int rc = f->violation ? ERR_SYNTAX : 1;

	if (rc > 0 && !f->in_payload) {
		rc = take_head(f, bytes, len, &used);
		fresh = rc > 0;
	}
	*ret_used = used;
	if (rc <= 0)
		return rc;
	more = len - used;
	if (more > f->left)
		more = (size_t)f->left;
	/* A head alone is a piece, too: what it announces may be too much. */
	if (!more && f->left && !fresh)
		return 0;
	unmask(f, bytes + used, more);
	f->left -= more;
	*ret_used = used + more;
	return is_control(f) ? give_control(f, bytes + used, more, ret_piece)
			     : give_data(f, bytes + used, more, ret_piece);
}
