/* What the store keeps, as the modules above see it.  Plain values; text that is not set is "" (or
 * NULL where it is a pointer).  Times are Unix milliseconds, money is micro-dollars, -1 is "no
 * limit". */
#ifndef DAEMON_STORE_RECORDS_H
#define DAEMON_STORE_RECORDS_H

#include <stdbool.h>
#include <stdint.h>

enum {
	PROJECT_NAME_SIZE = 65,
	KEY_ID_SIZE = 24,
	LABEL_SIZE = 129,
	MODEL_NAME_SIZE = 96,
	REQUEST_ID_SIZE = 129,
	ROUTE_NAME_SIZE = 64,
	OUTCOME_SIZE = 32,
	SUBJECT_SIZE = 65,
	HASH_SIZE = 32 /* SHA-256 */
};

/* Whom a limit, budget or override speaks of; `subject` beside it is "", a project's name or a
 * key's id. */
enum scope { SCOPE_GLOBAL, SCOPE_PROJECT, SCOPE_KEY, SCOPES };

struct rate_limits { /* -1: none */
	int64_t requests_per_minute, tokens_per_minute, concurrent;
};

struct project_record {
	char name[PROJECT_NAME_SIZE];
	char default_model[MODEL_NAME_SIZE]; /* "": the server's */
	char *allowed_models;                /* "haiku,sonnet"; NULL: all */
	struct rate_limits limits;
	int64_t created_ms;
};

enum key_scopes { KEY_CHAT = 1, KEY_BATCH = 2, KEY_USAGE = 4, KEY_HIGH_PRIORITY = 8 };

struct key_record {
	char id[KEY_ID_SIZE]; /* "k_3fa2c19d", public */
	unsigned char hash[HASH_SIZE];
	unsigned char old_hash[HASH_SIZE]; /* what a rotation replaced */
	int64_t old_until_ms;              /* until when old_hash is good; 0: no old one */
	char label[LABEL_SIZE];
	char project[PROJECT_NAME_SIZE];
	unsigned scopes;      /* enum key_scopes, or'ed */
	char *allowed_models; /* NULL: all of the project's */
	struct rate_limits limits;
	int64_t created_ms;
	int64_t expires_ms; /* 0: never */
	int64_t revoked_ms; /* 0: valid */
	int64_t last_used_ms;
};

enum budget_window {
	WINDOW_HOUR,
	WINDOW_DAY,
	WINDOW_WEEK,
	WINDOW_MONTH,
	WINDOW_TOTAL,
	WINDOW_ROLLING,
	WINDOWS
};

/* One per scope, subject, window and (for rolling ones) length. */
struct budget_record {
	enum scope scope;
	char subject[SUBJECT_SIZE];
	enum budget_window window;
	int64_t rolling_ms; /* WINDOW_ROLLING: its length, a multiple of BUCKET_MS; else 0 */
	int64_t limit_tokens, limit_micro_usd; /* -1: none; at least one is set */
	bool soft;                             /* passing it is told, not refused */
	int warn_percent; /* 1..100: use at which a warning is given; 0: none */
	/* After a reset: usage before the bucket that begins at from_ms does not count, nor do the
	 * first base_* of that bucket. */
	int64_t from_ms, base_tokens, base_micro_usd;
	int64_t created_ms;
};

enum override_action { OVERRIDE_FORCE, OVERRIDE_CAP, OVERRIDE_DENY };

struct override_record {
	int64_t id;
	enum scope scope;
	char subject[SUBJECT_SIZE];
	enum override_action action;
	char model[MODEL_NAME_SIZE];
	int64_t expires_ms; /* 0: never */
	int64_t created_ms;
	char reason[LABEL_SIZE];
	int64_t uid; /* who set it */
};

/* What was used; `requests` counts all of them, errors and cache hits included. */
struct usage_amounts {
	int64_t requests, errors, cache_hits;
	int64_t input_tokens, output_tokens, cache_read_tokens, cache_creation_tokens,
		thinking_tokens; /* thinking is part of output */
	int64_t cost_micro_usd;
};

/* A request's worst case, kept until it is settled. */
struct hold_record {
	int64_t id; /* by store_next_id() */
	int64_t at_ms;
	char request_id[REQUEST_ID_SIZE], project[PROJECT_NAME_SIZE], key_id[KEY_ID_SIZE],
		model[MODEL_NAME_SIZE];
	int64_t prompt_tokens, prompt_micro_usd; /* what a request lost in a crash is charged */
	int64_t tokens, micro_usd;               /* the whole hold */
	bool relaxed; /* no budget depends on it: a power cut may lose it, the process' end not */
};

/* One line of the ledger: a settled request, or several cache hits in one. */
struct ledger_record {
	int64_t seq; /* given by the store, rising */
	int64_t at_ms;
	char request_id[REQUEST_ID_SIZE], project[PROJECT_NAME_SIZE], key_id[KEY_ID_SIZE],
		model[MODEL_NAME_SIZE], route[ROUTE_NAME_SIZE];
	char outcome[OUTCOME_SIZE]; /* "ok", "cache_hit", "interrupted", or the fault's name */
	struct usage_amounts used;
	int64_t held_tokens, held_micro_usd;
	int64_t queue_ms, first_text_ms, total_ms; /* -1: did not happen */
};

/* An answer kept for Idempotency-Key. */
struct idempotency_record {
	char project[PROJECT_NAME_SIZE];
	unsigned char key_hash[HASH_SIZE];  /* of the header's value */
	unsigned char body_hash[HASH_SIZE]; /* of what was asked */
	int64_t at_ms;
	char *answer; /* JSON text of api/answer.c; NULL: not kept, too large */
};

#define BUCKET_MS                                                                                  \
	(INT64_C(15) * 60 * 1000) /* usage is summed per quarter of an hour and per day            \
				   */
#define DAY_MS (INT64_C(24) * 3600 * 1000)

#endif
