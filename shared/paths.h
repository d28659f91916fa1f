/* Where things live: the XDG places of the invoking user, or the system's when root runs us. */
#ifndef SHARED_PATHS_H
#define SHARED_PATHS_H

#include <stdbool.h>

/* What the places depend on; borrowed strings, NULL: not set. */
struct paths_env {
	bool root;
	const char *home;
	const char *xdg_config_home, *xdg_state_home, *xdg_runtime_dir;
	const char *system_config; /* folder of ccapid.conf for all users */
};

/* From the process: effective user, environment, password database.  Valid until the environment
 * changes. */
void paths_env_read(struct paths_env *env);

/* malloc'ed absolute paths, which need not exist.  NULL: no home is known, or out of memory. */
char *
paths_state_dir(const struct paths_env *env); /* $XDG_STATE_HOME/ccapi; root: /var/lib/ccapi */
char *paths_runtime_dir(const struct paths_env *env); /* $XDG_RUNTIME_DIR/ccapi; root: /run/ccapi */
char *paths_control_socket(const struct paths_env *env); /* control.sock in there */
extern const char paths_system_control_socket[];         /* of the daemon that root runs */

/* The settings file: `given` if not NULL, else the first that exists of
 * $XDG_CONFIG_HOME/ccapi/ccapid.conf and /etc/ccapi/ccapid.conf.  0 with a malloc'ed path, or with
 * NULL when none exists; -ENOMEM. */
int paths_config_file(const struct paths_env *env, const char *given, char **ret_path);

/* What comes with the program: share/ccapi/NAME beside the folder that the program is in, as
 * /usr/share/ccapi/NAME for /usr/sbin/ccapid.  malloc'ed; NULL: out of memory, or it is not known
 * where the program is. */
char *paths_beside_program(const char *name);

/* `path` made absolute: "~/" is the home, anything else relative starts at the working directory.
 * "" stays "". NULL: out of memory or the directory is unknown (errno). */
char *paths_absolute(const struct paths_env *env, const char *path);

/* mkdir -p: missing parents get 0755, the last directory 0700, all less the umask; what exists
 * stays as it is. 0, -errno (-ENOTDIR when something else is in the way). */
int paths_make_dir(const char *path);

#endif
