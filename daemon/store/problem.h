/* What keeps the store from working, in words for the operator and with the command that mends it.
 */
#ifndef DAEMON_STORE_PROBLEM_H
#define DAEMON_STORE_PROBLEM_H

#include <stdbool.h>

enum problem_kind {
	PROBLEM_NONE,
	/* These may pass without the daemon's end, and are tried again. */
	PROBLEM_LOCKED,
	PROBLEM_FULL,
	PROBLEM_READ_ONLY,
	PROBLEM_NO_ACCESS,
	PROBLEM_NO_MEMORY,
	PROBLEM_IO,
	/* These stay until a restart. */
	PROBLEM_NEWER,
	PROBLEM_FOREIGN,
	PROBLEM_NOT_A_DATABASE,
	PROBLEM_CORRUPT,
	PROBLEM_MOVED
};

enum { PROBLEM_DETAIL_SIZE = 4096 };

/* In a detail between what is wrong and what mends it. */
#define PROBLEM_MEND "; to mend it: "

struct problem {
	enum problem_kind kind;
	char detail[PROBLEM_DETAIL_SIZE];
};

/* `what`: the words of SQLite or of the system, "" if there are none. */
void problem_set(struct problem *p, enum problem_kind kind, const char *path, const char *what);
void problem_clear(struct problem *p);

/* Which problem a negative code of db.h means. */
enum problem_kind problem_of_code(int code);
bool problem_may_pass(enum problem_kind kind); /* whether trying again makes sense */

#endif
