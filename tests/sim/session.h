/* The conversation and the totals of a process. */
#ifndef SIM_SESSION_H
#define SIM_SESSION_H

#include "tests/sim/sim.h"

void session_init(struct session *session);
void session_done(struct session *session);
/* Appends a message; takes the reference to content and copies uuid. */
struct entry *session_add(struct session *session, bool user, const char *uuid, json_t *content);
/* Removes the entries from index on. */
void session_cut(struct session *session, size_t index);
/* Books what a message used, in the totals and in *since. */
void session_book(struct session *session, const char *model, const struct usage *usage,
		  struct total *since);

struct rewind {
	bool rewound;
	const char *reason, *error; /* when not */
	const struct entry *target;
	const char *preceding; /* uuid of the assistant message before the target, or NULL */
	size_t index;
};
/* Decides a rewind without doing it; last_seen may be NULL. */
struct rewind session_find_rewind(const struct session *session, const char *target,
				  const char *last_seen);

/* Appends the plain text of a message's content to buf: strings, text blocks, results of tools. */
void content_text(const json_t *content, struct jbuf *buf);

#endif
