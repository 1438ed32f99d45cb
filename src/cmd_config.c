/*
 * gennaker config check: reads the settings as `serve` does and tries each Kubernetes account: does its cluster answer, and what may it do there.
 */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "commands.h"
#include "kubernetes/access.h"
#include "output.h"
#include "settings.h"
#include "setup.h"

static void cell_account(struct strbuf *buf, struct val row)
{
	output_cell_text(buf, val_get(row, "account"));
}

static void cell_namespace(struct strbuf *buf, struct val row)
{
	const char *namespace = val_get_text(row, "namespace", "");
	strbuf_add_text(buf, *namespace ? namespace : "(cluster)");
}

static void cell_resource(struct strbuf *buf, struct val row)
{
	output_cell_text(buf, val_get(row, "resource"));
}

static void add_verbs(struct strbuf *buf, struct val verbs)
{
	for (size_t i = 0; i < val_count(verbs); i++) {
		struct val verb = val_at(verbs, i);
		strbuf_printf(buf, "%s%s", i ? " " : "", val_text(&verb));
	}
	if (val_count(verbs) == 0)
		strbuf_add_char(buf, '-');
}

static void cell_may(struct strbuf *buf, struct val row)
{
	add_verbs(buf, val_get(row, "may"));
}

static void cell_may_not(struct strbuf *buf, struct val row)
{
	const char *error = val_get_text(row, "error", "");
	if (*error)
		strbuf_printf(buf, "unknown: %s", error);
	else
		add_verbs(buf, val_get(row, "mayNot"));
}

static const struct column columns[] = {
	{ "ACCOUNT", cell_account },
	{ "NAMESPACE", cell_namespace },
	{ "RESOURCE", cell_resource },
	{ "MAY", cell_may },
	{ "MAY NOT", cell_may_not },
	{ 0 },
};

/* One account; what is wrong with it is part of the result. */
static struct val check_one(struct kubernetes *kubernetes, const char *name, struct val namespaces)
{
	_cleanup_err_ struct err err = ERR_INIT;
	struct kube_account *account = kubernetes_account(kubernetes, name, &err);
	struct val result = VAL_NULL;
	if (account) {
		access_check(account, namespaces, NULL, &result);
		return result;
	}
	val_set(&result, "name", val_string(name));
	val_set(&result, "reachable", val_bool(false));
	val_set(&result, "error", val_string(err_text(&err)));
	return result;
}

static struct val check_all(struct kubernetes *kubernetes, struct val namespaces)
{
	_cleanup_(val_free) struct val accounts = kubernetes_describe(kubernetes);
	struct val results = val_list();
	for (size_t i = 0; i < val_count(accounts); i++)
		val_append(&results,
			check_one(kubernetes, val_get_text(val_at(accounts, i), "name", ""),
				namespaces));
	return results;
}

static void say(struct val result)
{
	const char *name = val_get_text(result, "name", "");
	const char *context = val_get_text(result, "context", "");
	if (!val_get_bool(result, "reachable", false)) {
		printf("✖ ");
		output_put_text(stdout, name);
		printf(": ");
		output_put_text(stdout, val_get_text(result, "error", ""));
	} else {
		_cleanup_free_ char *line = xasprintf("✔ %s: %s, Kubernetes %s%s%s", name,
			val_get_text(result, "server", ""), val_get_text(result, "version", "?"),
			*context ? ", context " : "", context);
		output_put_text(stdout, line);
	}
	printf("\n");
}

/* A line an account, then what each may do, as one table. */
static void print_table(struct val results)
{
	_cleanup_(val_free) struct val rows = val_list();
	for (size_t i = 0; i < val_count(results); i++) {
		struct val result = val_at(results, i), access = val_get(result, "access");
		say(result);
		for (size_t k = 0; k < val_count(access); k++) {
			struct val row = val_ref(val_at(access, k));
			val_set(&row, "account", val_ref(val_get(result, "name")));
			val_append(&rows, row);
		}
	}
	if (val_count(rows) > 0) {
		printf("\n");
		output_table(columns, rows, "");
	}
}

static int status_of(struct val results)
{
	for (size_t i = 0; i < val_count(results); i++)
		if (!val_get_bool(val_at(results, i), "reachable", false))
			return EXIT_FAILED;
	return EXIT_OK;
}

/* The accounts of the settings; without any, those of the kubeconfig, as `run` has them. */
static int open_accounts(const struct options *options, struct setup *setup, struct err *err)
{
	_cleanup_(val_free) struct val settings = VAL_NULL;
	const char *kubeconfig = options_get(options, "kubeconfig");
	if (settings_load(options_get(options, "config"), &settings, err) < 0)
		return -1;
	bool named = val_count(val_path(settings, "kubernetes.accounts")) > 0;
	return setup_open(setup, settings, kubeconfig || !named, kubeconfig, err);
}

static int check_run(const struct options *options)
{
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_(val_free) struct val namespaces = val_list(), results = VAL_NULL;
	struct setup setup = { 0 };
	enum output output;
	if (output_read(options, OUTPUT_TABLE, &output) < 0)
		return EXIT_USAGE;
	for (size_t i = 0; i < options->values.count; i++)
		if (strcmp(options->values.items[i].row->name, "namespace") == 0)
			val_append(&namespaces, val_string(options->values.items[i].text));
	if (open_accounts(options, &setup, &err) < 0) {
		setup_close(&setup);
		return complain(EXIT_USAGE, "%s", err_text(&err));
	}
	results = check_all(setup.kubernetes, namespaces);
	setup_close(&setup);
	if (output != OUTPUT_TABLE)
		output_value(output, results);
	else if (val_count(results) == 0)
		printf("no Kubernetes accounts\n");
	else
		print_table(results);
	return status_of(results);
}

static const struct command check_command = {
	.name = "config check",
	.arguments = "",
	.summary = "Check the settings, try each Kubernetes account and say what it may do.",
	.details =
		"For each account: whether its cluster answers, which version that is, and which verbs the account has for the\n"
		"kinds that the manifest stages use, in each of its namespaces (those of the settings, else its own).\n"
		"Nothing is changed. Exit status: 0 every account answers, 1 one does not, 2 the settings are wrong.",
	.options = ROWS(struct option_row,
		{ "config", 'c', "FILE", "The settings; without it ./gennaker.yml, if there is one." },
		{ "kubeconfig", 0, "FILE", "Accounts from its contexts, too." },
		{ "namespace", 'n', "NAME", "Look at this namespace; may be repeated." },
		OUTPUT_OPTION),
	.run = check_run,
};

const struct command config_command = {
	.name = "config",
	.summary = "Check the settings and the accounts in them.",
	.subcommands = COMMANDS(&check_command),
};
