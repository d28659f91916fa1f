/* Which model serves: `auto` by scored rules, then what the operator, the key and the project let.
 *
 * A rule is one line of the settings (routing.rules):
 *
 *     NAME: +WEIGHT when [not] CONDITION [and [not] CONDITION]...   adds to the score (or -WEIGHT)
 *     NAME: MODEL when [not] CONDITION [and [not] CONDITION]...     decides, whatever the score
 *
 * The conditions and their operands are in router_rules.c's table.  Of the deciding rules the first
 * one that counts decides.  Else the score chooses the class: below routing.sonnet_score haiku,
 * below routing.opus_score sonnet, else opus.  The rule that weighed most gives the decision its
 * name ("auto:design"); a NAME with a colon in it ("budget:low") is the decision's name as it is.
 *
 * The same function answers `model:"auto"` and POST /v1/route, so that they cannot differ. */
#ifndef DAEMON_DISPATCH_ROUTER_H
#define DAEMON_DISPATCH_ROUTER_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/buf.h"

#include "daemon/dispatch/fault.h"
#include "daemon/pool/models.h"
#include "daemon/store/records.h"

/* What is looked at of a task; filled by router_features_*. */
struct route_features {
	int64_t text_bytes;         /* of the last user message, or of the task's description */
	int64_t words;              /* likewise */
	int64_t context_tokens;     /* estimate of the whole conversation */
	unsigned turns;             /* messages of the user with text or an image */
	unsigned code_blocks;       /* in the last user message */
	unsigned questions;         /* question marks, likewise */
	unsigned images;            /* in the whole conversation */
	bool wants_json, has_tools; /* the caller's to set: messages do not tell */
	/* What keywords are looked for in: the last user message that has text, or when that comes
	 * in parts, its last part.  Borrowed, not NUL-terminated. */
	const char *text;
	size_t text_len;
	const char *first_text; /* its first part when there are several; else NULL */
	size_t first_len;
};

/* Of a conversation in the Messages API's terms, with its system prompt (may be NULL).  Any JSON is
 * taken, and the time is linear in what it holds. */
void route_features_of_messages(struct route_features *f, const json_t *messages,
				const char *system);
/* Of a description; context_tokens < 0: the description's own size, which it never is below. */
void route_features_of_text(struct route_features *f, const char *text, int64_t context_tokens);

struct route_query {
	const char *asked; /* NULL: default_model; "auto": by the rules; else an alias or id */
	const char *default_model; /* the project's own; NULL, "" or "auto": by the rules */
	const struct route_features *features;
	int64_t budget_left_tokens; /* INT64_MAX: no budget */
	double plan_use;            /* 0..1 */
	const char *allowed[2]; /* comma-separated names of key and project; NULL: all, "": none */
	const char *project, *key_id; /* for overrides; NULL: none */
	bool explain;                 /* fill reasoning too */
};

struct route_decision {
	const struct model *model;  /* of the catalogue that was passed */
	char rule[ROUTE_NAME_SIZE]; /* "requested", "auto:simple-task", "override:project",
				       "budget:low" */
	double score;               /* of the rules; 0 when they were not asked */
	char reasoning[512];        /* one English sentence, with the rules that counted; "" unless
				       asked for or there is a fault */
};

struct router;

/* Rules of the settings, as in the head comment; sonnet_score < opus_score.  NULL and `why` (size
 * why_size) with the rule's number and what is wrong with it. */
struct router *router_new(const char *const *rules, size_t count, double sonnet_score,
			  double opus_score, char *why, size_t why_size);
void router_free(struct router *r); /* NULL ok */

/* The operator's overrides in force; expired ones may be among them.  They replace the ones before.
 * Copied.  0, -ENOMEM. */
int router_set_overrides(struct router *r, const struct override_record *o, size_t count);
/* Keeps overrides over a reload. */
int router_take_overrides(struct router *to, const struct router *from);
bool router_has_overrides(const struct router *r, int64_t now_ms);

/* 0; or FAULT_MODEL_NOT_FOUND, FAULT_PERMISSION (not among the allowed, or denied by an override),
 * FAULT_BACKEND_UNAVAILABLE (an empty catalogue) with words for the client in d->reasoning. */
enum fault router_decide(const struct router *r, const struct models *models,
			 const struct route_query *q, int64_t now_ms, struct route_decision *d);

/* The seed's rules, for the settings' default. */
extern const char *const router_seed_rules[];
extern const size_t router_seed_rule_count;
#define ROUTER_SONNET_SCORE 3.0
#define ROUTER_OPUS_SCORE 7.0

/* Checks one rule without keeping it: 0, or ERR_SYNTAX/ERR_UNKNOWN/ERR_LIMIT/-ENOMEM and why. */
int router_check_rule(const char *rule, char *why, size_t why_size);

/* For the operator: the rules as a JSON array of {"rule","text"} with "weight" or "model" beside
 * them; -ENOMEM by to->failed. */
void router_write_rules(const struct router *r, struct buf *to);

#endif
