#include "daemon/api/static_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/api/request.h"
#include "daemon/http/exchange.h"

enum { HASH_BYTES = 16, PATH_SIZE = 4300 };

void static_file_set(struct static_file *f, const char *type, const void *data, size_t len)
{
	unsigned char hash[HASH_BYTES];
	char hex[2 * HASH_BYTES + 1];

	crypto_generichash(hash, sizeof hash, data, len, NULL, 0);
	sodium_bin2hex(hex, sizeof hex, hash, sizeof hash);
	*f = (struct static_file){.type = type, .data = data, .len = len};
	snprintf(f->etag, sizeof f->etag, "\"%s\"", hex);
}

/* Files of /proc and the like tell no size; they are none of ours. */
static int read_whole(int fd, size_t max, char **ret_data, size_t *ret_len)
{
	struct stat st;
	size_t len = 0, size;
	char *data;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	if (st.st_size < 0 || (size_t)st.st_size > max)
		return -EFBIG;
	size = (size_t)st.st_size;
	data = malloc(size + 1);
	if (!data)
		return -ENOMEM;
	while (len < size) {
		ssize_t n = read(fd, data + len, size - len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			free(data);
			return n < 0 ? -EIO : -EPIPE; /* it shrinks while it is read */
		}
		len += (size_t)n;
	}
	data[len] = '\0';
	*ret_data = data;
	*ret_len = len;
	return 0;
}

int static_file_read(struct static_file *f, const char *type, const char *dir, const char *name,
		     size_t max)
{
	char path[PATH_SIZE], *data = NULL;
	size_t len = 0;
	int fd, rc;

	if (snprintf(path, sizeof path, "%s/%s", dir, name) >= (int)sizeof path)
		return -ENAMETOOLONG;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	rc = read_whole(fd, max, &data, &len);
	close(fd);
	if (rc < 0)
		return rc;
	static_file_set(f, type, data, len);
	f->heap = data;
	return 0;
}

void static_file_done(struct static_file *f)
{
	free(f->heap);
	*f = (struct static_file){.type = NULL};
}

/* RFC 9110, 13.1.2: a list of tags, weakly compared; ours have no commas in them. */
static bool has_tag(const char *list, const char *etag)
{
	size_t len = strlen(etag);

	while (list && *list) {
		list += strspn(list, ", \t");
		if (*list == '*')
			return true;
		if (strncmp(list, "W/", 2) == 0)
			list += 2;
		if (strncmp(list, etag, len) == 0)
			return true;
		list += strcspn(list, ",");
	}
	return false;
}

void static_file_reply(struct request *r, const struct static_file *f, enum static_caching caching)
{
	struct exchange *x = r->x;
	bool known = has_tag(exchange_header(x, "If-None-Match"), f->etag);

	request_add_headers(r);
	exchange_add_header(x, "ETag", f->etag);
	exchange_add_header(x, "X-Content-Type-Options", "nosniff");
	exchange_add_header(x, "Cache-Control",
			    caching == STATIC_IMMUTABLE ? "public, max-age=31536000, immutable"
							: "no-cache");
	r->x = NULL;
	/* Of a 304 only the head is sent, and its Content-Length is that of the 200. */
	exchange_reply_static(x, known ? 304 : 200, known ? NULL : f->type, f->data, f->len);
}
