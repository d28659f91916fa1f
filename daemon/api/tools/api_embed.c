/* api-embed: makes C source of the files that are part of the program.
 *
 *   api-embed FRAGMENT.json... -- FILE...
 *
 * The fragments become one file, openapi.json: objects are joined member by member, in the order of
 * the arguments, and what stands in two of them otherwise is an error.  So is a "$ref" to nothing
 * and a component that nobody refers to.  The other files are taken as they are. */
#include <ccapi_version.h>
#include <errno.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FILES_MAX = 64, PER_LINE = 16, PATH_SIZE = 512, FILE_MAX = 4 * 1024 * 1024 };

static struct {
	const char *name;
	size_t len;
} written[FILES_MAX];
static size_t written_count;

static int complain(const char *where, const char *what)
{
	fprintf(stderr, "api-embed: %s: %s\n", where, what);
	return -1;
}

/* ---- the document ---- */

static int join(json_t *to, json_t *from, const char *path)
{
	char below[PATH_SIZE];
	const char *key;
	json_t *value;

	json_object_foreach(from, key, value)
	{
		json_t *there = json_object_get(to, key);

		if (snprintf(below, sizeof below, "%s/%s", path, key) >= (int)sizeof below)
			return complain(path, "too deep");
		if (!there)
			json_object_set(to, key, value);
		else if (!json_is_object(there) || !json_is_object(value))
			return complain(below, "stands there twice");
		else if (join(there, value, below))
			return -1;
	}
	return 0;
}

static json_t *load_document(char **paths, int count)
{
	json_t *document = json_object();

	for (int i = 0; i < count; i++) {
		json_error_t error;
		json_t *fragment = json_load_file(paths[i], JSON_REJECT_DUPLICATES, &error);
		int rc = fragment ? join(document, fragment, paths[i]) : -1;

		if (!fragment)
			fprintf(stderr, "api-embed: %s:%d: %s\n", paths[i], error.line, error.text);
		json_decref(fragment);
		if (rc) {
			json_decref(document);
			return NULL;
		}
	}
	return document;
}

/* What "#/a/b" points at; the document's names have no "~" and "/" but in paths, which are not
 * referred to. */
static json_t *resolve(json_t *document, const char *ref)
{
	char copy[PATH_SIZE], *step, *rest;
	json_t *at = document;

	if (strncmp(ref, "#/", 2) != 0 || strlen(ref) >= sizeof copy)
		return NULL;
	strcpy(copy, ref + 2);
	for (step = strtok_r(copy, "/", &rest); at && step; step = strtok_r(NULL, "/", &rest))
		at = json_object_get(at, step);
	return at;
}

/* Notes every reference in `used`. */
static int check_refs(json_t *document, json_t *at, json_t *used)
{
	const char *key;
	json_t *item;
	size_t i;

	json_object_foreach(at, key, item)
	{
		const char *ref = strcmp(key, "$ref") == 0 ? json_string_value(item) : NULL;

		if (ref && !resolve(document, ref))
			return complain(ref, "there is no such thing in the document");
		if (ref)
			json_object_set_new(used, ref, json_true());
		if (check_refs(document, item, used))
			return -1;
	}
	json_array_foreach(at, i, item)
	{
		if (check_refs(document, item, used))
			return -1;
	}
	return 0;
}

static int check_used(json_t *document, json_t *used)
{
	const char *kind, *name;
	json_t *group, *item;
	char ref[PATH_SIZE];

	json_object_foreach(json_object_get(document, "components"), kind, group)
	{
		if (strcmp(kind, "securitySchemes") == 0)
			continue; /* named without a reference */
		json_object_foreach(group, name, item)
		{
			snprintf(ref, sizeof ref, "#/components/%s/%s", kind, name);
			if (!json_object_get(used, ref))
				return complain(ref, "nothing refers to it");
		}
	}
	return 0;
}

/* ---- writing ---- */

static int write_bytes(const char *name, const char *data, size_t len)
{
	if (written_count == FILES_MAX)
		return complain(name, "too many files");
	printf("static const unsigned char file%zu[] = {", written_count);
	for (size_t i = 0; i < len; i++)
		printf("%s%u,", i % PER_LINE ? "" : "\n\t", (unsigned char)data[i]);
	printf("\n\t0};\n\n");
	written[written_count].name = name;
	written[written_count++].len = len;
	return 0;
}

static int write_document(char **paths, int count)
{
	json_t *document = load_document(paths, count), *used = json_object();
	char *text = NULL;
	int rc = -1;

	if (!document || check_refs(document, document, used) || check_used(document, used))
		goto out;
	json_object_set_new(json_object_get(document, "info"), "version",
			    json_string(CCAPI_VERSION));
	text = json_dumps(document, JSON_COMPACT | JSON_REAL_PRECISION(15));
	rc = text ? write_bytes("openapi.json", text, strlen(text)) : -1;
out:
	free(text);
	json_decref(used);
	json_decref(document);
	return rc;
}

static int write_file(const char *path)
{
	const char *slash = strrchr(path, '/');
	FILE *from = fopen(path, "rb");
	char *data = malloc(FILE_MAX);
	size_t len;
	int rc = -1;

	if (!from || !data) {
		complain(path, strerror(errno));
		goto out;
	}
	len = fread(data, 1, FILE_MAX, from);
	if (ferror(from) || len == FILE_MAX)
		complain(path, "cannot be read, or is too large");
	else
		rc = write_bytes(slash ? slash + 1 : path, data, len);
out:
	free(data);
	if (from)
		fclose(from);
	return rc;
}

static void write_table(void)
{
	printf("const struct embedded_file embedded_files[] = {\n");
	for (size_t i = 0; i < written_count; i++)
		printf("\t{\"%s\", file%zu, %zu},\n", written[i].name, i, written[i].len);
	printf("};\n\nconst size_t embedded_count = %zu;\n", written_count);
}

int main(int argc, char **argv)
{
	int fragments = 1;

	while (fragments < argc && strcmp(argv[fragments], "--") != 0)
		fragments++;
	if (fragments < 2 || fragments == argc) {
		fprintf(stderr, "usage: api-embed FRAGMENT.json... -- FILE...\n");
		return 2;
	}
	printf("/* Written by api-embed. */\n#include \"daemon/api/embedded.h\"\n\n");
	if (write_document(argv + 1, fragments - 1))
		return 1;
	for (int i = fragments + 1; i < argc; i++)
		if (write_file(argv[i]))
			return 1;
	write_table();
	return fflush(stdout) == 0 && !ferror(stdout) ? 0 : 1;
}
