/* A child process with its three pipes on the loop, in a process group of its own that dies with
 * the daemon. */
#ifndef DAEMON_POOL_SPAWN_H
#define DAEMON_POOL_SPAWN_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

struct spawn_spec {
	const char *path;
	char *const *argv; /* argv[0] included, NULL-terminated */
	char *const *env;  /* the whole environment, NULL-terminated */
	const char *cwd;
};

struct child {
	uv_process_t process;
	uv_pipe_t in, out, err; /* our ends: in is written, out and err are read */
	unsigned open_handles;
	bool exited;
	bool has_process, closing;
	int exit_status, term_signal;
	void (*on_exit)(struct child *c);
	void (*on_closed)(struct child *c); /* every handle is closed: the struct may be freed */
	void *user;
};

/* Starts the process; reading is the caller's to begin.  0 or -errno; on failure child_close() must
 * still be called. */
int child_spawn(struct child *c, uv_loop_t *loop, const struct spawn_spec *spec);
void child_signal(struct child *c, int signum); /* to the whole group; no-op once it has exited */
void child_close_input(struct child *c);        /* the child reads end of file */
void child_close(struct child *c);              /* closes all handles, then on_closed; once */

#endif
