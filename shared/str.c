#include "shared/str.h"

#include <sodium.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* Length of the well-formed sequence at s, 0 if there is none. */
static size_t utf8_sequence(const unsigned char *s, size_t len)
{
	unsigned char lo = 0x80, hi = 0xBF;
	size_t n;

	if (s[0] < 0x80)
		return 1;
	if (s[0] < 0xC2 || s[0] > 0xF4)
		return 0;
	n = s[0] < 0xE0 ? 2 : s[0] < 0xF0 ? 3 : 4;
	if (len < n)
		return 0;
	if (s[0] == 0xE0)
		lo = 0xA0; /* overlong */
	else if (s[0] == 0xED)
		hi = 0x9F; /* surrogates */
	else if (s[0] == 0xF0)
		lo = 0x90; /* overlong */
	else if (s[0] == 0xF4)
		hi = 0x8F; /* beyond U+10FFFF */
	if (s[1] < lo || s[1] > hi)
		return 0;
	for (size_t i = 2; i < n; i++)
		if (s[i] < 0x80 || s[i] > 0xBF)
			return 0;
	return n;
}

bool str_is_utf8(const char *s, size_t len)
{
	const unsigned char *p = (const unsigned char *)s;

	for (size_t i = 0; i < len;) {
		size_t n = utf8_sequence(p + i, len - i);

		if (!n)
			return false;
		i += n;
	}
	return true;
}

/* Length of the white space character at s, 0 if it is none.  The set is ECMAScript's WhiteSpace
 * and LineTerminator, because the CLI decides with trim() what a blank prompt is. */
static size_t space_at(const unsigned char *s, size_t len)
{
	if ((s[0] >= 0x09 && s[0] <= 0x0D) || s[0] == ' ')
		return 1;
	if (len >= 2 && s[0] == 0xC2 && s[1] == 0xA0)
		return 2; /* U+00A0 */
	if (len < 3)
		return 0;
	if (s[0] == 0xE2 && s[1] == 0x80 &&
	    ((s[2] >= 0x80 && s[2] <= 0x8A) || s[2] == 0xA8 || s[2] == 0xA9 || s[2] == 0xAF))
		return 3; /* U+2000..200A, 2028, 2029, 202F */
	if ((s[0] == 0xE1 && s[1] == 0x9A && s[2] == 0x80) ||
	    (s[0] == 0xE2 && s[1] == 0x81 && s[2] == 0x9F) ||
	    (s[0] == 0xE3 && s[1] == 0x80 && s[2] == 0x80) ||
	    (s[0] == 0xEF && s[1] == 0xBB && s[2] == 0xBF))
		return 3; /* U+1680, 205F, 3000, FEFF */
	return 0;
}

bool str_is_blank(const char *s, size_t len)
{
	const unsigned char *p = (const unsigned char *)s;

	for (size_t i = 0; i < len;) {
		size_t n = space_at(p + i, len - i);

		if (!n)
			return false;
		i += n;
	}
	return true;
}

bool str_in_set(const char *s, size_t min, size_t max, const char *set)
{
	size_t len = strlen(s);

	return len >= min && len <= max && strspn(s, set) == len;
}

void str_copy_clean(char *to, size_t size, const char *from)
{
	const unsigned char *p = (const unsigned char *)from;
	size_t left = strlen(from), out = 0;

	while (left) {
		size_t n = utf8_sequence(p, left);

		if (out + (n ? n : 1) >= size)
			break;
		if (!n || p[0] < 0x20 || p[0] == 0x7F || (n == 2 && p[0] == 0xC2 && p[1] < 0xA0)) {
			to[out++] = '?';
			n = n ? n : 1;
		} else {
			memcpy(to + out, p, n);
			out += n;
		}
		p += n;
		left -= n;
	}
	if (size)
		to[out] = '\0';
}

void str_uuid4(char out[37])
{
	unsigned char r[16];
	char hex[33];

	randombytes_buf(r, sizeof r);
	r[6] = (unsigned char)((r[6] & 0x0F) | 0x40);
	r[8] = (unsigned char)((r[8] & 0x3F) | 0x80);
	sodium_bin2hex(hex, sizeof hex, r, sizeof r);
	snprintf(out, 37, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16, hex + 20);
}

bool str_has_token(const char *value, const char *token)
{
	size_t len = strlen(token);

	while (value && *value) {
		value += strspn(value, " \t,");
		if (strncasecmp(value, token, len) == 0 && strchr(" \t,/", value[len]))
			return true; /* strchr finds the terminating NUL too */
		value += strcspn(value, ",");
	}
	return false;
}
