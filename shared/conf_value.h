/* One setting: its row in the table, and what can be done with its value inside the settings
 * struct. */
#ifndef SHARED_CONF_VALUE_H
#define SHARED_CONF_VALUE_H

#include <libconfig.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/buf.h"

/* In brackets what lies at the row's offset. */
enum conf_type {
	CONF_BOOL,     /* bool */
	CONF_INT,      /* int64_t */
	CONF_DURATION, /* int64_t, milliseconds */
	CONF_SIZE,     /* int64_t, bytes */
	CONF_RATIO,    /* double */
	CONF_STRING,   /* char *, UTF-8, never NULL */
	CONF_PATH,     /* char *, absolute or "" */
	CONF_ENUM,     /* int, index into words */
	CONF_LIST,     /* struct conf_texts */
	CONF_MAP       /* struct conf_pairs */
};

/* The layouts of lists and maps; settings structs embed these or ones laid out alike. */
struct conf_texts {
	char **items;
	size_t count;
};

struct conf_pairs {
	char **keys;
	char **values;
	size_t count;
};

struct conf_key {
	const char *name; /* dotted: "pool.workers" */
	enum conf_type type;
	size_t offset;
	/* Of the number; bytes of a string or path; values of a list; pairs of a map. */
	int64_t min, max;
	const char *const
		*words; /* CONF_ENUM: the names in the order of their values, NULL-terminated */
	const char *standard; /* the default as in -o; NULL: "" or empty */
	bool reloadable;
	bool secret;     /* values are never shown */
	const char *doc; /* one sentence */
};

enum {
	CONF_WHY_MAX = 512,         /* bytes of an explanation */
	CONF_ITEM_MAX = 4096,       /* bytes of one value of a list */
	CONF_PAIR_NAME_MAX = 256,   /* bytes of a name in a map */
	CONF_PAIR_VALUE_MAX = 32768 /* bytes of a value in a map */
};

/* Each sets one value after checking it.  0; or a negative code with the reason in `why` ("must
 * be 1..256, not 0"), and then the value is as before.  From text, a list gets one more value and a
 * map takes conf_value_set_pair() only. */
int conf_value_set_text(const struct conf_key *key, void *conf, const char *text,
			char why[CONF_WHY_MAX]);
int conf_value_set_pair(const struct conf_key *key, void *conf, const char *name, const char *text,
			char why[CONF_WHY_MAX]);
/* The whole value from a file; pairs join those that the map has. */
int conf_value_set_setting(const struct conf_key *key, void *conf, const config_setting_t *setting,
			   char why[CONF_WHY_MAX]);

/* Frees what the value owns and makes it zero, empty or NULL. */
void conf_value_clear(const struct conf_key *key, void *conf);
bool conf_value_equal(const struct conf_key *key, const void *a, const void *b);
void conf_value_move(const struct conf_key *key, void *to, void *from); /* `from` is cleared */

/* Appends the value as it stands in a file: `true`, `5`, `"30s"`, `[ "a", "b" ]`.  Secrets show as
 * "***". */
void conf_value_render(const struct conf_key *key, const void *conf, struct buf *out);

/* "true or false", "1..256", "1s..1d", "project, always or never"; for messages and documentation.
 */
void conf_value_bounds(const struct conf_key *key, struct buf *out);

#endif
