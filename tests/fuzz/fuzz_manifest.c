/*
 * Documents through every command of `gennaker explain` and every rule that the manifest stages apply to them without a server: no crash,
 * no leak, an error has a text that can be shown, and what is given is never changed.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/yaml.h"
#include "commands.h"
#include "kubernetes/bind.h"
#include "kubernetes/deploy_plan.h"
#include "kubernetes/job.h"
#include "kubernetes/manifest.h"
#include "kubernetes/names.h"
#include "kubernetes/patch.h"
#include "kubernetes/rollout.h"
#include "kubernetes/selectors.h"
#include "kubernetes/status.h"
#include "kubernetes/target.h"
#include "kubernetes/traffic.h"
#include "kubernetes/version.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

/* A result that only has to come. */
static void let_go(struct val value)
{
	val_free(&value);
}

/* ---- commands ---------------------------------------------------------------------------------- */

/* What commands read: WHOLE is the input, FIRST and LAST an object of it. */
enum file { WHOLE, FIRST, LAST, FILES };
static struct {
	int handle;
	char path[32];
} files[FILES];

#define AT(file) files[file].path

/* What the commands say goes nowhere; libFuzzer has taken its own standard error by now. */
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	for (int i = 0; i < FILES; i++) {
		files[i].handle = memfd_create("input", MFD_CLOEXEC);
		snprintf(AT(i), sizeof(AT(i)), "/proc/self/fd/%d", files[i].handle);
	}
	if (!freopen("/dev/null", "w", stdout))
		abort();
	stderr = fopen("/dev/null", "w");
	return 0;
}

static void put(enum file file, struct str text)
{
	if (ftruncate(files[file].handle, 0) < 0 ||
		pwrite(files[file].handle, text.bytes, text.length, 0) != (ssize_t)text.length)
		abort();
}

static const struct command *find_command(const char *name)
{
	const struct command *const *command = explain_command.subcommands;

	while (strcmp((*command)->name, name) != 0)
		command++;
	return *command;
}

/* WORDS end with NULL; the first is the command's name. */
static void run_words(const char *const *words)
{
	const struct command *command = find_command(words[0]);
	struct options options;
	char *argv[12];
	int argc = 0;

	for (; words[argc]; argc++)
		argv[argc] = (char *)words[argc];
	if (options_parse(command, argc, argv, &options) != 0)
		abort(); /* the words above are right */
	command->run(&options);
	options_free(&options);
}

#define RUN(...) run_words((const char *const[]){ __VA_ARGS__, NULL })

static void try_commands(struct str text, struct val objects)
{
	static const char *const actions[] = { "enable", "disable", "attach" };
	struct val last = val_at(objects, val_count(objects) - 1);
	_cleanup_free_ char *one = json_text(val_at(objects, 0), JSON_COMPACT);
	_cleanup_free_ char *other = json_text(last, JSON_COMPACT);

	put(WHOLE, text);
	put(FIRST, str_of(one));
	put(LAST, str_of(other));
	RUN("explain status", AT(WHOLE));
	RUN("explain status", AT(WHOLE), "--output", "json");
	RUN("explain order", AT(WHOLE));
	RUN("explain names", AT(WHOLE), "--versioned", "true", "--output", "json");
	RUN("explain names", AT(WHOLE), "--existing", AT(WHOLE));
	for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++)
		RUN("explain traffic", actions[i], "--service", AT(FIRST), "--target", AT(LAST));
	for (int i = 0; criteria_names[i]; i++)
		RUN("explain target", criteria_names[i], AT(WHOLE), "--location", "shop");
}

/* ---- rules ------------------------------------------------------------------------------------- */

static void check_error(int result, const struct err *err)
{
	if (result < 0 &&
		(err->kind == ERR_NONE || !*err_text(err) || !str_is_utf8(str_of(err_text(err)))))
		abort();
}

/* explain status, and what people read of it. */
static void try_status(struct val object)
{
	_cleanup_(kube_status_free) struct kube_status status = { 0 };
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_free_ char *line = NULL;

	if (kube_status_of(object, &status, &err) < 0) {
		check_error(-1, &err);
		return;
	}
	line = kube_status_line(object, &status);
	job_state_of(object);
}

/* explain traffic, of each pair. */
static void try_traffic(struct val service, struct val target)
{
	let_go(traffic_patch(service, target, true));
	let_go(traffic_patch(service, target, false));
	_cleanup_(val_free) struct val attached = val_ref(target), services = VAL_NULL;
	_cleanup_err_ struct err err = ERR_INIT;

	check_error(traffic_attach(service, &attached, &err), &err);
	err_clear(&err);
	check_error(traffic_services(target, &services, &err), &err);
}

static void try_selectors(struct val object)
{
	_cleanup_free_ char *text = NULL, *own = NULL;
	_cleanup_err_ struct err err = ERR_INIT;
	struct val labels = val_get(val_get(object, "metadata"), "labels");

	if (selectors_text(val_get(object, "spec"), &text, &err) == 0)
		selectors_match(val_get(object, "spec"), labels);
	check_error(err.kind == ERR_NONE ? 0 : -1, &err);
	err_clear(&err);
	check_error(selectors_of_workload(object, &own, &err), &err);
}

static void try_patches(struct val object, struct val other)
{
	_cleanup_err_ struct err err = ERR_INIT;

	for (int strategy = PATCH_STRATEGIC; strategy <= PATCH_MERGE; strategy++) {
		_cleanup_(val_free) struct val body = VAL_NULL;

		check_error(patch_body(object, (enum patch_strategy)strategy, &body, &err), &err);
		err_clear(&err);
	}
	let_go(rollout_undo_deployment(object, other));
	let_go(rollout_undo_controller(object, other));
}

/* Everything about live objects, which may be anything that has a kind. */
static void try_objects(struct val objects)
{
	for (int criteria = CRITERIA_NEWEST; criteria <= CRITERIA_SMALLEST; criteria++) {
		_cleanup_(val_free) struct val order = target_order(objects, (enum criteria)criteria);

		if (val_count(order) != val_count(objects))
			abort();
		target_index(val_count(order), (enum criteria)criteria);
	}
	for (size_t i = 0; i < val_count(objects); i++) {
		struct val object = val_at(objects, i),
			   last = val_at(objects, val_count(objects) - 1);
		let_go(rollout_history(object, objects));
		let_go(manifest_for_output(object));

		try_status(object);
		try_traffic(object, last);
		try_traffic(last, object);
		try_selectors(object);
		try_patches(object, last);
	}
	let_go(traffic_follow_ups("bluegreen", objects, objects));
}

/* explain order and names, and what a deploy would send. */
static void try_manifests(struct val value, struct val live)
{
	_cleanup_(val_free) struct val manifests = VAL_NULL, rows = VAL_NULL;
	struct deploy_rules rules = { .account = "test", .application = "shop" };
	_cleanup_err_ struct err err = ERR_INIT;
	size_t *order;

	if (manifests_flatten(value, "documents", &manifests, &err) < 0) {
		check_error(-1, &err);
		return;
	}
	rows = names_chosen(manifests, live, (struct opt_bool){ 0 }, NULL);
	if (val_count(rows) != val_count(manifests))
		abort();
	order = manifests_order(manifests, NULL);
	manifests_override_namespace(&manifests, "shop", NULL);
	for (size_t i = 0; i < val_count(manifests); i++) {
		_cleanup_(val_free) struct val sent = deploy_object(
			val_at(manifests, order[i]), val_at(rows, order[i]), &rules);
		_cleanup_(val_free) struct val job = VAL_NULL;

		check_error(job_manifest(sent, "manifest", &job, &err), &err);
		err_clear(&err);
	}
	free(order);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = { (const char *)data, size };
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_(val_free) struct val documents = VAL_NULL, objects = val_list(),
				       properties = VAL_NULL;
	_cleanup_free_ char *before = NULL, *after = NULL;

	if (yaml_parse_all(text, &documents, &err) < 0)
		return 0;
	before = json_text(documents, JSON_COMPACT);
	for (size_t i = 0; i < val_count(documents) && i < 8; i++) {
		if (*val_get_text(val_at(documents, i), "kind", ""))
			val_append(&objects, val_ref(val_at(documents, i)));
	}
	if (val_count(objects))
		try_commands(text, objects);
	try_objects(objects);
	try_manifests(documents, objects);
	check_error(job_properties(text, &properties, &err), &err);
	after = json_text(documents, JSON_COMPACT);
	if (strcmp(before, after) != 0)
		abort();
	return 0;
}
