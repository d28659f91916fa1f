/* The views in the order of their tabs. */
#ifndef TUI_VIEW_VIEWS_H
#define TUI_VIEW_VIEWS_H

#include "tui/view/view.h"

extern const struct view_ops *const views[];
extern const int view_count;

enum { VIEWS_MAX = 8 };

int view_find(const char *name); /* its place; -1: there is none */

#endif
