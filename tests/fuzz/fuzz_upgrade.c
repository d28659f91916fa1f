/* The head of an upgrade request, as the listener has peeked at it. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/http/listener.h"
#include "daemon/http/upgrade.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = {"host", "Upgrade", "Sec-WebSocket-Key", "x", ""};
	char *copy = malloc(size ? size : 1); /* exact, so that a read past the end is seen */
	struct upgrade_head *h = NULL;
	size_t head;

	if (!copy)
		return 0;
	memcpy(copy, data, size);
	head = upgrade_head_size(copy, size);
	if (head > size || (peek_classify(copy, size) == PEEK_WEBSOCKET && !head))
		abort();
	if (upgrade_head_parse(copy, size, &h) == 0) {
		if (!head || strlen(upgrade_head_path(h)) > head || !upgrade_head_header(h, "host"))
			abort();
		for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
			const char *value = upgrade_head_header(h, names[i]);

			if (value && strlen(value) > head)
				abort();
		}
	}
	upgrade_head_free(h);
	free(copy);
	return 0;
}
