#include <stdio.h>
#include <stdlib.h>

#include "shared/json.h"

#include "ctl/output.h"
#include "ctl/present.h"

/* Money and milliseconds, never as 3e-06: at most micro-dollars, at least what stands before the
 * point. */
static void add_real(struct buf *b, double value)
{
	char text[64];
	size_t len = (size_t)snprintf(text, sizeof text, "%.6f", value);

	if (len >= sizeof text) {
		buf_printf(b, "%g", value);
		return;
	}
	while (text[len - 1] == '0')
		len--;
	buf_add(b, text, len - (text[len - 1] == '.'));
}

/* Quoted where a reader or a tool that splits at blanks would go wrong without, as in
 * shared/log.c. */
static void add_value(struct buf *b, const json_t *value)
{
	const char *text = json_string_value(value);
	bool plain = text && *text;
	char *dump;

	for (const char *p = text; plain && *p; p++)
		plain = *p > ' ' && *p < 0x7F && *p != '"' && *p != '=' && *p != '\\';
	if (json_is_real(value)) {
		add_real(b, json_real_value(value));
	} else if (plain) {
		buf_add_str(b, text);
	} else if (text) {
		json_add_string_lossy(b, text);
	} else {
		dump = json_dump_exact(value, NULL);
		buf_add_str(b, dump ? dump : "?");
		free(dump);
	}
}

void present_log_line(const json_t *line)
{
	const char *at = json_get_str(line, "at"), *level = json_get_str(line, "level");
	const char *area = json_get_str(line, "area"), *message = json_get_str(line, "message");
	const char *name;
	struct buf b;
	json_t *value;

	buf_init(&b, 1024 * 1024);
	buf_printf(&b, "%s %-5s %s: ", at ? at : "?", level ? level : "?", area ? area : "?");
	buf_add_str(&b, message ? message : "");
	json_object_foreach(json_object_get(line, "fields"), name, value)
	{
		buf_printf(&b, " %s=", name);
		add_value(&b, value);
	}
	output_text(stdout, b.data ? b.data : "", CLEAN_LINE);
	putchar('\n');
	buf_done(&b);
}
