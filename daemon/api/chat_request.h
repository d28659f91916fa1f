/* POST /v1/chat/completions, decoded: what goes to the model lands in a job_prompt, the rest in a
 * chat_request. */
#ifndef DAEMON_API_CHAT_REQUEST_H
#define DAEMON_API_CHAT_REQUEST_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/api/errors.h"
#include "daemon/dispatch/job.h"

enum chat_format { CHAT_FORMAT_TEXT, CHAT_FORMAT_JSON_OBJECT, CHAT_FORMAT_JSON_SCHEMA };

enum { CHAT_IGNORED_MAX = 320 };

struct chat_request {
	char *model;      /* as asked, "auto" too; NULL: none was named */
	char *project_id; /* as asked; NULL: none */
	char *session_id; /* as asked, "new" too; NULL: none */
	bool stream, include_usage;
	enum chat_format format;
	json_t *schema; /* CHAT_FORMAT_JSON_SCHEMA: what the answer must fit */
	enum job_lane lane;
	int64_t timeout_ms; /* 0: not asked */
	bool no_cache, no_store;
	int64_t cache_ttl_s;            /* -1: not asked */
	char ignored[CHAT_IGNORED_MAX]; /* "seed, n": parameters that cannot be honoured */
	char body_mode_param[96];       /* a field that only body mode can honour; "": none */
};

void chat_request_init(struct chat_request *c);
void chat_request_done(struct chat_request *c);

/* Parses, decodes and seals a body.  strict: parameters that cannot be honoured are errors.  `c` is
 * initialised; both are the caller's to release, also on failure.  Any thread.  0, or -EINVAL and f
 * says why. */
int chat_request_parse(struct chat_request *c, struct job_prompt *prompt, const char *body,
		       size_t len, bool strict, struct failure *f);

/* Whether the CLI's present way of taking conversations can honour the request.  0, or -EINVAL and
 * f says why. */
int chat_request_check_mode(const struct chat_request *c, bool body_mode, struct failure *f);

/* Asks for JSON where the upstream has no switch for it.  fallback: the system prompt of requests
 * that bring none. 0, -ENOMEM. */
int chat_request_finish_system(const struct chat_request *c, struct job_prompt *prompt,
			       const char *fallback);

#endif
