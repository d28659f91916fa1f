/* The access log: one line per request, written when the request is over.  It never holds prompts
 * or answers. */
#ifndef DAEMON_OBSERVE_ACCESS_LOG_H
#define DAEMON_OBSERVE_ACCESS_LOG_H

#include <stdbool.h>
#include <stdint.h>

struct access_entry {
	char request_id[129];
	char peer[64], method[16], path[256];
	int status; /* 499: the client left before an answer began */
	int64_t duration_ms;

	/* Only for requests that ask the model. */
	bool completion;
	char project[65], model[96];
	char key_id[24];      /* "": without a key */
	char route[64];       /* why this model; "": not decided */
	const char *cache;    /* hit, miss or bypass */
	const char *fault;    /* NULL: answered */
	int64_t queue_ms;     /* -1: never left the queue */
	int64_t overhead_ms;  /* of an answered one: not spent in the CLI; -1: not known */
	int64_t ttft_ms;      /* from the request's head to the first text; -1: no text came */
	int64_t input_tokens; /* those read from and written to the prompt cache included */
	int64_t cache_read_tokens, cache_creation_tokens, output_tokens, cost_micro_usd;
	unsigned worker_id; /* 0: none */
};

void access_log_write(const struct access_entry *e);

#endif
