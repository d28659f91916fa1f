/* Settings: the input's lines that begin with "-o " are overrides, all others are the text of a
 * file.  What is accepted must pass the whole check without a crash, and read back equal from its
 * own rendering. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "shared/buf.h"
#include "shared/conf_table.h"

#include "daemon/conf/conf.h"
#include "daemon/conf/schema.h"

enum { OVERRIDES_MAX = 32, INPUT_MAX = 64 * 1024 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
const char *__lsan_default_suppressions(void);

/* libconfig 1.5 loses the text it was putting together when a syntax error follows: some bytes per
 * wrong file. */
const char *__lsan_default_suppressions(void)
{
	return "leak:libconfig.so\n";
}

/* Its folder does not exist, so that no @include finds anything. */
static const char file_name[] = "/nonexistent/fuzz.conf";

static void render_all(const struct conf *conf, struct buf *out)
{
	for (size_t i = 0; i < conf_schema.count; i++) {
		const char *dot = strchr(conf_schema.keys[i].name, '.');

		if (conf_schema.keys[i].secret || dot)
			continue;
		buf_printf(out, "%s = ", conf_schema.keys[i].name);
		conf_value_render(&conf_schema.keys[i], conf, out);
		buf_add_str(out, ";\n");
	}
}

static void check_rendering(const struct conf *conf)
{
	struct conf_reader reader;
	struct buf text, errors;
	struct conf again;

	buf_init(&text, 1 << 20);
	buf_init(&errors, 1 << 16);
	render_all(conf, &text);
	if (!text.failed && conf_reader_init(&reader, &conf_schema, &again, &errors) == 0) {
		conf_reader_text(&reader, text.data, file_name);
		if (reader.result)
			abort();
		for (size_t i = 0; i < conf_schema.count; i++)
			if (!strchr(conf_schema.keys[i].name, '.') &&
			    !conf_value_equal(&conf_schema.keys[i], conf, &again))
				abort();
		conf_reader_done(&reader);
		conf_table_done(&conf_schema, &again);
	}
	buf_done(&text);
	buf_done(&errors);
}

static void load(char *input)
{
	const char *overrides[OVERRIDES_MAX];
	struct conf_reader reader;
	struct buf text, errors;
	struct conf conf;
	size_t count = 0;
	char *rest = NULL;

	buf_init(&text, INPUT_MAX);
	buf_init(&errors, 1 << 16);
	for (char *line = strtok_r(input, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		if (strncmp(line, "-o ", 3) == 0 && count < OVERRIDES_MAX) {
			overrides[count++] = line + 3;
		} else {
			buf_add_str(&text, line);
			buf_add_char(&text, '\n');
		}
	}
	if (conf_reader_init(&reader, &conf_schema, &conf, &errors) == 0) {
		conf_reader_text(&reader, text.data ? text.data : "", file_name);
		conf_reader_overrides(&reader, overrides, count);
		conf_check(&reader);
		if (!reader.result)
			check_rendering(&conf);
		else if (!errors.len)
			abort(); /* an error without words */
		conf_reader_done(&reader);
		conf_table_done(&conf_schema, &conf);
	}
	buf_done(&text);
	buf_done(&errors);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *input;

	if (size > INPUT_MAX / 2)
		return 0;
	input = malloc(size + 1);
	if (!input)
		return 0;
	memcpy(input, data, size);
	input[size] = '\0';
	load(input);
	free(input);
	return 0;
}
