/* A client's WebSocket message: whatever it is, it is either refused with words or of a known kind
 * with an id that may stand in an answer as it is. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/str.h"

#include "daemon/api/stream_private.h"

static void require(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "not so: %s\n", what);
	abort();
}

static bool is_plain(const char *id)
{
	return !*id ||
	       str_in_set(id, 1, CHAT_ID_SIZE - 1,
			  "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.:-");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* NUL-terminated, as the transport's messages are, and not a byte longer. */
	char *text = malloc(size + 1);
	struct failure f = {.fault = FAULT_NONE};
	struct stream_message m;
	int rc;

	if (!text)
		return 0;
	if (size)
		memcpy(text, data, size);
	text[size] = '\0';
	rc = stream_message_read(&m, text, size, &f);
	require(is_plain(m.id), "the id is plain");
	if (rc) {
		require(f.fault == FAULT_INVALID_REQUEST && f.message[0], "a refusal has words");
	} else {
		require(stream_message_name(m.type) != NULL, "the kind is known");
		require((m.type == MESSAGE_AUTH) == (m.api_key != NULL), "a key is auth's");
		require(!m.api_key || *m.api_key, "a key is not empty");
	}
	stream_message_done(&m);
	require(!m.api_key, "the key is gone");
	free(text);
	return 0;
}
