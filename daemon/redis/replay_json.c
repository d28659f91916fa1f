/* An answer kept for Idempotency-Key, as text: what was asked (its hash), and the answer, unless
 * that was too large to be kept. */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "shared/buf.h"
#include "shared/json.h"

#include "daemon/redis/cache_redis.h"

enum { FORMAT = 1, KEPT_MAX = 4 * 1024 * 1024 };

char *replay_to_json(const struct answer *a)
{
	bool lost = a->lost || a->len > KEPT_MAX;
	char hex[2 * sizeof a->body_hash + 1], *answer = lost ? NULL : answer_to_json(a), *json;
	struct buf b;

	if (!answer && !lost)
		return NULL;
	sodium_bin2hex(hex, sizeof hex, a->body_hash, sizeof a->body_hash);
	buf_init(&b, SIZE_MAX - 1);
	buf_printf(&b, "{\"v\":%d,\"body_hash\":\"%s\",\"answer\":", FORMAT, hex);
	buf_add_str(&b, lost ? "null" : answer);
	buf_add_char(&b, '}');
	free(answer);
	json = buf_take(&b, NULL);
	buf_done(&b);
	return json;
}

static struct answer *read_answer(const json_t *value)
{
	struct answer *a;
	char *text;

	if (json_is_null(value)) {
		a = answer_new("", 0);
		if (a)
			a->lost = true;
		return a;
	}
	text = json_is_object(value) ? json_dumps(value, JSON_COMPACT) : NULL;
	a = text ? answer_from_json(text) : NULL;
	free(text);
	return a;
}

struct answer *replay_from_json(const char *json, size_t len)
{
	static const struct json_bounds bounds = {.max_values = 64, .max_depth = 3};
	char why[160];
	json_t *value = json_parse(json, len, &bounds, why, sizeof why);
	const char *hex = json_get_str(value, "body_hash");
	struct answer *a = NULL;
	size_t got = 0;

	if (hex && json_get_int(value, "v", 0) == FORMAT)
		a = read_answer(json_object_get(value, "answer"));
	if (a && (sodium_hex2bin(a->body_hash, sizeof a->body_hash, hex, strlen(hex), NULL, &got,
				 NULL) ||
		  got != sizeof a->body_hash)) {
		answer_unref(a);
		a = NULL;
	}
	json_decref(value);
	return a;
}
