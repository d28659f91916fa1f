#include "daemon/api/auth.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "shared/clock.h"
#include "shared/names.h"

#include "daemon/api/routes.h"

const char *auth_presented(const struct head_view *head)
{
	const char *bearer = head->get(head->from, "Authorization");

	if (bearer && strncasecmp(bearer, "Bearer ", 7) == 0) {
		bearer += 7;
		return bearer + strspn(bearer, " \t");
	}
	return head->get(head->from, "x-api-key");
}

static int refuse(struct failure *f, const char *why)
{
	return failure_set(f, FAULT_INVALID_KEY, NULL, "%s", why);
}

static int refuse_key(enum key_check found, bool required, struct failure *f)
{
	switch (found) {
	case KEY_MALFORMED:
		return refuse(f, "The API key is not valid: it is incomplete or mistyped.");
	case KEY_UNKNOWN:
		return refuse(f, "The API key is not valid: this server does not know it.");
	case KEY_EXPIRED:
		return refuse(f, "The API key has expired.");
	case KEY_REPLACED:
		return refuse(f, "The API key was replaced by a newer one.");
	case KEY_REVOKED:
		return refuse(f, "The API key was revoked.");
	case KEY_NOT_OURS:
	case KEY_GOOD:
		break;
	}
	return required ? refuse(f, "The API key is not valid: keys of this server begin with "
				    "ccapi_.")
			: 0;
}

static const char *scope_name(unsigned scope)
{
	return scope == KEY_BATCH ? "batch" : scope == KEY_USAGE ? "usage" : "chat";
}

static int check_scope(const struct request *r, const struct key *key, struct failure *f)
{
	unsigned needed = r->route ? r->route->scope : 0;

	if ((key->record.scopes & needed) == needed)
		return 0;
	return failure_set(f, FAULT_PERMISSION, NULL,
			   "This API key lacks the scope '%s' that this route needs.",
			   scope_name(needed));
}

static const char *header_of(const void *x, const char *name)
{
	return exchange_header(x, name);
}

int auth_check_key(struct request *r, struct failure *f)
{
	const struct head_view head = {header_of, r->x};

	return auth_check_secret(r, auth_presented(&head), f);
}

int auth_check_secret(struct request *r, const char *secret, struct failure *f)
{
	struct registry *registry = r->api->deps.registry;
	bool required = r->api->deps.conf->auth.required;
	int64_t now = clock_wall_ms();
	struct key *key = NULL;
	enum key_check found;

	if (!registry_loaded(registry))
		return failure_set(f, FAULT_STORE, NULL, "%s", "");
	if (!secret || !*secret)
		return required ? refuse(f, "An API key is needed: Authorization: Bearer KEY, or "
					    "x-api-key: KEY.")
				: 0;
	found = registry_check_key(registry, secret, now, &key);
	if (found != KEY_GOOD)
		return refuse_key(found, required, f);
	if (check_scope(r, key, f))
		return -EINVAL;
	registry_touch_key(registry, key, now);
	r->key = key_ref(key);
	return 0;
}

int auth_check_again(const struct request *r, struct failure *f)
{
	const struct key_record *k = r->key ? &r->key->record : NULL;

	if (!k)
		return 0;
	if (k->revoked_ms)
		return refuse_key(KEY_REVOKED, true, f);
	if (k->expires_ms && clock_wall_ms() >= k->expires_ms)
		return refuse_key(KEY_EXPIRED, true, f);
	return 0;
}

const char *auth_project_name(const struct request *r, const char *asked, struct failure *f)
{
	if (asked && !name_is_valid(asked)) {
		failure_set(f, FAULT_INVALID_REQUEST, "project_id", "project_id must be %s.",
			    name_rule);
		return NULL;
	}
	if (!r->key)
		return asked ? asked : "default";
	if (!asked || strcmp(asked, r->key->record.project) == 0)
		return r->key->record.project;
	failure_set(f, FAULT_PERMISSION, "project_id", "This API key belongs to another project.");
	return NULL;
}

struct project *auth_project(const struct request *r, const char *asked, struct failure *f)
{
	const struct api_deps *deps = &r->api->deps;
	const char *name = auth_project_name(r, asked, f);
	struct project *project;
	struct refusal why;

	if (!name || r->key)
		return name ? r->key->project : NULL;
	project = registry_open_project(deps->registry, name, (size_t)deps->conf->auth.max_projects,
					&why);
	if (!project)
		failure_from_refusal(f, &why);
	return project;
}
