#include "kubernetes/target.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "kubernetes/manifest.h"

const char *const criteria_names[] = { "newest", "second_newest", "oldest", "largest", "smallest",
	NULL };

int criteria_parse(const char *name, enum criteria *ret, struct err *err)
{
	for (int i = 0; criteria_names[i]; i++) {
		if (str_equal_nocase(str_trim(str_of(name)), str_of(criteria_names[i]))) {
			*ret = (enum criteria)i;
			return 0;
		}
	}
	return err_set(err, ERR_INVALID,
		"criteria: expected newest, second_newest, oldest, largest or smallest, got \"%s\"",
		name);
}

static bool annotation_is(struct val object, const char *key, const char *wanted)
{
	_cleanup_free_ char *text = wanted ? manifest_annotation_text(object, key) : NULL;

	return !wanted || (text && strcmp(text, wanted) == 0);
}

struct val target_candidates(struct val live, const char *application, const char *cluster)
{
	struct val list = val_list();

	for (size_t i = 0; i < val_count(live); i++) {
		struct val object = val_at(live, i);

		if (annotation_is(object, "moniker.spinnaker.io/application", application) &&
			annotation_is(object, "moniker.spinnaker.io/cluster", cluster))
			val_append(&list, val_ref(object));
	}
	return list;
}

bool object_sequence(struct val object, int64_t *ret)
{
	const char *kind = manifest_kind(object)->name;
	_cleanup_free_ char *text = manifest_annotation_text(object, "moniker.spinnaker.io/sequence");

	if (!text && kind && strcmp(kind, "replicaSet") == 0)
		text = manifest_annotation_text(object, "deployment.kubernetes.io/revision");
	return text && str_to_int(str_of(text), ret);
}

/* What decides between two objects, in this order. */
struct rank {
	const char *created; /* "" when replicas are looked at */
	int64_t replicas;    /* 0 when age is looked at */
	int64_t sequence;
	const char *name;
	size_t index;
};

static int compare_numbers(int64_t a, int64_t b)
{
	return a < b ? -1 : a > b;
}

static int rank_compare(const void *a, const void *b)
{
	const struct rank *left = a, *right = b;
	int order = strcmp(left->created, right->created);

	if (!order)
		order = compare_numbers(left->replicas, right->replicas);
	if (!order)
		order = compare_numbers(left->sequence, right->sequence);
	if (!order)
		order = strcmp(left->name, right->name);
	return order ? order : compare_numbers((int64_t)left->index, (int64_t)right->index);
}

static struct rank rank_of(struct val object, size_t index, bool by_replicas)
{
	struct val metadata = val_get(object, "metadata");
	struct rank rank = { .created = "", .name = manifest_name(object), .index = index };

	if (by_replicas)
		rank.replicas = val_get_int(val_get(object, "spec"), "replicas", -1);
	else
		rank.created = val_get_text(metadata, "creationTimestamp", "");
	if (!object_sequence(object, &rank.sequence))
		rank.sequence = -1;
	return rank;
}

struct val target_order(struct val live, enum criteria criteria)
{
	size_t count = val_count(live);
	struct rank *ranks = xcalloc(count + 1, sizeof(*ranks));
	bool by_replicas = criteria == CRITERIA_LARGEST || criteria == CRITERIA_SMALLEST;
	struct val list = val_list();

	for (size_t i = 0; i < count; i++)
		ranks[i] = rank_of(val_at(live, i), i, by_replicas);
	qsort(ranks, count, sizeof(*ranks), rank_compare);
	for (size_t i = 0; i < count; i++)
		val_append(&list, val_ref(val_at(live, ranks[i].index)));
	free(ranks);
	return list;
}

ptrdiff_t target_index(size_t count, enum criteria criteria)
{
	switch (criteria) {
	case CRITERIA_NEWEST:
	case CRITERIA_LARGEST:
		return (ptrdiff_t)count - 1;
	case CRITERIA_SECOND_NEWEST:
		return count < 2 ? -1 : (ptrdiff_t)count - 2;
	case CRITERIA_OLDEST:
	case CRITERIA_SMALLEST:
		return count ? 0 : -1;
	}
	return -1;
}
