#include "shared/conf_lint.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shared/err.h"

enum { INCLUDE_DEPTH_MAX = 10, INCLUDES_MAX = 64 };

/* One run over a file and what it includes. */
struct lint {
	const char *dir;
	struct buf *errors;
	unsigned includes;
	bool failed;
};

struct place {
	const char *file;
	unsigned line;
};

static int read_all(int fd, struct buf *b)
{
	char chunk[16 * 1024];
	ssize_t n;

	while ((n = read(fd, chunk, sizeof chunk)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		buf_add(b, chunk, (size_t)n);
		if (b->failed)
			return ERR_LIMIT;
	}
	return 0;
}

int conf_file_read(const char *path, char **ret_text)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	struct buf b;
	size_t len;
	char *text;
	int r;

	if (fd < 0)
		return -errno;
	buf_init(&b, CONF_FILE_MAX);
	r = fstat(fd, &st) < 0 ? -errno : S_ISDIR(st.st_mode) ? -EISDIR : read_all(fd, &b);
	close(fd);
	text = r ? NULL : buf_take(&b, &len);
	buf_done(&b);
	if (r || !text)
		return r ? r : -ENOMEM;
	if (strlen(text) != len) {
		free(text);
		return ERR_SYNTAX;
	}
	*ret_text = text;
	return 0;
}

static void report(struct lint *l, const struct place *at, const char *words)
{
	buf_printf(l->errors, "%s:%u: %s\n", at->file, at->line, words);
	l->failed = true;
}

static void lint_text(struct lint *l, const char *text, const char *file, unsigned depth);

/* libconfig's scanner ends the process when an include cannot be read after it was opened. */
static void lint_include(struct lint *l, const char *name, size_t len, const struct place *at,
			 unsigned depth)
{
	char *path, *text = NULL;
	struct stat st;

	if (depth >= INCLUDE_DEPTH_MAX || ++l->includes > INCLUDES_MAX) {
		report(l, at, "too many @include");
		return;
	}
	if (asprintf(&path, "%s/%.*s", l->dir, (int)len, name) < 0)
		return;
	if (stat(path, &st) == 0 && !S_ISREG(st.st_mode))
		report(l, at, "@include of something that is not a file");
	else if (conf_file_read(path, &text) != 0)
		report(l, at,
		       "cannot read what @include names; paths start at the folder of the main "
		       "file");
	else
		lint_text(l, text, path, depth + 1);
	free(text);
	free(path);
}

/* The number at p: past its end, after a report if libconfig would wrap it. */
static const char *lint_number(struct lint *l, const char *p, const struct place *at)
{
	bool hex = p[0] == '0' && (p[1] == 'x' || p[1] == 'X');
	unsigned long long value;
	char *end;

	errno = 0;
	value = strtoull(p, &end, hex ? 16 : 10);
	if (!hex && (*end == '.' || *end == 'e' || *end == 'E')) {
		while (isalnum((unsigned char)*end) || *end == '.' || *end == '+' || *end == '-')
			end++;
		return end;
	}
	if (errno || value > LLONG_MAX)
		report(l, at, "the number is too large");
	else if (value > INT_MAX && *end != 'L')
		report(l, at,
		       "a number above 2147483647 needs an L behind it (sizes and durations may "
		       "have a unit: \"4G\")");
	return *end ? end + strspn(end, "L") : end;
}

/* Past a quoted text or a comment that begins at p; p itself if none begins there. */
static const char *skip_span(struct lint *l, const char *p, struct place *at)
{
	struct place start = *at;

	if (*p == '#' || (p[0] == '/' && p[1] == '/'))
		return p + strcspn(p, "\n");
	if (*p == '"') {
		for (p++; *p && *p != '"'; p++) {
			if (*p == '\\' && p[1])
				p++;
			at->line += *p == '\n';
		}
		if (!*p)
			report(l, &start, "the quoted text never ends");
		return *p ? p + 1 : p;
	}
	if (p[0] != '/' || p[1] != '*')
		return p;
	for (p += 2; *p && !(p[0] == '*' && p[1] == '/'); p++)
		at->line += *p == '\n';
	if (!*p)
		report(l, &start, "the comment never ends");
	return *p ? p + 2 : p;
}

static void lint_text(struct lint *l, const char *text, const char *file, unsigned depth)
{
	struct place at = {.file = file, .line = 1};
	bool line_start = true;
	const char *p = text;

	while (*p) {
		const char *past = skip_span(l, p, &at);

		if (past != p) {
			line_start = false;
		} else if (line_start && strncmp(p, "@include", 8) == 0) {
			const char *name = p + 8 + strspn(p + 8, " \t");
			size_t len = *name == '"' ? strcspn(name + 1, "\"\n") : 0;

			if (len)
				lint_include(l, name + 1, len, &at, depth);
			past = name + (len ? len + 1 : 0);
			past += len && *past == '"';
		} else if (isdigit((unsigned char)*p) ||
			   (*p == '.' && isdigit((unsigned char)p[1]))) {
			past = lint_number(l, p, &at);
			line_start = false;
		} else if (isalpha((unsigned char)*p) || *p == '*' || *p == '_') {
			while (isalnum((unsigned char)*past) || *past == '-' || *past == '_' ||
			       *past == '*')
				past++;
			line_start = false;
		} else {
			at.line += *p == '\n';
			line_start = *p == '\n' || (line_start && (*p == ' ' || *p == '\t'));
			past++;
		}
		p = past;
	}
}

int conf_lint(const char *text, const char *file, const char *dir, struct buf *errors)
{
	struct lint l = {.dir = dir, .errors = errors};

	lint_text(&l, text, file, 0);
	return l.failed ? ERR_SYNTAX : 0;
}
