/*
 * What the files of the API share: the table of routes, a call, and the few ways to answer it.
 */
#ifndef API_INTERNAL_H
#define API_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "api/api.h"
#include "base/id.h"
#include "net/http_server.h"

struct call;

/*
 * One route. The handler returns 0 when it has answered, or has seen to it that somebody will; -1 with an error that becomes the
 * answer. It runs on a server thread and may wait for the store, but for nothing else.
 */
struct route {
	const char *method;
	const char *path; /* "/pipelines/{id}/stages/{stageId}"; of two that match, the one that stands first */
	int (*handle)(struct call *call, struct err *err);
	const char *summary;
};
extern const struct route routes[]; /* ends with a row without method */

struct api {
	struct api_setup setup;
	struct http_server *server;
	pthread_rwlock_t engine_lock;  /* held for reading while a request goes into the engine */
	struct engine *engine;         /* NULL before api_open and after api_close */
	atomic_uint_fast64_t position; /* of the journal, as far as the engine has told */
	int64_t started_ms;
	pthread_mutex_t copy_lock; /* api_admin.c: */
	pthread_cond_t copy_ended;
	bool copying; /* the database */
	atomic_bool copy_stop;
};

/* One request while its handler runs; lives on the stack of the server thread. */
struct call {
	struct api *api;
	struct http_exchange *exchange; /* NULL once it is answered or handed over */
	const struct route *route;
	const char *user; /* who asks, of the exchange; NULL = nobody has said */
};

/* What stands in the path at "{NAME}", decoded; borrowed from the exchange. */
const char *call_param(const struct call *call, const char *name);
/* A whole number from the query, between MIN and MAX (beyond it is MAX); OTHERWISE when it is not given. */
int call_query_int(const struct call *call, const char *name, int64_t otherwise, int64_t min,
	int64_t max, int64_t *ret, struct err *err);
/* "true" or "false" in any case. */
int call_query_bool(
	const struct call *call, const char *name, bool otherwise, bool *ret, struct err *err);
/* A comma-separated list; *RET ends with NULL, free it with texts_free; NULL when it is not given. */
char **call_query_list(const struct call *call, const char *name);
void texts_free(char ***texts);
/* `statuses` as bits for execution_filter; 0 when it is not given. */
int call_query_statuses(const struct call *call, unsigned *ret, struct err *err);
/* The body as JSON, strictly; VAL_NULL when there is none. */
int call_body(const struct call *call, struct val *ret, struct err *err);
/* The same, and it must be an object. */
int call_body_map(const struct call *call, const char *what, struct val *ret, struct err *err);

/* Answers; each returns 0. POSITION is the place in the journal that BODY reflects (X-Journal-Seq). BODY is borrowed. */
int answer_read(struct call *call, struct val body, uint64_t position);
int answer_text(struct call *call, struct str json, uint64_t position);
int answer_json(struct call *call, struct val body);
/* Gate's error body; what is a mistake of ours also goes to the log. */
void answer_error(struct http_exchange *exchange, const struct err *err);
/* What http_server calls for each request; DATA is the struct api. routes_check: who asks, and whether he may. */
struct http_refusal routes_check(void *data, struct http_exchange *exchange, char **ret_user);
void routes_handle(void *data, struct http_exchange *exchange);

/* The position of the journal now: for reads that do not report it; take it before them. */
int journal_position(struct api *api, uint64_t *ret, struct err *err);

/*
 * Hands REQUEST (moved) to the engine; its reply becomes the answer after the commit. ANSWER is called then, on a thread of the
 * engine, for success only; NULL answers 200 without a body.
 */
typedef void (*answer_fn)(struct http_exchange *exchange, struct val value);
int call_submit(struct call *call, struct request *request, answer_fn answer, struct err *err);

/* The same for what changes the run {id}: the answer is that run as it is stored then, read on a server thread. */
int call_submit_for_run(struct call *call, struct request *request, struct err *err);

/* Appends the run, with a comma before it if it is not the first of a list; nothing when it was deleted meanwhile. */
int print_item(struct store *store, const char *id, bool brief, struct strbuf *list, struct err *err);

/* The handlers, by file. */
int api_root(struct call *call, struct err *err);
int api_health(struct call *call, struct err *err);
int api_version(struct call *call, struct err *err);
int api_user(struct call *call, struct err *err);
int api_credentials(struct call *call, struct err *err);
int api_preconfigured_webhooks(struct call *call, struct err *err);
int api_credential(struct call *call, struct err *err);
int api_applications(struct call *call, struct err *err);
int api_application(struct call *call, struct err *err);

int api_pipeline_save(struct call *call, struct err *err);
int api_pipeline_update(struct call *call, struct err *err);
int api_pipeline_delete(struct call *call, struct err *err);
int api_pipeline_get(struct call *call, struct err *err);
int api_pipelines_of_application(struct call *call, struct err *err);
int api_pipelines_all(struct call *call, struct err *err);
int api_pipeline_history(struct call *call, struct err *err);

int api_start_stored(struct call *call, struct err *err);
int api_start_stored_v2(struct call *call, struct err *err);
int api_start_document(struct call *call, struct err *err);

int api_execution_get(struct call *call, struct err *err);
int api_execution_stage(struct call *call, struct err *err);
int api_executions(struct call *call, struct err *err);
int api_executions_of_application(struct call *call, struct err *err);
int api_executions_search(struct call *call, struct err *err);
int api_execution_cancel(struct call *call, struct err *err);
int api_execution_pause(struct call *call, struct err *err);
int api_execution_resume(struct call *call, struct err *err);
int api_stage_restart(struct call *call, struct err *err);
int api_execution_delete(struct call *call, struct err *err);
int api_stage_patch(struct call *call, struct err *err);

int api_metrics(struct call *call, struct err *err);
int api_admin_state(struct call *call, struct err *err);
int api_admin_backup(struct call *call, struct err *err);
/* Gives up a copy that is being made, and waits for its thread. */
void api_admin_stop(struct api *api);

int api_lint(struct call *call, struct err *err);
int api_schema_stages(struct call *call, struct err *err);
int api_schema_stage(struct call *call, struct err *err);
int api_schema_pipeline(struct call *call, struct err *err);

int api_events(struct call *call, struct err *err);
int api_execution_events(struct call *call, struct err *err);

#endif
