/* What the files of WebSocket streams share, and nobody else sees.
 *
 * stream_accept.c   who may have one, decided by the head of its upgrade request
 * stream.c          one connection: its key, its messages, its end
 * stream_message.c  a client's message, taken apart as far as it is not the pipeline's
 * stream_chat.c     a chat: a call of the pipeline, and the messages that its answer becomes */
#ifndef DAEMON_API_STREAM_PRIVATE_H
#define DAEMON_API_STREAM_PRIVATE_H

#include "daemon/api/auth.h"
#include "daemon/api/call.h"
#include "daemon/api/stream.h"

enum stream_state {
	STREAM_AUTH, /* the first message has to bring a key */
	STREAM_OPEN,
	STREAM_CLOSING
};

enum { CHAT_ID_SIZE = 129 };

/* A chat under way.  Freed when its call is. */
struct chat {
	struct stream *stream;
	struct call *call;
	char id[CHAT_ID_SIZE];
	struct buf prefix; /* of every token message, up to the text itself */
	struct buf frame;
	bool started;   /* "start" is sent */
	bool paused;    /* its worker waits for the reader */
	bool cancelled; /* by the client */
	struct chat *prev, *next;
};

struct stream {
	struct api *api;
	struct ws_conn *w;   /* NULL: not open yet, or gone */
	struct request *req; /* of the upgrade: id, key, access log line */
	enum stream_state state;
	int64_t key_until_ms; /* monotonic: when STREAM_AUTH ends */
	struct chat *chats;
	unsigned chat_count, chats_begun;
	size_t sent; /* bytes given to the transport */
	/* The reader has stood still, and what of `sent` it had taken by then: it stands still
	 * until it takes more. */
	bool stalled;
	size_t taken_at_stall;
	struct stream *prev, *next;
};

/* ---- stream_accept.c ---- */

/* Everything that the head decides.  Sets r->key for a key in it.  0, or -EINVAL and f says why. */
int stream_check_head(struct request *r, const struct head_view *head, struct failure *f);

/* ---- stream.c ---- */

void streams_init(struct api *api);
void stream_send(struct stream *s, const char *text, size_t len); /* s->w is there */
void stream_close(struct stream *s, enum ws_close_code code, const char *reason);
bool stream_stands_still(const struct stream *s); /* its reader, since `stalled` */
/* The end of the chat of this id; "": of none. */
void stream_send_error(struct stream *s, const char *id, const struct failure *f);
/* The answer to a message that has this id, "": none. */
void stream_refuse_message(struct stream *s, const char *id, const struct failure *f);
void stream_chat_over(struct stream *s); /* one less; the stream may be freed */

/* ---- stream_message.c ---- */

enum message_type { MESSAGE_CHAT, MESSAGE_CANCEL, MESSAGE_PING, MESSAGE_AUTH };

struct stream_message {
	enum message_type type;
	char id[CHAT_ID_SIZE]; /* "": none was sent; also when the message is refused */
	bool strict;
	char *api_key; /* NULL: none; freed by stream_message_done */
};

/* 0, or -EINVAL and f says why; stream_message_done() in both cases. */
int stream_message_read(struct stream_message *m, const char *text, size_t len, struct failure *f);
void stream_message_done(struct stream_message *m);
const char *stream_message_name(enum message_type type);

/* ---- stream_chat.c ---- */

void chat_begin(struct stream *s, const struct stream_message *m, const char *text, size_t len);
struct chat *chat_find(struct stream *s, const char *id); /* NULL: none under way */
void chat_cancel(struct chat *chat);                      /* it may be freed by this */
void chats_resume(struct stream *s);                      /* the reader has caught up */
void chats_end_slow(struct stream *s);                    /* the reader stands still */

#endif
