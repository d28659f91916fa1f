/* libcurl's multi_socket interface on a libuv loop.
 *
 * libcurl says by two callbacks what it waits for: sockets (watch_socket, a uv_poll_t each) and a
 * time (set_timer, one uv_timer_t); what happens is told to it by curl_multi_socket_action, and
 * after each such call look_for_end sees whether the transfer has ended.
 *
 * A uv_poll_t must be closed before its descriptor is, or libuv aborts the process when the number
 * is in use again.  libcurl announces that (CURL_POLL_REMOVE) before it closes, but some of its
 * versions have forgotten to; so closing goes through close_socket, which looks itself.
 *
 * Names are looked up in libcurl's own thread.  By default it would wait for that thread when a
 * transfer ends before its look-up, that is in our loop; CURLOPT_QUICK_EXIT leaves the thread to
 * itself, and it frees what it has.  Never set it where the library is unloaded. */
#include "daemon/observe/poster.h"

#include <ccapi_version.h>
#include <curl/curl.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <utlist.h>

#include "shared/log.h"

enum { CONNECT_MAX_MS = 10000, ANSWER_MAX = 64 * 1024 };

struct watch {
	uv_poll_t poll;
	struct poster *poster;
	curl_socket_t fd;
	struct watch *prev, *next;
};

struct poster {
	uv_loop_t *loop;
	CURLM *multi;
	CURL *easy; /* the transfer under way, or NULL */
	struct curl_slist *headers;
	size_t received; /* of the answer, with its head */
	struct watch *watches;
	uv_timer_t timer;
	void (*done)(void *ctx, bool taken, const char *why);
	void *done_ctx;
	unsigned open_handles;
	void (*closed)(void *ctx);
	void *closed_ctx;
};

/* ---- one transfer ---- */

static void end_transfer(struct poster *p)
{
	curl_multi_remove_handle(p->multi, p->easy);
	curl_easy_cleanup(p->easy);
	curl_slist_free_all(p->headers);
	p->easy = NULL;
	p->headers = NULL;
}

/* A 2xx whose answer we cut because of its length was taken all the same. */
static void report(struct poster *p, CURLcode code)
{
	bool cut = p->received > ANSWER_MAX;
	char why[64];
	long status = 0;

	curl_easy_getinfo(p->easy, CURLINFO_RESPONSE_CODE, &status);
	end_transfer(p);
	if (code != CURLE_OK && !cut)
		snprintf(why, sizeof why, "%s", curl_easy_strerror(code));
	else
		snprintf(why, sizeof why, "status %ld", status);
	p->done(p->done_ctx, (code == CURLE_OK || cut) && status / 100 == 2, why);
}

static void look_for_end(struct poster *p)
{
	CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(p->multi, &left)))
		if (message->msg == CURLMSG_DONE && message->easy_handle == p->easy)
			report(p, message->data.result);
}

/* Both for the head's lines and for the body; a short count ends the transfer. */
static size_t drop_answer(char *bytes, size_t size, size_t count, void *ctx)
{
	struct poster *p = ctx;

	(void)bytes;
	p->received += size * count;
	return p->received > ANSWER_MAX ? 0 : size * count;
}

/* ---- what libcurl waits for ---- */

static void handle_closed(struct poster *p)
{
	if (--p->open_handles > 0)
		return;
	if (p->closed)
		p->closed(p->closed_ctx);
	free(p);
}

static void watch_closed(uv_handle_t *handle)
{
	struct watch *w = handle->data;

	handle_closed(w->poster);
	free(w);
}

static void unwatch(struct watch *w)
{
	DL_DELETE(w->poster->watches, w);
	uv_close((uv_handle_t *)&w->poll, watch_closed);
}

/* libuv tells an error of the socket (POLLERR) as a failure of the poll.  Reading and writing finds
 * it too, and gets what the peer sent before. */
static void on_socket(uv_poll_t *poll, int status, int events)
{
	struct watch *w = poll->data;
	struct poster *p = w->poster;
	int flags = 0, running;

	if (status < 0 || events & UV_READABLE)
		flags |= CURL_CSELECT_IN;
	if (status < 0 || events & UV_WRITABLE)
		flags |= CURL_CSELECT_OUT;
	curl_multi_socket_action(p->multi, w->fd, flags, &running);
	look_for_end(p);
}

static struct watch *watch_new(struct poster *p, curl_socket_t fd)
{
	struct watch *w = calloc(1, sizeof *w);

	if (!w)
		return NULL;
	if (uv_poll_init(p->loop, &w->poll, fd) < 0) {
		free(w);
		return NULL;
	}
	w->poster = p;
	w->fd = fd;
	w->poll.data = w;
	p->open_handles++;
	DL_APPEND(p->watches, w);
	curl_multi_assign(p->multi, fd, w);
	return w;
}

/* A socket that cannot be watched is left to the transfer's time-out: -1 from here would make the
 * multi handle useless for good. */
static int watch_socket(CURL *easy, curl_socket_t fd, int what, void *ctx, void *of_socket)
{
	struct poster *p = ctx;
	struct watch *w = of_socket;
	int events =
		(what & CURL_POLL_IN ? UV_READABLE : 0) | (what & CURL_POLL_OUT ? UV_WRITABLE : 0);

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		if (w)
			unwatch(w);
		curl_multi_assign(p->multi, fd, NULL);
		return 0;
	}
	if (!w)
		w = watch_new(p, fd);
	if (!w || uv_poll_start(&w->poll, events, on_socket) < 0)
		log_error("webhook", "a socket cannot be watched; this try will time out");
	return 0;
}

static int close_socket(void *ctx, curl_socket_t fd)
{
	struct poster *p = ctx;
	struct watch *w, *next;

	DL_FOREACH_SAFE(p->watches, w, next)
	{
		if (w->fd == fd)
			unwatch(w);
	}
	return close(fd);
}

static void on_timer(uv_timer_t *timer)
{
	struct poster *p = timer->data;
	int running;

	curl_multi_socket_action(p->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	look_for_end(p);
}

static int set_timer(CURLM *multi, long timeout_ms, void *ctx)
{
	struct poster *p = ctx;

	(void)multi;
	if (timeout_ms < 0)
		uv_timer_stop(&p->timer);
	else
		uv_timer_start(&p->timer, on_timer, (uint64_t)timeout_ms, 0);
	return 0;
}

/* ---- sending ---- */

static int add_header(struct poster *p, const char *line)
{
	struct curl_slist *more = curl_slist_append(p->headers, line);

	if (!more)
		return -ENOMEM;
	p->headers = more;
	return 0;
}

static int add_headers(struct poster *p, const char *topic)
{
	char line[128];

	snprintf(line, sizeof line, "X-Ccapi-Event: %s", topic);
	if (add_header(p, line) < 0 || add_header(p, "Content-Type: application/json") < 0)
		return -ENOMEM;
	return 0;
}

static CURLcode set_request(struct poster *p, const struct post *post)
{
	CURL *e = p->easy;
	CURLcode c = curl_easy_setopt(e, CURLOPT_URL, post->url);

	if (!c)
		c = curl_easy_setopt(e, CURLOPT_POST, 1L);
	if (!c)
		c = curl_easy_setopt(e, CURLOPT_POSTFIELDS, post->body);
	if (!c)
		c = curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)post->len);
	if (!c)
		c = curl_easy_setopt(e, CURLOPT_HTTPHEADER, p->headers);
	if (!c)
		c = curl_easy_setopt(e, CURLOPT_USERAGENT, "ccapid/" CCAPI_VERSION);
	if (!c)
		c = curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, post->timeout_ms);
	if (!c)
		c = curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS,
				     post->timeout_ms < CONNECT_MAX_MS ? post->timeout_ms
								       : (long)CONNECT_MAX_MS);
	return c;
}

static CURLcode set_limits(CURL *e)
{
	CURLcode c = curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");

	if (!c)
		c = curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L);
	if (!c)
		c = curl_easy_setopt(e, CURLOPT_PROXY, ""); /* none, whatever http_proxy says */
	if (!c)
		c = curl_easy_setopt(e, CURLOPT_SSL_VERIFYPEER, 1L);
	if (!c)
		c = curl_easy_setopt(e, CURLOPT_SSL_VERIFYHOST, 2L);
	if (!c)
		c = curl_easy_setopt(e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	if (!c)
		c = curl_easy_setopt(e, CURLOPT_FORBID_REUSE, 1L);
	if (!c)
		c = curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
	if (!c)
		c = curl_easy_setopt(e, CURLOPT_QUICK_EXIT, 1L);
	return c;
}

static CURLcode set_callbacks(struct poster *p)
{
	CURLcode c = curl_easy_setopt(p->easy, CURLOPT_WRITEFUNCTION, drop_answer);

	if (!c)
		c = curl_easy_setopt(p->easy, CURLOPT_WRITEDATA, p);
	if (!c)
		c = curl_easy_setopt(p->easy, CURLOPT_HEADERFUNCTION, drop_answer);
	if (!c)
		c = curl_easy_setopt(p->easy, CURLOPT_HEADERDATA, p);
	if (!c)
		c = curl_easy_setopt(p->easy, CURLOPT_CLOSESOCKETFUNCTION, close_socket);
	if (!c)
		c = curl_easy_setopt(p->easy, CURLOPT_CLOSESOCKETDATA, p);
	return c;
}

int poster_send(struct poster *p, const struct post *post)
{
	CURLcode code = CURLE_OUT_OF_MEMORY;

	p->easy = curl_easy_init();
	if (!p->easy)
		return -ENOMEM;
	p->received = 0;
	p->done = post->done;
	p->done_ctx = post->ctx;
	if (add_headers(p, post->topic) == 0)
		code = set_request(p, post);
	if (!code)
		code = set_limits(p->easy);
	if (!code)
		code = set_callbacks(p);
	if (!code && curl_multi_add_handle(p->multi, p->easy) != CURLM_OK)
		code = CURLE_OUT_OF_MEMORY;
	if (code)
		end_transfer(p);
	return !code ? 0 : code == CURLE_OUT_OF_MEMORY ? -ENOMEM : -EINVAL;
}

void poster_abort(struct poster *p)
{
	if (p->easy)
		end_transfer(p);
}

/* ---- life ---- */

/* The library is never cleaned up: a look-up may still be under way in a thread of its own. */
static int start_library(void)
{
	static bool started;

	if (started)
		return 0;
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return -ENOMEM;
	if (!(curl_version_info(CURLVERSION_NOW)->features & CURL_VERSION_ASYNCHDNS))
		log_warn("webhook", "this libcurl looks up names without a thread of its own; a "
				    "slow name server will hold up all requests");
	started = true;
	return 0;
}

struct poster *poster_new(uv_loop_t *loop)
{
	struct poster *p;

	if (start_library() < 0)
		return NULL;
	p = calloc(1, sizeof *p);
	if (!p)
		return NULL;
	p->multi = curl_multi_init();
	if (!p->multi) {
		free(p);
		return NULL;
	}
	curl_multi_setopt(p->multi, CURLMOPT_SOCKETFUNCTION, watch_socket);
	curl_multi_setopt(p->multi, CURLMOPT_SOCKETDATA, p);
	curl_multi_setopt(p->multi, CURLMOPT_TIMERFUNCTION, set_timer);
	curl_multi_setopt(p->multi, CURLMOPT_TIMERDATA, p);
	p->loop = loop;
	uv_timer_init(loop, &p->timer);
	p->timer.data = p;
	p->open_handles = 1;
	return p;
}

static void timer_closed(uv_handle_t *handle)
{
	handle_closed(handle->data);
}

void poster_stop(struct poster *p, void (*closed)(void *ctx), void *ctx)
{
	p->closed = closed;
	p->closed_ctx = ctx;
	poster_abort(p);
	curl_multi_cleanup(p->multi);
	while (p->watches)
		unwatch(p->watches);
	uv_close((uv_handle_t *)&p->timer, timer_closed);
}
