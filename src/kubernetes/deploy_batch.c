#include "kubernetes/deploy_batch.h"

#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/parallel.h"
#include "engine/world.h"
#include "kubernetes/deploy_plan.h"
#include "kubernetes/manifest.h"

void shipments_free(struct shipment *shipments, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		val_free(&shipments[i].object);
		val_free(&shipments[i].uid);
		val_free(&shipments[i].artifact);
		val_free(&shipments[i].returned);
		val_free(&shipments[i].warnings);
		err_clear(&shipments[i].err);
	}
	free(shipments);
}

int shipment_send(const struct task_input *in, struct kube_account *account,
	const struct kube_resource *resource, struct shipment *shipment)
{
	struct val object = shipment->object;
	enum deploy_strategy strategy = deploy_strategy_of(object);
	const char *namespace = manifest_namespace(object);
	unsigned flags = shipment->ours ? KUBE_APPLY_OURS : 0;
	int result;

	if (strategy != DEPLOY_APPLY_GENTLY)
		flags |= KUBE_APPLY_FORCE;
	if (deploy_wants_server_side(object))
		flags |= KUBE_APPLY_BY_SERVER;
	if (strategy == DEPLOY_REPLACE)
		result = kube_replace(account, resource, namespace, object, in->cancel,
			&shipment->returned, &shipment->err);
	else
		result = kube_apply(account, resource, namespace, object, flags, in->cancel,
			&shipment->returned, &shipment->warnings, &shipment->err);
	if (result < 0)
		manifest_hide_secrets(object, &shipment->err);
	return result;
}

/* ---- batches ----------------------------------------------------------------------------------- */

static bool same_text(struct val a, struct val b, const char *key)
{
	return strcmp(val_get_text(a, key, ""), val_get_text(b, key, "")) == 0;
}

static bool belong_together(const struct shipment *a, const struct shipment *b)
{
	return val_is_null(b->uid) && same_text(a->object, b->object, "apiVersion") &&
		same_text(a->object, b->object, "kind") &&
		strcmp(manifest_namespace(a->object), manifest_namespace(b->object)) == 0;
}

size_t batch_length(const struct shipment *shipments, size_t count)
{
	_cleanup_(val_free) struct val names = val_map();
	size_t length = 0;

	if (!val_is_null(shipments[0].uid))
		return 1;
	/* What stands twice is sent twice, one after the other. */
	for (; length < count; length++) {
		const char *name = manifest_name(shipments[length].object);

		if (val_has(names, name) || !belong_together(&shipments[0], &shipments[length]))
			break;
		val_set(&names, name, val_bool(true));
	}
	return length;
}

static bool is_looked_for(const struct shipment *shipment)
{
	return !shipment->ours && deploy_strategy_of(shipment->object) != DEPLOY_REPLACE;
}

int batch_look(const struct task_input *in, struct kube_account *account,
	const struct kube_resource *resource, struct shipment *shipments, size_t count,
	struct err *err)
{
	_cleanup_(val_free) struct val live = VAL_NULL, others = val_map();
	size_t unknown = 0;

	for (size_t i = 0; i < count; i++)
		unknown += is_looked_for(&shipments[i]);
	if (unknown < 2 || kube_account_compares(account))
		return 0;
	if (kube_list_metadata(account, resource, manifest_namespace(shipments[0].object),
		    in->cancel, &live, err) < 0) {
		if (err->kind != ERR_DENIED)
			return -1;
		err_clear(err);
		return 0;
	}
	for (size_t i = 0; i < val_count(live); i++) {
		struct val object = val_at(live, i);

		if (kube_is_client_side_applied(object))
			val_set(&others, manifest_name(object), val_bool(true));
	}
	for (size_t i = 0; i < count; i++)
		shipments[i].ours = !val_has(others, manifest_name(shipments[i].object));
	return 0;
}

struct batch {
	const struct task_input *in;
	struct kube_account *account;
	const struct kube_resource *resource;
	struct shipment *shipments;
};

static int send_at(void *data, size_t index)
{
	struct batch *batch = data;

	return shipment_send(batch->in, batch->account, batch->resource, &batch->shipments[index]);
}

size_t batch_send(const struct task_input *in, struct kube_account *account,
	const struct kube_resource *resource, struct shipment *shipments, size_t count)
{
	struct batch batch = { in, account, resource, shipments };
	unsigned width = count > LIMIT_KUBERNETES_ONE_BY_ONE ? LIMIT_KUBERNETES_AT_ONCE : 1;

	return parallel_run(count, width, in->world->clock, send_at, &batch);
}
