/* A login token of the CLI's, as people paste it. */
#ifndef CTL_TOKEN_H
#define CTL_TOKEN_H

#include <stdbool.h>
#include <stddef.h>

enum { TOKEN_SIZE = 4096 + 1 };

struct token {
	char text[TOKEN_SIZE];
	size_t len;
	bool too_long;
	bool broken; /* a line break came last */
};

/* Takes typed or pasted bytes.  Line breaks and blanks around them are where a terminal broke the
 * line: the parts are joined.  Backspace and ^U edit, what a terminal puts round a paste is left
 * out.
 */
void token_take(struct token *t, const char *bytes, size_t len);

/* NULL: it looks like a token; else what is wrong with it, without repeating any of it. */
const char *token_fault(const struct token *t);

void token_wipe(struct token *t);

/* From the terminal behind `fd`, without echo.  A line break ends it unless more follows at once,
 * as in a paste.  0; -EINTR: by ^C or another signal, which the caller raises again; -errno.  The
 * terminal is as it was, either way. */
int token_read_terminal(struct token *t, int fd, int *ret_signal);

/* From a file or a pipe, up to its end.  0 or -errno. */
int token_read_file(struct token *t, int fd);

#endif
