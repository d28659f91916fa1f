#include <stdio.h>

#include "shared/json.h"

#include "ctl/output.h"
#include "ctl/present.h"
#include "ctl/show.h"

/* keys create, keys rotate: the only moment in which the secret is seen. */
int present_secret(const struct command *c, const json_t *result)
{
	static const struct show_field old = {"", "old_secret_until", SHOW_UNTIL};
	const char *id = json_get_str(result, "id"), *secret = json_get_str(result, "key");
	const char *project = json_get_str(result, "project");
	struct buf until;

	if (!id || !secret) {
		fputs("ccapictl: the daemon's answer holds no key\n", stderr);
		return EXIT_FAILED;
	}
	if (c->quiet) {
		output_text(stdout, secret, CLEAN_LINE);
		putchar('\n');
		return EXIT_DONE;
	}
	printf("Key ");
	output_text(stdout, id, CLEAN_LINE);
	printf(" of project ");
	output_text(stdout, project ? project : "?", CLEAN_LINE);
	printf(":\n\n    ");
	output_text(stdout, secret, CLEAN_LINE);
	puts("\n\nThis is the only time it is shown.");
	if (json_get_str(result, "old_secret_until")) {
		buf_init(&until, 256);
		show_value(&until, &old, result);
		printf("The secret before it stops working ");
		output_text(stdout, until.data ? until.data : "", CLEAN_LINE);
		puts(".");
		buf_done(&until);
	}
	return EXIT_DONE;
}
