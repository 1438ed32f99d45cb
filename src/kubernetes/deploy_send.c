/*
 * Sends the objects of a deploy in order, and in the end takes away the versions that are too many. Each may be done again:
 * objects are applied under names that are fixed by now, and deleted by their uid.
 */
#include "base/alloc.h"
#include "base/limits.h"
#include "base/share.h"
#include "kubernetes/clean_up.h"
#include "kubernetes/deploy.h"
#include "kubernetes/deploy_batch.h"
#include "kubernetes/manifest.h"
#include "kubernetes/selectors.h"
#include "kubernetes/stage_common.h"

struct sender {
	const struct task_input *in;
	struct task_result *out;
	struct kube_account *account;
	const struct deploy_rules *rules;
	struct deploy_walk *walk;
	struct val objects; /* as the server gave them back, without secrets */
	struct val names;   /* namespace → names */
	struct val created; /* artifacts of what was sent */
	struct val warnings;
	struct share share; /* objects of one deploy are alike, and stay in memory as long as the run */
	bool waits;         /* the result is set: come again */
};

static void sender_free(struct sender *sender)
{
	val_free(&sender->objects);
	val_free(&sender->names);
	val_free(&sender->created);
	val_free(&sender->warnings);
	share_free(&sender->share);
}

/*
 * A kind that the server does not know yet, although its definition was applied: it takes a moment to be served, so it is
 * looked for again for a while. 0: so it is; -1: the error stays.
 */
static int wait_for_kind(struct sender *sender, const char *name, struct err *err)
{
	const struct task_input *in = sender->in;
	int64_t since = val_get_int(in->stage->context, "kindUnknownSince", in->now_ms);

	if (err->kind != ERR_NOT_FOUND || !deploy_has_definition(in) ||
		in->now_ms - since > LIMIT_KUBERNETES_DEFINITION_MS)
		return -1;
	err_clear(err);
	kube_forget_resources(sender->account);
	task_context(sender->out, "kindUnknownSince", val_int(since));
	task_says(sender->out, "%s: waiting until the server knows its kind", name);
	task_again_at(sender->out, in->now_ms + 500);
	sender->waits = true;
	return 0;
}

/* Notes what became of the object. */
static void sent(struct sender *sender, struct shipment *shipment)
{
	struct val object = shipment->returned;
	_cleanup_free_ char *full_name = manifest_full_name(object, NULL);

	names_by_namespace_add(&sender->names, manifest_namespace(object), full_name);
	object = manifest_for_output(object);
	val_append(&sender->objects, share_value(&sender->share, object));
	val_free(&object);
	val_append(&sender->created, share_value(&sender->share, shipment->artifact));
	for (size_t i = 0; i < val_count(shipment->warnings); i++)
		val_append(&sender->warnings, val_ref(val_at(shipment->warnings, i)));
}

/* Deletes the object that has to go first, if there is one. After it, sender->waits: the task is to come again. */
static int make_room(struct sender *sender, const struct kube_resource *resource,
	const struct shipment *shipment, struct err *err)
{
	if (val_is_null(shipment->uid))
		return 0;
	return stage_remove_object(sender->in, sender->out, sender->account, resource,
		shipment->object, shipment->uid, &sender->waits, err);
}

/* Sends COUNT that belong together. *FAILED is the one that it is about when it gives -1. */
static int send_batch(struct sender *sender, struct shipment *shipments, size_t count,
	size_t *failed, struct err *err)
{
	_cleanup_free_ char *first = manifest_full_name(shipments[0].object, NULL);
	const struct kube_resource *resource;

	*failed = 0;
	if (deploy_find_kind(sender->in, sender->account, shipments[0].object, &resource, err) < 0)
		return wait_for_kind(sender, first, err);
	for (size_t i = 0; i < count && !resource->namespaced; i++)
		val_remove(val_edit(&shipments[i].object, "metadata"), "namespace");
	if (make_room(sender, resource, &shipments[0], err) < 0)
		return -1;
	if (sender->waits)
		return 0;
	if (batch_look(sender->in, sender->account, resource, shipments, count, err) < 0)
		return -1;
	*failed = batch_send(sender->in, sender->account, resource, shipments, count);
	if (*failed < count) {
		err_move(err, &shipments[*failed].err);
		return manifest_kind(shipments[0].object)->name ? -1 :
								  wait_for_kind(sender, first, err);
	}
	for (size_t i = 0; i < count; i++)
		sent(sender, &shipments[i]);
	return 0;
}

/* Fills in SHIPMENT; false when the labels do not select it. */
static bool pack(struct sender *sender, struct val entry, struct shipment *shipment)
{
	const struct deploy_config *config = sender->in->config;
	struct deploy_walk *walk = sender->walk;
	_cleanup_(val_free) struct val manifest = deploy_walk_bind(
		walk, (size_t)val_get_int(entry, "index", 0));
	_cleanup_(val_free) struct val object = deploy_object(manifest, entry, sender->rules);

	deploy_walk_produce(walk, manifest, entry);
	if (!selectors_match(config->label_selectors, val_get(val_get(object, "metadata"), "labels")))
		return false;
	shipment->index = (size_t)val_get_int(entry, "index", 0);
	shipment->object = take(&object);
	shipment->uid = val_ref(val_get(entry, "uid"));
	shipment->ours = val_get_bool(entry, "ours", false);
	shipment->artifact = val_ref(val_at(walk->produced, val_count(walk->produced) - 1));
	return true;
}

static void say_which(struct sender *sender, const struct shipment *shipment, struct err *err)
{
	deploy_say_which(val_at(sender->walk->manifests, shipment->index), shipment->index, err);
}

/* All of PLAN, in its order. After it, sender->waits: the task is to come again. */
static int send_all(struct sender *sender, struct val plan, struct err *err)
{
	struct shipment *shipments = xcalloc(val_count(plan) + 1, sizeof(*shipments));
	size_t count = 0, done = 0, length, failed;
	int result = 0;

	for (size_t i = 0; i < val_count(plan); i++)
		count += pack(sender, val_at(plan, i), &shipments[count]);
	for (; result == 0 && !sender->waits && done < count; done += length) {
		length = batch_length(&shipments[done], count - done);
		result = send_batch(sender, &shipments[done], length, &failed, err);
		if (result < 0)
			say_which(sender, &shipments[done + failed], err);
	}
	shipments_free(shipments, count);
	return result;
}

/* Into the context and, unless the stage wants none, for later stages the outputs. */
static void give(const struct sender *sender, const char *key, struct val value)
{
	const struct deploy_config *config = sender->in->config;

	task_context(sender->out, key, val_ref(value));
	if (!config->no_output)
		task_output(sender->out, key, val_ref(value));
}

static int deployed(struct sender *sender, struct err *err)
{
	const struct deploy_config *config = sender->in->config;
	struct task_result *out = sender->out;
	_cleanup_free_ char *selectors = NULL;

	if (deploy_has_selectors(config) && val_count(sender->objects) == 0 &&
		!config->allow_nothing_selected) {
		if (selectors_text(config->label_selectors, &selectors, err) < 0)
			return -1;
		return err_set(err, ERR_INVALID,
			"nothing deployed to account %s with label selector(s) %s",
			sender->rules->account, selectors);
	}
	give(sender, "outputs.manifests", sender->objects);
	give(sender, "outputs.manifestNamesByNamespace", sender->names);
	give(sender, "outputs.createdArtifacts", sender->created);
	give(sender, "outputs.boundArtifacts", sender->walk->bound);
	give(sender, "artifacts", sender->created);
	task_context(out, "deploy.account.name", val_string(sender->rules->account));
	stage_note_operation(sender->in, out, sender->names);
	if (val_count(sender->warnings) > 0)
		task_context(out, "warnings", val_ref(sender->warnings));
	if (val_has(sender->in->stage->context, "kindUnknownSince"))
		val_append(&out->remove, val_string("kindUnknownSince"));
	return task_done(out);
}

/* The kinds of what is deployed that the account is not for: a list of texts, owned. */
static struct val foreign_kinds(const struct sender *sender)
{
	struct val list = val_list();
	_cleanup_(val_free) struct val seen = val_map();

	for (size_t i = 0; i < val_count(sender->walk->manifests); i++) {
		_cleanup_free_ char *kind = manifest_kind_text(val_at(sender->walk->manifests, i));

		if (kube_account_is_for(sender->account, kind) || val_has(seen, kind))
			continue;
		val_set(&seen, kind, val_bool(true));
		val_append(&list,
			val_format("account \"%s\" is not for kind %s (kinds, omitKinds): it is "
				   "deployed, but not watched",
				kube_account_name(sender->account), kind));
	}
	return list;
}

/* Before anything is sent people learn where it goes; a step of its own, so that it is on record first. */
static int announce(struct sender *sender)
{
	size_t count = val_count(sender->walk->manifests);
	_cleanup_free_ char *line = stage_account_line(sender->in, sender->account);
	_cleanup_(val_free) struct val foreign = foreign_kinds(sender);
	struct val first = val_count(foreign) ? val_at(foreign, 0) : VAL_NULL;

	task_says(sender->out, "deploying %zu %s to %s%s%s", count, count == 1 ? "object" : "objects",
		line, val_count(foreign) ? "; " : "", val_count(foreign) ? val_text(&first) : "");
	if (val_count(foreign))
		task_context(sender->out, "warnings", val_ref(foreign));
	return task_again_at(sender->out, sender->in->now_ms);
}

int deploy_send_run(const struct task_input *in, struct task_result *out, struct err *err)
{
	_cleanup_(deploy_walk_free) struct deploy_walk walk = { 0 };
	struct deploy_rules rules;
	_cleanup_(sender_free) struct sender sender = {
		.in = in, .out = out, .rules = &rules, .walk = &walk
	};
	struct val plan = val_get(in->stage->context, "deployPlan");

	if (stage_account(in, &sender.account, err) < 0)
		return -1;
	deploy_walk_start(in, sender.account, &rules, &walk);
	if (in->task->attempts == 0)
		return announce(&sender);
	sender.objects = val_list();
	sender.names = val_map();
	sender.warnings = foreign_kinds(&sender);
	sender.created = val_list();
	if (send_all(&sender, plan, err) < 0)
		return -1;
	return sender.waits ? 0 : deployed(&sender, err);
}

/* ---- cleaning up ------------------------------------------------------------------------------ */

int deploy_clean_up_run(const struct task_input *in, struct task_result *out, struct err *err)
{
	_cleanup_(val_free) struct val targets = VAL_NULL;
	struct kube_account *account;

	if (stage_account(in, &account, err) < 0 ||
		clean_up_find(in, account, val_get(in->stage->context, "outputs.manifests"),
			&targets, err) < 0 ||
		clean_up_delete(in, account, targets, err) < 0)
		return -1;
	return task_done(out);
}
