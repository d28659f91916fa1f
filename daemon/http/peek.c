#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "daemon/http/listener.h"

static const char get[] = "GET ";

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* Is `token` one of the comma-separated words of a header's value? */
static bool has_word(const char *value, const char *end, const char *token)
{
	const size_t len = strlen(token);
	const char *from, *to, *comma;

	for (from = value; from < end; from = comma + 1) {
		comma = memchr(from, ',', (size_t)(end - from));
		if (!comma)
			comma = end;
		for (to = comma; from < to && is_blank(*from);)
			from++;
		while (to > from && (is_blank(to[-1]) || to[-1] == '\r'))
			to--;
		if ((size_t)(to - from) == len && strncasecmp(from, token, len) == 0)
			return true;
	}
	return false;
}

static bool is_upgrade(const char *line, const char *end)
{
	static const char name[] = "upgrade:";

	return (size_t)(end - line) >= sizeof name - 1 &&
	       strncasecmp(line, name, sizeof name - 1) == 0 &&
	       has_word(line + sizeof name - 1, end, "websocket");
}

enum peek_verdict peek_classify(const char *head, size_t len)
{
	const char *const end = head + len;
	const size_t seen = len < sizeof get - 1 ? len : sizeof get - 1;
	const char *line, *next;
	bool first = true, upgrade = false;

	if (len == 0)
		return PEEK_MORE;
	if (memcmp(head, get, seen) != 0)
		return PEEK_HTTP;
	for (line = head; line < end; line = next, first = false) {
		next = memchr(line, '\n', (size_t)(end - line));
		if (!next)
			return PEEK_MORE;
		next++;
		if (line + 1 == next || (line[0] == '\r' && line + 2 == next))
			return upgrade ? PEEK_WEBSOCKET : PEEK_HTTP;
		upgrade = upgrade || (!first && is_upgrade(line, next - 1));
	}
	return PEEK_MORE;
}

bool peek_is_garbage(const char *head, size_t len)
{
	const char *newline;

	while (len && (*head == '\r' || *head == '\n')) { /* allowed before a request */
		head++;
		len--;
	}
	if (len && ((unsigned char)*head <= ' ' || (unsigned char)*head >= 0x7f))
		return true;
	newline = memchr(head, '\n', len);
	return newline && !memchr(head, ' ', (size_t)(newline - head));
}
