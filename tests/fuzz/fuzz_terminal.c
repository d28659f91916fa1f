/* What a terminal sends: any bytes, to events, into a line of text, onto a canvas. */
#include <stdlib.h>
#include <string.h>

#include "tui/input/decoder.h"
#include "tui/widget/edit.h"

static struct edit edit;

static void check(int condition)
{
	if (!condition)
		abort();
}

static void on_event(void *owner, const struct event *event)
{
	struct canvas *canvas = owner;
	const struct cell *cell;

	if (event->kind == EVENT_TEXT)
		check(event->text_len >= 1 && event->text_len <= 4);
	if (event->kind == EVENT_PASTE)
		check(event->text_len <= DECODER_PASTE_MAX &&
		      !memchr(event->text, 0x1B, event->text_len));
	edit_input(&edit, event);
	check(edit.cursor <= edit.len && edit.len <= edit.max && strlen(edit.text) == edit.len);
	edit_draw(&edit, canvas_area(canvas), 0, 0, canvas_columns(canvas), STYLE_INPUT, true);
	for (int x = 0; x < canvas_columns(canvas); x++) {
		cell = canvas_cell(canvas, x, 0);
		check(cell->width != 2 || canvas_cell(canvas, x + 1, 0)->width == 0);
		check((unsigned char)cell->text[0] >= 0x20 || cell->width == 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct canvas *canvas = canvas_new(11, 1, size % 2 ? GLYPHS_UNICODE : GLYPHS_ASCII);
	struct decoder *decoder = decoder_new(on_event, canvas);

	check(canvas && decoder);
	edit_init(&edit, 60);
	decoder_feed(decoder, (const char *)data, size);
	while (decoder_wait_ms(decoder) > 0)
		decoder_timeout(decoder);
	decoder_free(decoder);
	canvas_free(canvas);
	return 0;
}
