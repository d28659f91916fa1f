#include "daemon/api/auth.h"

#include <string.h>
#include <strings.h>

#include "shared/str.h"

static const char key_prefix[] = "ccapi_";

static const char project_chars[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
				    "._-";

static bool is_our_key(const char *key)
{
	return key && strncmp(key, key_prefix, sizeof key_prefix - 1) == 0;
}

static const char *bearer_key(const char *authorization)
{
	if (!authorization || strncasecmp(authorization, "Bearer ", 7) != 0)
		return NULL;
	authorization += 7;
	return authorization + strspn(authorization, " \t");
}

int auth_check_key(const struct exchange *x, struct failure *f)
{
	if (is_our_key(bearer_key(exchange_header(x, "Authorization"))) ||
	    is_our_key(exchange_header(x, "x-api-key")))
		return failure_set(f, FAULT_INVALID_KEY, NULL,
				   "The API key is not valid. This server runs without keys: send "
				   "none, or any placeholder.");
	return 0;
}

int auth_project(const char *asked, char ret_project[65], struct failure *f)
{
	if (!asked)
		asked = "default";
	if (!str_in_set(asked, 1, 64, project_chars))
		return failure_set(f, FAULT_INVALID_REQUEST, "project_id",
				   "project_id must be 1 to 64 characters of A-Z a-z 0-9 . _ -");
	memcpy(ret_project, asked, strlen(asked) + 1);
	return 0;
}
