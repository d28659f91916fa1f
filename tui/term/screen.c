#include "tui/term/screen.h"

int screen_show(struct screen *s, const struct canvas *c)
{
	return s->ops->show(s, c);
}

void screen_free(struct screen *s)
{
	if (s)
		s->ops->free(s);
}
