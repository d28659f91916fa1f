/* A job is one request for an answer of the model, whoever asked for it: plain HTTP, SSE, later
 * WebSocket, batch items and the operator's test prompt.  It is decoded once, waits in the queue,
 * is run by a worker, and ends exactly once.
 *
 * Ownership: job_new gives the caller one reference.  dispatch_submit takes a reference of its own
 * and gives it back after ops->done, which is called exactly once for every submitted job, also
 * when it was cancelled or failed.  Everything happens on the loop thread. */
#ifndef DAEMON_DISPATCH_JOB_H
#define DAEMON_DISPATCH_JOB_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/dispatch/fault.h"

enum job_state { JOB_NEW, JOB_QUEUED, JOB_RUNNING, JOB_ENDED };
enum job_lane { JOB_LANE_HIGH, JOB_LANE_NORMAL, JOB_LANE_LOW, JOB_LANES };
enum job_effort {
	JOB_EFFORT_DEFAULT,
	JOB_EFFORT_LOW,
	JOB_EFFORT_MEDIUM,
	JOB_EFFORT_HIGH,
	JOB_EFFORT_XHIGH,
	JOB_EFFORT_MAX
};

/* What goes to the model, in the Messages API's terms, whatever dialect the client spoke. */
struct job_prompt {
	char *model;      /* alias or id that set_model gets; one of the catalogue's */
	char *system;     /* NULL: the configured default */
	json_t *messages; /* [{"role":"user"|"assistant","content":[blocks]}], never empty, starts
			     with user */
	json_t *extra; /* object merged into the upstream body: temperature, top_p, stop_sequences,
			  output_config; or NULL */
	char *body;    /* `extra` plus `messages` as JSON text, what body mode sends; made by
			  job_prompt_seal */
	size_t body_len;
	size_t messages_len; /* of the messages as JSON text; likewise */
	int64_t max_tokens;  /* 0: the model's own maximum */
	enum job_effort effort;
	bool no_thinking;
};

/* As the CLI reports them; cost in micro-dollars at list price. */
struct job_usage {
	int64_t input_tokens, output_tokens, cache_read_tokens, cache_creation_tokens,
		thinking_tokens;
	int64_t cost_micro_usd;
};

enum job_stop {
	JOB_STOP_NONE,
	JOB_STOP_END_TURN,
	JOB_STOP_MAX_TOKENS,
	JOB_STOP_SEQUENCE,
	JOB_STOP_REFUSAL,
	JOB_STOP_TOOL_USE
};

/* Filled by the time ops->done is called; usage also for faults. */
struct job_result {
	enum fault fault;       /* FAULT_NONE: answered */
	char message[256];      /* for the client, English, names no host, path or gateway; "" : the
				   fault's default */
	char param[64];         /* the request's field that the upstream named, or "" */
	int64_t retry_after_ms; /* -1: not known */
	char model_id[96];      /* full id that answered; "" when none did */
	char upstream_id[64];   /* message id of the Messages API */
	enum job_stop stop;
	struct job_usage usage;
	bool lost;         /* the process died in the turn: usage is what it told before */
	unsigned attempts; /* 2: retried once */
	unsigned worker_id;
	bool warm; /* the worker had served its project before */
};

/* Monotonic microseconds; 0: did not happen. */
struct job_times {
	int64_t submitted, dispatched, first_text, ended;
};

struct job;

struct job_ops {
	/* The next piece of the answer's text; not NUL-terminated, valid during the call. */
	void (*text)(struct job *job, const char *text, size_t len);
	/* The text that came so far is void: the job is tried again.  Not for jobs that stream. */
	void (*restart)(struct job *job);
	/* Whether it may be tried again, and so paid for again; NULL: yes. */
	bool (*may_retry)(struct job *job);
	/* It runs now, for the first time or again; NULL: nobody wants to know.  It may be called
	 * from inside dispatch_submit(). */
	void (*runs)(struct job *job);
	/* The job has ended, job->result is complete.  Last call. */
	void (*done)(struct job *job);
};

struct job {
	char id[129]; /* the request id */
	char project[65];
	enum job_lane lane;
	int64_t timeout_ms; /* whole life from submit; 0: pool.request_timeout */
	bool own_timeout;   /* its client asked for that: it runs also while the queue is held */
	bool streams;       /* text() goes straight to the client, and cannot be taken back */
	struct job_prompt prompt;
	const struct job_ops *ops;
	void *user; /* of whoever set ops */

	/* Below: written by dispatch and pool only. */
	enum job_state state;
	bool cancelled;
	bool forwarded; /* text went to the client: no retry any more */
	struct job_result result;
	struct job_times times;
	unsigned refs;
	struct job *queue_prev, *queue_next;
	int64_t queue_deadline_us, deadline_us;
	void *worker; /* struct worker of the pool while JOB_RUNNING */
};

struct job *job_new(const struct job_ops *ops, void *user); /* NULL: out of memory */
struct job *job_ref(struct job *job);
void job_unref(struct job *job); /* NULL ok; the last one frees */

/* Serialises extra and messages into prompt->body (any thread; the prompt is not shared then).  0,
 * -ENOMEM. */
int job_prompt_seal(struct job_prompt *prompt);
void job_prompt_done(struct job_prompt *prompt); /* frees what it holds */

#endif
