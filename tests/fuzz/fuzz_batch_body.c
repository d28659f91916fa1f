/* The body of a batch: whatever it is, it is either refused with words or gives as many items as it
 * counted, each of which becomes the body of a chat request or an error of its own. */
#include <jansson.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/json_scan.h"

#include "daemon/api/batch.h"

enum { MOST = 64 };

static void require(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "not so: %s\n", what);
	abort();
}

static void check_item(const struct batch_head *head, const struct json_slice *item)
{
	struct failure f = {.fault = FAULT_NONE};
	char *id = NULL;
	size_t len = 0;
	char *body = batch_item_body(head, item, &id, &len, &f);
	json_t *json;

	if (!body) {
		require(f.fault != FAULT_NONE && f.message[0], "a refused item has words");
		free(id);
		return;
	}
	require(strlen(body) == len, "the length is told");
	json = json_loads(body, JSON_REJECT_DUPLICATES, NULL);
	require(json_is_array(json_object_get(json, "messages")), "an item has messages");
	require(!json_object_get(json, "prompt") && !json_object_get(json, "custom_id") &&
			!json_object_get(json, "stream"),
		"what is the batch's is taken out");
	json_decref(json);
	free(body);
	free(id);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	struct failure f = {.fault = FAULT_NONE};
	struct batch_head head;
	struct json_slice item;
	struct json_scan scan;
	size_t count = 0;

	if (!text)
		return 0;
	if (size)
		memcpy(text, data, size);
	text[size] = '\0';
	if (batch_head_read(&head, text, size, MOST, &f)) {
		require(f.fault != FAULT_NONE && f.message[0], "a refusal has words");
	} else {
		require(head.count > 0 && head.count <= MOST, "the count is within its bound");
		json_scan_begin_array(&scan, head.items.at, head.items.len);
		while (json_scan_next_item(&scan, &item)) {
			check_item(&head, &item);
			count++;
		}
		require(!scan.failed && count == head.count, "all items are there");
	}
	batch_head_done(&head);
	free(text);
	return 0;
}
