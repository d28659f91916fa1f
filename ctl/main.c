/* ccapictl: one verb of the control socket per run. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ccapi_version.h"
#include "ctl/command.h"
#include "ctl/connect.h"
#include "ctl/help.h"
#include "ctl/output.h"
#include "ctl/run.h"

/* The question with its subject in it. */
static void print_question(const struct command *c)
{
	const char *question = c->verb->confirm, *place = strstr(question, "%s");
	char number[COMMAND_NUMBER_SIZE];

	if (place) {
		fwrite(question, 1, (size_t)(place - question), stderr);
		output_text(stderr, command_subject(c, number), CLEAN_LINE);
		question = place + 2;
	}
	fprintf(stderr, "%s [y/N] ", question);
}

/* True: go on. */
static bool confirmed(const struct command *c)
{
	char answer[16];

	if (!c->verb->confirm || c->yes)
		return true;
	if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO)) {
		fprintf(stderr, "ccapictl: %s needs --yes where nobody can be asked\n",
			c->verb->words);
		return false;
	}
	print_question(c);
	if (fgets(answer, sizeof answer, stdin) &&
	    (strcmp(answer, "y\n") == 0 || strcmp(answer, "yes\n") == 0))
		return true;
	fputs("ccapictl: nothing was done\n", stderr);
	return false;
}

static int usage_error(const struct command *c, const char *why)
{
	complain(why);
	if (c->verb) {
		fputs("usage: ", stderr);
		help_usage(stderr, c->verb, output_width(stderr));
	} else {
		fputs("Try 'ccapictl --help'.\n", stderr);
	}
	return EXIT_USAGE;
}

/* What could not be written is a failure too. */
static int flushed(int status)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	perror("ccapictl: cannot write");
	return status == EXIT_DONE ? EXIT_FAILED : status;
}

int main(int argc, char **argv)
{
	char why[COMMAND_WHY_MAX];
	struct command c;
	int status = EXIT_DONE;

	output_init();
	if (command_parse(&c, argc, argv, why) < 0)
		status = usage_error(&c, why);
	else if (c.version)
		puts("ccapictl " CCAPI_VERSION);
	else if (c.help)
		help_print(stdout, &c);
	else if (!confirmed(&c))
		status = EXIT_USAGE;
	else
		status = run(&c);
	command_done(&c);
	return flushed(status);
}
