/* What can be done with a key: key is its row, as keys.list has it. */
#ifndef TUI_VIEW_KEY_FACTS_H
#define TUI_VIEW_KEY_FACTS_H

#include <jansson.h>

#include "tui/view/host.h"

void key_ask_create(struct host *h,
		    const json_t *like); /* of the same project; NULL: of none yet */
void key_ask_rotate(struct host *h, const json_t *key);
void key_ask_set(struct host *h, const json_t *key);
void key_ask_revoke(struct host *h, const json_t *key);
void key_ask_budget(struct host *h, const json_t *key);

#endif
