/* Earlier answers to the same request.
 *
 * Two places may have one: the answers kept for Idempotency-Key, in the store, and the cache.  A
 * request with an Idempotency-Key looks in the first only: that is its own promise.  In both a
 * request may find that another one with the same key is just being answered; then it waits for
 * that one's answer, or takes its place when that one fails.
 *
 * The short cut finds a cached answer by the raw body, before anything is parsed: an earlier
 * request with the same bytes and the same key of the API has left word of what it was resolved
 * to.  That word is void when rules, keys, projects, models or the CLI have changed since that
 * request was routed, be it while it was still running.
 *
 * Kept are only complete answers of requests that do not ask for variety: a temperature other than
 * 0, or top_p, says that another answer is welcome each time. */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "shared/clock.h"
#include "shared/str.h"

#include "daemon/api/stages.h"
#include "daemon/observe/metrics.h"

enum { RAW_MAX = 64 * 1024, KEPT_MAX = 4 * 1024 * 1024, REPLAY_MS = 24 * 3600 * 1000 };

/* ---- keys ---- */

static void hash_text(crypto_generichash_state *h, const char *text)
{
	size_t len = text ? strlen(text) : 0;

	crypto_generichash_update(h, (const unsigned char *)&len, sizeof len);
	crypto_generichash_update(h, (const unsigned char *)text, len);
}

static void hash_number(crypto_generichash_state *h, int64_t n)
{
	crypto_generichash_update(h, (const unsigned char *)&n, sizeof n);
}

/* Everything that the answer depends on. */
static void make_cache_key(struct call *c)
{
	const struct job_prompt *p = &c->job->prompt;
	const struct api_deps *deps = &c->api->deps;
	crypto_generichash_state h;

	crypto_generichash_init(&h, NULL, 0, HASH_SIZE);
	hash_text(&h, pool_cli_version(deps->pool));
	hash_text(&h, c->job->project);
	hash_text(&h, c->model_id);
	hash_text(&h, p->system ? p->system : deps->conf->claude.system_prompt);
	hash_text(&h, p->body);
	hash_number(&h, p->max_tokens);
	hash_number(&h, p->effort);
	hash_number(&h, p->no_thinking);
	hash_number(&h, c->chat.format);
	hash_number(&h, pool_body_mode(deps->pool));
	crypto_generichash_final(&h, c->recall.cache_key, HASH_SIZE);
}

static void make_replay_key(struct call *c)
{
	crypto_generichash_state h;

	crypto_generichash_init(&h, NULL, 0, HASH_SIZE);
	hash_text(&h, c->job->project);
	hash_text(&h, c->idempotency_key);
	crypto_generichash_final(&h, c->recall.replay_key, HASH_SIZE);
}

static uint64_t generation(const struct api *api)
{
	return routing_generation(api->deps.routing);
}

/* ---- the short cut ---- */

static bool names_cache_control(const struct call *c)
{
	return c->req->x && exchange_header(c->req->x, "Cache-Control");
}

/* A part of a batch is not sent in its own bytes. */
static bool may_cut_short(const struct call *c)
{
	const struct api_deps *deps = &c->api->deps;

	return deps->conf->cache.enabled && c->req->x && !c->owner && !c->strict &&
	       !c->idempotency_key && !names_cache_control(c) &&
	       !dispatch_draining(deps->dispatch) && store_healthy(deps->store);
}

static void hash_raw(struct call *c, const char *body, size_t len)
{
	crypto_generichash_state h;

	crypto_generichash_init(&h, NULL, 0, HASH_SIZE);
	hash_text(&h, pool_cli_version(c->api->deps.pool));
	hash_number(&h, pool_body_mode(c->api->deps.pool));
	hash_text(&h, c->req->key ? c->req->key->record.id : NULL);
	crypto_generichash_update(&h, (const unsigned char *)body, len);
	crypto_generichash_final(&h, c->recall.raw_hash, HASH_SIZE);
	c->recall.raw = true;
}

/* What is asked of an Idempotency-Key's second use: the same bytes. */
static void hash_body(struct call *c, const char *body, size_t len)
{
	crypto_generichash(c->recall.body_hash, HASH_SIZE, (const unsigned char *)body, len, NULL,
			   0);
}

static enum step found(struct call *c);

/* Goes on as what the word says that these bytes mean. */
static enum step take_short_cut(struct call *c, const struct cache_alias *alias,
				struct answer *answer)
{
	struct project *project = registry_find_project(c->api->deps.registry, alias->project);

	if (!project)
		return STEP_NEXT;
	c->chat.stream = alias->stream;
	c->chat.include_usage = alias->include_usage;
	c->encoder = alias->stream ? &openai_sse : &openai_json;
	c->must_keep = !alias->stream;
	memcpy(c->model_id, alias->model_id, sizeof c->model_id);
	memcpy(c->route, alias->route, sizeof c->route);
	memcpy(c->job->project, project->record.name, sizeof c->job->project);
	admit_begin(&c->admission, c->api->deps.registry, c->api->deps.store, project, c->req->key);
	if (stage_limit(c) == STEP_DONE)
		return STEP_DONE;
	cache_note_hit(c->api->deps.cache);
	c->recall.answer = answer_ref(answer);
	return found(c);
}

/* A look-up that is open when the client leaves goes on alone. */
struct fetch {
	struct call *call;     /* NULL: nobody waits for it any more */
	struct answer *answer; /* a reference */
	bool failed;
	bool inside; /* cache_fetch() has not returned yet */
};

static void fetched(void *ctx, struct answer *answer, bool failed)
{
	struct fetch *f = ctx;
	struct call *c = f->call;

	f->failed = failed; /* told again when the request goes the whole way */
	if (!c) {
		free(f);
		return;
	}
	f->answer = answer ? answer_ref(answer) : NULL;
	c->recall.pending = false;
	if (!f->inside)
		pipeline_resume(c);
}

static void end_fetch(struct call *c)
{
	answer_unref(c->recall.fetch->answer);
	free(c->recall.fetch);
	c->recall.fetch = NULL;
}

/* The second half, when the back end has answered. */
static enum step short_cut_fetched(struct call *c)
{
	struct answer *answer = c->recall.fetch->answer;
	enum step step = STEP_NEXT;

	c->recall.missed = !answer && !c->recall.fetch->failed;
	if (answer && c->recall.generation == generation(c->api))
		step = take_short_cut(c, c->recall.word, answer);
	end_fetch(c);
	return step;
}

static enum step fetch(struct call *c, const struct cache_alias *alias)
{
	struct fetch *f = calloc(1, sizeof *f);

	c->recall.word = f ? malloc(sizeof *alias) : NULL;
	if (!c->recall.word) {
		free(f);
		return STEP_NEXT;
	}
	*c->recall.word = *alias;
	c->recall.generation = generation(c->api);
	c->recall.fetch = f;
	c->recall.pending = true;
	*f = (struct fetch){.call = c, .inside = true};
	cache_fetch(c->api->deps.cache, c->recall.word->key, fetched, f);
	f->inside = false;
	if (!c->recall.pending)
		return short_cut_fetched(c);
	c->busy = BUSY_RECALLING;
	return STEP_WAIT;
}

enum step stage_short_cut(struct call *c)
{
	size_t len = c->body_len;
	const char *body = c->body ? c->body : exchange_body(c->req->x, &len);
	const struct cache_alias *alias;
	struct answer *answer;

	if (c->recall.fetch)
		return short_cut_fetched(c);
	if (!body)
		return STEP_NEXT;
	if (c->idempotency_key && !c->owner)
		hash_body(c, body, len);
	if (len > RAW_MAX || !may_cut_short(c))
		return STEP_NEXT;
	hash_raw(c, body, len);
	alias = cache_find_alias(c->api->deps.cache, c->recall.raw_hash, generation(c->api));
	if (!alias)
		return STEP_NEXT;
	if (!cache_tells_at_once(c->api->deps.cache))
		return fetch(c, alias);
	answer = cache_peek(c->api->deps.cache, alias->key);
	return answer ? take_short_cut(c, alias, answer) : STEP_NEXT;
}

/* ---- joining ---- */

static void on_ready(void *ctx, enum cache_result result, struct answer *answer)
{
	struct call *c = ctx;

	c->recall.pending = false;
	if (result == CACHE_HIT)
		c->recall.answer = answer_ref(answer);
	c->recall.blind = result == CACHE_BLIND;
	if (c->busy == BUSY_RECALLING)
		pipeline_resume(c);
}

/* NEXT: the answer is there, or this call is to make it. */
static enum step join(struct call *c, struct cache *cache, const unsigned char *key,
		      enum cache_look look, struct cache_ticket *ticket)
{
	c->recall.pending = true;
	if (cache_join(cache, key, look, ticket, on_ready, c))
		c->recall.pending = false; /* no memory: answered without */
	if (!c->recall.pending)
		return STEP_NEXT;
	c->busy = BUSY_RECALLING;
	return STEP_WAIT;
}

static bool wants_variety(const struct call *c)
{
	const json_t *extra = c->job->prompt.extra;
	const json_t *temperature = json_object_get(extra, "temperature");

	if (temperature)
		return json_number_value(temperature) != 0;
	return json_object_get(extra, "top_p") != NULL;
}

static void read_cache_control(struct call *c)
{
	const char *value = c->req->x ? exchange_header(c->req->x, "Cache-Control") : NULL;

	if (!value)
		return;
	c->chat.no_cache |= str_has_token(value, "no-cache");
	c->chat.no_store |= str_has_token(value, "no-store");
}

static bool may_cache(struct call *c)
{
	read_cache_control(c);
	return c->api->deps.conf->cache.enabled && !c->idempotency_key &&
	       !(c->chat.no_cache && c->chat.no_store) && !wants_variety(c);
}

/* The job's result is the earlier one's, at no cost. */
static enum step found(struct call *c)
{
	const struct answer *a = c->recall.answer;
	struct job *job = c->job;

	if (c->recall.replayed) {
		memcpy(c->id, a->id, sizeof c->id);
		c->created = a->created;
		memcpy(c->route, a->route, sizeof c->route);
		memcpy(c->session.id, a->session_id, sizeof c->session.id);
	} else {
		c->cache_state = CACHE_STATE_HIT;
		metric_add(METRIC_CACHE_HITS, 1);
	}
	job->result.stop = a->stop;
	job->result.usage = a->usage;
	if (!c->recall.replayed)
		job->result.usage.cost_micro_usd = 0;
	memcpy(job->result.model_id, a->model_id, sizeof job->result.model_id);
	job->state = JOB_ENDED;
	job->times.submitted = job->times.ended = clock_mono_us();
	return STEP_DONE;
}

static enum step replay(struct call *c)
{
	const struct answer *a = c->recall.answer;
	bool same = memcmp(a->body_hash, c->recall.body_hash, HASH_SIZE) == 0;

	if (same && !a->lost) {
		c->recall.replayed = true;
		if (c->req->x)
			exchange_add_header(c->req->x, "x-ccapi-idempotent-replay", "true");
		return found(c);
	}
	step_refuse(c, FAULT_CONFLICT,
		    same ? "The answer for this Idempotency-Key was too large to be kept."
			 : "This Idempotency-Key was used for another request.");
	answer_unref(c->recall.answer);
	c->recall.answer = NULL;
	return STEP_DONE;
}

static enum step look_for_replay(struct call *c)
{
	if (!c->recall.replays) {
		c->recall.replays = true;
		make_replay_key(c);
		if (join(c, c->api->deps.replays, c->recall.replay_key, CACHE_LOOK,
			 &c->recall.replay) == STEP_WAIT)
			return STEP_WAIT;
	}
	return c->recall.answer ? replay(c) : STEP_NEXT;
}

/* Nobody waits twice for the same. */
static enum cache_look how_to_look(const struct call *c)
{
	if (c->chat.no_cache)
		return CACHE_FRESH;
	if (c->recall.missed && memcmp(c->recall.word->key, c->recall.cache_key, HASH_SIZE) == 0)
		return CACHE_LOOKED;
	return CACHE_LOOK;
}

static enum step look_in_cache(struct call *c)
{
	if (!c->recall.caches) {
		c->recall.caches = c->may_keep = true;
		c->recall.generation = generation(c->api); /* route has just run */
		make_cache_key(c);
		if (join(c, c->api->deps.cache, c->recall.cache_key, how_to_look(c),
			 &c->recall.cache) == STEP_WAIT)
			return STEP_WAIT;
	}
	if (c->recall.answer)
		return found(c);
	c->cache_state =
		c->chat.no_cache || c->recall.blind ? CACHE_STATE_BYPASS : CACHE_STATE_MISS;
	if (!c->chat.no_cache)
		metric_add(c->recall.blind ? METRIC_CACHE_BYPASSES : METRIC_CACHE_MISSES, 1);
	return STEP_NEXT;
}

/* A session has gone on since its answer was given, or is held by the request that makes it: who
 * asks for that answer again needs neither. */
enum step stage_replay(struct call *c)
{
	if (!c->idempotency_key || !c->chat.session_id)
		return STEP_NEXT;
	c->may_keep = true;
	return look_for_replay(c);
}

enum step stage_recall(struct call *c)
{
	if (c->idempotency_key) {
		c->may_keep = true;
		return look_for_replay(c);
	}
	return c->recall.caches || may_cache(c) ? look_in_cache(c) : STEP_NEXT;
}

void recall_abandon(struct call *c)
{
	if (c->recall.fetch) {
		c->recall.fetch->call = NULL;
		c->recall.fetch = NULL;
	}
	cache_leave(c->api->deps.replays, &c->recall.replay);
	cache_leave(c->api->deps.cache, &c->recall.cache);
	c->recall.pending = false;
}

/* ---- keeping ---- */

static struct answer *make_answer(const struct call *c)
{
	const struct job_result *result = &c->job->result;
	struct answer *a = answer_new(c->answer.data ? c->answer.data : "", c->answer.len);

	if (!a)
		return NULL;
	memcpy(a->id, c->id, sizeof a->id);
	a->created = c->created;
	memcpy(a->model_id, result->model_id, sizeof a->model_id);
	memcpy(a->route, c->route, sizeof a->route);
	if (c->idempotency_key)
		memcpy(a->session_id, c->session.id, sizeof a->session_id);
	memcpy(a->body_hash, c->recall.body_hash, sizeof a->body_hash);
	a->stop = result->stop;
	a->usage = result->usage;
	return a;
}

static bool is_complete(const struct call *c)
{
	enum job_stop stop = c->job->result.stop;

	return stop == JOB_STOP_END_TURN || stop == JOB_STOP_SEQUENCE;
}

/* By what this body was resolved to, the next one like it need not be parsed.  Only where nothing
 * but the body decided: the model was named, and nothing was ignored. */
static void leave_word(struct call *c)
{
	struct cache_alias alias = {.stream = c->chat.stream,
				    .include_usage = c->chat.include_usage};

	if (!c->recall.raw || c->chat.session_id || c->chat.no_cache || c->chat.ignored[0] ||
	    strcmp(c->route, "requested") != 0)
		return;
	memcpy(alias.key, c->recall.cache_key, sizeof alias.key);
	memcpy(alias.model_id, c->model_id, sizeof alias.model_id);
	memcpy(alias.route, c->route, sizeof alias.route);
	memcpy(alias.project, c->job->project, sizeof alias.project);
	cache_put_alias(c->api->deps.cache, c->recall.raw_hash, &alias, c->recall.generation);
}

static int64_t keep_ms(const struct call *c)
{
	if (c->chat.no_store || !is_complete(c))
		return 0;
	if (c->chat.cache_ttl_s >= 0)
		return c->chat.cache_ttl_s * 1000;
	return c->api->deps.conf->cache.ttl;
}

void recall_settle(struct call *c, bool answered)
{
	struct answer *a = NULL;

	if (c->recall.answer) { /* found, not made: there is a word to leave at most */
		if (c->recall.caches)
			leave_word(c);
		return;
	}
	if (answered && (c->may_keep || c->recall.replay.flight))
		a = make_answer(c);
	if (a)
		a->lost = !c->may_keep; /* word that there was one, without it */
	if (c->recall.cache.flight) {
		/* One that was cut short is what the followers' own max_tokens would get them. */
		cache_settle(c->api->deps.cache, &c->recall.cache, a, keep_ms(c));
		if (a && keep_ms(c) > 0)
			leave_word(c);
	}
	if (c->recall.replay.flight)
		cache_settle(c->api->deps.replays, &c->recall.replay, a, REPLAY_MS);
	answer_unref(a);
}

bool recall_write_kept(struct call *c, struct idempotency_record *record)
{
	struct answer *a;

	if (!c->idempotency_key || call_failed(c) || c->recall.answer)
		return false;
	memset(record, 0, sizeof *record);
	memcpy(record->key_hash, c->recall.replay_key, HASH_SIZE);
	memcpy(record->body_hash, c->recall.body_hash, HASH_SIZE);
	record->at_ms = clock_wall_ms();
	if (!c->may_keep || c->answer.len > KEPT_MAX)
		return true; /* word that there was an answer, without it */
	a = make_answer(c);
	record->answer = a ? answer_to_json(a) : NULL;
	answer_unref(a);
	return true;
}
