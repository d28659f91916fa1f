#include "daemon/dispatch/fault.h"

const char *fault_name(enum fault fault)
{
	static const char *const names[FAULTS] = {
		[FAULT_NONE] = "none",
		[FAULT_INVALID_REQUEST] = "invalid_request",
		[FAULT_INVALID_KEY] = "invalid_key",
		[FAULT_PERMISSION] = "permission",
		[FAULT_NOT_FOUND] = "not_found",
		[FAULT_MODEL_NOT_FOUND] = "model_not_found",
		[FAULT_SESSION_NOT_FOUND] = "session_not_found",
		[FAULT_METHOD] = "method",
		[FAULT_CONTEXT_LENGTH] = "context_length",
		[FAULT_TOO_LARGE] = "too_large",
		[FAULT_MEDIA_TYPE] = "media_type",
		[FAULT_UNSUPPORTED_BY_CLI] = "unsupported_by_cli",
		[FAULT_RATE_LIMIT] = "rate_limit",
		[FAULT_LIMIT_REQUESTS] = "limit_requests",
		[FAULT_LIMIT_TOKENS] = "limit_tokens",
		[FAULT_BUDGET] = "budget",
		[FAULT_CONFLICT] = "conflict",
		[FAULT_STORE] = "store",
		[FAULT_PLAN_LIMIT] = "plan_limit",
		[FAULT_OVERLOADED] = "overloaded",
		[FAULT_BACKEND_UNAVAILABLE] = "backend_unavailable",
		[FAULT_UPSTREAM] = "upstream",
		[FAULT_WORKER] = "worker",
		[FAULT_SLOW_READER] = "slow_reader",
		[FAULT_TIMEOUT] = "timeout",
		[FAULT_CANCELLED] = "cancelled",
		[FAULT_INTERNAL] = "internal",
	};

	return (unsigned)fault < FAULTS ? names[fault] : "unknown";
}
