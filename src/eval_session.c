#include "eval.h"

#include <strings.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/yaml.h"
#include "commands.h"
#include "settings.h"

/* ---- URLs ----------------------------------------------------------------------------------------------------------------------- */

static int net_open(struct eval_net *net, struct err *err)
{
	_cleanup_(val_free) struct val all = VAL_NULL;
	struct settings settings;
	if (settings_load(net->config, &all, err) < 0 || settings_read(all, &settings, err) < 0)
		return -1;
	net->refused = !settings.expression.fetch;
	settings_free(&settings);
	if (url_policy_read(val_get(all, "user-configured-url-restrictions"), &net->policy, err) < 0)
		return -1;
	net->fetch = (struct fetch){
		.http = http_transport_curl(clock_real(), "gennaker/" GENNAKER_VERSION),
		.policy = &net->policy,
		.clock = clock_real(),
		.cancel = cancel_new(),
	};
	net->opened = true;
	return 0;
}

static void net_close(struct eval_net *net)
{
	if (!net->opened)
		return;
	http_transport_free(net->fetch.http);
	cancel_unref(net->fetch.cancel);
	url_policy_free(&net->policy);
}

static int net_fetch(void *data, struct str url, struct strbuf *ret_body, struct err *err)
{
	struct eval_net *net = data;
	if (!net->opened && net_open(net, err) < 0)
		return -1;
	if (net->refused)
		return err_set(err, ERR_DENIED,
			"fetching URLs is switched off here (settings, expression.fetch)");
	return fetch_text(&net->fetch, url, ret_body, err);
}

/* ---- what is seen ---------------------------------------------------------------------------------------------------------------- */

static int read_map(const char *path, struct val *ret, struct err *err)
{
	struct strbuf text = STRBUF_INIT(LIMIT_STORED_BYTES);
	int result = file_read(path, LIMIT_STORED_BYTES, &text, err);
	if (result == 0)
		result = yaml_or_json_parse(strbuf_str(&text), ret, err);
	strbuf_free(&text);
	if (result < 0)
		return err_wrap(err, "%s", path);
	return val_is_map(*ret) ? 0 : err_set(err, ERR_INVALID, "%s: expected an object", path);
}

static int read_execution(const char *path, struct execution **ret, struct err *err)
{
	_cleanup_(val_free) struct val json = VAL_NULL;
	if (read_map(path, &json, err) < 0)
		return -1;
	if (!val_is_list(val_get(json, "stages")))
		return err_set(err, ERR_INVALID, "%s: stages: this is no execution", path);
	return execution_from_json(json, ret, err) < 0 ? err_wrap(err, "%s", path) : 0;
}

/* The stage with that name or id, else the one with that refId. */
static size_t find_stage(const struct execution *execution, const char *wanted)
{
	size_t index = stage_find_name(execution, str_of(wanted));
	return index == STAGE_NONE ? stage_find_ref(execution, str_of(wanted)) : index;
}

static int check_evaluator(const char *evaluator, struct err *err)
{
	static const char *const known[] = { "v2", "v3", "v4" };
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (!evaluator || strcasecmp(evaluator, known[i]) == 0)
			return 0;
	return err_set(err, ERR_INVALID, "--evaluator %s: expected v2, v3 or v4", evaluator);
}

static void equip(struct eval_session *session, const struct expr_host *host)
{
	session->host = *host;
	session->host.fetch = net_fetch;
	session->host.fetch_data = &session->net;
}

void eval_session_look_at(struct eval_session *session, struct val root, const char *stage_id)
{
	expr_host_free(session->map);
	session->map = expr_host_of_map(root, stage_id);
	equip(session, session->map);
}

static int look_at_execution(
	struct eval_session *session, const struct options *options, struct err *err)
{
	const char *file = options_get(options, "execution"), *wanted = options_get(options, "stage");
	size_t index = STAGE_NONE;
	if (read_execution(file, &session->execution, err) < 0)
		return -1;
	if (wanted)
		index = find_stage(session->execution, wanted);
	if (wanted && index == STAGE_NONE)
		return err_set(err, ERR_INVALID, "%s: no stage \"%s\"", file, wanted);
	session->view = stage_view_new(
		session->execution, index, options_get(options, "evaluator"), session->context);
	equip(session, stage_view_host(session->view));
	return 0;
}

int eval_session_open(const struct options *options, struct eval_session *session, struct err *err)
{
	const char *context = options_get(options, "context");
	*session = (struct eval_session){
		.context = val_map(),
		.net.config = options_get(options, "config"),
		.raw = options_has(options, "raw"),
	};
	if (check_evaluator(options_get(options, "evaluator"), err) < 0)
		return -1;
	if (context) {
		val_free(&session->context);
		if (read_map(context, &session->context, err) < 0)
			return -1;
	}
	if (options_has(options, "execution"))
		return look_at_execution(session, options, err);
	if (options_has(options, "stage"))
		return err_set(err, ERR_INVALID, "--stage is about a stage of --execution");
	eval_session_look_at(session, session->context, NULL);
	return 0;
}

void eval_session_close(struct eval_session *session)
{
	expr_host_free(session->map);
	stage_view_free(session->view);
	execution_unref(session->execution);
	val_free(&session->context);
	net_close(&session->net);
}
