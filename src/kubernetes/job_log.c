#include "kubernetes/job_log.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "kubernetes/job.h"
#include "kubernetes/manifest.h"
#include "kubernetes/selectors.h"
#include "net/http_client.h"

#define TAIL_LINES 20

void job_read_pods(
	const struct task_input *in, struct kube_account *account, struct val job, struct val *ret)
{
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_free_ char *selectors = NULL;
	const struct kube_resource *resource;

	*ret = VAL_NULL;
	if (selectors_of_workload(job, &selectors, &err) < 0 ||
		kube_find_resource(account, "v1", "Pod", in->cancel, &resource, &err) < 0 ||
		kube_list(account, resource, manifest_namespace(job), selectors, in->cancel, ret,
			&err) < 0)
		*ret = val_list();
}

/* LIMIT: "tailLines=20" and the like. */
static int read_log(const struct task_input *in, struct kube_account *account, const char *namespace,
	const char *pod, const char *container, const char *limit, struct val *ret, struct err *err)
{
	_cleanup_strbuf_ struct strbuf query = STRBUF_INIT(LIMIT_HTTP_HEADERS_BYTES);
	_cleanup_free_ char *path = xasprintf("/api/v1/namespaces/%s/pods/%s/log", namespace, pod);

	strbuf_add_text(&query, "container=");
	url_encode(&query, str_of(container));
	strbuf_printf(&query, "&%s", limit);
	strbuf_add_char(&query, 0);
	return kube_call(account, "GET", path, query.bytes, NULL, VAL_NULL, in->cancel, ret, err);
}

char *job_read_log_end(const struct task_input *in, struct kube_account *account, struct val culprit)
{
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_(val_free) struct val log = VAL_NULL;
	_cleanup_free_ char *limit = xasprintf(
		"tailLines=%d&limitBytes=%d", TAIL_LINES, LIMIT_ERROR_TEXT_BYTES / 2);
	struct val text;

	if (val_is_null(culprit) ||
		read_log(in, account, val_get_text(culprit, "namespace", ""),
			val_get_text(culprit, "pod", ""), val_get_text(culprit, "container", ""),
			limit, &log, &err) < 0)
		return xstrdup("");
	text = log;
	return xstrndup(str_trim(val_as_str(&text)).bytes, str_trim(val_as_str(&text)).length);
}

int job_read_properties(const struct task_input *in, struct kube_account *account, struct val pods,
	const char *container, struct val *ret, struct err *err)
{
	_cleanup_(val_free) struct val log = VAL_NULL;
	_cleanup_free_ char *limit = xasprintf("limitBytes=%d", LIMIT_KUBERNETES_LOG_BYTES);
	struct val pod = job_log_pod(pods);

	if (val_is_null(pod))
		return err_set(err, ERR_NOT_FOUND, "the Job has no Pod");
	if (read_log(in, account, manifest_namespace(pod), manifest_name(pod), container, limit,
		    &log, err) < 0 ||
		job_properties(val_as_str(&log), ret, err) < 0)
		return -1;
	if (val_count(*ret) == 0)
		return err_set(
			err, ERR_FAILED, "the log of container %s names no property", container);
	return 0;
}
