#include "tui/canvas/style.h"

char style_letter(unsigned style)
{
	static const char plain[STYLE_MEANINGS + 1] = " doweathkxi";
	static const char bold[STYLE_MEANINGS + 1] = "BDOWEATHKXI";
	static const char selected[STYLE_MEANINGS + 1] = "0123456789#";
	unsigned meaning = style & STYLE_MEANING;

	if (meaning >= STYLE_MEANINGS)
		return '?';
	return style & STYLE_SELECTED ? selected[meaning]
	       : style & STYLE_BOLD   ? bold[meaning]
				      : plain[meaning];
}
