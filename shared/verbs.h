/* The verbs of the control socket, once: what they are called in JSON-RPC and on the command line,
 * who may use them, and what they take.  The daemon checks requests by this table, ccapictl reads
 * its command line and writes its help by it, and the documentation is generated from it
 * (ctl/tools/verb_doc.c). */
#ifndef SHARED_VERBS_H
#define SHARED_VERBS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Of the socket's protocol; another number means: not understood. */
enum { CONTROL_PROTOCOL = 1 };

/* Each includes the ones before it. */
enum verb_right { RIGHT_READ, RIGHT_OPERATE, RIGHT_ADMIN, RIGHTS };

/* In brackets what stands in JSON, then what stands on the command line. */
enum param_type {
	PARAM_TEXT,     /* string, as it is */
	PARAM_COUNT,    /* integer; 1000000, 250k, 1M */
	PARAM_USD,      /* number or decimal string, dollars; 5, 0.25 */
	PARAM_FLAG,     /* true or false; an option without a value */
	PARAM_DURATION, /* string or whole seconds; 90, 30s, 2h, 7d */
	PARAM_WINDOW,   /* string; hour, day, week, month, total, rolling:24h */
	PARAM_LIST,     /* array of strings; with commas between */
	PARAM_WORD,     /* one of the words; likewise */
	PARAM_TYPES
};

enum param_flags {
	PARAM_REQUIRED = 1,
	PARAM_POSITIONAL = 2, /* also without its option, in the order of the table */
	PARAM_NONE = 4,       /* null; `none` on the command line */
	PARAM_PRIVATE = 8     /* stands in no log */
};

struct verb_param {
	const char *name; /* of the JSON member: "requests_per_minute" */
	enum param_type type;
	unsigned flags;
	const char *option;  /* "--requests-per-minute"; NULL: only positional, or only in JSON */
	const char *letter;  /* "-f": short for the option; NULL: none */
	const char *metavar; /* "N"; NULL for flags */
	/* PARAM_WORD, and PARAM_LIST of nothing else: NULL-terminated. */
	const char *const *words;
	/* Of the number, of a duration's milliseconds, of micro-dollars; bytes of a text or of each
	 * of a list's. */
	int64_t min, max;
	const char *help; /* one sentence without its full stop, lower case */
};

struct verb {
	const char *method; /* "keys.create"; NULL: ccapictl does it, with what other methods say */
	const char *words;  /* "keys create"; NULL: not on the command line */
	enum verb_right right;
	bool changes;                    /* logged with who asked */
	const struct verb_param *params; /* NULL: none; ends with a NULL name */
	const char *confirm; /* the question before it is done: "Delete project %s?", the %s (if
				any) is the first positional parameter; NULL: none is asked */
	const char *help;    /* one sentence */
};

extern const struct verb verbs[];
extern const size_t verb_count;

enum { LIST_MAX_ITEMS = 64 };

const struct verb *verb_find(const char *method); /* NULL: none */
/* The verb whose words the given ones begin with; ret_used: how many.  NULL: none. */
const struct verb *verb_find_words(const char *const *words, size_t count, size_t *ret_used);
const struct verb_param *verb_find_param(const struct verb *v, const char *name);
const char *verb_right_name(enum verb_right right); /* "read", "operate", "admin" */

#endif
