/* The self-test's three conversations, and what must be seen upstream of each. */
#ifndef DAEMON_POOL_SELFTEST_CHECKS_H
#define DAEMON_POOL_SELFTEST_CHECKS_H

#include <jansson.h>

#include "daemon/pool/selftest.h"

enum selftest_step { SELFTEST_REPLAY, SELFTEST_LONELY, SELFTEST_IN_BODY, SELFTEST_STEPS };

enum { SELFTEST_MAX_OUTPUT = 1234 };

#define SELFTEST_SYSTEM "You are the self-test of the daemon, marker 7b1f."
#define SELFTEST_MENTION_TEXT                                                                      \
	"please read @./selftest-file.txt and @/%s/selftest-file.txt now" /* %s: the worker's      \
									     directory */

/* What arrived upstream in one conversation, and what it is compared with. */
struct selftest_sight {
	const json_t *body;  /* of the last request */
	unsigned requests;   /* how many came */
	const json_t *sent;  /* the conversation */
	const char *mention; /* the text that names a file */
	const char *secret;  /* what the file holds */
	const char *dir;     /* where it is */
	bool replaced;       /* the worker did not survive the reset before */
};

/* The messages of a step; NULL: out of memory. */
json_t *selftest_conversation(enum selftest_step step, const char *mention);

/* Sets the report's items that the step decides; an item is passed only when what it asks was seen.
 */
void selftest_check(enum selftest_step step, const struct selftest_sight *sight,
		    struct selftest_report *report);

#endif
