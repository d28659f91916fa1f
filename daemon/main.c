/* ccapid's command line.  Everything that lives longer than a moment is daemon.c's. */
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uv.h>

#include "shared/buf.h"
#include "shared/err.h"

#include "daemon/conf/load.h"
#include "daemon/daemon.h"
#include "daemon/module_conf.h"
#include "daemon/pool/worker_exec.h"

#include "ccapi_version.h"

#define EXIT_USAGE 2
#define MAX_OVERRIDES 1024
#define MAX_CONF_ERRORS (256 * 1024)
#define MAX_NOFILE (1U << 20) /* some hosts set a hard limit of a milliard */

struct options {
	struct conf_source source;
	const char *overrides[MAX_OVERRIDES];
	bool check_config;
};

static void print_help(void)
{
	puts("usage: ccapid [--config FILE] [-o KEY=VALUE]... [--check-config]\n"
	     "\n"
	     "Serves the OpenAI chat API on a local port through a warm pool of Claude Code CLI\n"
	     "workers.  Runs in the foreground and logs on stderr.\n"
	     "\n"
	     "  -c, --config FILE   read FILE instead of the first that exists of\n"
	     "                      $XDG_CONFIG_HOME/ccapi/ccapid.conf, /etc/ccapi/ccapid.conf\n"
	     "  -o KEY=VALUE        set one setting over the file's; may be repeated:\n"
	     "                      -o pool.workers=3 -o listen=127.0.0.1:8081\n"
	     "      --check-config  report every error in the settings and exit\n"
	     "      --version       print the version and exit\n"
	     "  -h, --help          print this and exit\n"
	     "\n"
	     "SIGTERM and SIGINT finish what runs and end; a second one ends at once.\n"
	     "SIGHUP reads the settings again.");
}

static int usage_error(void)
{
	fputs("Try 'ccapid --help'.\n", stderr);
	return EXIT_USAGE;
}

/* -1: go on; else the exit status. */
static int parse_options(int argc, char **argv, struct options *options)
{
	enum { OPT_CHECK = 256, OPT_VERSION };
	static const struct option longs[] = {
		{"config", required_argument, NULL, 'c'},
		{"check-config", no_argument, NULL, OPT_CHECK},
		{"version", no_argument, NULL, OPT_VERSION},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	int opt;

	while ((opt = getopt_long(argc, argv, "c:o:h", longs, NULL)) != -1) {
		switch (opt) {
		case 'c':
			options->source.file = optarg;
			break;
		case 'o':
			if (options->source.override_count == MAX_OVERRIDES) {
				fprintf(stderr, "ccapid: more than %d -o options\n", MAX_OVERRIDES);
				return EXIT_USAGE;
			}
			options->overrides[options->source.override_count++] = optarg;
			break;
		case OPT_CHECK:
			options->check_config = true;
			break;
		case OPT_VERSION:
			puts("ccapid " CCAPI_VERSION);
			return EXIT_SUCCESS;
		case 'h':
			print_help();
			return EXIT_SUCCESS;
		default:
			return usage_error();
		}
	}
	if (optind < argc) {
		fprintf(stderr, "ccapid: unexpected argument '%s'\n", argv[optind]);
		return usage_error();
	}
	return -1;
}

/* The number of a standard stream that was handed over closed would become the loop's or a
 * socket's, and what is logged would be written there. */
static int open_standard_streams(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd < 0)
		return -1;
	close(fd);
	return 0;
}

static int prepare_process(void)
{
	struct rlimit limit;

	if (open_standard_streams() < 0)
		return -1;
	/* Ids are drawn several times per request: from a generator in the process, not by system
	 * calls. */
	randombytes_set_implementation(&randombytes_internal_implementation);
	if (sodium_init() < 0) {
		fputs("ccapid: no source of randomness\n", stderr);
		return -1;
	}
	umask(077);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* a file at its limit is a full disk: writing fails */
	signal(SIGUSR1, SIG_IGN);
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		rlim_t most = limit.rlim_max < MAX_NOFILE ? limit.rlim_max : MAX_NOFILE;

		if (limit.rlim_cur < most) {
			limit.rlim_cur = most;
			setrlimit(RLIMIT_NOFILE, &limit);
		}
	}
	return 0;
}

/* Loads the settings, or prints what is wrong with them. */
static int load_conf(const struct options *options, struct conf *conf, char **ret_file)
{
	struct buf errors;
	int rc;

	buf_init(&errors, MAX_CONF_ERRORS);
	rc = conf_load(conf, &options->source, &errors, ret_file);
	if (rc < 0) {
		if (errors.len > 0) {
			fputs(errors.data, stderr);
			if (errors.data[errors.len - 1] != '\n')
				fputc('\n', stderr);
		} else {
			fprintf(stderr, "ccapid: cannot read the settings: %s\n", err_str(rc));
		}
	}
	buf_done(&errors);
	return rc;
}

int main(int argc, char **argv)
{
	struct options options = {0};
	struct conf conf;
	char *file = NULL;
	int status;

	if (argc > 1 && strcmp(argv[1], "--exec-worker") == 0)
		return worker_exec_main(argc, argv);
	options.source.overrides = options.overrides;
	options.source.check = module_conf_check;
	status = parse_options(argc, argv, &options);
	if (status >= 0)
		return status;
	if (prepare_process() < 0)
		return EXIT_FAILURE;
	if (load_conf(&options, &conf, &file) < 0)
		return EXIT_FAILURE;
	if (options.check_config) {
		printf("configuration ok (%s)\n", file ? file : "no file, embedded defaults");
		status = EXIT_SUCCESS;
	} else {
		status = daemon_run(&conf, &options.source, file) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
	}
	free(file);
	conf_done(&conf);
	uv_library_shutdown();
	return status;
}
