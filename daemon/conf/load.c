#include "daemon/conf/load.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "shared/paths.h"

#include "daemon/conf/schema.h"

int conf_load(struct conf *conf, const struct conf_source *source, struct buf *errors,
	      char **ret_file)
{
	struct conf_reader reader;
	struct paths_env env;
	char *file = NULL;
	int r;

	r = conf_reader_init(&reader, &conf_schema, conf, errors);
	if (r) {
		memset(conf, 0, sizeof *conf);
		return r;
	}
	paths_env_read(&env);
	r = paths_config_file(&env, source->file, &file);
	if (r)
		goto out;
	if (file)
		conf_reader_file(&reader, file);
	conf_reader_overrides(&reader, source->overrides, source->override_count);
	conf_check(&reader);
	if (source->check)
		source->check(&reader, conf);
	r = reader.result;
out:
	conf_reader_done(&reader);
	if (r)
		conf_done(conf);
	if (!r && ret_file)
		*ret_file = file;
	else
		free(file);
	return r;
}

void conf_done(struct conf *conf)
{
	conf_table_done(&conf_schema, conf);
}
