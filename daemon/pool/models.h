/* The model catalogue as the CLI tells it: aliases, full ids, prices.  Never written by hand: it
 * changes with releases. */
#ifndef DAEMON_POOL_MODELS_H
#define DAEMON_POOL_MODELS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct model {
	char name[64]; /* what set_model is given: "haiku" */
	char id[96];   /* what it resolves to: "claude-haiku-5-5" */
	char display_name[96];
	bool supports_effort;
	int64_t input_micro_usd_per_mtok,
		output_micro_usd_per_mtok; /* list price; -1: the CLI names none */
};

struct models {
	struct model *items;
	size_t count;
	uint64_t generation; /* rises when the content has changed */
};

/* Replaces the catalogue by the rows of `initialize.models` / `list_models`; rows without a name or
 * id are left out. 0, ERR_TYPE when there is no usable row (the catalogue stays as it was),
 * -ENOMEM. */
int models_load(struct models *m, const json_t *rows);
void models_done(struct models *m);

/* The short name of a full id, as far as one is offered, else the id itself. */
const char *models_short_name(const struct models *m, const char *id);

/* By alias or full id; NULL: not offered. */
const struct model *models_find(const struct models *m, const char *name);

#endif
