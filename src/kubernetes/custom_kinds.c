/*
 * Kinds that an account's settings describe: kubernetes.md 1.4.
 */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "kubernetes/kinds.h"

#define DEFAULT_CLASS "WORKLOAD_CONTROLLER_PRIORITY"
#define CLASS_END STR("_PRIORITY")

static const char *const spinnaker_kinds[] = { "instances", "configs", "serverGroups",
	"loadBalancers", "securityGroups", "serverGroupManagers", "unclassified", NULL };

/* Names of priorities, as Spinnaker's settings have them; CLASS_END may be left out. */
static const struct class
{
	const char *name;
	int priority;
} classes[] = {
	{ "NAMESPACE", 0 },
	{ "ROLE", 20 },
	{ "ROLE_BINDING", 30 },
	{ "RESOURCE_DEFINITION", 30 },
	{ "SERVICE_ACCOUNT", 40 },
	{ "STORAGE_CLASS", 40 },
	{ "ADMISSION", 40 },
	{ "MOUNTABLE_DATA_BACKING_RESOURCE", 40 },
	{ "MOUNTABLE_DATA", 50 },
	{ "NETWORK_RESOURCE", 70 },
	{ "API_SERVICE", 80 },
	{ "PDB", 90 },
	{ "WORKLOAD_MODIFIER", 90 },
	{ "WORKLOAD", 100 },
	{ "WORKLOAD_CONTROLLER", 100 },
	{ "WORKLOAD_ATTACHMENT", 110 },
	{ "LOWEST", KIND_LOWEST },
};

struct custom_kind {
	char *kind;
	int spinnaker; /* index into spinnaker_kinds */
	char *priority;
	bool versioned, namespaced;
};

const struct field kind_custom_fields[] = {
	FIELD(struct custom_kind, kind, "kubernetesKind", .flags = FIELD_REQUIRED,
		.title = { "Kind", "资源类型" },
		.help = { "Name and group, such as CronTab.stable.example.com.",
			"名称与组，例如 CronTab.stable.example.com。" }),
	FIELD(struct custom_kind, spinnaker, "spinnakerKind", .choices = spinnaker_kinds,
		.preset = "unclassified", .title = { "Spinnaker kind", "Spinnaker 类型" },
		.help = { "What it counts as.", "归入的类别。" }),
	FIELD(struct custom_kind, priority, "deployPriority", .title = { "Priority", "部署顺序" },
		.help = { "A number, or the name of a class such as WORKLOAD_CONTROLLER_PRIORITY; "
			  "lower ones are sent first.",
			"数字或类别名称，例如 WORKLOAD_CONTROLLER_PRIORITY；较小者先部署。" }),
	FIELD(struct custom_kind, versioned, "versioned", .preset = "false",
		.title = { "Versioned", "版本化" },
		.help = { "Whether such objects get a version at the end of their names.",
			"对象名称是否带版本号。" }),
	FIELD(struct custom_kind, namespaced, "namespaced", .preset = "true",
		.title = { "In a namespace", "属于命名空间" },
		.help = { "Whether such objects live in a namespace.", "对象是否属于命名空间。" }),
	{ 0 },
};

static int read_priority(const char *text, int *ret, struct err *err)
{
	struct str name = str_trim(str_of(text && *text ? text : DEFAULT_CLASS));
	size_t end = name.length - (name.length > CLASS_END.length ? CLASS_END.length : 0);
	int64_t number;

	if (str_to_int(name, &number)) {
		if (number < 0 || number > INT32_MAX)
			return err_set(err, ERR_INVALID,
				"deployPriority: expected a number from 0 on, got \"%s\"", text);
		*ret = (int)number;
		return 0;
	}
	if (str_equal_nocase(str_slice(name, end, name.length), CLASS_END))
		name = str_slice(name, 0, end);
	for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++) {
		if (str_equal_nocase(name, str_of(classes[i].name))) {
			*ret = classes[i].priority;
			return 0;
		}
	}
	return err_set(err, ERR_INVALID,
		"deployPriority: expected a number or the name of a class such as " DEFAULT_CLASS
		", got \"%s\"",
		text);
}

static int read_row(struct val row, struct kind *ret, struct err *err)
{
	struct custom_kind custom = { 0 };
	struct str name, group;
	int done;

	if (!val_is_map(row))
		return err_set(
			err, ERR_INVALID, "expected a map, got %s", val_kind_name(val_kind(row)));
	if (fields_read(kind_custom_fields, row, &custom, err) < 0)
		return -1;
	kind_split(str_of(custom.kind), &name, &group);
	*ret = (struct kind){
		.spinnaker = spinnaker_kinds[custom.spinnaker],
		.cluster = !custom.namespaced,
		.any_name = true,
		.versioned = custom.versioned,
	};
	done = name.length ?
		read_priority(custom.priority, &ret->priority, err) :
		err_set(err, ERR_INVALID, "kubernetesKind: \"%s\" is no kind", custom.kind);
	if (done == 0)
		ret->name = kind_text(name, group);
	fields_free(kind_custom_fields, &custom);
	return done;
}

int kind_list_read(struct val rows, struct kind_list *ret, struct err *err)
{
	struct kind_list list = { .items = xcalloc(val_count(rows) + 1, sizeof(*list.items)) };

	for (size_t i = 0; i < val_count(rows); i++) {
		if (read_row(val_at(rows, i), &list.items[i], err) < 0) {
			kind_list_free(&list);
			return err_wrap(err, "customResources[%zu]", i);
		}
		list.count++;
	}
	*ret = list;
	return 0;
}

void kind_list_free(struct kind_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free((char *)list->items[i].name);
	free(list->items);
	*list = (struct kind_list){ 0 };
}

const struct kind *kind_find_in(const struct kind_list *custom, struct str name, struct str group)
{
	_cleanup_free_ char *text = custom && custom->count ? kind_text(name, group) : NULL;

	for (size_t i = 0; text && i < custom->count; i++) {
		if (str_equal_nocase(str_of(text), str_of(custom->items[i].name)))
			return &custom->items[i];
	}
	return kind_find(name, group);
}

bool kind_is_same(const char *a, const char *b)
{
	struct str name, group;

	kind_split(str_of(a), &name, &group);
	_cleanup_free_ char *left = kind_text(name, group);
	kind_split(str_of(b), &name, &group);
	_cleanup_free_ char *right = kind_text(name, group);

	return str_equal_nocase(str_of(left), str_of(right));
}
