#include "tui/term/theme.h"

#include "tui/canvas/style.h"

/* Colours that can be read on dark and on light backgrounds, which stay the terminal's own. */
static const struct {
	short of_256, of_16, of_8;
	unsigned coloured; /* attributes beside a colour */
	unsigned plain;    /* attributes where there is none */
} theme[STYLE_MEANINGS] = {
	[STYLE_NORMAL] = {-1, -1, -1, 0, 0},
	[STYLE_DIM] = {245, 8, -1, 0, THEME_DIM},
	[STYLE_OK] = {35, 2, 2, 0, 0},
	[STYLE_WARN] = {172, 3, 3, 0, THEME_BOLD},
	[STYLE_ERROR] = {196, 9, 1, THEME_BOLD, THEME_BOLD | THEME_UNDERLINE},
	[STYLE_ACCENT] = {33, 12, 6, 0, 0},
	[STYLE_TITLE] = {-1, -1, -1, THEME_BOLD, THEME_BOLD},
	[STYLE_HEADER] = {-1, -1, -1, THEME_BOLD, THEME_UNDERLINE},
	[STYLE_KEY] = {33, 12, 6, THEME_BOLD, THEME_BOLD},
	[STYLE_DISABLED] = {240, 8, -1, 0, THEME_DIM},
	[STYLE_INPUT] = {-1, -1, -1, THEME_UNDERLINE, THEME_UNDERLINE},
};

enum theme_colours theme_choose(int colours, const char *no_color)
{
	if (no_color && no_color[0])
		return THEME_NONE;
	return colours >= 256  ? THEME_256
	       : colours >= 16 ? THEME_16
	       : colours >= 8  ? THEME_8
			       : THEME_NONE;
}

/* The selected row is one bar: of its colours only what needs somebody is left. */
unsigned theme_meaning(unsigned style)
{
	unsigned meaning = style & STYLE_MEANING;

	if (meaning >= STYLE_MEANINGS ||
	    ((style & STYLE_SELECTED) && meaning != STYLE_WARN && meaning != STYLE_ERROR))
		return STYLE_NORMAL;
	return meaning;
}

int theme_foreground(enum theme_colours colours, unsigned style)
{
	unsigned meaning = theme_meaning(style);

	switch (colours) {
	case THEME_256:
		return theme[meaning].of_256;
	case THEME_16:
		return theme[meaning].of_16;
	case THEME_8:
		return theme[meaning].of_8;
	default:
		return -1;
	}
}

unsigned theme_attributes(enum theme_colours colours, unsigned style)
{
	unsigned meaning = theme_meaning(style), attributes;

	/* Eight colours have no grey: dim is an attribute there too. */
	if (theme_foreground(colours, style) >= 0 || meaning == STYLE_NORMAL)
		attributes = theme[meaning].coloured;
	else
		attributes = colours == THEME_NONE
				     ? theme[meaning].plain
				     : theme[meaning].coloured | (theme[meaning].plain & THEME_DIM);
	if (style & STYLE_BOLD)
		attributes |= THEME_BOLD;
	if (style & STYLE_SELECTED)
		attributes |= THEME_REVERSE;
	return attributes;
}
