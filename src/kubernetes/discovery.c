/*
 * Which kinds the server has: two requests where it knows aggregated discovery (Kubernetes 1.27), else one more for each
 * group version that is asked for. Kept until it is forgotten or something unknown is asked for.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "kubernetes/internal.h"
#include "kubernetes/kinds.h"

#define AGGREGATED                                                                   \
	"application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,"      \
	"application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList," \
	"application/json"

static void entry_free(struct kube_entry *entry)
{
	free((char *)entry->resource.group);
	free((char *)entry->resource.version);
	free((char *)entry->resource.kind);
	free((char *)entry->resource.plural);
	free(entry->singular);
	for (size_t i = 0; i < entry->short_names.count; i++)
		free(entry->short_names.items[i]);
	free(entry->short_names.items);
	free(entry);
}

static void served_clear(struct kube_discovery *discovery)
{
	for (size_t i = 0; i < discovery->served.count; i++) {
		struct kube_served *served = &discovery->served.items[i];

		free(served->group);
		free(served->version);
		vec_free(&served->entries);
	}
	discovery->served.count = 0;
}

void kube_discovery_free(struct kube_discovery *discovery)
{
	served_clear(discovery);
	vec_free(&discovery->served);
	for (size_t i = 0; i < discovery->all_entries.count; i++)
		entry_free(discovery->all_entries.items[i]);
	vec_free(&discovery->all_entries);
	map_free(&discovery->newest);
	kube_gate_destroy(&discovery->gate);
}

static bool same_names(const struct str_list *a, const struct str_list *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++) {
		if (strcmp(a->items[i], b->items[i]) != 0)
			return false;
	}
	return true;
}

static bool same_entry(const struct kube_entry *a, const struct kube_entry *b)
{
	const struct kube_resource *x = &a->resource, *y = &b->resource;

	return strcmp(x->kind, y->kind) == 0 && strcmp(a->singular, b->singular) == 0 &&
		x->namespaced == y->namespaced && x->can_list == y->can_list &&
		x->can_watch == y->can_watch && x->can_patch == y->can_patch &&
		x->can_delete_collection == y->can_delete_collection &&
		same_names(&a->short_names, &b->short_names);
}

/* Keeps FRESH (taken), or the equal one that is there: pointers to resources were handed out and stay good. */
static struct kube_entry *intern(struct kube_discovery *discovery, struct kube_entry *fresh)
{
	const struct kube_resource *resource = &fresh->resource;
	_cleanup_free_ char *key = xasprintf(
		"%s/%s/%s", resource->group, resource->version, resource->plural);
	struct kube_entry *known = map_get(&discovery->newest, str_of(key));

	if (known && same_entry(known, fresh)) {
		entry_free(fresh);
		return known;
	}
	map_put(&discovery->newest, str_of(key), fresh);
	vec_push(&discovery->all_entries, fresh);
	return fresh;
}

static void read_verbs(struct kube_resource *resource, struct val verbs)
{
	for (size_t i = 0; i < val_count(verbs); i++) {
		struct val item = val_at(verbs, i);
		const char *verb = val_text(&item);

		resource->can_list |= strcmp(verb, "list") == 0;
		resource->can_watch |= strcmp(verb, "watch") == 0;
		resource->can_patch |= strcmp(verb, "patch") == 0;
		resource->can_delete_collection |= strcmp(verb, "deletecollection") == 0;
	}
}

static void add_entry(struct kube_discovery *discovery, struct kube_served *served,
	const char *kind, const char *plural, const char *singular, bool namespaced, struct val item)
{
	struct kube_entry *entry = xnew(struct kube_entry);
	struct val names = val_get(item, "shortNames");

	entry->resource = (struct kube_resource){
		.group = xstrdup(served->group),
		.version = xstrdup(served->version),
		.kind = xstrdup(kind),
		.plural = xstrdup(plural),
		.namespaced = namespaced,
	};
	entry->singular = xstrdup(singular);
	read_verbs(&entry->resource, val_get(item, "verbs"));
	entry->short_names.items = xcalloc(val_count(names) + 1, sizeof(char *));
	for (size_t i = 0; i < val_count(names); i++) {
		struct val name = val_at(names, i);

		entry->short_names.items[entry->short_names.count++] = xstrdup(val_text(&name));
	}
	entry = intern(discovery, entry);
	vec_push(&served->entries, entry);
}

static struct kube_served *add_served(
	struct kube_discovery *discovery, const char *group, const char *version)
{
	struct kube_served served = { .group = xstrdup(group), .version = xstrdup(version) };

	vec_push(&discovery->served, served);
	return &discovery->served.items[discovery->served.count - 1];
}

/* APIGroupDiscoveryList: groups with their versions and resources, the preferred version first. */
static void read_aggregated_version(
	struct kube_discovery *discovery, const char *group, struct val version)
{
	struct kube_served *served = add_served(
		discovery, group, val_get_text(version, "version", ""));
	struct val resources = val_get(version, "resources");

	served->loaded = true;
	for (size_t i = 0; i < val_count(resources); i++) {
		struct val item = val_at(resources, i);
		const char *kind = val_get_text(val_get(item, "responseKind"), "kind", "");
		bool namespaced = strcmp(val_get_text(item, "scope", ""), "Namespaced") == 0;

		if (*kind)
			add_entry(discovery, served, kind, val_get_text(item, "resource", ""),
				val_get_text(item, "singularResource", ""), namespaced, item);
	}
}

static void read_aggregated(struct kube_discovery *discovery, struct val answer)
{
	struct val groups = val_get(answer, "items");

	for (size_t i = 0; i < val_count(groups); i++) {
		struct val group = val_at(groups, i);
		const char *name = val_get_text(val_get(group, "metadata"), "name", "");
		struct val versions = val_get(group, "versions");

		for (size_t k = 0; k < val_count(versions); k++)
			read_aggregated_version(discovery, name, val_at(versions, k));
	}
}

/* APIVersions (of the core) and APIGroupList: the names only. */
static void read_plain(struct kube_discovery *discovery, struct val answer)
{
	struct val core = val_get(answer, "versions");
	struct val groups = val_get(answer, "groups");

	for (size_t i = 0; i < val_count(core); i++) {
		struct val version = val_at(core, i);

		add_served(discovery, "", val_text(&version));
	}
	for (size_t i = 0; i < val_count(groups); i++) {
		struct val group = val_at(groups, i);
		const char *name = val_get_text(group, "name", "");
		const char *preferred = val_get_text(
			val_get(group, "preferredVersion"), "version", "");
		struct val versions = val_get(group, "versions");

		if (*preferred)
			add_served(discovery, name, preferred);
		for (size_t k = 0; k < val_count(versions); k++) {
			const char *version = val_get_text(val_at(versions, k), "version", "");

			if (strcmp(version, preferred) != 0)
				add_served(discovery, name, version);
		}
	}
}

static void read_answer(struct kube_discovery *discovery, struct val answer)
{
	if (strcmp(val_get_text(answer, "kind", ""), "APIGroupDiscoveryList") == 0)
		read_aggregated(discovery, answer);
	else
		read_plain(discovery, answer);
}

static int fetch(struct kube_account *account, const char *path, const char *accept,
	struct cancel *cancel, struct val *ret, struct err *err)
{
	struct kube_request request = {
		.method = "GET",
		.path = path,
		.accept = accept,
		.repeatable = true,
		.cancel = cancel,
	};

	if (kube_send(account, &request, ret, NULL, err) < 0)
		return err_wrap(err, "ask the server for its kinds");
	return 0;
}

/* What there is, from the beginning. */
static int discover(struct kube_account *account, struct cancel *cancel, struct err *err)
{
	struct kube_discovery *discovery = &account->discovery;
	_cleanup_(val_free) struct val core = VAL_NULL;
	_cleanup_(val_free) struct val groups = VAL_NULL;

	if (fetch(account, "/api", AGGREGATED, cancel, &core, err) < 0 ||
		fetch(account, "/apis", AGGREGATED, cancel, &groups, err) < 0)
		return -1;
	served_clear(discovery);
	read_answer(discovery, core);
	read_answer(discovery, groups);
	discovery->known = true;
	return 0;
}

/* The resources of SERVED, if they are not there yet. */
static int load(struct kube_account *account, struct kube_served *served, struct cancel *cancel,
	struct err *err)
{
	_cleanup_(val_free) struct val answer = VAL_NULL;
	_cleanup_free_ char *path = *served->group ?
		xasprintf("/apis/%s/%s", served->group, served->version) :
		xasprintf("/api/%s", served->version);
	struct val resources;

	if (served->loaded)
		return 0;
	if (fetch(account, path, NULL, cancel, &answer, err) < 0)
		return -1;
	resources = val_get(answer, "resources");
	for (size_t i = 0; i < val_count(resources); i++) {
		struct val item = val_at(resources, i);
		const char *plural = val_get_text(item, "name", "");

		if (!strchr(plural, '/'))
			add_entry(&account->discovery, served, val_get_text(item, "kind", ""),
				plural, val_get_text(item, "singularName", ""),
				val_get_bool(item, "namespaced", false), item);
	}
	served->loaded = true;
	return 0;
}

/* What is asked for. */
struct wanted {
	bool exact;       /* as in a manifest */
	struct str group; /* exact, or that of Spinnaker's kind in lower case */
	struct str version;
	struct str kind;
	bool any_group; /* none was said */
};

static bool entry_is(const struct kube_entry *entry, const struct wanted *wanted, bool short_names)
{
	const struct kube_resource *resource = &entry->resource;

	if (wanted->exact)
		return str_is(wanted->kind, resource->kind);
	if (!short_names)
		return str_equal_nocase(wanted->kind, str_of(resource->kind)) ||
			str_equal_nocase(wanted->kind, str_of(resource->plural)) ||
			(*entry->singular && str_equal_nocase(wanted->kind, str_of(entry->singular)));
	for (size_t i = 0; i < entry->short_names.count; i++) {
		if (str_equal_nocase(wanted->kind, str_of(entry->short_names.items[i])))
			return true;
	}
	return false;
}

/*
 * In which round a group is looked through: 0 native, 1 "extensions" (old servers have Deployments there too), 2 others when
 * no group was said; -1 = not at all.
 */
static int round_of(const struct kube_served *served, const struct wanted *wanted)
{
	struct str group = str_of(served->group);

	if (wanted->exact)
		return str_equal(wanted->group, group) && str_is(wanted->version, served->version) ?
			0 :
			-1;
	if (!wanted->any_group && !kube_group_is_native(wanted->group))
		return str_equal_nocase(wanted->group, group) ? 0 : -1;
	if (str_is(group, "extensions"))
		return 1;
	if (kube_group_is_native(group))
		return 0;
	return wanted->any_group ? 2 : -1;
}

/* One round over the groups. A group whose server does not answer is passed over unless it is the one that is wanted. */
static int find_in_round(struct kube_account *account, const struct wanted *wanted, int round,
	bool short_names, struct cancel *cancel, const struct kube_resource **ret, struct err *err)
{
	struct kube_discovery *discovery = &account->discovery;

	for (size_t i = 0; i < discovery->served.count; i++) {
		struct kube_served *served = &discovery->served.items[i];

		if (round_of(served, wanted) != round)
			continue;
		if (load(account, served, cancel, err) < 0) {
			if (wanted->exact || err->kind == ERR_CANCELED)
				return -1;
			err_clear(err);
			continue;
		}
		for (size_t k = 0; k < served->entries.count; k++) {
			if (entry_is(served->entries.items[k], wanted, short_names)) {
				*ret = &served->entries.items[k]->resource;
				return 0;
			}
		}
	}
	return 0;
}

/* *RET stays NULL when there is none. */
static int find(struct kube_account *account, const struct wanted *wanted, struct cancel *cancel,
	const struct kube_resource **ret, struct err *err)
{
	int passes = wanted->exact ? 1 : 2;

	*ret = NULL;
	for (int round = 0; round < 3 && !*ret; round++) {
		for (int pass = 0; pass < passes && !*ret; pass++) {
			if (find_in_round(account, wanted, round, pass == 1, cancel, ret, err) < 0)
				return -1;
		}
	}
	return 0;
}

static struct wanted wanted_of(const char *api_version, const char *kind)
{
	struct str text = str_of(api_version ? api_version : kind);
	ptrdiff_t cut = str_find(text, api_version ? "/" : ".", 0);
	struct str head = cut < 0 ? text : str_slice(text, 0, (size_t)cut);
	struct str tail = cut < 0 ? STR("") : str_slice(text, (size_t)cut + 1, text.length);

	if (!api_version)
		return (struct wanted){ .kind = head, .group = tail, .any_group = !tail.length };
	return (struct wanted){
		.exact = true,
		.group = cut < 0 ? STR("") : head,
		.version = cut < 0 ? head : tail,
		.kind = str_of(kind),
	};
}

/* Within the gate: with what is known, then once more with what is new. */
static int find_or_refresh(struct kube_account *account, const struct wanted *wanted,
	struct cancel *cancel, const struct kube_resource **ret, struct err *err)
{
	struct kube_discovery *discovery = &account->discovery;
	bool fresh = !discovery->known || atomic_exchange(&discovery->stale, false);

	if (fresh && discover(account, cancel, err) < 0) {
		kube_forget_resources(account);
		return -1;
	}
	if (find(account, wanted, cancel, ret, err) < 0)
		return -1;
	if (*ret || fresh)
		return 0;
	if (discover(account, cancel, err) < 0)
		return -1;
	return find(account, wanted, cancel, ret, err);
}

/* Within the gate: where the server has a kind of that name instead, "; it serves Ingress as networking.k8s.io/v1"; owned. */
static char *other_places(const struct kube_discovery *discovery, const char *kind)
{
	struct strbuf text = STRBUF_INIT(LIMIT_ERROR_TEXT_BYTES);

	for (size_t i = 0; i < discovery->served.count; i++) {
		const struct kube_served *served = &discovery->served.items[i];

		for (size_t k = 0; k < served->entries.count; k++) {
			if (strcasecmp(served->entries.items[k]->resource.kind, kind) != 0)
				continue;
			if (!text.length)
				strbuf_printf(&text, "; it serves %s as ",
					served->entries.items[k]->resource.kind);
			else
				strbuf_add_text(&text, ", ");
			strbuf_printf(&text, "%s%s%s", served->group, *served->group ? "/" : "",
				served->version);
		}
	}
	return strbuf_detach(&text);
}

int kube_find_resource(struct kube_account *account, const char *api_version, const char *kind,
	struct cancel *cancel, const struct kube_resource **ret, struct err *err)
{
	struct clock *clock = account->kubernetes->world->clock;
	struct wanted wanted = wanted_of(api_version, kind);
	const struct kube_resource *found = NULL;
	_cleanup_free_ char *others = NULL;
	int done;

	kube_gate_enter(&account->discovery.gate, clock);
	done = find_or_refresh(account, &wanted, cancel, &found, err);
	if (done == 0 && !found)
		others = other_places(&account->discovery, kind);
	kube_gate_leave(&account->discovery.gate, clock);
	if (done < 0)
		return -1;
	if (!found)
		return err_set(err, ERR_NOT_FOUND, "the server does not know kind \"%s\"%s%s%s%s",
			kind, api_version ? " (apiVersion " : "", api_version ? api_version : "",
			api_version ? ")" : "", others);
	*ret = found;
	return 0;
}

void kube_forget_resources(struct kube_account *account)
{
	atomic_store(&account->discovery.stale, true);
}
