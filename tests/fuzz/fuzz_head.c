/* What a peer's first bytes meet before libmicrohttpd: the peek, and the checks of target, Host and
 * framing. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/http/head.h"
#include "daemon/http/listener.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const hosts[] = {"localhost", "127.0.0.1", "::1", NULL};

static void walk_target(const char *raw, size_t len)
{
	struct head_target t = {0};

	if (head_target_parse(raw, len, &t) < 0)
		return;
	if ((t.path[0] != '/' && strcmp(t.path, "*") != 0) || strlen(t.query) > len ||
	    t.args_len > 2 * len + 4)
		abort();
	(void)head_target_arg(&t, "a");
	head_target_done(&t);
}

/* Lines as "name:value\n", as libmicrohttpd would bring them. */
static void walk_lines(const char *at, const char *end)
{
	const struct head_rules rules = {hosts, 1000, true, true};
	struct head_target target = {.path = (char *)"/"};
	struct head_fields fields = {0};
	const char *why = NULL;
	int status;

	while (at < end) {
		const char *next = memchr(at, '\n', (size_t)(end - at));
		const char *colon;

		if (!next)
			next = end;
		colon = memchr(at, ':', (size_t)(next - at));
		if (colon)
			head_note(&fields, at, (size_t)(colon - at), colon + 1,
				  (size_t)(next - colon - 1));
		at = next + 1;
	}
	status = head_check(&fields, &target, &rules, &why);
	if ((status != 0) != (why != NULL))
		abort();
	if (status == 0 && fields.length && fields.encodings)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* an exact copy, so that a read past the end is seen */
	char *copy = malloc(size ? size : 1);
	const char *newline;
	size_t i;

	if (!copy)
		return 0;
	memcpy(copy, data, size);
	const enum peek_verdict whole = peek_classify(copy, size);

	(void)peek_is_garbage(copy, size);
	/* more bytes never change a verdict that was given */
	for (i = 0; i < size && size < 256; i++) {
		const enum peek_verdict part = peek_classify(copy, i);

		if (part != PEEK_MORE && part != whole)
			abort();
	}
	newline = memchr(copy, '\n', size);
	walk_target(copy, newline ? (size_t)(newline - copy) : size);
	(void)head_host_allowed(hosts, copy, newline ? (size_t)(newline - copy) : size);
	walk_lines(newline ? newline + 1 : copy, copy + size);
	free(copy);
	return 0;
}
