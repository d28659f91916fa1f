#include "daemon/admit/refusal.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "shared/str.h"

int refusal_set(struct refusal *r, enum fault fault, const char *param, const char *fmt, ...)
{
	char message[sizeof r->message];
	va_list ap;

	*r = (struct refusal){.fault = fault, .retry_after_ms = -1};
	va_start(ap, fmt);
	vsnprintf(message, sizeof message, fmt, ap);
	va_end(ap);
	str_copy_clean(r->message, sizeof r->message, message);
	str_copy_clean(r->param, sizeof r->param, param ? param : "");
	return -EINVAL;
}
