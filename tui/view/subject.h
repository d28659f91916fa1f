/* Whom something is about: a project, a key, or everybody.  Rows of the daemon and parameters of
 * verbs say it with the same members: project, key, or neither. */
#ifndef TUI_VIEW_SUBJECT_H
#define TUI_VIEW_SUBJECT_H

#include <jansson.h>

enum { SUBJECT_SIZE = 160 };

/* "docs", "key k_3fa2c19d", "everybody", cut where it is too long; returns `to`. */
char *subject_words(char to[SUBJECT_SIZE], const json_t *object);

/* The parameters that name it, as a new reference, and which one it is. */
json_t *subject_params(const json_t *object);
const char *subject_param(const json_t *object); /* "project", "key", "global" */

#endif
