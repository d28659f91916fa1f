#include "tui/widget/message.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "tui/canvas/draw.h"

enum { MESSAGE_READ = 1 };

static const struct binding rows[] = {
	{KEYMAP_ANYWHERE, "Esc", MESSAGE_READ, "read", "the error has been read"},
};
const struct keymap message_keymap = KEYMAP(rows);

void message_init(struct message *m)
{
	memset(m, 0, sizeof(*m));
}

void message_info(struct message *m, unsigned style, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(m->info, sizeof(m->info), fmt, args);
	va_end(args);
	m->info_style = style;
}

void message_error(struct message *m, const char *fmt, ...)
{
	va_list args;

	if (m->unread == MESSAGE_ERRORS) {
		m->lost++;
		return;
	}
	va_start(args, fmt);
	vsnprintf(m->errors[m->unread++], MESSAGE_BYTES, fmt, args);
	va_end(args);
	m->info[0] = '\0'; /* it was about something before */
}

bool message_has_error(const struct message *m)
{
	return m->unread > 0;
}

/* The error with what follows it, e.g. "text  (Esc: read, 2 more)". */
static void error_text(const struct message *m, char *ret, size_t size)
{
	int more = m->unread - 1 + m->lost;

	if (more > 0)
		snprintf(ret, size, "%s  (Esc: read, %d more)", m->errors[0], more);
	else
		snprintf(ret, size, "%s  (Esc: read)", m->errors[0]);
}

int message_rows(const struct message *m, int width, int max)
{
	char text[MESSAGE_BYTES + 64];
	int needed = 1;

	if (m->unread > 0) {
		error_text(m, text, sizeof(text));
		needed = draw_wrapped_rows(text, width - 2, max);
	}
	return needed < 1 ? 1 : needed;
}

void message_draw(struct message *m, struct area a, int y, int count)
{
	char text[MESSAGE_BYTES + 64];
	struct area in = area_inside(a, (struct rect){1, y, a.rect.width - 2, count});

	m->shown = area_inside(a, (struct rect){0, y, a.rect.width, count}).rect;
	if (m->unread == 0) {
		draw_field(in, 0, 0, in.rect.width, ALIGN_LEFT, m->info_style, m->info);
		return;
	}
	error_text(m, text, sizeof(text));
	if (count <= 1) {
		draw_field(in, 0, 0, in.rect.width, ALIGN_LEFT, STYLE_ERROR, text);
		return;
	}
	draw_wrapped(in, 0, STYLE_ERROR, text);
	if (draw_wrapped_rows(text, in.rect.width, count + 1) > count)
		draw_symbol(in, in.rect.width - 1, count - 1, STYLE_ERROR, SYMBOL_ELLIPSIS);
}

enum input_result message_input(struct message *m, const struct event *event)
{
	bool clicked = event->kind == EVENT_MOUSE && event->button == MOUSE_LEFT &&
		       rect_contains(m->shown, event->x, event->y);

	if (m->unread == 0 ||
	    (!clicked && keymap_action(&message_keymap, KEYMAP_ANYWHERE, event) != MESSAGE_READ))
		return INPUT_IGNORED;
	memmove(m->errors[0], m->errors[1], sizeof(m->errors) - sizeof(m->errors[0]));
	m->unread--;
	if (m->unread == 0 && m->lost > 0) {
		message_error(m, "%d more errors came meanwhile; the log has them", m->lost);
		m->lost = 0;
	}
	return INPUT_TAKEN;
}
