#include "setup.h"

#include <string.h>

#include "base/alloc.h"
#include "commands.h"
#include "settings.h"
#include "stages.h"

/* No URL that a user gives may lead to the API servers that we hold credentials of. */
static void guard_api_servers(struct setup *setup)
{
	_cleanup_(val_free) struct val accounts = kubernetes_describe(setup->kubernetes);
	for (size_t i = 0; i < val_count(accounts); i++) {
		_cleanup_free_ char *origin = url_origin(
			val_get_text(val_at(accounts, i), "server", ""));
		char *host = origin ? strstr(origin, "://") : NULL;
		if (host)
			url_policy_protect(&setup->policy, host + 3);
	}
}

static int load_accounts(struct kubernetes *kubernetes, struct val settings, bool with_kubeconfig,
	const char *kubeconfig, struct err *err)
{
	if (kubernetes_load_settings(kubernetes, val_get(settings, "kubernetes"), err) < 0)
		return -1;
	return with_kubeconfig ? kubernetes_load_kubeconfig(kubernetes, kubeconfig, err) : 0;
}

int setup_open(struct setup *setup, struct val settings, bool with_kubeconfig,
	const char *kubeconfig, struct err *err)
{
	struct world *world = &setup->world;
	memset(setup, 0, sizeof(*setup));
	world->clock = clock_real();
	world->spawner = spawner_real();
	world->http = http_transport_curl(world->clock, "gennaker/" GENNAKER_VERSION);
	world->settings = val_ref(settings);
	if (url_policy_read(
		    val_get(settings, "user-configured-url-restrictions"), &setup->policy, err) < 0)
		return err_wrap(err, "user-configured-url-restrictions");
	world->url_policy = &setup->policy;
	struct settings basic;
	if (settings_read(settings, &basic, err) < 0)
		return -1;
	world->no_fetch = !basic.expression.fetch;
	settings_free(&basic);
	setup->webhooks = preconfigured_read(val_get(settings, "webhook"), &stage_registry, err);
	if (!setup->webhooks)
		return -1;
	setup->kubernetes = kubernetes_new(world);
	world->kubernetes = setup->kubernetes;
	if (load_accounts(setup->kubernetes, settings, with_kubeconfig, kubeconfig, err) < 0)
		return -1;
	guard_api_servers(setup);
	return 0;
}

int setup_reload_accounts(struct setup *setup, struct val settings, bool with_kubeconfig,
	const char *kubeconfig, struct err *err)
{
	_cleanup_(kubernetes_free_cleanup) struct kubernetes *fresh = kubernetes_new(&setup->world);
	if (load_accounts(fresh, settings, with_kubeconfig, kubeconfig, err) < 0 ||
		kubernetes_adopt(setup->kubernetes, fresh, err) < 0)
		return -1;
	guard_api_servers(setup);
	return 0;
}

int setup_bind_accounts(struct setup *setup, const struct options *options, struct err *err)
{
	for (size_t i = 0; i < options->values.count; i++) {
		const struct option_value *value = &options->values.items[i];
		if (strcmp(value->row->name, "account") != 0)
			continue;
		const char *equals = strchr(value->text, '=');
		if (!equals || equals == value->text || !equals[1])
			return err_set(err, ERR_INVALID, "--account %s: expected NAME=CONTEXT",
				value->text);
		_cleanup_free_ char *name = xstrndup(value->text, (size_t)(equals - value->text));
		if (kubernetes_bind_account(setup->kubernetes, name, equals + 1, err) < 0)
			return -1;
	}
	return 0;
}

void setup_close(struct setup *setup)
{
	if (setup->kubernetes)
		kubernetes_free(setup->kubernetes);
	if (setup->world.http)
		http_transport_free(setup->world.http);
	url_policy_free(&setup->policy);
	preconfigured_free(setup->webhooks);
	val_free(&setup->world.settings);
}
