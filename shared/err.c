#include "shared/err.h"

#include <string.h>

const char *err_str(int code)
{
	const char *words;

	switch (code) {
	case 0:
		return "success";
	case ERR_SYNTAX:
		return "malformed input";
	case ERR_TYPE:
		return "wrong type";
	case ERR_LIMIT:
		return "limit exceeded";
	case ERR_STATE:
		return "not possible now";
	case ERR_UNKNOWN:
		return "unknown name";
	default:
		words = code < 0 && code > -1000 ? strerrordesc_np(-code) : NULL;
		return words ? words : "unknown error";
	}
}
