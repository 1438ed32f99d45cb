/*
 * gennaker explain: the rules of the Kubernetes stages, offline: what a stage would say or do about objects in files.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/yaml.h"
#include "commands.h"
#include "kubernetes/manifest.h"
#include "kubernetes/names.h"
#include "kubernetes/status.h"
#include "kubernetes/target.h"
#include "kubernetes/traffic.h"
#include "output.h"
#include "settings.h"

/* ---- files -------------------------------------------------------------------------------------- */

/* TEXT as one JSON value, or as the list of a YAML file's documents. */
static int parse(struct str text, struct val *ret, struct err *err)
{
	struct str trimmed = str_trim(text);
	_cleanup_err_ struct err no_json = ERR_INIT;

	if (trimmed.length && (trimmed.bytes[0] == '{' || trimmed.bytes[0] == '[') &&
		json_parse(trimmed, NULL, NULL, ret, &no_json) == 0)
		return 0;
	return yaml_parse_all(text, ret, err);
}

/* Adds the objects of VALUE, also those in lists, to *LIST. PLACE is for messages. */
static int add_objects(struct val value, const char *place, struct val *list, struct err *err)
{
	bool is_list = str_equal_nocase(str_of(val_get_text(value, "kind", "")), STR("list"));
	struct val items = is_list ? val_get(value, "items") : value;

	if (val_is_null(items))
		return 0;
	if (val_is_map(items)) {
		if (!*val_get_text(items, "kind", ""))
			return err_set(err, ERR_INVALID, "%s.kind: is required", place);
		val_append(list, val_ref(items));
		return 0;
	}
	if (!val_is_list(items))
		return err_set(err, ERR_INVALID, "%s: expected an object, got %s", place,
			val_kind_name(val_kind(items)));
	for (size_t i = 0; i < val_count(items); i++) {
		_cleanup_free_ char *inner = xasprintf("%s[%zu]", place, i);

		if (add_objects(val_at(items, i), inner, list, err) < 0)
			return -1;
	}
	return 0;
}

static int read_file(const char *path, struct val *ret, struct err *err)
{
	struct strbuf text = STRBUF_INIT(LIMIT_BODY_BYTES);
	int result = file_read(path, LIMIT_BODY_BYTES, &text, err);

	if (result == 0)
		result = parse(strbuf_str(&text), ret, err);
	strbuf_free(&text);
	return result < 0 ? err_wrap(err, "%s", path) : 0;
}

/* All objects of the file at PATH ("-" is standard input), of any kind; owned. */
static int read_objects(const char *path, struct val *ret, struct err *err)
{
	_cleanup_(val_free) struct val value = VAL_NULL, list = val_list();

	if (read_file(path, &value, err) < 0)
		return -1;
	if (add_objects(value, "documents", &list, err) < 0)
		return err_wrap(err, "%s", path);
	*ret = take(&list);
	return 0;
}

/* … as a deploy takes them: checked. */
static int read_manifests(const char *path, struct val *ret, struct err *err)
{
	_cleanup_(val_free) struct val value = VAL_NULL;

	if (read_file(path, &value, err) < 0)
		return -1;
	return manifests_flatten(value, "documents", ret, err) < 0 ? err_wrap(err, "%s", path) : 0;
}

/* The one object of the file that OPTION names. */
static int read_object(
	const struct options *options, const char *option, struct val *ret, struct err *err)
{
	const char *path = options_get(options, option);
	_cleanup_(val_free) struct val list = VAL_NULL;

	if (!path)
		return err_set(err, ERR_INVALID, "--%s FILE is required", option);
	if (read_objects(path, &list, err) < 0)
		return -1;
	if (val_count(list) != 1)
		return err_set(err, ERR_INVALID, "%s: expected one object, got %zu", path,
			val_count(list));
	*ret = val_ref(val_at(list, 0));
	return 0;
}

static const char *file_of(const struct options *options)
{
	return options->arguments.items[options->arguments.count - 1];
}

static void set_name(struct val *row, struct val object)
{
	_cleanup_free_ char *kind = manifest_kind_text(object);
	const char *name = manifest_name(object);

	val_set(row, "kind", val_string(kind));
	val_set(row, "name", *name ? val_string(name) : VAL_NULL);
}

/* Standard input can be read once. */
static int check_inputs(const char *first, const char *second, struct err *err)
{
	if (first && second && strcmp(first, "-") == 0 && strcmp(second, "-") == 0)
		return err_set(err, ERR_INVALID, "only one file can be - (standard input)");
	return 0;
}

static int print_rows(const struct options *options, const struct column *columns, struct val rows)
{
	enum output output;

	if (output_read(options, OUTPUT_TABLE, &output) < 0)
		return EXIT_USAGE;
	if (output == OUTPUT_TABLE)
		output_table(columns, rows, "no objects");
	else
		output_value(output, rows);
	return EXIT_OK;
}

/* ---- accounts ------------------------------------------------------------------------------------ */

#define ACCOUNT_OPTIONS                                                                               \
	{ "account", 0, "NAME", "As this account of the settings says of kinds (customResources)." }, \
	{                                                                                             \
		"config", 'c', "FILE", "The settings; without it ./gennaker.yml, if there is one."    \
	}

static int no_account(const char *name, struct val accounts, struct err *err)
{
	_cleanup_strbuf_ struct strbuf known = STRBUF_INIT(LIMIT_ERROR_TEXT_BYTES);

	for (size_t i = 0; i < val_count(accounts); i++)
		strbuf_printf(&known, "%s%s",
			i ? ", " : "; known: ", val_get_text(val_at(accounts, i), "name", ""));
	return err_set(err, ERR_NOT_FOUND,
		"--account: the settings have no Kubernetes account \"%s\"%s", name,
		known.length ? known.bytes : "");
}

/* What the account that OPTIONS name says of kinds; nothing without one. Its cluster and kubeconfig need not be there. */
static int read_kinds(const struct options *options, struct kind_list *ret, struct err *err)
{
	const char *name = options_get(options, "account"), *file = options_get(options, "config");
	_cleanup_(val_free) struct val settings = VAL_NULL;
	struct val accounts;

	*ret = (struct kind_list){ 0 };
	if (!name)
		return file ? err_set(err, ERR_INVALID, "--config needs --account") : 0;
	if (settings_load(file, &settings, err) < 0)
		return -1;
	accounts = val_path(settings, "kubernetes.accounts");
	for (size_t i = 0; i < val_count(accounts); i++) {
		struct val account = val_at(accounts, i);

		if (strcmp(val_get_text(account, "name", ""), name) != 0)
			continue;
		if (kind_list_read(val_get(account, "customResources"), ret, err) < 0)
			return err_wrap(err, "kubernetes.accounts[%zu]", i);
		return 0;
	}
	return no_account(name, accounts, err);
}

/* ---- cells -------------------------------------------------------------------------------------- */

#define TEXT_CELL(key)                                             \
	static void cell_##key(struct strbuf *buf, struct val row) \
	{                                                          \
		cell(buf, val_get(row, #key));                     \
	}

static void cell(struct strbuf *buf, struct val value)
{
	_cleanup_free_ char *text = NULL;

	if (val_is_null(value) || val_is_string(value)) {
		output_cell_text(buf, value);
		return;
	}
	text = json_text(value, JSON_COMPACT);
	strbuf_add_text(buf, text);
}

TEXT_CELL(kind)
TEXT_CELL(name)
TEXT_CELL(namespace)
TEXT_CELL(priority)
TEXT_CELL(app)
TEXT_CELL(cluster)
TEXT_CELL(version)
TEXT_CELL(reused)
TEXT_CELL(created)
TEXT_CELL(replicas)
TEXT_CELL(sequence)
TEXT_CELL(chosen)

static void cell_deploy(struct strbuf *buf, struct val row)
{
	cell(buf, val_get(val_get(row, "strategy"), "deploy"));
}

/* ---- status ------------------------------------------------------------------------------------- */

static void set_condition(struct val *row, const char *key, const struct kube_condition *condition)
{
	struct val map = val_map();

	val_set(&map, "state", val_bool(condition->state));
	val_set(&map, "message", val_string(condition->message));
	val_set(row, key, map);
}

static int explain_status(struct val object, struct val *row, struct err *err)
{
	_cleanup_(kube_status_free) struct kube_status status = { 0 };

	if (kube_status_of(object, &status, err) < 0)
		return -1;
	set_condition(row, "stable", &status.stable);
	set_condition(row, "available", &status.available);
	set_condition(row, "paused", &status.paused);
	set_condition(row, "failed", &status.failed);
	return 0;
}

static void cell_stable(struct strbuf *buf, struct val row)
{
	strbuf_add_text(buf, val_get_bool(val_get(row, "stable"), "state", false) ? "yes" : "no");
}

static void cell_failed(struct strbuf *buf, struct val row)
{
	strbuf_add_text(buf, val_get_bool(val_get(row, "failed"), "state", false) ? "yes" : "no");
}

static void cell_message(struct strbuf *buf, struct val row)
{
	static const char *const keys[] = { "failed", "stable", "available", "paused" };

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		struct val message = val_get(val_get(row, keys[i]), "message");

		if (val_is_null(message))
			continue;
		output_cell_text(buf, message);
		return;
	}
	output_cell_text(buf, val_get(row, "error"));
}

static int status_run(const struct options *options)
{
	static const struct column columns[] = { { "KIND", cell_kind }, { "NAME", cell_name },
		{ "STABLE", cell_stable }, { "FAILED", cell_failed }, { "MESSAGE", cell_message },
		{ 0 } };
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_(val_free) struct val objects = VAL_NULL, rows = val_list();
	int result = EXIT_OK, printed;

	if (read_objects(file_of(options), &objects, &err) < 0)
		return complain(EXIT_FAILED, "%s", err_text(&err));
	for (size_t i = 0; i < val_count(objects); i++) {
		struct val row = val_map();

		set_name(&row, val_at(objects, i));
		if (explain_status(val_at(objects, i), &row, &err) < 0) {
			val_set(&row, "error", val_string(err_text(&err)));
			result = complain(EXIT_FAILED, "document %zu: %s", i + 1, err_text(&err));
			err_clear(&err);
		}
		val_append(&rows, row);
	}
	printed = print_rows(options, columns, rows);
	return printed == EXIT_OK ? result : printed;
}

static const struct command status_command = {
	.name = "explain status",
	.arguments = "FILE",
	.min_arguments = 1,
	.max_arguments = 1,
	.summary = "Whether live objects are stable, available, paused, failed.",
	.details = "kubectl get deployment web -o json | gennaker explain status -",
	.options = ROWS(struct option_row, OUTPUT_OPTION),
	.run = status_run,
};

/* ---- order -------------------------------------------------------------------------------------- */

static int order_run(const struct options *options)
{
	static const struct column columns[] = { { "PRIORITY", cell_priority },
		{ "KIND", cell_kind }, { "NAME", cell_name }, { 0 } };
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_(val_free) struct val manifests = VAL_NULL, rows = val_list();
	_cleanup_(kind_list_free) struct kind_list custom = { 0 };
	size_t *order;

	if (read_kinds(options, &custom, &err) < 0)
		return complain(EXIT_USAGE, "explain order: %s", err_text(&err));
	if (read_manifests(file_of(options), &manifests, &err) < 0)
		return complain(EXIT_FAILED, "%s", err_text(&err));
	order = manifests_order(manifests, &custom);
	for (size_t i = 0; i < val_count(manifests); i++) {
		struct val manifest = val_at(manifests, order[i]), row = val_map();

		set_name(&row, manifest);
		val_set(&row, "priority", val_int(manifest_kind_in(manifest, &custom)->priority));
		val_append(&rows, row);
	}
	free(order);
	return print_rows(options, columns, rows);
}

static const struct command order_command = {
	.name = "explain order",
	.arguments = "FILE",
	.min_arguments = 1,
	.max_arguments = 1,
	.summary = "In which order a deploy sends manifests.",
	.options = ROWS(struct option_row, OUTPUT_OPTION, ACCOUNT_OPTIONS),
	.run = order_run,
};

/* ---- names -------------------------------------------------------------------------------------- */

static int read_versioned(const struct options *options, struct opt_bool *ret, struct err *err)
{
	const char *text = options_get(options, "versioned");

	*ret = (struct opt_bool){ .given = text != NULL };
	if (!text)
		return 0;
	ret->value = strcmp(text, "true") == 0;
	if (!ret->value && strcmp(text, "false") != 0)
		return err_set(err, ERR_INVALID, "--versioned is true or false, not \"%s\"", text);
	return 0;
}

static int names_run(const struct options *options)
{
	static const struct column columns[] = { { "NAME", cell_name }, { "VERSION", cell_version },
		{ "REUSED", cell_reused }, { "APPLICATION", cell_app }, { "CLUSTER", cell_cluster },
		{ "DEPLOY", cell_deploy }, { 0 } };
	const char *existing = options_get(options, "existing");
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_(val_free) struct val manifests = VAL_NULL, live = val_list(), rows = VAL_NULL;
	_cleanup_(kind_list_free) struct kind_list custom = { 0 };
	struct opt_bool versioned;

	if (read_versioned(options, &versioned, &err) < 0 || read_kinds(options, &custom, &err) < 0 ||
		check_inputs(existing, file_of(options), &err) < 0)
		return complain(EXIT_USAGE, "explain names: %s", err_text(&err));
	if (existing) {
		val_free(&live);
		if (read_objects(existing, &live, &err) < 0)
			return complain(EXIT_FAILED, "%s", err_text(&err));
	}
	if (read_manifests(file_of(options), &manifests, &err) < 0)
		return complain(EXIT_FAILED, "%s", err_text(&err));
	rows = names_chosen(manifests, live, versioned, &custom);
	return print_rows(options, columns, rows);
}

static const struct command names_command = {
	.name = "explain names",
	.arguments = "FILE",
	.min_arguments = 1,
	.max_arguments = 1,
	.summary = "Which names and versions manifests get, and how they are deployed.",
	.options = ROWS(struct option_row, OUTPUT_OPTION,
		{ "existing", 'e', "FILE", "The live objects." },
		{ "versioned", 0, "true|false", "The stage's field; default: what the kind does." },
		ACCOUNT_OPTIONS),
	.run = names_run,
};

/* ---- traffic ------------------------------------------------------------------------------------ */

static struct val explain_attach(struct val service, struct val target)
{
	_cleanup_err_ struct err err = ERR_INIT;
	struct val result = val_ref(target), failure = VAL_NULL;

	if (traffic_attach(service, &result, &err) == 0)
		return result;
	val_free(&result);
	val_set(&failure, "error", val_string(err_text(&err)));
	return failure;
}

static int traffic_command_run(const struct options *options)
{
	const char *action = options->arguments.items[0];
	bool attach = strcmp(action, "attach") == 0, enable = strcmp(action, "enable") == 0;
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_(val_free) struct val service = VAL_NULL, target = VAL_NULL, result = VAL_NULL;
	enum output output;

	if (output_read(options, OUTPUT_YAML, &output) < 0)
		return EXIT_USAGE;
	if (!attach && !enable && strcmp(action, "disable") != 0)
		return complain(EXIT_USAGE,
			"explain traffic: expected enable, disable or attach, not \"%s\"", action);
	if (check_inputs(options_get(options, "service"), options_get(options, "target"), &err) < 0)
		return complain(EXIT_USAGE, "explain traffic: %s", err_text(&err));
	if (read_object(options, "service", &service, &err) < 0 ||
		read_object(options, "target", &target, &err) < 0)
		return complain(EXIT_FAILED, "explain traffic: %s", err_text(&err));
	result = attach ? explain_attach(service, target) : traffic_patch(service, target, enable);
	output_value(output == OUTPUT_TABLE ? OUTPUT_YAML : output, result);
	return EXIT_OK;
}

static const struct command traffic_command = {
	.name = "explain traffic",
	.arguments = "enable|disable|attach",
	.min_arguments = 1,
	.max_arguments = 1,
	.summary = "The JSON Patch that gives a workload traffic, or takes it; or the workload attached.",
	.details = "gennaker explain traffic disable --service service.yaml --target replicaset.yaml",
	.options = ROWS(struct option_row, OUTPUT_OPTION_LIKE("yaml"),
		{ "service", 's', "FILE", "The Service." },
		{ "target", 't', "FILE", "The workload, or a Pod." }),
	.run = traffic_command_run,
};

/* ---- target ------------------------------------------------------------------------------------- */

/* Those of OBJECTS that are of the kind and in the namespace that OPTIONS ask for; owned. */
static struct val objects_wanted(const struct options *options, struct val objects)
{
	const char *kind = options_get(options, "kind");
	const char *namespace = options_get(options, "location");
	struct val list = val_list();
	_cleanup_free_ char *wanted = NULL;
	struct str name, group;

	if (kind) {
		kind_split(str_of(kind), &name, &group);
		wanted = kind_text(name, group);
	}
	for (size_t i = 0; i < val_count(objects); i++) {
		struct val object = val_at(objects, i);
		_cleanup_free_ char *its = manifest_kind_text(object);

		if ((!wanted || strcmp(its, wanted) == 0) &&
			(!namespace || strcmp(manifest_namespace(object), namespace) == 0))
			val_append(&list, val_ref(object));
	}
	return list;
}

static struct val candidate_row(struct val object, bool chosen)
{
	struct val metadata = val_get(object, "metadata"), row = val_map();
	const char *namespace = manifest_namespace(object);
	int64_t sequence;

	set_name(&row, object);
	val_set(&row, "namespace", *namespace ? val_string(namespace) : VAL_NULL);
	val_set(&row, "created", val_ref(val_get(metadata, "creationTimestamp")));
	val_set(&row, "replicas", val_ref(val_get(val_get(object, "spec"), "replicas")));
	val_set(&row, "sequence", object_sequence(object, &sequence) ? val_int(sequence) : VAL_NULL);
	val_set(&row, "chosen", val_bool(chosen));
	return row;
}

static struct val target_reason(enum criteria criteria, size_t count, ptrdiff_t index)
{
	bool by_size = criteria == CRITERIA_LARGEST || criteria == CRITERIA_SMALLEST;

	if (index < 0)
		return val_format("%s takes none: there %s %zu object%s to choose from",
			criteria_names[criteria], count == 1 ? "is" : "are", count,
			count == 1 ? "" : "s");
	return val_format("number %zd of %zu by %s, then by sequence, then by name", index + 1,
		count, by_size ? "spec.replicas" : "creationTimestamp");
}

static struct val explain_target(
	const struct options *options, struct val objects, enum criteria criteria)
{
	_cleanup_(val_free) struct val wanted = objects_wanted(options, objects);
	_cleanup_(val_free) struct val candidates = target_candidates(
		wanted, options_get(options, "app"), options_get(options, "cluster"));
	_cleanup_(val_free) struct val order = target_order(candidates, criteria);
	ptrdiff_t index = target_index(val_count(order), criteria);
	struct val answer = val_map(), rows = val_list(), chosen = VAL_NULL;

	if (index >= 0)
		chosen = val_at(order, (size_t)index);
	val_set(&answer, "criteria", val_string(criteria_names[criteria]));
	val_set(&answer, "kind", VAL_NULL);
	val_set(&answer, "name", VAL_NULL);
	if (index >= 0)
		set_name(&answer, chosen);
	val_set(&answer, "namespace", val_ref(val_get(val_get(chosen, "metadata"), "namespace")));
	val_set(&answer, "reason", target_reason(criteria, val_count(order), index));
	for (size_t i = 0; i < val_count(order); i++)
		val_append(&rows, candidate_row(val_at(order, i), (ptrdiff_t)i == index));
	val_set(&answer, "candidates", rows);
	return answer;
}

static int target_run(const struct options *options)
{
	static const struct column columns[] = { { "KIND", cell_kind }, { "NAME", cell_name },
		{ "NAMESPACE", cell_namespace }, { "CREATED", cell_created },
		{ "REPLICAS", cell_replicas }, { "SEQUENCE", cell_sequence },
		{ "CHOSEN", cell_chosen }, { 0 } };
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_(val_free) struct val objects = VAL_NULL, answer = VAL_NULL;
	enum criteria criteria;
	enum output output;

	if (output_read(options, OUTPUT_TABLE, &output) < 0)
		return EXIT_USAGE;
	if (criteria_parse(options->arguments.items[0], &criteria, &err) < 0)
		return complain(EXIT_USAGE, "explain target: %s", err_text(&err));
	if (read_objects(file_of(options), &objects, &err) < 0)
		return complain(EXIT_FAILED, "%s", err_text(&err));
	answer = explain_target(options, objects, criteria);
	if (output != OUTPUT_TABLE) {
		output_value(output, answer);
		return EXIT_OK;
	}
	output_table(columns, val_get(answer, "candidates"), "no objects");
	puts(val_get_text(answer, "reason", ""));
	return EXIT_OK;
}

static const struct command target_command = {
	.name = "explain target",
	.arguments = "CRITERIA FILE",
	.min_arguments = 2,
	.max_arguments = 2,
	.summary = "Which of live objects newest, second_newest, oldest, largest or smallest takes.",
	.options = ROWS(struct option_row, OUTPUT_OPTION,
		{ "kind", 'k', "KIND", "Only objects of this kind." },
		{ "cluster", 0, "CLUSTER", "Only those annotated with it: \"replicaSet web\"." },
		{ "app", 0, "NAME", "Only those annotated with this application." },
		{ "location", 0, "NAMESPACE", "Only those in this namespace." }),
	.run = target_run,
};

const struct command explain_command = {
	.name = "explain",
	.summary = "Why the Kubernetes stages do what they do, offline.",
	.subcommands = COMMANDS(
		&status_command, &order_command, &names_command, &traffic_command, &target_command),
};
