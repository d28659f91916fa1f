/* The child's side of spawning: what runs between fork and the CLI. */
#ifndef DAEMON_POOL_WORKER_EXEC_H
#define DAEMON_POOL_WORKER_EXEC_H

/* `ccapid --exec-worker PARENT_PID PROGRAM ARGS...`: ties this process's life to its parent's,
 * drops what it must not inherit and becomes PROGRAM.  Returns an exit status only when that
 * failed. */
int worker_exec_main(int argc, char **argv);

#endif
