/* Every metric, once.  Help is written for operators; docs/metrics.md is made of it
 * (tools/metric_doc.c). */
#include "daemon/observe/metrics.h"

#define COUNTER(n, text)                                                                           \
	{                                                                                          \
		.name = (n), .type = METRIC_COUNTER, .help = (text)                                \
	}
#define COUNTER_COPIED(n, text)                                                                    \
	{                                                                                          \
		.name = (n), .type = METRIC_COUNTER, .copied = true, .help = (text)                \
	}
#define COUNTER_BY(n, text, ...)                                                                   \
	{                                                                                          \
		.name = (n), .type = METRIC_COUNTER, .labels = {__VA_ARGS__}, .help = (text)       \
	}
#define USD(n, text, ...)                                                                          \
	{                                                                                          \
		.name = (n), .type = METRIC_COUNTER, .labels = {__VA_ARGS__}, .micro = true,       \
		.help = (text)                                                                     \
	}
#define GAUGE(n, text)                                                                             \
	{                                                                                          \
		.name = (n), .type = METRIC_GAUGE, .help = (text)                                  \
	}
#define GAUGE_BY(n, text, ...)                                                                     \
	{                                                                                          \
		.name = (n), .type = METRIC_GAUGE, .labels = {__VA_ARGS__}, .help = (text)         \
	}
#define GAUGE_MICRO(n, text, ...)                                                                  \
	{                                                                                          \
		.name = (n), .type = METRIC_GAUGE, .labels = {__VA_ARGS__}, .micro = true,         \
		.help = (text)                                                                     \
	}
#define SECONDS(n, text)                                                                           \
	{                                                                                          \
		.name = (n), .type = METRIC_HISTOGRAM, .micro = true, .help = (text)               \
	}
#define BUDGET(n, text)                                                                            \
	{                                                                                          \
		.name = (n), .type = METRIC_GAUGE, .labels = {"scope", "name", "window", "unit"},  \
		.micro = true, .series = 200, .help = (text)                                       \
	}

const struct metric_family metric_families[METRICS] = {
	[METRIC_REQUESTS] = COUNTER("ccapi_requests_total",
				    "Requests answered with a model's answer, cache hits and items "
				    "of batches included."),
	[METRIC_ERRORS] =
		COUNTER("ccapi_request_errors_total", "Requests for a model's answer that failed."),
	[METRIC_HTTP_REQUESTS] =
		{.name = "ccapi_http_requests_total",
		 .type = METRIC_COUNTER,
		 .labels = {"route", "method", "status"},
		 .series = 200,
		 .help = "Requests by route, method (WS: a chat on a WebSocket) and "
			 "status (499: the client left)."},
	[METRIC_COMPLETIONS] =
		{.name = "ccapi_completions_total",
		 .type = METRIC_COUNTER,
		 .labels = {"model", "outcome", "cache", "stream"},
		 .series = 200,
		 .help = "Requests for a model's answer by model, outcome (ok, or the "
			 "cause), cache (hit, miss, bypass) and whether they were "
			 "streamed."},
	[METRIC_HTTP_CONNECTIONS] =
		GAUGE("ccapi_http_connections", "HTTP connections open now, idle ones included."),
	[METRIC_HTTP_EXCHANGES] =
		GAUGE("ccapi_http_exchanges", "HTTP requests whose answer is not complete."),
	[METRIC_REFUSED_AUTH] =
		COUNTER("ccapi_refused_auth_total", "Requests refused for want of a good key."),
	[METRIC_REFUSED_LIMIT] =
		COUNTER("ccapi_refused_limit_total", "Requests refused by a rate limit."),
	[METRIC_REFUSED_BUDGET] =
		COUNTER("ccapi_refused_budget_total", "Requests refused by a budget."),
	[METRIC_REQUEST_SECONDS] = SECONDS("ccapi_request_seconds",
					   "Time of an answered request from its head to its end."),
	[METRIC_FIRST_TOKEN_SECONDS] =
		SECONDS("ccapi_first_token_seconds",
			"Time from a request's head to the first text of its answer."),
	[METRIC_OVERHEAD_SECONDS] =
		SECONDS("ccapi_overhead_seconds",
			"Time of an answered request that was not spent in the CLI, the queue "
			"included."),

	[METRIC_TOKENS_INPUT] = COUNTER("ccapi_tokens_input_total",
					"Prompt tokens, those read from and written to the prompt "
					"cache included."),
	[METRIC_TOKENS_OUTPUT] =
		COUNTER("ccapi_tokens_output_total", "Tokens of answers, thinking included."),
	[METRIC_COST_MICRO_USD] = USD("ccapi_cost_usd_total", "Cost at list price."),
	[METRIC_MODEL_TOKENS] = COUNTER_BY("ccapi_model_tokens_total",
					   "Tokens by model and kind (input, output, cache_read, "
					   "cache_creation; thinking is part of output).",
					   "model", "kind"),
	[METRIC_MODEL_COST] =
		USD("ccapi_model_cost_usd_total", "Cost at list price by model.", "model"),
	[METRIC_BUDGET_LIMIT] =
		BUDGET("ccapi_budget_limit",
		       "Limits of budgets by scope (global, project, key), whom they "
		       "are of, window and unit (tokens, usd); those nearest to "
		       "their limit, if there are many."),
	[METRIC_BUDGET_USED] = BUDGET("ccapi_budget_used", "What was used in the present window."),
	[METRIC_BUDGET_HELD] =
		BUDGET("ccapi_budget_held", "What open requests hold of the budget."),
	[METRIC_BUDGET_REMAINING] =
		BUDGET("ccapi_budget_remaining",
		       "What can still be held: the limit less what was used and is held."),
	[METRIC_BUDGET_THRESHOLDS] =
		COUNTER("ccapi_budget_thresholds_total", "Warnings given for budgets."),
	[METRIC_BUDGET_OVERRUN_TOKENS] = COUNTER("ccapi_budget_overrun_tokens_total",
						 "Tokens used beyond what was held for them."),
	[METRIC_BUDGET_OVERRUN_MICRO_USD] =
		USD("ccapi_budget_overrun_usd_total", "Cost beyond what was held for it."),
	[METRIC_HOLDS_INTERRUPTED] = COUNTER("ccapi_holds_interrupted_total",
					     "Holds of a daemon that died, charged at the start."),

	[METRIC_CACHE_HITS] = COUNTER("ccapi_cache_hits_total", "Answers from the cache."),
	[METRIC_CACHE_MISSES] = COUNTER("ccapi_cache_misses_total",
					"Requests that the cache was asked for in vain."),
	[METRIC_CACHE_BYPASSES] =
		COUNTER("ccapi_cache_bypasses_total",
			"Requests for which the cache could not be asked, because Redis did not "
			"answer."),
	[METRIC_CACHE_STORES] =
		COUNTER_COPIED("ccapi_cache_stores_total", "Answers put into the cache."),
	[METRIC_CACHE_EVICTIONS] =
		COUNTER_COPIED("ccapi_cache_evictions_total",
			       "Answers dropped from memory for want of room, before their time."),
	[METRIC_CACHE_ENTRIES] =
		GAUGE("ccapi_cache_entries", "Answers kept in memory; 0 with Redis."),
	[METRIC_CACHE_BYTES] =
		GAUGE("ccapi_cache_bytes", "Bytes of answers kept in memory; 0 with Redis."),
	[METRIC_REPLAYS] =
		COUNTER("ccapi_replays_total", "Answers given again for an Idempotency-Key."),
	[METRIC_SESSIONS] = GAUGE("ccapi_sessions", "Conversations kept in memory."),
	[METRIC_SESSION_BYTES] =
		GAUGE("ccapi_session_bytes", "Bytes of conversations kept in memory."),
	[METRIC_SESSION_TURNS] =
		COUNTER("ccapi_session_turns_total", "Turns added to conversations."),
	[METRIC_SESSION_CONFLICTS] =
		COUNTER("ccapi_session_conflicts_total",
			"Turns answered but not kept, because another daemon was faster or the "
			"answer was too long."),
	[METRIC_REDIS_UP] = GAUGE("ccapi_redis_up", "Whether Redis can be asked; 0 without one."),
	[METRIC_REDIS_CONNECTS] =
		COUNTER("ccapi_redis_connects_total", "Times that Redis came up."),
	[METRIC_REDIS_COMMANDS] = COUNTER("ccapi_redis_commands_total", "Commands given to Redis."),
	[METRIC_REDIS_FAILURES] =
		COUNTER_BY("ccapi_redis_failures_total",
			   "What went wrong with Redis: down (not asked, or connection lost), "
			   "timeout, error (an error reply), nonsense (a value or answer that is "
			   "none of ours), busy (too much under way).",
			   "reason"),

	[METRIC_WS_CONNECTIONS] = GAUGE("ccapi_websocket_connections", "WebSockets open now."),
	[METRIC_WS_OPENED] = COUNTER("ccapi_websocket_opened_total", "WebSockets opened."),
	[METRIC_WS_CLOSED] =
		COUNTER_BY("ccapi_websocket_closed_total",
			   "WebSockets closed, by close code (1006: without one).", "code"),
	[METRIC_WS_MESSAGES] = COUNTER_BY("ccapi_websocket_messages_total",
					  "Messages from WebSocket clients by type.", "type"),
	[METRIC_WS_STALLS] = COUNTER("ccapi_websocket_stalls_total",
				     "Times that a WebSocket client read nothing for "
				     "http.stall_timeout."),

	[METRIC_READY] =
		GAUGE_BY("ccapi_ready",
			 "1 for what is the case: ready, or why no work can be taken.", "reason"),
	[METRIC_WORKERS] = GAUGE_BY("ccapi_workers", "Worker processes by state.", "state"),
	[METRIC_WORKER_STARTS] = COUNTER("ccapi_worker_starts_total", "Worker processes started."),
	[METRIC_WORKER_START_FAILURES] = COUNTER("ccapi_worker_start_failures_total",
						 "Worker processes that did not come up."),
	[METRIC_WORKER_REPLACED] =
		COUNTER("ccapi_worker_replaced_total",
			"Worker processes that were given up for something doubtful."),
	[METRIC_DISPATCHES] = COUNTER_BY("ccapi_dispatches_total",
					 "Requests given to a worker that is cold (its first) or "
					 "warm (it has served before).",
					 "worker"),
	[METRIC_RETRIES] =
		COUNTER("ccapi_retries_total", "Requests that were tried again on another worker."),
	[METRIC_QUEUE_DEPTH] = GAUGE("ccapi_queue_depth", "Requests that wait for a worker."),
	[METRIC_QUEUE_SECONDS] =
		SECONDS("ccapi_queue_seconds", "Time that requests waited for a worker."),
	[METRIC_PLAN_USE] = GAUGE_MICRO("ccapi_plan_use_ratio",
					"Use of the subscription's limit by window (five_hour, "
					"seven_day), 1 being all; as the CLI told last.",
					"window"),
	[METRIC_PLAN_RESETS] =
		GAUGE_BY("ccapi_plan_resets_timestamp_seconds", "When that window ends.", "window"),

	[METRIC_STORE_UP] = GAUGE("ccapi_store_up", "Whether the ledger can be written."),
	[METRIC_STORE_QUEUE] = GAUGE("ccapi_store_queue", "Changes that are not on disk yet."),
	[METRIC_STORE_WRITES] = COUNTER_COPIED("ccapi_store_writes_total", "Changes written."),
	[METRIC_STORE_COMMITS] = COUNTER_COPIED(
		"ccapi_store_commits_total",
		"Transactions they were written in; writes per commit show the grouping."),
	[METRIC_STORE_BYTES] = GAUGE("ccapi_store_bytes", "Size of the ledger's file."),
	[METRIC_STORE_FAILURES] =
		COUNTER("ccapi_store_failures_total", "Times that the ledger stopped working."),
	[METRIC_EVENTS] = COUNTER_BY("ccapi_events_total", "Events published by topic.", "topic"),
	[METRIC_WEBHOOK_SENT] =
		COUNTER("ccapi_webhook_sent_total", "Events delivered to the webhook."),
	[METRIC_WEBHOOK_FAILED] =
		COUNTER("ccapi_webhook_failed_total", "Events that the webhook did not take."),
	[METRIC_CONTROL_REQUESTS] =
		COUNTER("ccapi_control_requests_total", "Requests on the control socket."),

	[METRIC_BUILD_INFO] = GAUGE_BY("ccapi_build_info", "1, with the version.", "version"),
	[METRIC_PROCESS_START] = GAUGE("process_start_time_seconds",
				       "When the daemon started, in seconds since 1970."),
	[METRIC_PROCESS_RSS] = GAUGE("process_resident_memory_bytes",
				     "Resident memory of the daemon, without its workers."),
	[METRIC_PROCESS_FDS] = GAUGE("process_open_fds", "Open file descriptors."),
	[METRIC_PROCESS_CPU] = {.name = "process_cpu_seconds_total",
				.type = METRIC_COUNTER,
				.micro = true,
				.copied = true,
				.help = "CPU time of the daemon, without its workers."},
};
