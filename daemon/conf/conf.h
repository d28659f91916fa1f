/* The settings of ccapid as loaded and checked: the table in schema.c fills this struct, nothing
 * else writes it. Durations are milliseconds, sizes bytes.  Strings belong to the struct; "" means
 * not set. */
#ifndef DAEMON_CONF_CONF_H
#define DAEMON_CONF_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct conf_list {
	char **items;
	size_t count;
};

/* A group with free keys (claude.env): pairs in the order they were set, a later one replaces. */
struct conf_map {
	char **keys;
	char **values;
	size_t count;
};

enum conf_history { CONF_HISTORY_AUTO, CONF_HISTORY_BODY, CONF_HISTORY_REPLAY };
enum conf_login { CONF_LOGIN_AUTO, CONF_LOGIN_OWN, CONF_LOGIN_USER };
enum conf_reuse { CONF_REUSE_PROJECT, CONF_REUSE_ALWAYS, CONF_REUSE_NEVER };

struct conf {
	struct conf_list listen; /* "127.0.0.1:8080", "[::1]:0", "localhost:8080" */
	char *state_dir;         /* default: $XDG_STATE_HOME/ccapi, root: /var/lib/ccapi */
	int64_t drain_timeout;   /* 30 s */
	struct {
		bool required;        /* true */
		int64_t max_projects; /* 1000; of servers without keys */
	} auth;
	struct {
		int64_t max_body;               /* 32 MiB */
		int64_t max_head;               /* 12 KiB */
		int64_t max_connections;        /* 4096 */
		int64_t max_batch;              /* 1000 requests in one */
		struct conf_list allowed_hosts; /* besides the listen addresses and localhost */
		struct conf_list cors_origins;
		int64_t head_timeout;  /* 5 s until a request head is complete */
		int64_t body_timeout;  /* 60 s until a request body is complete */
		int64_t idle_timeout;  /* 75 s keep-alive */
		int64_t stall_timeout; /* 20 s that a reader of a stream may stand still */
	} http;
	struct {
		bool enabled; /* true */
		char *ui_dir; /* "": share/ccapi/docs-ui beside the program's folder */
	} docs;
	struct {
		int64_t max_connections; /* 1024 */
		int64_t max_message;     /* 4 MiB, from the client */
		int64_t max_rate;        /* 100 messages a second from one client */
		int64_t max_chats;       /* 64 at one time on one connection */
		int64_t auth_timeout;    /* 10 s until the first message must bring a key */
		int64_t ping_interval;   /* 30 s; who is silent for two is closed */
	} websocket;
	/* Groups are names of the system; "": none. */
	struct {
		char *socket;         /* default: $XDG_RUNTIME_DIR/ccapi/control.sock, root:
					 /run/ccapi/control.sock */
		char *group;          /* whom the socket belongs to: who may connect */
		char *operator_group; /* who may steer */
		char *admin_group;    /* who may do everything, besides root and the daemon's uid */
	} control;
	struct {
		char *path;       /* "": search */
		char *config_dir; /* CLAUDE_CONFIG_DIR of own logins; "": state_dir/claude */
		char *token_file; /* file with a token from `claude setup-token`, 0600; "": the
				   * systemd credential claude-token, else state_dir/claude-token */
		struct conf_map env;
		enum conf_login login;
		enum conf_history history;
		char *system_prompt; /* used when a request brings none */
	} claude;
	struct {
		int64_t workers; /* 5 */
		int64_t spares;  /* 1 */
		enum conf_reuse reuse;
		int64_t max_requests;       /* 500 */
		int64_t max_age;            /* 1 h */
		int64_t max_rss;            /* 400 MiB */
		int64_t queue;              /* 256 requests may wait */
		int64_t queue_timeout;      /* 60 s */
		int64_t request_timeout;    /* 600 s */
		int64_t first_byte_timeout; /* 120 s */
		int64_t idle_timeout;       /* 120 s between bytes of an answer */
		int64_t start_timeout;      /* 10 s */
		int64_t interrupt_timeout;  /* 1.5 s */
		int64_t stop_timeout;       /* 2 s */
		int64_t max_line;           /* 64 MiB per line of a worker's output */
		int64_t max_answer;         /* 64 MiB of answer text */
	} pool;
	struct {
		char *default_model;    /* what `auto` means; "": what the rules say */
		struct conf_list rules; /* empty: the built-in ones */
		double sonnet_score, opus_score;
	} routing;
	struct {
		bool enabled;      /* true */
		int64_t ttl;       /* 1 h */
		int64_t max_bytes; /* 64 MiB */
	} cache;
	struct {
		int64_t ttl;       /* 24 h since the last turn */
		int64_t max_size;  /* 1 MiB of one session's messages */
		int64_t max_bytes; /* 64 MiB of memory for all */
	} sessions;
	struct {
		char *url;       /* "": none; the embedded cache and sessions serve */
		char *prefix;    /* "ccapi" */
		int64_t timeout; /* 100 ms; nothing waits longer */
	} redis;
	struct { /* of everybody together; 0: none */
		int64_t requests_per_minute, tokens_per_minute, concurrent;
	} limits;
	struct { /* of everybody together; 0: none */
		int64_t tokens;
		double usd;
		char *window; /* "month" */
		bool soft;
		int64_t warn_percent;      /* 80 */
		char *zone;                /* "UTC" */
		int64_t max_answer_tokens; /* 8192 */
	} budget;
	struct {
		char *url;               /* "": none */
		struct conf_list topics; /* empty: all */
		int64_t timeout;         /* 10 s */
	} webhook;
	struct {
		double reserve; /* 0.9: above this use of a plan window low priority waits */
	} plan;
	struct {
		int level;  /* enum log_level */
		int format; /* enum log_format */
		bool bodies;
	} log;
};

#endif
