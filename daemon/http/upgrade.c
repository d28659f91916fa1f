/* A peeked head, copied once and cut into NUL-terminated strings in place: the request's target,
 * then name and value of each line.  What the HTTP server would refuse (request smuggling, bad
 * lines) is ERR_SYNTAX here: that server then gets the connection and says so. */
#include "daemon/http/upgrade.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "shared/err.h"

#include "daemon/http/head.h"

enum { LINES_MAX = 100 };

struct upgrade_head {
	struct head_target target;
	size_t count;
	struct {
		const char *name, *value;
	} lines[LINES_MAX];
	char text[];
};

size_t upgrade_head_size(const char *bytes, size_t len)
{
	const char *const end = bytes + len;
	const char *line, *next;

	for (line = bytes; line < end; line = next) {
		next = memchr(line, '\n', (size_t)(end - line));
		if (!next)
			return 0;
		next++;
		if (line + 1 == next || (line[0] == '\r' && line + 2 == next))
			return (size_t)(next - bytes);
	}
	return 0;
}

static char *skip_blanks(char *s)
{
	return s + strspn(s, " \t");
}

static void cut_blanks(char *from, char *end)
{
	while (end > from && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	*end = '\0';
}

/* Ends the line at `at`; its successor, or NULL: there is no end to it. */
static char *take_line(char *at)
{
	char *end = strchr(at, '\n');

	if (!end)
		return NULL;
	*end = '\0';
	if (end > at && end[-1] == '\r')
		end[-1] = '\0';
	return end + 1;
}

/* "GET TARGET HTTP/1.1" */
static int take_request_line(struct upgrade_head *h, char *line)
{
	static const char get[] = "GET ", version[] = " HTTP/1.1";
	size_t len = strlen(line), around = sizeof get - 1 + sizeof version - 1;

	if (len <= around || strncmp(line, get, sizeof get - 1) != 0 ||
	    strcmp(line + len - (sizeof version - 1), version) != 0)
		return ERR_SYNTAX;
	return head_target_parse(line + sizeof get - 1, len - around, &h->target);
}

static int take_header(struct upgrade_head *h, char *line, struct head_fields *fields)
{
	char *colon = strchr(line, ':'), *value;

	if (!colon || h->count == LINES_MAX || !head_is_token(line, (size_t)(colon - line)))
		return ERR_SYNTAX;
	*colon = '\0';
	value = skip_blanks(colon + 1);
	cut_blanks(value, value + strlen(value));
	head_note(fields, line, strlen(line), value, strlen(value));
	h->lines[h->count].name = line;
	h->lines[h->count++].value = value;
	return 0;
}

/* A request without a body, from one host. */
static bool is_plain(const struct head_fields *f)
{
	return f->hosts == 1 && !f->encodings && !f->malformed && !f->lengths_differ &&
	       (!f->length || (f->length_len == 1 && f->length[0] == '0'));
}

static int take_apart(struct upgrade_head *h)
{
	struct head_fields fields = {.hosts = 0};
	char *line = h->text, *next = take_line(line);
	int rc = next ? take_request_line(h, line) : ERR_SYNTAX;

	while (rc == 0) {
		line = next;
		next = take_line(line);
		if (!next)
			return ERR_SYNTAX;
		if (!*line)
			return is_plain(&fields) ? 0 : ERR_SYNTAX;
		rc = take_header(h, line, &fields);
	}
	return rc;
}

int upgrade_head_parse(const char *head, size_t len, struct upgrade_head **ret_head)
{
	const size_t size = upgrade_head_size(head, len);
	struct upgrade_head *h;
	int rc;

	if (!size || memchr(head, '\0', size))
		return ERR_SYNTAX;
	h = calloc(1, sizeof *h + size + 1);
	if (!h)
		return -ENOMEM;
	memcpy(h->text, head, size);
	rc = take_apart(h);
	if (rc == 0 && h->target.authority)
		rc = ERR_SYNTAX; /* whether that is this host, the HTTP server knows */
	if (rc < 0) {
		upgrade_head_free(h);
		return rc;
	}
	*ret_head = h;
	return 0;
}

void upgrade_head_free(struct upgrade_head *h)
{
	if (h)
		head_target_done(&h->target);
	free(h);
}

const char *upgrade_head_path(const struct upgrade_head *h)
{
	return h->target.path;
}

const char *upgrade_head_header(const struct upgrade_head *h, const char *name)
{
	for (size_t i = 0; i < h->count; i++)
		if (strcasecmp(h->lines[i].name, name) == 0)
			return h->lines[i].value;
	return NULL;
}
