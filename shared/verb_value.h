/* Values of a verb's parameters: from a word on the command line to JSON, and the check of what a
 * peer sent. */
#ifndef SHARED_VERB_VALUE_H
#define SHARED_VERB_VALUE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/jsonrpc.h"
#include "shared/verbs.h"

enum { VALUE_WHY_MAX = 256 };

/* What a word on the command line stands for, as a new reference; NULL and why ("must be 1..100,
 * not 0"). */
json_t *verb_value_parse(const struct verb_param *p, const char *text, char why[VALUE_WHY_MAX]);

/* Whether the value is of the parameter's type and within its bounds; else why. */
bool verb_value_check(const struct verb_param *p, const json_t *value, char why[VALUE_WHY_MAX]);

/* A whole request's parameters (NULL: none): nothing unknown, everything required, each value good.
 * 0, or -EINVAL and the error for the peer, which names the field. */
int verb_params_check(const struct verb *v, const json_t *params, struct rpc_error *ret_error);

/* ---- reading checked parameters ---- */

bool param_given(const json_t *params, const char *name);   /* also as null */
bool param_is_none(const json_t *params, const char *name); /* given, as null */
int64_t param_count(const json_t *params, const char *name, int64_t otherwise);
int64_t param_micro_usd(const json_t *params, const char *name, int64_t otherwise);
int64_t param_duration_ms(const json_t *params, const char *name, int64_t otherwise);

#endif
