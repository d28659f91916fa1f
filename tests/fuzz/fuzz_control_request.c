/* A line of the control socket: as a request until its verb would be called, and as what a client
 * reads.  The first byte of the input chooses a verb whose parameters are the rest, so that the
 * checks behind the name are reached. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "shared/buf.h"
#include "shared/json.h"
#include "shared/jsonrpc.h"
#include "shared/verb_value.h"
#include "shared/verbs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is in bounds by the table must come out in bounds. */
static void read_params(const struct verb *v, const json_t *params)
{
	for (const struct verb_param *p = v->params; p && p->name; p++) {
		int64_t n = p->min;

		if (!param_given(params, p->name) || param_is_none(params, p->name))
			continue;
		if (p->type == PARAM_COUNT)
			n = param_count(params, p->name, INT64_MIN);
		else if (p->type == PARAM_USD)
			n = param_micro_usd(params, p->name, INT64_MIN);
		else if (p->type == PARAM_DURATION)
			n = param_duration_ms(params, p->name, INT64_MIN);
		else if (p->type == PARAM_TEXT)
			n = (int64_t)strlen(json_get_str(params, p->name));
		if (n < p->min || n > p->max)
			if (p->type != PARAM_FLAG && p->type != PARAM_WORD && p->type != PARAM_LIST)
				abort();
	}
}

/* An error's line must be one that clients read. */
static void write_error(const json_t *id, const struct rpc_error *e)
{
	struct rpc_message m;
	char why[160];
	struct buf b;

	buf_init(&b, RPC_REQUEST_MAX);
	rpc_write_error(&b, id, e);
	if (b.failed || memchr(b.data, '\n', b.len) != b.data + b.len - 1 ||
	    rpc_message_parse(&m, b.data, b.len - 1, why, sizeof why) < 0 || !m.failed ||
	    m.error.code != e->code)
		abort();
	rpc_message_done(&m);
	buf_done(&b);
}

static void check(const struct verb *v, const json_t *params, const json_t *id)
{
	struct rpc_error e;

	if (verb_params_check(v, params, &e) == 0)
		read_params(v, params);
	else
		write_error(id, &e);
}

static void as_request(const char *line, size_t len)
{
	struct rpc_request r;
	struct rpc_error e;
	const struct verb *v;

	if (rpc_request_parse(&r, line, len, &e) < 0) {
		write_error(r.id, &e);
	} else {
		v = verb_find(r.method);
		if (v)
			check(v, r.params, r.id);
	}
	rpc_request_done(&r);
}

static void as_params(uint8_t which, const char *text, size_t len)
{
	const struct json_bounds bounds = {.max_values = 4096, .max_depth = 16};
	char why[160];
	json_t *params = json_parse(text, len, &bounds, why, sizeof why);

	if (json_is_object(params))
		check(&verbs[which % verb_count], params, NULL);
	json_decref(params);
}

static void as_word(uint8_t which, const char *text)
{
	const struct verb *v = &verbs[which % verb_count];
	char why[VALUE_WHY_MAX];

	for (const struct verb_param *p = v->params; p && p->name; p++) {
		json_t *value = verb_value_parse(p, text, why);

		/* What the command line takes, the daemon takes too. */
		if (value && !verb_value_check(p, value, why))
			abort();
		json_decref(value);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* an exact copy, so that a read past the end is seen */
	char *line, *text;
	struct rpc_message m;
	char why[160];

	if (size == 0)
		return 0;
	line = malloc(size);
	text = strndup((const char *)data + 1, size - 1);
	if (!line || !text)
		abort();
	memcpy(line, data, size);
	as_request(line, size);
	as_params(data[0], line + 1, size - 1);
	as_word(data[0], text);
	if (rpc_message_parse(&m, line, size, why, sizeof why) == 0)
		rpc_message_done(&m);
	free(line);
	free(text);
	return 0;
}
