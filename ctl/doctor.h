/* What ccapictl can see by itself of a daemon's health, as the items that the daemon's `doctor`
 * answers: {"name","title","state":"ok|warn|fail|unknown","text","mend"}. */
#ifndef CTL_DOCTOR_H
#define CTL_DOCTOR_H

#include <jansson.h>
#include <stdbool.h>

#include "shared/control_client.h"

/* Appends an item; text and mend are cut where they would be too long, mend may be NULL. */
void doctor_add(json_t *checks, const char *name, const char *title, const char *state,
		const char *mend, const char *fmt, ...) __attribute__((format(printf, 6, 7)));

/* The socket at a path: whose it is, who may open it; or why nobody answers there. */
void doctor_socket(json_t *checks, const char *path, enum client_failure failure);

/* Who is at the other end, and what we may do there. */
void doctor_hello(json_t *checks, const struct control_hello *hello);

/* What can be said without a daemon: its program, its unit, the CLI. */
void doctor_local(json_t *checks);

/* Prints them; quiet: only what is not well. */
void doctor_print(const json_t *checks, bool quiet);

/* Whether none fails. */
bool doctor_is_well(const json_t *checks);

#endif
