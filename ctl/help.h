/* Help from the table of verbs. */
#ifndef CTL_HELP_H
#define CTL_HELP_H

#include <stdio.h>

#include "shared/verbs.h"

#include "ctl/command.h"

/* Of everything, of a group ("keys"), or of one verb, as the command asks. */
void help_print(FILE *f, const struct command *c);

/* "keys create --project PROJECT [--label TEXT] ..."; width 0: on one line. */
void help_usage(FILE *f, const struct verb *v, unsigned width);

/* "PROJECT", "--key KEY", "--soft". */
void help_param(char *to, size_t size, const struct verb_param *p);

/* The options that every command takes, as name and words; ends with NULL. */
struct help_option {
	const char *name, *help;
};
extern const struct help_option help_options[];

/* What the exit codes mean, likewise. */
extern const struct help_option help_exit_codes[];

#endif
