/* The frames of RFC 6455 as a client sends them, taken out of a stream of bytes.  Knows no socket
 * and no connection: bytes in, pieces of messages and control frames out. */
#ifndef DAEMON_WS_FRAMES_H
#define DAEMON_WS_FRAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FRAMES_CONTROL_MAX 125 /* payload of a control frame */
#define FRAMES_HEAD_MAX 14     /* two bytes, length, mask */

/* What has been read of the stream; all-zero at first. */
struct frames {
	unsigned char head[FRAMES_HEAD_MAX];
	unsigned have;   /* bytes of the head */
	bool in_payload; /* the head is complete */
	bool in_message; /* a fragmented message is not complete */
	bool binary;     /* it, or the one whose frame this is */
	uint64_t left;   /* bytes of the frame's payload still to come */
	unsigned mask_at;
	unsigned char control[FRAMES_CONTROL_MAX];
	size_t control_len;
	const char *violation; /* how the peer has broken the protocol: plain English */
};

enum frames_kind { FRAMES_DATA, FRAMES_PING, FRAMES_PONG, FRAMES_CLOSE };

struct frames_piece {
	enum frames_kind kind;
	/* Part of a message, or a control frame's whole payload; in the caller's bytes or in struct
	 * frames. */
	const unsigned char *data;
	size_t len;
	uint64_t to_come;  /* bytes that the frame has announced beyond this piece */
	bool binary, last; /* of FRAMES_DATA; last: the message is complete */
};

/* Takes the next piece out of the bytes (and unmasks them in place); *ret_used says how many of
 * them it took.  1: there is a piece, and perhaps more; 0: all were taken, there is no piece;
 * ERR_SYNTAX: frames->violation, nothing more may be asked. */
int frames_take(struct frames *f, unsigned char *bytes, size_t len, size_t *ret_used,
		struct frames_piece *ret_piece);

#endif
