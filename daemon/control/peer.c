#include "daemon/control/peer.h"

#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "shared/err.h"

enum { GROUPS_GUESS = 64, GROUPS_MAX = 65536 };

static int find_group(const char *setting, const char *name, bool *ret_has, gid_t *ret_gid,
		      char *why, size_t why_size)
{
	const struct group *group;

	*ret_has = name[0] != '\0';
	if (!*ret_has)
		return 0;
	group = getgrnam(name);
	if (!group) {
		snprintf(why, why_size, "%s: there is no group '%s' on this system", setting, name);
		return ERR_UNKNOWN;
	}
	*ret_gid = group->gr_gid;
	return 0;
}

int control_rights_load(struct control_rights *r, const struct conf *conf, char *why,
			size_t why_size)
{
	int rc;

	*r = (struct control_rights){.own = geteuid()};
	rc = find_group("control.group", conf->control.group, &r->has_group, &r->group, why,
			why_size);
	if (rc == 0)
		rc = find_group("control.operator_group", conf->control.operator_group,
				&r->has_operator, &r->operator_group, why, why_size);
	if (rc == 0)
		rc = find_group("control.admin_group", conf->control.admin_group, &r->has_admin,
				&r->admin_group, why, why_size);
	return rc;
}

static bool is_member(gid_t wanted, const gid_t *groups, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (groups[i] == wanted)
			return true;
	return false;
}

enum verb_right control_right_of(const struct control_rights *r, uid_t uid, const gid_t *groups,
				 size_t count)
{
	if (uid == 0 || uid == r->own || (r->has_admin && is_member(r->admin_group, groups, count)))
		return RIGHT_ADMIN;
	if (r->has_operator && is_member(r->operator_group, groups, count))
		return RIGHT_OPERATE;
	return RIGHT_READ;
}

/* The peer's supplementary groups behind groups[0]; returns how many stand there then, or -errno.
 * The list is malloc'ed. */
static ssize_t read_groups(int fd, gid_t primary, gid_t **ret_groups)
{
	size_t room = GROUPS_GUESS;

	for (;;) {
		socklen_t len = (socklen_t)(room * sizeof(gid_t));
		gid_t *groups = malloc((room + 1) * sizeof *groups);
		int rc;

		if (!groups)
			return -ENOMEM;
		rc = getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups + 1, &len) < 0 ? errno : 0;
		if (rc == 0 || rc == ENOPROTOOPT) {
			groups[0] = primary;
			*ret_groups = groups;
			return rc == 0 ? (ssize_t)(len / sizeof(gid_t)) + 1 : 1;
		}
		free(groups);
		room = len / sizeof(gid_t);
		if (rc != ERANGE || room > GROUPS_MAX)
			return -rc;
	}
}

int peer_identify(int fd, const struct control_rights *r, struct peer *ret_peer)
{
	struct ucred cred;
	socklen_t len = sizeof cred;
	gid_t *groups = NULL;
	ssize_t count;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0)
		return -errno;
	count = read_groups(fd, cred.gid, &groups);
	if (count < 0)
		return (int)count;
	*ret_peer = (struct peer){.uid = cred.uid,
				  .pid = cred.pid,
				  .right = control_right_of(r, cred.uid, groups, (size_t)count)};
	free(groups);
	return 0;
}
