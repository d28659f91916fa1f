#include "daemon/redis/reply_bounds.h"

#include <stdbool.h>

static redisReplyObjectFunctions bounded;
static const redisReplyObjectFunctions *defaults;

static bool fits(const redisReadTask *task, size_t payload)
{
	struct reply_bounds *b = task->privdata;
	size_t bytes = sizeof(redisReply) + payload;

	if (!task->parent)
		b->bytes = 0; /* an answer begins */
	if (payload > REPLY_MAX || bytes > REPLY_MAX - b->bytes)
		return false;
	b->bytes += bytes;
	return true;
}

static void *create_string(const redisReadTask *task, char *text, size_t len)
{
	return fits(task, len) ? defaults->createString(task, text, len) : NULL;
}

static void *create_array(const redisReadTask *task, int elements)
{
	size_t count = elements > 0 ? (size_t)elements : 0;

	return fits(task, count * sizeof(void *)) ? defaults->createArray(task, elements) : NULL;
}

static void *create_integer(const redisReadTask *task, long long value)
{
	return fits(task, 0) ? defaults->createInteger(task, value) : NULL;
}

static void *create_nil(const redisReadTask *task)
{
	return fits(task, 0) ? defaults->createNil(task) : NULL;
}

void reply_bounds_attach(struct reply_bounds *b, redisReader *reader)
{
	if (!defaults) {
		defaults = reader->fn;
		bounded = (redisReplyObjectFunctions){.createString = create_string,
						      .createArray = create_array,
						      .createInteger = create_integer,
						      .createNil = create_nil,
						      .freeObject = defaults->freeObject};
	}
	b->bytes = 0;
	reader->fn = &bounded;
	reader->privdata = b;
}
