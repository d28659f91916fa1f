/* api-doc: what the program says of its API.
 *
 *   api-doc document   the OpenAPI document that is part of it
 *   api-doc tables     routes, errors, fields and headers as the code has them, as JSON
 *
 * scripts/check-openapi.py compares the two; scripts/api-reference.py makes docs/API_REFERENCE.md
 * of the first. */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "daemon/api/embedded.h"
#include "daemon/api/errors.h"
#include "daemon/api/fields.h"
#include "daemon/api/routes.h"
#include "daemon/http/bare.h"
#include "daemon/store/records.h"

/* What is refused past the table: by the HTTP layer in its own words, and, by their status alone,
 * by the handshake of WebSockets. */
static const int bare_statuses[] = {408, 414, 431, 505}, handshake_statuses[] = {426};

static json_t *scopes_of(unsigned scope)
{
	static const struct {
		unsigned bit;
		const char *name;
	} scopes[] = {{KEY_CHAT, "chat"}, {KEY_BATCH, "batch"}, {KEY_USAGE, "usage"}};
	json_t *list = json_array();

	for (size_t i = 0; i < sizeof scopes / sizeof *scopes; i++)
		if (scope & scopes[i].bit)
			json_array_append_new(list, json_string(scopes[i].name));
	return list;
}

static json_t *routes(void)
{
	json_t *list = json_array();
	const struct route *r;

	for (size_t i = 0; (r = route_at(i)); i++)
		json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:b, s:b, s:o}", "method",
						      r->method, "path", r->path, "about", r->about,
						      "json_body", r->json_body, "open", r->open,
						      "scopes", scopes_of(r->scope)));
	return list;
}

static void add_error(json_t *list, const struct error_view *v)
{
	json_array_append_new(list, json_pack("{s:s, s:i, s:s, s:s?, s:s}", "fault", v->fault,
					      "status", v->status, "type", v->type, "code", v->code,
					      "retry", v->retry));
}

static void add_bare(json_t *list, int status)
{
	const char *retry = bare_retry(status);
	char text[BARE_SIZE];
	json_t *body = json_loadb(text, bare_body(text, status, ""), 0, NULL);
	const json_t *error = json_object_get(body, "error");
	const struct error_view v = {
		.fault = "",
		.status = status,
		.type = json_string_value(json_object_get(error, "type")),
		.code = json_string_value(json_object_get(error, "code")),
		.retry = !*retry                           ? "yes"
			 : strncmp(retry, "Retry", 5) == 0 ? "after"
							   : "no",
	};

	add_error(list, &v);
	json_decref(body);
}

static json_t *errors(void)
{
	json_t *list = json_array();
	struct error_view v;

	for (size_t i = 0; failure_view(i, &v); i++)
		add_error(list, &v);
	for (size_t i = 0; i < sizeof bare_statuses / sizeof *bare_statuses; i++)
		add_bare(list, bare_statuses[i]);
	for (size_t i = 0; i < sizeof handshake_statuses / sizeof *handshake_statuses; i++) {
		failure_view_status(handshake_statuses[i], &v);
		add_error(list, &v);
	}
	return list;
}

static json_t *parameters(void)
{
	json_t *list = json_array();
	struct field f;

	for (size_t i = 0; chat_param_field(i, &f); i++)
		json_array_append_new(list,
				      json_pack("{s:s, s:s?, s:f, s:f, s:b, s:b}", "name", f.name,
						"type", f.type, "min", f.min, "max", f.max,
						"bounded", f.min < f.max, "ignored", f.ignored));
	return list;
}

static json_t *names(const char *const *list)
{
	json_t *out = json_array();

	for (; *list; list++)
		json_array_append_new(out, json_string(*list));
	return out;
}

static int print_tables(void)
{
	json_t *all =
		json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "routes",
			  routes(), "errors", errors(), "parameters", parameters(), "message",
			  names(chat_message_fields), "batch", names(batch_fields), "batch_item",
			  names(batch_item_fields), "batch_item_dropped", names(batch_item_dropped),
			  "route", names(route_fields), "usage", names(usage_args), "stream",
			  names(stream_fields), "exposed_headers", names(cors_exposed_headers));
	int rc = all ? json_dumpf(all, stdout, JSON_INDENT(1) | JSON_REAL_PRECISION(15)) : -1;

	putchar('\n');
	json_decref(all);
	return rc;
}

static int print_document(void)
{
	const struct embedded_file *f = embedded_find("openapi.json");

	return f && fwrite(f->data, 1, f->len, stdout) == f->len ? 0 : -1;
}

int main(int argc, char **argv)
{
	int rc;

	if (argc == 2 && strcmp(argv[1], "document") == 0) {
		rc = print_document();
	} else if (argc == 2 && strcmp(argv[1], "tables") == 0) {
		rc = print_tables();
	} else {
		fprintf(stderr, "usage: api-doc document|tables\n");
		return 2;
	}
	return rc == 0 && fflush(stdout) == 0 && !ferror(stdout) ? 0 : 1;
}
