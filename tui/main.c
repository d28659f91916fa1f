/* ccapitop: the operator's dashboard. */
#include <errno.h>
#include <getopt.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ccapi_version.h"
#include "tui/app.h"
#include "tui/term/terminal.h"
#include "tui/view/views.h"

enum { EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_UNREACHABLE = 3 };
enum { COLUMNS_DEFAULT = 80, ROWS_DEFAULT = 24 };

struct options {
	struct app_conf conf;
	bool snapshot, help, version;
	int columns, rows;
};

static void print_help(void)
{
	fputs("Usage: ccapitop [OPTION]...\n"
	      "What ccapid is doing, and what can be done about it.\n"
	      "\n"
	      "  --socket PATH   the control socket; else CCAPI_SOCKET, else your own daemon's,\n"
	      "                  else the system's\n"
	      "  --view NAME     begin with this view:",
	      stdout);
	for (int i = 0; i < view_count; i++)
		printf("%s%s", i % 5 == 0 ? "\n                  " : " ", views[i]->name);
	fputs("\n"
	      "  --ascii         use no characters but ASCII\n"
	      "  --snapshot      write one screen as plain text and end\n"
	      "  --size CxR      its columns and rows; 80x24 if not given\n"
	      "  --help          this\n"
	      "  --version       the version\n"
	      "\n"
	      "NO_COLOR=1 takes the colours away. In the dashboard, ? shows the keys.\n"
	      "Exit codes: 0 done, 1 failed, 2 usage, 3 there is no daemon to take a snapshot "
	      "of.\n",
	      stdout);
}

static int complain(const char *what, const char *value)
{
	fprintf(stderr, "ccapitop: %s", what);
	for (; *value; value++)
		fputc((unsigned char)*value < 0x20 || *value == 0x7F ? '?' : *value, stderr);
	fputs("\nTry 'ccapitop --help'.\n", stderr);
	return -EINVAL;
}

static int read_size(struct options *o, const char *text)
{
	char rest;

	if (sscanf(text, "%4dx%4d%c", &o->columns, &o->rows, &rest) == 2 &&
	    o->columns >= APP_COLUMNS_MIN && o->columns <= CANVAS_MAX_COLUMNS &&
	    o->rows >= APP_ROWS_MIN && o->rows <= CANVAS_MAX_ROWS)
		return 0;
	return complain("the size must be 40x10 to 1000x500, such as 100x30, not ", text);
}

static int read_options(struct options *o, int argc, char **argv)
{
	enum { SOCKET = 1, VIEW, ASCII, SNAPSHOT, SIZE, HELP, VERSION };
	static const struct option known[] = {{"socket", required_argument, NULL, SOCKET},
					      {"view", required_argument, NULL, VIEW},
					      {"ascii", no_argument, NULL, ASCII},
					      {"snapshot", no_argument, NULL, SNAPSHOT},
					      {"size", required_argument, NULL, SIZE},
					      {"help", no_argument, NULL, HELP},
					      {"version", no_argument, NULL, VERSION},
					      {NULL, 0, NULL, 0}};
	bool sized = false;
	int c;

	*o = (struct options){.columns = COLUMNS_DEFAULT, .rows = ROWS_DEFAULT};
	while ((c = getopt_long(argc, argv, "", known, NULL)) != -1) {
		if (c == SOCKET)
			o->conf.socket = optarg;
		else if (c == VIEW && view_find(optarg) < 0)
			return complain("there is no view ", optarg);
		else if (c == VIEW)
			o->conf.view = optarg;
		else if (c == SIZE && read_size(o, optarg) < 0)
			return -EINVAL;
		else if (c == '?')
			return complain("", "");
		o->conf.ascii = o->conf.ascii || c == ASCII;
		o->snapshot = o->snapshot || c == SNAPSHOT;
		o->help = o->help || c == HELP;
		o->version = o->version || c == VERSION;
		sized = sized || c == SIZE;
	}
	if (optind < argc)
		return complain("there is nothing to be done with ", argv[optind]);
	if (sized && !o->snapshot)
		return complain("--size is for --snapshot", "");
	return 0;
}

static int run(const struct options *o)
{
	struct app *app;
	int r;

	signal(SIGPIPE, SIG_IGN); /* a daemon that goes is an error of writing, and no more */
	setlocale(LC_CTYPE, "");
	app = app_new(&o->conf);
	if (!app) {
		fputs("ccapitop: out of memory\n", stderr);
		return EXIT_FAILED;
	}
	r = o->snapshot ? app_snapshot(app, o->columns, o->rows) : app_run(app);
	app_free(app);
	if (r > 0)
		terminal_die(r);
	return r == 0 ? EXIT_SUCCESS : r == -ECONNREFUSED ? EXIT_UNREACHABLE : EXIT_FAILED;
}

int main(int argc, char **argv)
{
	struct options o;

	if (read_options(&o, argc, argv) < 0)
		return EXIT_USAGE;
	if (o.help)
		print_help();
	else if (o.version)
		puts("ccapitop " CCAPI_VERSION);
	else
		return run(&o);
	return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILED;
}
