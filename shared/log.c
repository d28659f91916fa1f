#include "shared/log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "shared/buf.h"
#include "shared/clock.h"
#include "shared/json.h"
#include "shared/str.h"

/* Values of a line that would be too long are cut to VALUE_CUT_BYTES: better a part than no line.
 */
enum { LINE_MAX_BYTES = 64 * 1024, MESSAGE_MAX_BYTES = 4096, VALUE_CUT_BYTES = 1024 };

static enum log_level max_level = LOG_LEVEL_INFO;
static enum log_format line_format = LOG_FORMAT_TEXT;
static const char *const level_names[] = {"error", "warn", "info", "debug"};

static struct {
	void (*line)(void *ctx, const struct log_line *line);
	void *ctx;
	bool busy; /* it is being told */
} listener;

void log_listen(void (*line)(void *ctx, const struct log_line *line), void *ctx)
{
	listener.line = line;
	listener.ctx = ctx;
}

const char *log_level_name(enum log_level level)
{
	return level_names[level];
}

void log_set_level(enum log_level level)
{
	max_level = level;
}

void log_set_format(enum log_format format)
{
	line_format = format;
}

bool log_enabled(enum log_level level)
{
	return level <= max_level;
}

static void add_time(struct buf *b)
{
	int64_t ms = clock_wall_ms();
	time_t s = (time_t)(ms / 1000);
	struct tm tm;
	char day[32];

	gmtime_r(&s, &tm);
	strftime(day, sizeof day, "%Y-%m-%dT%H:%M:%S", &tm);
	buf_printf(b, "%s.%03dZ", day, (int)(ms % 1000));
}

static void add_number(struct buf *b, const struct log_field *f)
{
	int64_t unit = f->kind == LOG_KIND_MICRO ? 1000000 : 1000;
	int digits = f->kind == LOG_KIND_MICRO ? 6 : 3;

	if (f->kind == LOG_KIND_INT)
		buf_printf(b, "%" PRId64, f->num);
	else
		buf_printf(b, "%s%" PRId64 ".%0*" PRId64, f->num < 0 ? "-" : "",
			   f->num / unit < 0 ? -(f->num / unit) : f->num / unit, digits,
			   f->num % unit < 0 ? -(f->num % unit) : f->num % unit);
}

/* Values are quoted where a reader or a tool that splits at blanks would go wrong without. */
static void add_text_value(struct buf *b, const char *s)
{
	bool plain = *s != '\0';

	for (const char *p = s; *p && plain; p++)
		plain = *p > ' ' && *p < 0x7F && *p != '"' && *p != '=' && *p != '\\';
	if (plain)
		buf_add_str(b, s);
	else
		json_add_string_lossy(b, s);
}

static void add_fields(struct buf *b, const struct log_field *fields, size_t count, bool cut)
{
	bool json = line_format == LOG_FORMAT_JSON;
	char part[VALUE_CUT_BYTES];

	for (size_t i = 0; i < count; i++) {
		const char *str = fields[i].str;

		if (fields[i].kind == LOG_KIND_STR && !str)
			continue;
		if (fields[i].kind == LOG_KIND_STR && cut) {
			str_copy_clean(part, sizeof part, str);
			str = part;
		}
		buf_printf(b, json ? ",\"%s\":" : " %s=", fields[i].key);
		if (fields[i].kind != LOG_KIND_STR)
			add_number(b, &fields[i]);
		else if (json)
			json_add_string_lossy(b, str);
		else
			add_text_value(b, str);
	}
}

/* A text message goes to a terminal: control bytes, C1 ones too, and what is no UTF-8 show as '?'.
 */
static void add_text_message(struct buf *b, const char *message)
{
	char clean[MESSAGE_MAX_BYTES];

	str_copy_clean(clean, sizeof clean, message);
	buf_add_str(b, clean);
}

static void add_line(struct buf *b, enum log_level level, const char *area, const char *message,
		     const struct log_field *fields, size_t count, bool cut)
{
	if (line_format == LOG_FORMAT_JSON) {
		buf_add_str(b, "{\"time\":\"");
		add_time(b);
		buf_printf(b,
			   "\",\"level\":\"%s\",\"area\":\"%s\",\"message\":", level_names[level],
			   area);
		json_add_string_lossy(b, message);
		add_fields(b, fields, count, cut);
		buf_add_str(b, "}\n");
	} else {
		add_time(b);
		buf_printf(b, " %-5s %s: ", level_names[level], area);
		add_text_message(b, message);
		add_fields(b, fields, count, cut);
		buf_add_char(b, '\n');
	}
}

static void write_all(const char *data, size_t len)
{
	while (len) {
		ssize_t n = write(STDERR_FILENO, data, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return; /* nobody reads the log: there is nobody to tell */
		data += n;
		len -= (size_t)n;
	}
}

static void tell_listener(const struct log_line *line)
{
	if (!listener.line || listener.busy)
		return;
	listener.busy = true;
	listener.line(listener.ctx, line);
	listener.busy = false;
}

void log_event(enum log_level level, const char *area, const struct log_field *fields, size_t count,
	       const char *fmt, ...)
{
	char message[MESSAGE_MAX_BYTES];
	int saved_errno = errno;
	struct buf line;
	va_list ap;

	if (!log_enabled(level))
		return;
	va_start(ap, fmt);
	vsnprintf(message, sizeof message, fmt, ap);
	va_end(ap);
	buf_init(&line, LINE_MAX_BYTES);
	add_line(&line, level, area, message, fields, count, false);
	if (line.failed) {
		buf_clear(&line);
		add_line(&line, level, area, message, fields, count, true);
	}
	if (!line.failed)
		write_all(line.data, line.len);
	buf_done(&line);
	tell_listener(&(struct log_line){.at_ms = clock_wall_ms(),
					 .level = level,
					 .area = area,
					 .message = message,
					 .fields = fields,
					 .count = count});
	errno = saved_errno; /* callers log first and return -errno after */
}
