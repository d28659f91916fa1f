/* A look at a settings file before libconfig sees it, for what libconfig 1.5 gets wrong without a
 * word. */
#ifndef SHARED_CONF_LINT_H
#define SHARED_CONF_LINT_H

#include "shared/buf.h"

enum { CONF_FILE_MAX = 1024 * 1024 }; /* bytes of one file */

/* The content of a file as a malloc'ed string.  0, -errno, ERR_LIMIT (too long), ERR_SYNTAX (a NUL
 * byte). */
int conf_file_read(const char *path, char **ret_text);

/* Reports numbers too large for their notation (libconfig would wrap them), texts and comments
 * that never end, and includes that are directories or too many, also in included files, which are
 * sought in `dir`.  0 or ERR_SYNTAX, with lines in `errors`. */
int conf_lint(const char *text, const char *file, const char *dir, struct buf *errors);

#endif
