/* Keys: creating, rotating, revoking, changing.
 *
 * A secret exists in the caller's buffer only; what is kept, here and in the store, is its hash.
 * Revoking is the one change that shows before it is durable: what is revoked shall not be good for
 * one more request. */
#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "shared/clock.h"

#include "daemon/admit/registry_private.h"
#include "daemon/admit/secret.h"
#include "daemon/store/registry.h"

#define GRACE_MAX_MS (30 * DAY_MS)

static int check_key(const struct key_record *wanted, int64_t now_ms, struct refusal *why)
{
	if (check_label(wanted->label, "label", why) || check_scopes(wanted->scopes, why) ||
	    check_models(wanted->allowed_models, why) || check_limits(&wanted->limits, why) ||
	    check_expiry(wanted->expires_ms, now_ms, why))
		return -EINVAL;
	return 0;
}

/* ---- creating ---- */

static int apply_create(struct change *c)
{
	struct registry *r = c->registry;
	struct key *k = c->key;

	HASH_DELETE(by_id, r->new_keys, k);
	if (c->project->deleted && !k->record.revoked_ms)
		k->record.revoked_ms = c->now_ms;
	registry_add_key(r, key_ref(k));
	event_key("created", &k->record);
	return 0;
}

static void undo_create(struct change *c)
{
	HASH_DELETE(by_id, c->registry->new_keys, c->key);
}

static void make_id(struct registry *r, char id[KEY_ID_SIZE])
{
	struct key *taken;

	do {
		secret_make_id(id);
		HASH_FIND(by_id, r->keys, id, strlen(id), taken);
		if (!taken)
			HASH_FIND(by_id, r->new_keys, id, strlen(id), taken);
	} while (taken);
}

/* The key as it will be; the change owns it. */
static struct key *prepare(struct registry *r, const struct key_record *wanted, struct project *p,
			   int64_t now_ms, char ret_secret[SECRET_SIZE])
{
	struct key_record record = {
		.scopes = wanted->scopes,
		.allowed_models = wanted->allowed_models,
		.limits = wanted->limits,
		.created_ms = now_ms,
		.expires_ms = wanted->expires_ms,
	};

	memcpy(record.label, wanted->label, sizeof record.label);
	memcpy(record.project, p->record.name, sizeof record.project);
	make_id(r, record.id);
	secret_make(ret_secret, record.hash);
	return key_new(&record, p);
}

int registry_create_key(struct registry *r, const struct key_record *wanted,
			char ret_id[KEY_ID_SIZE], char ret_secret[SECRET_SIZE],
			void (*done)(void *ctx, int rc), void *ctx, struct refusal *why)
{
	char secret[SECRET_SIZE];
	struct target t;
	struct change *c;
	struct key *k;
	int rc;

	if (check_loaded(r, why) || check_project_name(wanted->project, "project", why) ||
	    target_find(r, SCOPE_PROJECT, wanted->project, true, &t, why) ||
	    check_key(wanted, clock_wall_ms(), why))
		return -EINVAL;
	c = change_new(r, done, ctx, why);
	if (!c)
		return -EINVAL;
	c->apply = apply_create;
	c->undo = undo_create;
	c->project = project_ref(t.project);
	c->key = k = prepare(r, wanted, t.project, c->now_ms, secret);
	rc = k ? store_put_key(r->store, &k->record, change_written, c) : -ENOMEM;
	rc = change_begin(c, rc, why);
	if (rc == 0) {
		HASH_ADD_KEYPTR(by_id, r->new_keys, k->record.id, strlen(k->record.id), k);
		memcpy(ret_id, k->record.id, KEY_ID_SIZE);
		memcpy(ret_secret, secret, SECRET_SIZE);
	}
	sodium_memzero(secret, sizeof secret);
	return rc;
}

/* ---- changing ---- */

/* Finds the key that is to be changed and makes a change of it whose record is the key's. */
static struct change *start(struct registry *r, const char *id, void (*done)(void *ctx, int rc),
			    void *ctx, struct refusal *why)
{
	struct target t;
	struct change *c;

	if (check_loaded(r, why) || target_find(r, SCOPE_KEY, id, true, &t, why)) {
		if (strcmp(why->param, "key") == 0)
			strcpy(why->param, "id");
		return NULL;
	}
	if (target_check_idle(&t, why))
		return NULL;
	c = change_new(r, done, ctx, why);
	if (!c)
		return NULL;
	change_aim(c, &t);
	c->to.key = t.key->record;
	return c;
}

/* The new record; what may have changed on its own while it was written stays. */
static void take_record(struct change *c)
{
	struct key_record *record = &c->key->record;

	c->to.key.last_used_ms = record->last_used_ms;
	c->to.key.revoked_ms = record->revoked_ms;
	registry_drop_hashes(c->registry, c->key);
	*record = c->to.key;
	registry_add_hashes(c->registry, c->key);
}

static int apply_rotate(struct change *c)
{
	take_record(c);
	event_key("rotated", &c->key->record);
	return 0;
}

int registry_rotate_key(struct registry *r, const char *id, int64_t grace_ms,
			char ret_secret[SECRET_SIZE], void (*done)(void *ctx, int rc), void *ctx,
			struct refusal *why)
{
	char secret[SECRET_SIZE];
	struct key_record *to;
	struct change *c;
	int rc;

	if (grace_ms < 0 || grace_ms > GRACE_MAX_MS)
		return refusal_set(why, FAULT_INVALID_REQUEST, "grace",
				   "grace: expected 0 to 30 days.");
	c = start(r, id, done, ctx, why);
	if (!c)
		return -EINVAL;
	c->apply = apply_rotate;
	to = &c->to.key;
	memcpy(to->old_hash, to->hash, HASH_SIZE);
	to->old_until_ms = c->now_ms + grace_ms;
	secret_make(secret, to->hash);
	rc = change_begin(c, store_put_key(r->store, to, change_written, c), why);
	if (rc == 0)
		memcpy(ret_secret, secret, SECRET_SIZE);
	sodium_memzero(secret, sizeof secret);
	return rc;
}

static int apply_change(struct change *c)
{
	char *old_models = c->key->record.allowed_models;

	take_record(c);
	c->key->record.allowed_models = c->allowed_models;
	c->allowed_models = NULL;
	free(old_models);
	rate_set_limits(&c->key->rate, &c->key->record.limits, clock_mono_us());
	event_key("changed", &c->key->record);
	return 0;
}

int registry_change_key(struct registry *r, const struct key_record *wanted,
			void (*done)(void *ctx, int rc), void *ctx, struct refusal *why)
{
	struct change *c = start(r, wanted->id, done, ctx, why);
	struct key_record *to;
	int64_t now_ms;

	if (!c)
		return -EINVAL;
	to = &c->to.key;
	/* A time that has passed since it was set is no reason against another label. */
	now_ms = wanted->expires_ms == to->expires_ms ? 0 : c->now_ms;
	if (check_key(wanted, now_ms, why)) {
		change_free(c);
		return -EINVAL;
	}
	if (copy_models(&c->allowed_models, wanted->allowed_models))
		return change_begin(c, -ENOMEM, why);
	c->apply = apply_change;
	memcpy(to->label, wanted->label, sizeof to->label);
	to->scopes = wanted->scopes;
	to->allowed_models = c->allowed_models;
	to->limits = wanted->limits;
	to->expires_ms = wanted->expires_ms;
	return change_begin(c, store_put_key(r->store, to, change_written, c), why);
}

/* ---- revoking ---- */

static int apply_revoke(struct change *c)
{
	event_key("revoked", &c->key->record);
	return 0;
}

static void undo_revoke(struct change *c)
{
	if (!c->project->deleted)
		c->key->record.revoked_ms = 0;
	c->registry->generation++;
}

int registry_revoke_key(struct registry *r, const char *id, void (*done)(void *ctx, int rc),
			void *ctx, struct refusal *why)
{
	struct change *c = start(r, id, done, ctx, why);
	struct key *k;

	if (!c)
		return -EINVAL;
	c->apply = apply_revoke;
	c->undo = undo_revoke;
	k = c->key;
	c->to.key.revoked_ms = c->now_ms;
	if (change_begin(c, store_put_key(r->store, &c->to.key, change_written, c), why))
		return -EINVAL;
	k->record.revoked_ms = c->now_ms;
	r->generation++;
	return 0;
}
