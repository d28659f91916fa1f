/* The command line, taken apart by the table of verbs. */
#ifndef CTL_COMMAND_H
#define CTL_COMMAND_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "shared/verbs.h"

/* What the program's exit says. */
enum exit_code {
	EXIT_DONE = 0,
	EXIT_FAILED = 1,
	EXIT_USAGE = 2,
	EXIT_UNREACHABLE = 3,
	EXIT_NOT_PERMITTED = 4
};

enum { COMMAND_WORDS_MAX = 64, COMMAND_WHY_MAX = 768 };

struct command {
	const struct verb *verb; /* NULL: none was named */
	json_t *params;          /* an object */
	const char *socket;      /* --socket; NULL: not given */
	bool json, quiet, yes;
	bool help, version;
	/* Everything that is no option; for help on a group. */
	const char *words[COMMAND_WORDS_MAX];
	size_t word_count;
};

/* 0; or ERR_SYNTAX, and `why` says what is wrong and what was probably meant.  With help or version
 * the rest is not checked.  command_done() either way; argv must live as long. */
int command_parse(struct command *c, int argc, char **argv, char why[COMMAND_WHY_MAX]);
void command_done(struct command *c);

/* Of whom or what the command speaks, for questions and results: "demo", "k_3fa2c19d", "7" or
 * "everybody"; `number` is where a number is written. */
enum { COMMAND_NUMBER_SIZE = 24 };
const char *command_subject(const struct command *c, char number[COMMAND_NUMBER_SIZE]);

#endif
