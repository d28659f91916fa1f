/* hello and login.set: whom the daemon talks with, and as whom it asks. */
#include <stdlib.h>
#include <string.h>

#include "shared/json.h"
#include "shared/log.h"
#include "shared/str.h"

#include "daemon/control/commands.h"
#include "daemon/control/internal.h"
#include "daemon/pool/login_keep.h"

#include "ccapi_version.h"

/* Both sides' versions and the cure, in the client's answer and in the log. */
static void refuse_version(struct verb_call *r, int64_t protocol)
{
	const char *name = json_get_str(r->params, "name"),
		   *version = json_get_str(r->params, "version");
	char clean_name[32], clean_version[32];
	struct rpc_error e;

	str_copy_clean(clean_name, sizeof clean_name, name ? name : "the client");
	str_copy_clean(clean_version, sizeof clean_version, version ? version : "");
	rpc_error_set(&e, RPC_VERSION, "protocol",
		      "%s%s%s speaks protocol %lld of the control socket, ccapid %s speaks %d",
		      clean_name, clean_version[0] ? " " : "", clean_version, (long long)protocol,
		      CCAPI_VERSION, CONTROL_PROTOCOL);
	snprintf(e.hint, sizeof e.hint, "%s",
		 protocol > CONTROL_PROTOCOL
			 ? "restart ccapid if it was upgraded under the running process, else "
			   "upgrade it"
			 : "upgrade the client to the daemon's version");
	log_warn(CONTROL_AREA, "uid %u, pid %d: %s; %s", (unsigned)r->peer.uid, (int)r->peer.pid,
		 e.message, e.hint);
	if (r->conn)
		conn_end(r->conn);
	verb_call_fail(r, &e);
}

void command_hello(struct verb_call *r)
{
	int64_t protocol = json_get_int(r->params, "protocol", 0);

	if (protocol != CONTROL_PROTOCOL)
		refuse_version(r, protocol);
	else
		verb_call_answer(r, json_pack("{si ss}", "protocol", CONTROL_PROTOCOL, "version",
					      CCAPI_VERSION));
}

/* One word of printable characters, as the CLI wants it in a header. */
static bool is_token(const char *s)
{
	for (const char *c = s; *c; c++)
		if (*c <= ' ' || *c > '~')
			return false;
	return *s != '\0';
}

void command_login_set(struct verb_call *r)
{
	const struct control_deps *deps = &r->control->deps;
	const char *token = json_get_str(r->params, "token");
	char why[400], *path = NULL;

	if (!is_token(token)) {
		verb_call_refuse(r, RPC_INVALID_PARAMS, "token",
				 "token must be one word of printable characters");
		return;
	}
	if (login_keep(deps->conf, token, &path, why, sizeof why) < 0) {
		verb_call_refuse(r, RPC_REFUSED, NULL, "%s", why);
		return;
	}
	pool_renew(deps->pool);
	verb_call_answer(r, json_pack("{ss}", "path", path));
	free(path);
}
