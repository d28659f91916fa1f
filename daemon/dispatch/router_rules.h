/* Rules of the settings as values: the table of conditions and whether a rule counts
 * (router_rules.c), and their parser (router_parse.c).  The grammar is in router.h. */
#ifndef DAEMON_DISPATCH_ROUTER_RULES_H
#define DAEMON_DISPATCH_ROUTER_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/buf.h"

#include "daemon/dispatch/router.h"
#include "daemon/dispatch/router_words.h"

enum {
	RULES_MAX = 256,
	RULE_BYTES_MAX = 1024,
	RULE_CONDITIONS_MAX = ROUTE_GROUPS_MAX / RULES_MAX, /* per rule */
	RULE_KEYWORDS_MAX = 64,                             /* per rule */
	RULE_NAME_SIZE = 49,   /* so that "auto:NAME" fits a decision's */
	RULE_WEIGHT_MAX = 1000 /* either sign */
};

/* What conditions are asked about. */
struct route_facts {
	const struct route_features *features;
	int64_t budget_left_tokens;
	double plan_use;
	struct route_hits hits; /* of the keywords, by condition's group */
};

enum route_operand { OPERAND_NUMBER, OPERAND_KEYWORDS, OPERAND_KEYWORDS_AT_START, OPERAND_NONE };

/* A row of the table of conditions, which drives parsing, evaluation, messages and documentation.
 */
struct route_condition_kind {
	const char *name;
	enum route_operand operand;
	double max;                                       /* numbers: 0 to this */
	bool whole;                                       /* no fraction */
	double (*value)(const struct route_facts *facts); /* NULL: keywords */
	const char *doc;
};

extern const struct route_condition_kind route_condition_kinds[];
extern const size_t route_condition_kind_count;

enum route_comparison { IS_LESS, IS_AT_MOST, IS_MORE, IS_AT_LEAST, IS_EQUAL };

struct route_condition {
	const struct route_condition_kind *kind;
	bool negated;
	enum route_comparison comparison; /* of a number */
	double number;
	size_t words_at, words_count; /* keywords: where they begin in the rule's words */
	unsigned group; /* keywords: the bit of route_facts.hits, the caller's to set */
};

struct route_rule {
	char name[RULE_NAME_SIZE];
	bool decides;                /* for `model`; else adds `weight` */
	char model[MODEL_NAME_SIZE]; /* as written: whether it exists shows when it is asked for */
	double weight;
	struct route_condition conditions[RULE_CONDITIONS_MAX];
	size_t condition_count;
	char *text;  /* as written; owned */
	char *words; /* the keywords, each ended by NUL; owned */
};

/* Fills *rule.  0; or ERR_SYNTAX, ERR_UNKNOWN, ERR_LIMIT, -ENOMEM and `why`, and then there is
 * nothing to free. */
int route_rule_parse(struct route_rule *rule, const char *text, char *why, size_t why_size);
void route_rule_done(struct route_rule *rule);

bool route_condition_has_keywords(const struct route_condition *c);
bool route_condition_at_start(const struct route_condition *c); /* keywords at the start only */
bool route_rule_counts(const struct route_rule *rule, const struct route_facts *facts);

/* The table of conditions as rows of Markdown, for docs/ROUTING.md. */
void route_conditions_write(struct buf *to);

#endif
