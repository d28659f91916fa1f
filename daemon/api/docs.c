/* The reference: the OpenAPI document and a page that shows it.
 *
 * The document and our own page, script and style are part of the program.  What draws the
 * reference, swagger-ui-dist, is not: its files are read once, at the start, from docs.ui_dir.
 * Without them the page says how to get them.
 *
 * Nothing but the rows of `assets` is ever read or served, whatever a path says.  The URLs of the
 * assets carry a version, the hash of all of them, so that browsers may keep them for good; the
 * page itself is asked for each time. */
#include "daemon/api/docs.h"

#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/buf.h"
#include "shared/err.h"
#include "shared/log.h"
#include "shared/paths.h"

#include "daemon/api/embedded.h"
#include "daemon/api/handlers.h"
#include "daemon/api/request.h"
#include "daemon/api/static_file.h"

enum { UI_FILE_MAX = 16 * 1024 * 1024, PAGE_MAX = 64 * 1024, VERSION_SIZE = 17 };

static const char css[] = "text/css; charset=utf-8", html[] = "text/html; charset=utf-8",
		  js[] = "text/javascript; charset=utf-8", json[] = "application/json",
		  png[] = "image/png";

static const struct asset {
	const char *name, *type;
	bool ours; /* embedded; else of swagger-ui-dist */
} assets[] = {
	{"docs.css", css, true},           {"docs.js", js, true},
	{"swagger-ui.css", css, false},    {"swagger-ui-bundle.js", js, false},
	{"favicon-32x32.png", png, false},
};

enum { ASSETS = sizeof assets / sizeof *assets };

struct docs {
	struct static_file document, page, files[ASSETS];
	bool has_ui;
	char version[VERSION_SIZE];
};

/* No other host, no inline script or style, no eval.  Images of swagger-ui's style sheet are data:
 * URLs. */
static const char page_policy[] =
	"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
	"connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/* ---- making ---- */

static void set_embedded(struct static_file *f, const char *type, const char *name)
{
	const struct embedded_file *e = embedded_find(name);

	static_file_set(f, type, e ? e->data : "", e ? e->len : 0);
}

static char *ui_dir(const struct conf *conf)
{
	return conf->docs.ui_dir[0] ? strdup(conf->docs.ui_dir) : paths_beside_program("docs-ui");
}

static bool read_ui(struct docs *d, const char *dir)
{
	for (size_t i = 0; i < ASSETS; i++) {
		int rc;

		if (assets[i].ours)
			continue;
		rc = static_file_read(&d->files[i], assets[i].type, dir, assets[i].name,
				      UI_FILE_MAX);
		if (rc == 0)
			continue;
		log_info("docs", "/docs is not interactive: %s/%s: %s", dir, assets[i].name,
			 err_str(rc));
		return false;
	}
	return true;
}

static void set_version(struct docs *d)
{
	crypto_generichash_state state;
	unsigned char hash[16];
	char hex[2 * sizeof hash + 1];

	crypto_generichash_init(&state, NULL, 0, sizeof hash);
	for (size_t i = 0; i < ASSETS; i++)
		crypto_generichash_update(&state, (const unsigned char *)d->files[i].etag,
					  sizeof d->files[i].etag);
	crypto_generichash_final(&state, hash, sizeof hash);
	sodium_bin2hex(hex, sizeof hex, hash, sizeof hash);
	memcpy(d->version, hex, sizeof d->version - 1);
}

/* The page with the version in place of each "@VERSION@". */
static int make_page(struct docs *d)
{
	static const char mark[] = "@VERSION@";
	const struct embedded_file *e = embedded_find(d->has_ui ? "docs.html" : "docs-plain.html");
	const char *at = e ? e->data : "", *next;
	struct buf b;
	size_t len = 0;
	char *text;

	buf_init(&b, PAGE_MAX);
	while ((next = strstr(at, mark))) {
		buf_add(&b, at, (size_t)(next - at));
		buf_add_str(&b, d->version);
		at = next + sizeof mark - 1;
	}
	buf_add_str(&b, at);
	text = b.failed ? NULL : buf_take(&b, &len);
	buf_done(&b);
	if (!text)
		return -1;
	static_file_set(&d->page, html, text, len);
	d->page.heap = text;
	return 0;
}

struct docs *docs_new(const struct conf *conf)
{
	struct docs *d = calloc(1, sizeof *d);
	char *dir = ui_dir(conf);

	if (!d || !dir)
		goto fail;
	set_embedded(&d->document, json, "openapi.json");
	for (size_t i = 0; i < ASSETS; i++)
		if (assets[i].ours)
			set_embedded(&d->files[i], assets[i].type, assets[i].name);
	d->has_ui = read_ui(d, dir);
	set_version(d);
	if (make_page(d))
		goto fail;
	free(dir);
	return d;
fail:
	free(dir);
	docs_free(d);
	return NULL;
}

void docs_free(struct docs *d)
{
	if (!d)
		return;
	for (size_t i = 0; i < ASSETS; i++)
		static_file_done(&d->files[i]);
	static_file_done(&d->page);
	free(d);
}

/* ---- the routes ---- */

void handle_openapi(struct request *r)
{
	static_file_reply(r, &r->api->docs->document, STATIC_REVALIDATE);
}

static void no_such_route(struct request *r)
{
	struct failure f;

	failure_set(&f, FAULT_NOT_FOUND, NULL, "%s", "");
	request_fail(r, &f);
}

void handle_docs(struct request *r)
{
	if (!r->api->deps.conf->docs.enabled) {
		no_such_route(r);
		return;
	}
	exchange_add_header(r->x, "Content-Security-Policy", page_policy);
	exchange_add_header(r->x, "Referrer-Policy", "no-referrer");
	static_file_reply(r, &r->api->docs->page, STATIC_REVALIDATE);
}

void handle_docs_file(struct request *r)
{
	const struct docs *d = r->api->docs;
	const char *version = exchange_arg(r->x, "v");
	size_t i = 0;

	while (i < ASSETS && strcmp(assets[i].name, r->arg) != 0)
		i++;
	if (!r->api->deps.conf->docs.enabled || i == ASSETS || !d->files[i].type)
		no_such_route(r);
	else
		static_file_reply(r, &d->files[i],
				  version && strcmp(version, d->version) == 0 ? STATIC_IMMUTABLE
									      : STATIC_REVALIDATE);
}
