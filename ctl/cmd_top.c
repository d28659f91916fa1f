#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl/output.h"
#include "ctl/program.h"
#include "ctl/run.h"

/* The dashboard of the same build first: it speaks our protocol. */
int run_top(const struct command *c)
{
	char *dir = program_own_dir(), *path = program_find(dir, "ccapitop");
	char *argv[] = {"ccapitop", c->socket ? "--socket" : NULL, (char *)c->socket, NULL};

	if (path) {
		execv(path, argv);
		fprintf(stderr, "ccapictl: %s cannot be run: %s\n", path, strerror(errno));
	} else {
		fputs("ccapictl: there is no ccapitop, neither in ", stderr);
		output_text(stderr, dir ? dir : "our own folder", CLEAN_LINE);
		fputs(" nor in $PATH\n  it comes with ccapictl: install the package again, or "
		      "make ccapitop\n",
		      stderr);
	}
	free(path);
	free(dir);
	return EXIT_FAILED;
}
