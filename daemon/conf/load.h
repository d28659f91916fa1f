/* Reading the settings: a file, then -o overrides, then the check of the whole. */
#ifndef DAEMON_CONF_LOAD_H
#define DAEMON_CONF_LOAD_H

#include "shared/buf.h"
#include "shared/conf_table.h"

#include "daemon/conf/conf.h"

struct conf_source {
	const char *file; /* --config; NULL: the usual places, none of which need exist */
	const char *const *overrides; /* "key=value" of each -o, in order */
	size_t override_count;
	/* What only the modules above can check; NULL: nothing.  Reports by conf_reader_error. */
	void (*check)(struct conf_reader *r, const struct conf *conf);
};

/* Fills `conf` (uninitialised before) with defaults, file and overrides.  0; or a negative code,
 * and then `errors` holds one line per error ("FILE:LINE: pool.workers: must be 1..256, not 0"),
 * every error found, and conf is empty. `ret_file` (NULL ok) gets the path that was read, NULL if
 * none; the caller frees it. */
int conf_load(struct conf *conf, const struct conf_source *source, struct buf *errors,
	      char **ret_file);
void conf_done(struct conf *conf);

/* Takes over from `fresh` all reloadable values, or nothing: when a key differs that needs a
 * restart, ERR_STATE and a line in `errors` for each.  `fresh` is used up either way. */
int conf_apply(struct conf *running, struct conf *fresh, struct buf *errors);

#endif
