#include "kubernetes/stage_target.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "kubernetes/manifest.h"
#include "kubernetes/stage_common.h"

#define TRIES 10
#define FIRST_PAUSE_MS 200
#define LONGEST_PAUSE_MS 2000

const char *const target_modes[] = { "static", "dynamic", NULL };

static bool is_given(const char *text)
{
	return text && *text;
}

const char *target_namespace(const struct task_input *in)
{
	const struct target_config *config = in->config;

	return is_given(config->location) && strcmp(config->location, "_") != 0 ? config->location :
										  "";
}

const char *target_application(const struct task_input *in)
{
	const struct target_config *config = in->config;
	const char *app = val_get_text(config->moniker, "app", "");

	if (is_given(config->app))
		return config->app;
	if (*app)
		return app;
	return in->execution->application ? in->execution->application : "";
}

/* Without `mode`, as older pipelines have it, the fields decide. */
bool target_is_dynamic(const struct task_input *in)
{
	const struct target_config *config = in->config;

	if (!is_given(config->criteria))
		return false;
	return !is_given(config->mode) || strcmp(config->mode, "dynamic") == 0;
}

/* ---- the name -------------------------------------------------------------------------------- */

void target_free(struct target *target)
{
	free(target->kind);
	free(target->name);
	free(target->full_name);
	*target = (struct target){ 0 };
}

int target_name(const struct task_input *in, struct target *ret, struct err *err)
{
	const struct target_config *config = in->config;

	if (!is_given(config->manifest_name))
		return err_set(err, ERR_INVALID, "manifestName: is required");
	if (manifest_name_parse(config->manifest_name, &ret->kind, &ret->name, err) < 0)
		return err_wrap(err, "manifestName");
	ret->full_name = xasprintf("%s %s", ret->kind, ret->name);
	ret->namespace = target_namespace(in);
	return stage_account(in, &ret->account, err);
}

int target_open(const struct task_input *in, struct target *ret, struct err *err)
{
	if (target_name(in, ret, err) < 0)
		return -1;
	return kube_find_resource(ret->account, NULL, ret->kind, in->cancel, &ret->resource, err);
}

/* "deployment web in shop" */
static char *where(const struct target *target)
{
	return xasprintf(
		"%s%s%s", target->full_name, *target->namespace ? " in " : "", target->namespace);
}

int target_read(
	const struct task_input *in, const struct target *target, struct val *ret, struct err *err)
{
	_cleanup_free_ char *place = NULL;

	if (kube_get(target->account, target->resource, target->namespace, target->name, in->cancel,
		    ret, err) == 0)
		return 0;
	if (err->kind != ERR_NOT_FOUND)
		return -1;
	place = where(target);
	return err_set(err, ERR_NOT_FOUND, "Could not find kubernetes manifest: %s", place);
}

int target_require_kind(
	const struct target *target, const char *const *kinds, const char *what, struct err *err)
{
	_cleanup_free_ char *place = NULL;

	for (; *kinds; kinds++) {
		if (strcmp(target->kind, *kinds) == 0)
			return 0;
	}
	place = where(target);
	return err_set(err, ERR_INVALID, "Resource with %s does not support %s", place, what);
}

static int check_criteria(const struct task_input *in, struct err *err)
{
	const struct target_config *config = in->config;
	enum criteria criteria;

	if (criteria_parse(config->criteria, &criteria, err) < 0)
		return -1;
	if (!is_given(config->cluster))
		return err_set(err, ERR_INVALID, "cluster: is required with criteria");
	if (!is_given(config->kind) && !strchr(config->cluster, ' '))
		return err_set(err, ERR_INVALID, "kind: is required with criteria");
	return 0;
}

int target_check(const struct task_input *in, const char *operation, struct err *err)
{
	const struct target_config *config = in->config;
	_cleanup_(target_free) struct target target = { 0 };
	struct kube_account *account;
	const char *changed = target_namespace(in);

	if (is_given(config->mode) && strcmp(config->mode, "static") != 0 &&
		strcmp(config->mode, "dynamic") != 0 && !strstr(config->mode, "${"))
		return err_set(
			err, ERR_INVALID, "mode: \"%.80s\" is none of this stage's", config->mode);
	if (target_is_dynamic(in)) {
		if (check_criteria(in, err) < 0)
			return -1;
	} else if (is_given(config->mode) && strcmp(config->mode, "dynamic") == 0 &&
		!is_given(config->manifest_name)) {
		return err_set(err, ERR_INVALID, "criteria: is required with mode \"dynamic\"");
	} else if (target_name(in, &target, err) < 0) {
		return -1;
	}
	if (stage_account(in, &account, err) < 0)
		return -1;
	if (target.kind && strcmp(target.kind, "namespace") == 0)
		changed = target.name;
	return kube_account_check_namespace(account, operation, changed, err);
}

/* ---- the choice ------------------------------------------------------------------------------ */

/* `kind`, else the first word of the cluster, which is "replicaSet web"; owned. */
static char *kind_of(const struct target_config *config)
{
	const char *end = strchr(config->cluster, ' ');

	if (is_given(config->kind))
		return xstrdup(config->kind);
	return xstrndup(config->cluster, end ? (size_t)(end - config->cluster) : 0);
}

static int not_found(const struct task_input *in, const char *kind, struct err *err)
{
	const struct target_config *config = in->config;
	const char *namespace = target_namespace(in);

	return err_set(err, ERR_FAILED,
		"No manifest could be found matching kind %s, cluster %s, application %s, "
		"criteria %s, namespace %s, account %s",
		kind, config->cluster, target_application(in), config->criteria,
		*namespace ? namespace : "(none)", stage_account_name(in->stage));
}

/* What was just deployed shows at once, so few tries would do; upstream looks into a cache. */
static int look_again(const struct task_input *in, struct task_result *out, const char *kind)
{
	const struct target_config *config = in->config;
	int64_t pause = FIRST_PAUSE_MS;

	for (uint64_t i = 0; i < in->task->attempts && pause < LONGEST_PAUSE_MS; i++)
		pause *= 2;
	task_says(out, "no %s of cluster %s yet", kind, config->cluster);
	return task_again_at(out, in->now_ms + (pause < LONGEST_PAUSE_MS ? pause : LONGEST_PAUSE_MS));
}

/* Into the context and, for later stages, the outputs. */
static void give(struct task_result *out, const char *key, struct val value)
{
	task_output(out, key, val_ref(value));
	task_context(out, key, value);
}

int target_resolve_run(const struct task_input *in, struct task_result *out, struct err *err)
{
	const struct target_config *config = in->config;
	_cleanup_(val_free) struct val live = VAL_NULL, candidates = VAL_NULL, order = VAL_NULL;
	_cleanup_free_ char *kind = NULL, *name = NULL;
	const struct kube_resource *resource;
	struct kube_account *account;
	enum criteria criteria;
	ptrdiff_t index;

	if (!target_is_dynamic(in))
		return task_done(out);
	kind = kind_of(config);
	if (criteria_parse(config->criteria, &criteria, err) < 0 ||
		stage_account(in, &account, err) < 0 ||
		kube_account_check_kind(account, kind, err) < 0 ||
		kube_find_resource(account, NULL, kind, in->cancel, &resource, err) < 0 ||
		kube_list(account, resource, target_namespace(in), NULL, in->cancel, &live, err) < 0)
		return -1;
	candidates = target_candidates(live, target_application(in), config->cluster);
	order = target_order(candidates, criteria);
	index = target_index(val_count(order), criteria);
	if (index < 0 && in->task->attempts + 1 >= TRIES)
		return not_found(in, kind, err);
	if (index < 0)
		return look_again(in, out, kind);
	name = manifest_full_name(val_at(order, (size_t)index), NULL);
	give(out, "manifestName", val_string(name));
	return task_done(out);
}

/* ---- the doing ------------------------------------------------------------------------------- */

bool target_announce(const struct task_input *in, struct task_result *out,
	const struct target *target, const char *format, ...)
{
	_cleanup_free_ char *line = NULL;
	char text[512];
	va_list args;

	if (in->task->attempts > 0)
		return false;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	line = stage_account_line(in, target->account);
	task_says(out, "%s on %s", text, line);
	task_again_at(out, in->now_ms);
	return true;
}

int target_done(const struct task_input *in, struct task_result *out, const struct target *target)
{
	struct val names = VAL_NULL;

	names_by_namespace_add(&names, target->namespace, target->full_name);
	stage_note_operation(in, out, names);
	give(out, "outputs.manifestNamesByNamespace", names);
	give(out, "manifest.account.name", val_string(kube_account_name(target->account)));
	give(out, "manifest.name", val_string(target->full_name));
	give(out, "manifest.location", val_string(target->namespace));
	return task_done(out);
}
