#include "shared/conf_table.h"

#include "daemon/conf/load.h"
#include "daemon/conf/schema.h"

int conf_apply(struct conf *running, struct conf *fresh, struct buf *errors)
{
	return conf_table_reload(&conf_schema, running, fresh, errors);
}
