#include "daemon/pool/worker_exec.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

/* When memory runs out the kernel shall take a worker, which is replaced, not the daemon. */
static void offer_to_oom_killer(void)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	if (write(fd, "500", 3) < 0)
		fprintf(stderr, "oom_score_adj: %s\n", strerror(errno));
	close(fd);
}

int worker_exec_main(int argc, char **argv)
{
	struct rlimit no_core = {0, 0};

	if (argc < 4) {
		fprintf(stderr, "--exec-worker is for ccapid's own use\n");
		return 2;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != (pid_t)strtol(argv[2], NULL, 10))
		return 1; /* the parent died before the line above */
	close_range(3, ~0U, 0);
	setrlimit(RLIMIT_CORE, &no_core); /* a core file would hold prompts */
	offer_to_oom_killer();
	execv(argv[3], argv + 3);
	fprintf(stderr, "%s: %s\n", argv[3], strerror(errno));
	return 127;
}
