/* One API message as it streams: books its events, keeps its text, prints what the CLI prints about
 * them.  `raw` is the event as JSON. */
#ifndef SIM_MESSAGE_H
#define SIM_MESSAGE_H

#include "tests/sim/sim.h"

void message_start(struct sim *sim, const char *raw, size_t len, const char *id, const char *model,
		   const struct usage *usage);
/* block: the content_block as JSON, kept for tool_use. */
void message_block_start(struct sim *sim, const char *raw, size_t len, int index, const char *type);
/* Books a piece of the block's text, thinking or JSON without printing anything. */
void message_block_add(struct sim *sim, const char *text, size_t len);
/* Prints the assistant line of the block, then the event. */
void message_block_stop(struct sim *sim, const char *raw, size_t len);
/* `usage` holds the final figures; input figures of 0 leave those of message_start. */
void message_delta(struct sim *sim, const char *raw, size_t len, const char *stop_reason,
		   const struct usage *usage);
/* Closes a message that broke off: assistant line of what came (if `aborted`), synthetic closing
 * events. */
void message_abort_text(struct sim *sim);
void message_abort_events(struct sim *sim);
/* Books what a broken message used and forgets it. */
void message_book_broken(struct sim *sim, bool counts);

#endif
