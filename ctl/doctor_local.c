/* The checks of doctor that need no daemon, or only its socket.  Each failing item names one
 * command that mends it, as it would be typed. */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ccapi_version.h"
#include "ctl/doctor.h"
#include "ctl/program.h"

enum { NAME_SIZE = 64, MEND_SIZE = 512, OUTPUT_MAX = 16 * 1024, TIMEOUT_MS = 5000 };

static void user_name(uid_t uid, char to[NAME_SIZE])
{
	const struct passwd *pw = getpwuid(uid);

	if (pw)
		snprintf(to, NAME_SIZE, "%s", pw->pw_name);
	else
		snprintf(to, NAME_SIZE, "uid %u", (unsigned)uid);
}

static void group_name(gid_t gid, char to[NAME_SIZE])
{
	const struct group *gr = getgrgid(gid);

	if (gr)
		snprintf(to, NAME_SIZE, "%s", gr->gr_name);
	else
		snprintf(to, NAME_SIZE, "gid %u", (unsigned)gid);
}

/* What starts a daemon here: where systemd runs, its unit. */
static const char *start_command(void)
{
	return access("/run/systemd/system", F_OK) == 0 ? "systemctl start ccapid" : "ccapid";
}

/* ---- the socket ---- */

static void no_socket(json_t *checks, const char *path, int error)
{
	if (error == EACCES)
		doctor_add(checks, "socket", "Control socket", "fail",
			   "sudo ccapictl doctor, or join the daemon's group (control.group)",
			   "%s: its folder may not be entered by you", path);
	else
		doctor_add(checks, "socket", "Control socket", "fail", start_command(), "%s: %s",
			   path, strerror(error));
}

/* Whose it is and who may open it. */
static void describe(json_t *checks, const char *path, const struct stat *st)
{
	char user[NAME_SIZE], group[NAME_SIZE], mend[MEND_SIZE];
	unsigned mode = st->st_mode & 07777;

	user_name(st->st_uid, user);
	group_name(st->st_gid, group);
	if (mode & S_IWOTH) {
		snprintf(mend, sizeof mend, "chmod 0660 %s", path);
		doctor_add(checks, "socket", "Control socket", "warn", mend,
			   "%s, %s:%s, mode %04o: everybody on this machine may open it", path,
			   user, group, mode);
	} else {
		doctor_add(checks, "socket", "Control socket", "ok", NULL,
			   "%s, %s:%s, mode %04o; may open it: root%s%s%s%s", path, user, group,
			   mode, st->st_uid ? ", " : "", st->st_uid ? user : "",
			   mode & S_IWGRP ? ", members of " : "", mode & S_IWGRP ? group : "");
	}
}

static void forbidden(json_t *checks, const char *path, const struct stat *st)
{
	char user[NAME_SIZE], group[NAME_SIZE], me[NAME_SIZE], mend[MEND_SIZE];

	user_name(st->st_uid, user);
	group_name(st->st_gid, group);
	user_name(geteuid(), me);
	if ((st->st_mode & S_IWGRP) && st->st_gid != 0)
		snprintf(mend, sizeof mend, "usermod -aG %s %s, then log in anew", group, me);
	else
		snprintf(mend, sizeof mend, "set control.group and restart ccapid, or run it as %s",
			 user);
	doctor_add(checks, "socket", "Control socket", "fail", mend,
		   "%s, %s:%s, mode %04o: %s may not open it", path, user, group,
		   st->st_mode & 07777, me);
}

void doctor_socket(json_t *checks, const char *path, enum client_failure failure)
{
	struct stat st;

	if (stat(path, &st) != 0)
		no_socket(checks, path, errno);
	else if (failure == CLIENT_FORBIDDEN)
		forbidden(checks, path, &st);
	else if (failure != CLIENT_UNREACHABLE)
		describe(checks, path, &st);
	else if (!S_ISSOCK(st.st_mode))
		doctor_add(checks, "socket", "Control socket", "fail",
			   "set control.socket to another path", "%s is no socket", path);
	else
		doctor_add(checks, "socket", "Control socket", "fail", start_command(),
			   "%s is there, but no daemon answers on it", path);
}

/* ---- the daemon ---- */

void doctor_hello(json_t *checks, const struct control_hello *hello)
{
	static const char *const may[RIGHTS] = {
		[RIGHT_READ] = "read: look at everything but secrets",
		[RIGHT_OPERATE] = "operate: workers, requests, queue, overrides, cache, settings",
		[RIGHT_ADMIN] = "admin: everything",
	};

	if (strcmp(hello->version, CCAPI_VERSION) == 0)
		doctor_add(checks, "protocol", "Protocol", "ok", NULL, "%d, ccapid %s (pid %lld)",
			   hello->protocol, hello->version, (long long)hello->pid);
	else
		doctor_add(checks, "protocol", "Protocol", "warn", "systemctl restart ccapid",
			   "%d, but ccapid is %s (pid %lld) and ccapictl %s", hello->protocol,
			   hello->version, (long long)hello->pid, CCAPI_VERSION);
	doctor_add(checks, "right", "What you may do", "ok", NULL, "%s", may[hello->right]);
}

/* ---- without a daemon ---- */

static void check_daemon_program(json_t *checks)
{
	char *dir = program_own_dir(), *path = program_find(dir, "ccapid");

	if (path)
		doctor_add(checks, "ccapid", "ccapid", "ok", NULL, "%s", path);
	else
		doctor_add(checks, "ccapid", "ccapid", "warn", "make install",
			   "the program is neither beside ccapictl nor in $PATH");
	free(path);
	free(dir);
}

/* The value of NAME=VALUE in lines. */
static void value_of(const char *lines, const char *name, char to[NAME_SIZE])
{
	size_t len = strlen(name);

	to[0] = '\0';
	for (const char *at = lines; at && *at;) {
		size_t line = strcspn(at, "\n");

		if (line > len && strncmp(at, name, len) == 0 && at[len] == '=')
			snprintf(to, NAME_SIZE, "%.*s", (int)(line - len - 1), at + len + 1);
		at += line + (at[line] == '\n');
	}
}

static void tell_unit(json_t *checks, const char *lines)
{
	char load[NAME_SIZE], active[NAME_SIZE], sub[NAME_SIZE], why[NAME_SIZE];

	value_of(lines, "LoadState", load);
	value_of(lines, "ActiveState", active);
	value_of(lines, "SubState", sub);
	value_of(lines, "Result", why);
	if (strcmp(load, "loaded") != 0)
		doctor_add(checks, "unit", "systemd unit", "unknown", NULL,
			   "systemd has no unit ccapid.service");
	else if (strcmp(active, "active") == 0)
		doctor_add(checks, "unit", "systemd unit", "ok", NULL, "%s (%s)", active, sub);
	else if (strcmp(active, "failed") == 0)
		doctor_add(checks, "unit", "systemd unit", "fail", "journalctl -u ccapid -n 50",
			   "failed: %s", why);
	else
		doctor_add(checks, "unit", "systemd unit", "fail", "systemctl start ccapid",
			   "%s (%s)", active[0] ? active : "?", sub);
}

static void check_unit(json_t *checks)
{
	char *path = program_find(NULL, "systemctl");
	const char *const argv[] = {path, "show", "ccapid.service",
				    "--property=LoadState,ActiveState,SubState,Result", NULL};
	struct buf out;
	int rc;

	if (!path)
		return;
	buf_init(&out, OUTPUT_MAX);
	rc = program_output(argv, TIMEOUT_MS, &out);
	if (rc == 0 && out.data)
		tell_unit(checks, out.data);
	else
		doctor_add(checks, "unit", "systemd unit", "unknown", NULL,
			   "systemctl does not answer; systemd may not be what runs here");
	buf_done(&out);
	free(path);
}

static void check_cli(json_t *checks)
{
	static const char install[] = "npm install -g @anthropic-ai/claude-code";
	char *path = program_find(NULL, "claude");
	const char *const argv[] = {path, "--version", NULL};
	struct buf out;
	int rc;

	if (!path) {
		doctor_add(checks, "cli", "Claude Code CLI", "fail", install,
			   "there is no claude in $PATH");
		return;
	}
	buf_init(&out, OUTPUT_MAX);
	rc = program_output(argv, TIMEOUT_MS, &out);
	if (rc == 0 && out.data)
		doctor_add(checks, "cli", "Claude Code CLI", "ok", NULL, "%.*s at %s",
			   (int)strcspn(out.data, "\n"), out.data, path);
	else if (rc == -ETIMEDOUT)
		doctor_add(checks, "cli", "Claude Code CLI", "fail", install,
			   "%s --version did not end within %d s", path, TIMEOUT_MS / 1000);
	else if (rc < 0)
		doctor_add(checks, "cli", "Claude Code CLI", "fail", install,
			   "%s cannot be run: %s", path, strerror(-rc));
	else
		doctor_add(checks, "cli", "Claude Code CLI", "fail", install,
			   "%s --version failed with exit code %d", path, rc);
	buf_done(&out);
	free(path);
}

void doctor_local(json_t *checks)
{
	check_daemon_program(checks);
	check_unit(checks);
	check_cli(checks);
}
