/* The log: one line per event on stderr, as text or as JSON.  A line has a level, an area (the
 * module that speaks), a message and, where a reader will want to filter, fields.  Control
 * characters never reach the terminal raw. Used by the loop thread; other threads hand their words
 * to it. */
#ifndef SHARED_LOG_H
#define SHARED_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };
enum log_format { LOG_FORMAT_TEXT, LOG_FORMAT_JSON };

/* What a field holds; make one with the LOG_* macros below. */
enum log_kind { LOG_KIND_STR, LOG_KIND_INT, LOG_KIND_MILLI, LOG_KIND_MICRO };

struct log_field {
	const char *key;
	enum log_kind kind;
	bool secret;     /* for the log's own readers: the listener must not pass it on */
	const char *str; /* NULL: the field is left out */
	int64_t num;
};

#define LOG_STR(k, v) ((struct log_field){.key = (k), .kind = LOG_KIND_STR, .str = (v)})
#define LOG_SECRET(k, v)                                                                           \
	((struct log_field){.key = (k), .kind = LOG_KIND_STR, .str = (v), .secret = true})
#define LOG_INT(k, v) ((struct log_field){.key = (k), .kind = LOG_KIND_INT, .num = (v)})
#define LOG_MILLI(k, v)                                                                            \
	((struct log_field){.key = (k), .kind = LOG_KIND_MILLI, .num = (v)}) /* 1500 prints 1.500  \
									      */
#define LOG_MICRO(k, v)                                                                            \
	((struct log_field){                                                                       \
		.key = (k), .kind = LOG_KIND_MICRO, .num = (v)}) /* 1500 prints 0.001500 */

void log_set_level(enum log_level level);
void log_set_format(enum log_format format);
bool log_enabled(enum log_level level);

/* A line as it was logged; everything is borrowed, and may hold any bytes. */
struct log_line {
	int64_t at_ms; /* wall clock */
	enum log_level level;
	const char *area, *message;
	const struct log_field *fields;
	size_t count;
};

/* Tells one listener of every line that is written (NULL: nobody), from inside log_event(): what it
 * logs itself is not told to it. */
void log_listen(void (*line)(void *ctx, const struct log_line *line), void *ctx);

const char *log_level_name(enum log_level level); /* "error", "warn", "info", "debug" */

/* `area` and keys are literals, plain identifiers; the message and string values may hold anything.
 */
void log_event(enum log_level level, const char *area, const struct log_field *fields, size_t count,
	       const char *fmt, ...) __attribute__((format(printf, 5, 6)));

#define log_error(area, ...) log_event(LOG_LEVEL_ERROR, area, NULL, 0, __VA_ARGS__)
#define log_warn(area, ...) log_event(LOG_LEVEL_WARN, area, NULL, 0, __VA_ARGS__)
#define log_info(area, ...) log_event(LOG_LEVEL_INFO, area, NULL, 0, __VA_ARGS__)
#define log_debug(area, ...)                                                                       \
	do {                                                                                       \
		if (log_enabled(LOG_LEVEL_DEBUG))                                                  \
			log_event(LOG_LEVEL_DEBUG, area, NULL, 0, __VA_ARGS__);                    \
	} while (0)

#endif
