/* Bodies of POST /v1/chat/completions: whatever comes, the decoder answers with a prompt that the
 * upstream can take or with an error that names its reason. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "shared/json.h"

#include "daemon/api/answer_check.h"
#include "daemon/api/chat_request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int truth)
{
	if (!truth)
		abort();
}

static void check_accepted(const struct chat_request *c, const struct job_prompt *prompt)
{
	const json_t *first = json_array_get(prompt->messages, 0);
	json_t *body = json_loadb(prompt->body, prompt->body_len, 0, NULL);
	char why[200];

	require(strcmp(json_get_str(first, "role"), "user") == 0);
	require(json_is_object(body));
	require(json_equal(json_object_get(body, "messages"), prompt->messages));
	require(c->format != CHAT_FORMAT_JSON_SCHEMA || json_is_object(c->schema));
	if (c->schema)
		answer_check(prompt->body, prompt->body_len, c->schema, why, sizeof why);
	json_decref(body);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);

	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	for (int strict = 0; strict <= 1; strict++) {
		struct job_prompt prompt = {0};
		struct chat_request c;
		struct failure f = {0};

		chat_request_init(&c);
		if (chat_request_parse(&c, &prompt, text, size, strict, &f) == 0)
			check_accepted(&c, &prompt);
		else
			require(f.fault == FAULT_INVALID_REQUEST && f.message[0]);
		chat_request_done(&c);
		free(prompt.model);
		free(prompt.system);
		free(prompt.body);
		json_decref(prompt.messages);
		json_decref(prompt.extra);
	}
	free(text);
	return 0;
}
