/* How a cell looks, by what it means; a theme of the screen turns it into colours.  A style is one
 * meaning, and any of the flags. */
#ifndef TUI_CANVAS_STYLE_H
#define TUI_CANVAS_STYLE_H

enum style {
	STYLE_NORMAL,
	STYLE_DIM,      /* there, but not what one looks for */
	STYLE_OK,       /* healthy, done */
	STYLE_WARN,     /* will need somebody */
	STYLE_ERROR,    /* needs somebody now */
	STYLE_ACCENT,   /* what one looks for: bars, the thing in use */
	STYLE_TITLE,    /* names of parts of the screen */
	STYLE_HEADER,   /* titles of columns */
	STYLE_KEY,      /* a key that may be pressed */
	STYLE_DISABLED, /* an action that may not be taken */
	STYLE_INPUT,    /* where one types */
	STYLE_MEANINGS, /* how many there are */

	STYLE_MEANING = 0x3F, /* mask */
	STYLE_BOLD = 0x40,
	STYLE_SELECTED = 0x80 /* under the cursor: reversed, whatever it means */
};

/* A letter for the style, for screens of text: the lower-case one of its meaning, upper-case with
 * bold, a digit or sign with selected.  ' ' for plain text. */
char style_letter(unsigned style);

#endif
