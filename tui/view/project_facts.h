/* Facts of projects and limits on a sheet, and the actions on projects. */
#ifndef TUI_VIEW_PROJECT_FACTS_H
#define TUI_VIEW_PROJECT_FACTS_H

#include <jansson.h>

#include "tui/view/host.h"
#include "tui/view/sheet.h"

void project_fill(struct sheet *s, const json_t *project);
void limits_fill(struct sheet *s, const json_t *limits); /* an object with them; NULL: none */
/* "a, b"; of null or nothing `otherwise`.  Returns `to`. */
char *list_words(char *to, size_t size, const json_t *list, const char *otherwise);
/* Members of `row` under the same names, those that are not null. */
void copy_members(json_t *to, const json_t *row, const char *const *names);

void project_ask_create(struct host *h);
void project_ask_set(struct host *h, const json_t *project);
void project_ask_delete(struct host *h, const json_t *project);

#endif
