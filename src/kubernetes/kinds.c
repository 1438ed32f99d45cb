#include "kubernetes/kinds.h"

#include <ctype.h>

#include "base/alloc.h"

/* Order and columns are those of Spinnaker's KubernetesKind and its handlers. */
static const struct kind kinds[] = {
	{ "namespace", "ns", "unclassified", .priority = 0, .cluster = true },
	{ "clusterRole", NULL, "unclassified", .priority = 20, .cluster = true, .any_name = true },
	{ "role", NULL, "unclassified", .priority = 20, .any_name = true },
	{ "clusterRoleBinding", NULL, "unclassified", .priority = 30, .cluster = true,
		.any_name = true },
	{ "roleBinding", NULL, "unclassified", .priority = 30, .any_name = true },
	{ "customResourceDefinition", "crd", "unclassified", .priority = 30, .cluster = true },
	{ "serviceAccount", "sa", "unclassified", .priority = 40 },
	{ "storageClass", "sc", "unclassified", .priority = 40, .cluster = true },
	{ "persistentVolume", "pv", "configs", .priority = 40, .cluster = true },
	{ "mutatingWebhookConfiguration", NULL, "unclassified", .priority = 40, .cluster = true },
	{ "validatingWebhookConfiguration", NULL, "unclassified", .priority = 40, .cluster = true },
	{ "configMap", "cm", "configs", .priority = 50, .versioned = true },
	{ "secret", NULL, "configs", .priority = 50, .versioned = true },
	{ "persistentVolumeClaim", "pvc", "configs", .priority = 50 },
	{ "service", "svc", "loadBalancers", .priority = 70 },
	{ "ingress", NULL, "loadBalancers", .priority = 70 },
	{ "networkPolicy", "netpol", "securityGroups", .priority = 70 },
	{ "apiService", NULL, "unclassified", .priority = 80, .cluster = true },
	{ "limitRange", NULL, "unclassified", .priority = 90 },
	{ "podDisruptionBudget", NULL, "unclassified", .priority = 90 },
	{ "podPreset", NULL, "unclassified", .priority = 90 },
	{ "podSecurityPolicy", NULL, "unclassified", .priority = 90, .cluster = true },
	{ "pod", "po", "instances", .priority = 100, .versioned = true, .traffic = true },
	{ "replicaSet", "rs", "serverGroups", .priority = 100, .versioned = true, .scales = true,
		.traffic = true, .workload = true },
	{ "deployment", "deploy", "serverGroupManagers", .priority = 100, .scales = true,
		.traffic = true, .workload = true },
	{ "statefulSet", NULL, "serverGroups", .priority = 100, .scales = true, .traffic = true,
		.workload = true },
	{ "daemonSet", "ds", "serverGroups", .priority = 100, .traffic = true, .workload = true },
	{ "job", NULL, "serverGroups", .priority = 100, .traffic = true, .workload = true },
	{ "cronJob", NULL, "serverGroups", .priority = 100, .traffic = true, .workload = true },
	{ "horizontalpodautoscaler", "hpa", "unclassified", .priority = 110 },
	{ "controllerRevision", NULL, "unclassified", .priority = KIND_REFUSED },
	{ "event", NULL, "unclassified", .priority = KIND_REFUSED },
	/* Known names without a handler of their own. */
	{ "csiDriver", NULL, "unclassified", .priority = KIND_LOWEST, .cluster = true },
	{ "csiNode", NULL, "unclassified", .priority = KIND_LOWEST, .cluster = true },
	{ NULL, NULL, "unclassified", .priority = KIND_LOWEST },
};

bool kube_group_is_native(struct str group)
{
	static const char *const groups[] = {
		"",
		"core",
		"batch",
		"apps",
		"extensions",
		"storage.k8s.io",
		"apiextensions.k8s.io",
		"apiregistration.k8s.io",
		"autoscaling",
		"admissionregistration.k8s.io",
		"policy",
		"scheduling.k8s.io",
		"settings.k8s.io",
		"authorization.k8s.io",
		"authentication.k8s.io",
		"rbac.authorization.k8s.io",
		"certificates.k8s.io",
		"networking.k8s.io",
	};

	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
		if (str_equal_nocase(group, str_of(groups[i])))
			return true;
	}
	return false;
}

const struct kind *kind_find(struct str name, struct str group)
{
	const struct kind *kind = kinds;
	bool native = kube_group_is_native(group);

	for (; kind->name; kind++) {
		if (native &&
			(str_equal_nocase(name, str_of(kind->name)) ||
				(kind->alias && str_equal_nocase(name, str_of(kind->alias)))))
			break;
	}
	return kind;
}

void kind_split(struct str text, struct str *ret_name, struct str *ret_group)
{
	ptrdiff_t dot = str_find(text, ".", 0);

	*ret_name = dot < 0 ? text : str_slice(text, 0, (size_t)dot);
	*ret_group = dot < 0 ? STR("") : str_slice(text, (size_t)dot + 1, text.length);
}

char *kind_text(struct str name, struct str group)
{
	const struct kind *kind = kind_find(name, group);
	char *text;

	if (kind->name)
		return xstrdup(kind->name);
	if (kube_group_is_native(group))
		return xstrndup(name.bytes, name.length);
	text = xasprintf("%.*s.%.*s", STR_ARG(name), STR_ARG(group));
	for (char *c = text + name.length; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	return text;
}

struct str api_version_group(const char *api_version)
{
	struct str text = str_of(api_version);
	ptrdiff_t slash = str_find(text, "/", 0);

	return slash < 0 ? STR("") : str_slice(text, 0, (size_t)slash);
}
