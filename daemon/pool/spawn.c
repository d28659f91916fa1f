#include "daemon/pool/spawn.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The daemon's own program, which the child runs first (worker_exec.c).  The link itself serves
 * when the file was replaced by an upgrade. */
static const char *own_program(void)
{
	static char path[4096];
	ssize_t n;

	if (path[0])
		return path;
	n = readlink("/proc/self/exe", path, sizeof path - 1);
	if (n > 0)
		path[n] = '\0';
	if (n <= 0 || access(path, X_OK) != 0)
		strcpy(path, "/proc/self/exe");
	return path;
}

static void process_exited(uv_process_t *process, int64_t status, int signum)
{
	struct child *c = process->data;

	c->exited = true;
	c->exit_status = (int)status;
	c->term_signal = signum;
	kill(-process->pid, SIGKILL); /* what it may have started and left behind */
	if (c->on_exit)
		c->on_exit(c);
}

static void handle_closed(uv_handle_t *handle)
{
	struct child *c = handle->data;

	if (--c->open_handles == 0 && c->on_closed)
		c->on_closed(c);
}

static char **wrapped_argv(const struct spawn_spec *spec, char *parent_pid)
{
	size_t count = 0;
	char **argv;

	while (spec->argv[count])
		count++;
	argv = calloc(count + 4, sizeof *argv);
	if (!argv)
		return NULL;
	argv[0] = (char *)own_program();
	argv[1] = (char *)"--exec-worker";
	argv[2] = parent_pid;
	argv[3] = (char *)spec->path;
	for (size_t i = 1; i < count; i++)
		argv[3 + i] = spec->argv[i];
	return argv;
}

int child_spawn(struct child *c, uv_loop_t *loop, const struct spawn_spec *spec)
{
	uv_stdio_container_t stdio[3] = {
		{.flags = UV_CREATE_PIPE | UV_READABLE_PIPE, .data.stream = (uv_stream_t *)&c->in},
		{.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE, .data.stream = (uv_stream_t *)&c->out},
		{.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE, .data.stream = (uv_stream_t *)&c->err},
	};
	uv_process_options_t options = {.exit_cb = process_exited,
					.file = own_program(),
					.env = (char **)spec->env,
					.cwd = spec->cwd,
					.flags = UV_PROCESS_DETACHED,
					.stdio_count = 3,
					.stdio = stdio};
	char parent_pid[16];
	int rc;

	uv_pipe_init(loop, &c->in, 0);
	uv_pipe_init(loop, &c->out, 0);
	uv_pipe_init(loop, &c->err, 0);
	c->in.data = c->out.data = c->err.data = c->process.data = c;
	c->open_handles = 3;
	snprintf(parent_pid, sizeof parent_pid, "%d", (int)getpid());
	options.args = wrapped_argv(spec, parent_pid);
	if (!options.args) {
		c->exited = true;
		return -ENOMEM;
	}
	c->open_handles++;
	c->has_process = true;
	rc = uv_spawn(loop, &c->process, &options);
	free(options.args);
	if (rc != 0)
		c->exited = true;
	return rc;
}

void child_signal(struct child *c, int signum)
{
	if (!c->exited && c->process.pid > 0)
		kill(-c->process.pid, signum);
}

static void close_handle(uv_handle_t *handle)
{
	if (!uv_is_closing(handle))
		uv_close(handle, handle_closed);
}

void child_close_input(struct child *c)
{
	close_handle((uv_handle_t *)&c->in);
}

void child_close(struct child *c)
{
	if (c->closing)
		return;
	c->closing = true;
	if (c->has_process)
		close_handle((uv_handle_t *)&c->process);
	close_handle((uv_handle_t *)&c->in);
	close_handle((uv_handle_t *)&c->out);
	close_handle((uv_handle_t *)&c->err);
}
