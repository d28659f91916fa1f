/* One error space: 0 is success, -errno for what the system said, domain codes from -1000 for what
 * it cannot say. */
#ifndef SHARED_ERR_H
#define SHARED_ERR_H

enum err {
	ERR_SYNTAX = -1000, /* input is not of its format at all */
	ERR_TYPE = -1001,   /* right format, wrong type of value */
	ERR_LIMIT = -1002,  /* a configured or built-in bound would be passed */
	ERR_STATE = -1003,  /* not possible in the present state */
	ERR_UNKNOWN = -1004 /* a name that nobody knows */
};

/* English words for a code of either kind; never NULL, static storage. */
const char *err_str(int code);

#endif
