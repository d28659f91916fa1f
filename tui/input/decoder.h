/* Bytes from a terminal to events.  A state machine without a terminal: whoever feeds it also keeps
 * the time, because an escape character may be a key or the beginning of a sequence. */
#ifndef TUI_INPUT_DECODER_H
#define TUI_INPUT_DECODER_H

#include "tui/input/event.h"

#define DECODER_PASTE_MAX 65536 /* bytes of one paste; the rest of it is dropped */
#define DECODER_ESCAPE_MS 50    /* silence after which an escape is a key */
#define DECODER_PASTE_MS 2000   /* silence after which a paste without its end is over */

typedef void decoder_fn(void *owner, const struct event *event);

struct decoder;

/* `event` is called from within feed and timeout.  NULL: out of memory. */
struct decoder *decoder_new(decoder_fn *event, void *owner);
void decoder_free(struct decoder *d);

void decoder_feed(struct decoder *d, const char *bytes, size_t len);

/* Milliseconds of silence after which decoder_timeout is to be called; 0: nothing is pending. */
int decoder_wait_ms(const struct decoder *d);
void decoder_timeout(struct decoder *d);

/* Forgets what is half read, when the terminal was given away in between. */
void decoder_reset(struct decoder *d);

#endif
