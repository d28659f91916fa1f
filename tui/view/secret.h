/* Shows a secret in a box: once, and nowhere else.  y copies it; Enter or Esc first says that it
 * will not be shown again, then closes.  It is wiped when it goes. */
#ifndef TUI_VIEW_SECRET_H
#define TUI_VIEW_SECRET_H

#include <stdbool.h>
#include <stddef.h>

#include "tui/canvas/canvas.h"
#include "tui/input/keymap.h"

struct secret;

enum secret_result { SECRET_COPY = INPUT_TAKEN + 1, SECRET_CLOSE };

extern const struct keymap secret_keymap;

struct secret *secret_new(const char *title, const char *text); /* copied; NULL: out of memory */
void secret_free(struct secret *s);                             /* NULL ok */

const char *secret_text(const struct secret *s);
void secret_draw(const struct secret *s, struct area a);       /* in the middle of the area */
int secret_input(struct secret *s, const struct event *event); /* INPUT_TAKEN, or SECRET_* */

#endif
