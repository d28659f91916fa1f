/* What the routes do.  Each answers its request at once or later, exactly once. */
#ifndef DAEMON_API_HANDLERS_H
#define DAEMON_API_HANDLERS_H

struct request;

void handle_index(struct request *r);
void handle_openapi(struct request *r);
void handle_docs(struct request *r);
void handle_docs_file(struct request *r);
void handle_health(struct request *r);
void handle_ready(struct request *r);
void handle_models(struct request *r);
void handle_model(struct request *r);
void handle_metrics(struct request *r);
void handle_chat_completions(struct request *r);
void handle_batch(struct request *r);
void handle_route(struct request *r);
void handle_usage(struct request *r);
void handle_session(struct request *r);
void handle_session_delete(struct request *r);
void handle_stream(struct request *r);

#endif
