/* Completion for shells, written wholly from the table of verbs. */
#ifndef CTL_COMPLETION_H
#define CTL_COMPLETION_H

#include <stdbool.h>
#include <stdio.h>

#include "shared/verbs.h"

void completion_bash(FILE *f);
void completion_zsh(FILE *f);
void completion_fish(FILE *f);

/* ---- what the three share ---- */

/* An option of a verb, or one of every command. */
struct completion_option {
	char letter[4];   /* "-f"; "": none */
	char name[40];    /* "--follow" */
	char metavar[16]; /* "PATH"; "": takes no value */
	const char *help;
	const struct verb_param *param; /* NULL: of every command */
};

/* Each calls `each` in the table's order. */
void completion_options(const struct verb *v,
			void (*each)(FILE *f, const struct verb *v,
				     const struct completion_option *o),
			FILE *f);
void completion_common(void (*each)(FILE *f, const struct verb *v,
				    const struct completion_option *o),
		       FILE *f);

bool completion_has_options(const struct verb *v); /* and words */

/* Every option that takes a value, each once and behind `before`. */
void completion_taking(FILE *f, const char *before);

/* The command whose `--quiet` lists what may stand there ("projects list"); NULL: none does. */
const char *completion_source(const struct verb *v, const struct verb_param *p);

/* The n-th positional parameter, from 1; NULL: there are not so many. */
const struct verb_param *completion_position(const struct verb *v, unsigned n);

/* How many bytes of the words are the first one; whether it is the first verb of its group. */
size_t completion_first_len(const struct verb *v);
bool completion_begins_group(const struct verb *v);
bool completion_is_group(const struct verb *v); /* two words */

/* In single quotes; `escape` is what stands for one inside ("'\\''" or "\\'"). */
void completion_quote(FILE *f, const char *text, const char *escape);

#endif
