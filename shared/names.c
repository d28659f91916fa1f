#include "shared/names.h"

#include <string.h>

#include "shared/str.h"

const char name_rule[] = "1 to 64 characters of A-Z a-z 0-9 . _ -, and not . or ..";

static const char name_chars[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
				 "._-";

bool name_is_valid(const char *name)
{
	return str_in_set(name, 1, NAME_MAX_BYTES, name_chars) && strcmp(name, ".") != 0 &&
	       strcmp(name, "..") != 0;
}

/* C0, DEL and, as two bytes of UTF-8, C1. */
static bool has_control(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)s[i];

		if (c < 0x20 || c == 0x7f ||
		    (c == 0xc2 && i + 1 < len && (unsigned char)s[i + 1] < 0xa0))
			return true;
	}
	return false;
}

bool label_is_valid(const char *label)
{
	size_t len = strlen(label);

	return len <= LABEL_MAX_BYTES && str_is_utf8(label, len) && !has_control(label, len);
}
