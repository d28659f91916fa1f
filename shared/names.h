/* Names that people give to projects, and labels of keys. */
#ifndef SHARED_NAMES_H
#define SHARED_NAMES_H

#include <stdbool.h>

enum { NAME_MAX_BYTES = 64, LABEL_MAX_BYTES = 128 };

/* 1 to 64 characters of A-Z a-z 0-9 . _ -, and not "." or "..". */
bool name_is_valid(const char *name);
extern const char name_rule[]; /* "1 to 64 characters of ..." */

/* 0 to 128 bytes of UTF-8 without control characters. */
bool label_is_valid(const char *label);

#endif
