#include "daemon/store/problem.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "shared/buf.h"

/* What is said of the file, and how to mend it; @ is its path. */
static const struct {
	const char *is, *mend;
} words[] = {
	[PROBLEM_LOCKED] = {"is locked by another program",
			    "find it with `fuser -v @` and end it; ccapid tries again by itself"},
	[PROBLEM_FULL] = {"cannot grow because the disk is full",
			  "see `df -h @` and free space; ccapid tries again by itself"},
	[PROBLEM_READ_ONLY] = {"cannot be written",
			       "make it and its directory writable for ccapid's user (`ls -ld @*`, "
			       "`chmod 600 @`) and see that the file system is not mounted "
			       "read-only; ccapid tries again by itself"},
	[PROBLEM_NO_ACCESS] = {"cannot be opened",
			       "see that its directory exists and that both belong to ccapid's "
			       "user (`ls -ld @*`); ccapid tries again by itself"},
	[PROBLEM_NO_MEMORY] = {"cannot be used for want of memory",
			       "see `free -m`; ccapid tries again by itself"},
	[PROBLEM_IO] = {"cannot be read or written",
			"look for errors of the disk with `dmesg`; ccapid tries again by itself"},
	[PROBLEM_NEWER] = {"was written by a newer version of ccapid and was left as it is",
			   "install that version again, or begin anew: stop ccapid, `mv @ "
			   "@.newer`, start it"},
	[PROBLEM_FOREIGN] = {"belongs to another program and was left as it is",
			     "stop ccapid, `mv @ @.other`, start it"},
	[PROBLEM_NOT_A_DATABASE] = {"is not a database and was left as it is",
				    "stop ccapid, put a backup in its place or `mv @ @.bad`, "
				    "start it"},
	/* Not .recover: Debian's sqlite3 is built without it.  A dump that meets a damaged page
	 * ends in ROLLBACK, and knows neither of the two marks. */
	[PROBLEM_CORRUPT] = {"is corrupt and was left as it is",
			     "stop ccapid, put a backup in its place or save what can be read: "
			     "`{ sqlite3 @ .dump | sed 's/^ROLLBACK.*/COMMIT;/'; echo \"PRAGMA "
			     "application_id = $(sqlite3 @ 'PRAGMA application_id'); PRAGMA "
			     "user_version = $(sqlite3 @ 'PRAGMA user_version');\"; } | sqlite3 "
			     "@.new; mkdir @.bad; mv @ @-* @.bad/; mv @.new @`, start it"},
	[PROBLEM_MOVED] = {"was moved, replaced or deleted while ccapid had it open",
			   "put the right file in its place and restart ccapid"},
};

void problem_set(struct problem *p, enum problem_kind kind, const char *path, const char *what)
{
	struct buf text;

	buf_init(&text, sizeof p->detail - 1);
	buf_printf(&text, "%s %s", path, words[kind].is);
	if (*what)
		buf_printf(&text, " (%s)", what);
	buf_add_str(&text, PROBLEM_MEND);
	for (const char *c = words[kind].mend; *c; c++)
		if (*c == '@')
			buf_add_str(&text, path);
		else
			buf_add_char(&text, *c);
	p->kind = kind;
	/* A path that is too long for its command, or no memory: at least what is wrong. */
	if (text.failed || !text.data)
		snprintf(p->detail, sizeof p->detail, "the store %s", words[kind].is);
	else
		memcpy(p->detail, text.data, text.len + 1);
	buf_done(&text);
}

void problem_clear(struct problem *p)
{
	p->kind = PROBLEM_NONE;
	p->detail[0] = '\0';
}

enum problem_kind problem_of_code(int code)
{
	switch (code) {
	case 0:
		return PROBLEM_NONE;
	case -EBUSY:
		return PROBLEM_LOCKED;
	case -ENOSPC:
		return PROBLEM_FULL;
	case -EROFS:
		return PROBLEM_READ_ONLY;
	case -EACCES:
		return PROBLEM_NO_ACCESS;
	case -ENOMEM:
		return PROBLEM_NO_MEMORY;
	case -EUCLEAN:
		return PROBLEM_CORRUPT;
	case -EBADF:
		return PROBLEM_NOT_A_DATABASE;
	default:
		return PROBLEM_IO;
	}
}

bool problem_may_pass(enum problem_kind kind)
{
	return kind > PROBLEM_NONE && kind < PROBLEM_NEWER;
}
