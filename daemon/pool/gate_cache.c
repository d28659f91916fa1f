#include "daemon/pool/gate_cache.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/err.h"
#include "shared/json.h"
#include "shared/log.h"
#include "shared/str.h"

#include "ccapi_version.h"

static bool same_file(const json_t *cache, const struct cli_binary *b)
{
	const char *path = json_get_str(cache, "path"),
		   *tested_by = json_get_str(cache, "tested_by");

	return path && strcmp(path, b->path) == 0 && tested_by &&
	       strcmp(tested_by, CCAPI_VERSION) == 0 &&
	       json_get_int(cache, "device", -1) == (int64_t)b->device &&
	       json_get_int(cache, "inode", -1) == (int64_t)b->inode &&
	       json_get_int(cache, "mtime_ns", -1) == b->mtime_ns &&
	       json_get_int(cache, "size", -1) == b->size;
}

bool gate_cache_load(const char *path, struct gate_result *r)
{
	json_t *cache = json_load_file(path, 0, NULL);
	const char *version = json_get_str(cache, "version");
	const json_t *items = json_object_get(cache, "passed"),
		     *overhead = json_object_get(cache, "overhead_bytes");
	bool valid = version && cli_version_serves(cli_version_number(version)) &&
		     json_is_object(items) && json_is_object(overhead) &&
		     same_file(cache, &r->binary);

	if (valid) {
		str_copy_clean(r->version_text, sizeof r->version_text, version);
		r->version = cli_version_number(version);
		r->report =
			(struct selftest_report){.ran = true,
						 .overhead = {json_get_int(overhead, "replay", -1),
							      json_get_int(overhead, "body", -1)}};
		for (int i = 0; i < SELFTEST_ITEMS; i++)
			r->report.passed[i] =
				json_get_true(items, selftest_item_name((enum selftest_item)i));
	}
	json_decref(cache);
	return valid;
}

void gate_cache_store(const char *path, const struct gate_result *r)
{
	json_t *items = json_object();
	json_t *cache = json_pack(
		"{s:s,s:s,s:s,s:I,s:I,s:I,s:I,s:{s:I,s:I},s:o}", "path", r->binary.path,
		"tested_by", CCAPI_VERSION, "version", r->version_text, "device",
		(json_int_t)r->binary.device, "inode", (json_int_t)r->binary.inode, "mtime_ns",
		(json_int_t)r->binary.mtime_ns, "size", (json_int_t)r->binary.size,
		"overhead_bytes", "replay", (json_int_t)r->report.overhead[0], "body",
		(json_int_t)r->report.overhead[1], "passed", items);
	char *fresh = NULL;
	int rc = -ENOMEM;

	for (int i = 0; cache && i < SELFTEST_ITEMS; i++)
		json_object_set_new(items, selftest_item_name((enum selftest_item)i),
				    json_boolean(r->report.passed[i]));
	if (cache && asprintf(&fresh, "%s.new", path) >= 0) {
		rc = json_dump_file(cache, fresh, JSON_INDENT(1)) == 0 && rename(fresh, path) == 0
			     ? 0
			     : -errno;
		if (rc != 0)
			unlink(fresh);
	}
	if (rc != 0)
		log_warn("gate",
			 "cannot keep the self-test's result in %s: %s; the next start tests again",
			 path, err_str(rc));
	free(fresh);
	json_decref(cache);
}
