/* The model table: aliases, ids and list prices, as the CLI reports them. */
#ifndef SIM_MODELS_H
#define SIM_MODELS_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/sim/jbuf.h"

#define MODEL_ID_MAX 128

struct usage {
	int64_t input;
	int64_t output;
	int64_t cache_read;
	int64_t cache_write;    /* both lifetimes */
	int64_t cache_write_1h; /* the part of it kept for an hour */
	int64_t thinking;
};

/* Resolves an alias (case and blanks ignored) or passes an id on; NULL or "default" is the default
 * model. */
void model_resolve(const char *name, char ret_id[MODEL_ID_MAX]);
/* "Haiku 5.5"; the id itself when unknown. */
const char *model_display(const char *id);
/* Default of max_tokens when the client sets none, and its ceiling. */
int64_t model_max_output(const char *id);
int64_t model_context(const char *id);
/* False: any other id is accepted too, at the default model's price. */
bool model_known(const char *id);
/* Dollars at list price. */
double model_cost(const char *id, const struct usage *usage);
/* Appends the rows of `initialize` and `list_models` as a JSON array. */
void models_rows(struct jbuf *buf);

#endif
