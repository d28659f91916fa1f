/* Who is at the other end of a control connection, and what they may do. */
#ifndef DAEMON_CONTROL_PEER_H
#define DAEMON_CONTROL_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "shared/verbs.h"

#include "daemon/conf/conf.h"

/* The groups of the settings, looked up once. */
struct control_rights {
	uid_t own;
	bool has_group, has_operator, has_admin;
	gid_t group, operator_group, admin_group;
};

struct peer {
	uid_t uid;
	pid_t pid;
	enum verb_right right;
};

/* 0, or ERR_UNKNOWN and why: no such group. */
int control_rights_load(struct control_rights *r, const struct conf *conf, char *why,
			size_t why_size);

/* What somebody of this uid and these groups may do. */
enum verb_right control_right_of(const struct control_rights *r, uid_t uid, const gid_t *groups,
				 size_t count);

/* From the socket, which the kernel vouches for.  0 or -errno. */
int peer_identify(int fd, const struct control_rights *r, struct peer *ret_peer);

#endif
