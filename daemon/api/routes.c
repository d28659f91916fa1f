#include "daemon/api/routes.h"

#include <string.h>

#include "daemon/api/handlers.h"
#include "daemon/store/records.h"

static const struct route routes[] = {
	{"GET", "/", "this index", false, true, 0, handle_index},
	{"GET", "/health", "whether the process serves", false, true, 0, handle_health},
	{"GET", "/ready", "whether work can be taken", false, true, 0, handle_ready},
	{"GET", "/metrics", "counters, in Prometheus' text form", false, true, 0, handle_metrics},
	{"GET", "/openapi.json", "this API as an OpenAPI document", false, true, 0, handle_openapi},
	{"GET", "/docs", "the interactive reference", false, true, 0, handle_docs},
	{"GET", "/docs/{file}", "what that page loads", false, true, 0, handle_docs_file},
	{"GET", "/v1/models", "the models on offer", false, false, 0, handle_models},
	{"GET", "/v1/models/{id}", "one model", false, false, 0, handle_model},
	{"POST", "/v1/chat/completions", "an answer, whole or as a stream", true, false, KEY_CHAT,
	 handle_chat_completions},
	{"POST", "/v1/batch", "many answers in one request", true, false, KEY_BATCH, handle_batch},
	{"POST", "/v1/route", "which model `auto` would choose, and why", true, false, KEY_CHAT,
	 handle_route},
	{"GET", "/v1/stream", "answers over a WebSocket", false, true, KEY_CHAT, handle_stream},
	{"GET", "/v1/sessions/{id}", "a conversation that is kept", false, false, KEY_CHAT,
	 handle_session},
	{"DELETE", "/v1/sessions/{id}", "forgets it", false, false, KEY_CHAT,
	 handle_session_delete},
	{"GET", "/v1/usage", "what a project has used", false, false, KEY_USAGE, handle_usage},
};

enum { ROUTES = sizeof routes / sizeof *routes };

const struct route *route_at(size_t i)
{
	return i < ROUTES ? &routes[i] : NULL;
}

static bool path_matches(const char *pattern, const char *path, const char **ret_arg)
{
	const char *brace = strchr(pattern, '{');
	size_t fixed;

	*ret_arg = NULL;
	if (!brace)
		return strcmp(pattern, path) == 0;
	fixed = (size_t)(brace - pattern);
	if (strncmp(pattern, path, fixed) != 0 || !path[fixed] || strchr(path + fixed, '/'))
		return false;
	*ret_arg = path + fixed;
	return true;
}

static bool method_matches(const char *has, const char *asked)
{
	return strcmp(has, asked) == 0 || (strcmp(asked, "HEAD") == 0 && strcmp(has, "GET") == 0);
}

enum route_match route_find(const char *method, const char *path, const struct route **ret_route,
			    const char **ret_arg)
{
	enum route_match match = ROUTE_NO_PATH;
	const char *arg;

	for (size_t i = 0; i < ROUTES; i++) {
		if (!path_matches(routes[i].path, path, &arg))
			continue;
		match = ROUTE_NO_METHOD;
		if (!method_matches(routes[i].method, method))
			continue;
		*ret_route = &routes[i];
		*ret_arg = arg;
		return ROUTE_FOUND;
	}
	return match;
}

void route_write_allow(const char *path, struct buf *to)
{
	const char *arg;

	for (size_t i = 0; i < ROUTES; i++) {
		if (!path_matches(routes[i].path, path, &arg))
			continue;
		buf_add_str(to, routes[i].method);
		buf_add_str(to, strcmp(routes[i].method, "GET") == 0 ? ", HEAD, " : ", ");
	}
	if (to->len)
		buf_add_str(to, "OPTIONS");
}
