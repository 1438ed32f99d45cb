/*
 * gennaker serve: the server. The order in which things start matters: the data directory is ours, then the port is, and only
 * then runs go on; so a second server on either changes nothing.
 */
#include <arpa/inet.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/api.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/log.h"
#include "commands.h"
#include "housekeeping.h"
#include "reload.h"
#include "settings.h"
#include "setup.h"

struct server {
	struct settings settings;
	struct auth *auth; /* NULL = nobody has to say who he is */
	char *host;        /* a numeric address */
	int port;
	char *data_dir;
	struct setup setup;
	struct store *store;
	struct api *api;
	struct engine *engine;
	struct housekeeping *housekeeping;
	struct reload *reload;
};

/* ---- who may ask --------------------------------------------------------------------------------------------------------------- */

/* What the first line of PATH holds; owned. */
static int read_secret(const char *path, char **ret, struct err *err)
{
	struct strbuf text = STRBUF_INIT(LIMIT_CREDENTIAL_BYTES);
	struct stat info;
	if (file_read(path, LIMIT_CREDENTIAL_BYTES, &text, err) < 0)
		return -1;
	if (stat(path, &info) == 0 && info.st_mode & 0007)
		log_warn("a file with a secret can be read by everybody", "file", path);
	struct str rest = strbuf_str(&text), line;
	str_split(&rest, '\n', &line);
	line = str_trim(line);
	*ret = xstrndup(line.bytes, line.length);
	explicit_bzero(text.bytes, text.length);
	strbuf_free(&text);
	return 0;
}

static void secret_free(char **secret)
{
	if (*secret)
		explicit_bzero(*secret, strlen(*secret));
	free(*secret);
}
#define _cleanup_secret_ _cleanup_(secret_free)

/* What the settings leave open is left out; what is in a file is read. */
static int open_auth(struct server *server, struct err *err)
{
	const struct auth_settings *settings = &server->settings.server.auth;
	const struct basic_settings *basic = &settings->basic;
	_cleanup_secret_ char *token = NULL;
	_cleanup_secret_ char *password = NULL;
	if (settings->token && settings->token_file)
		return err_set(err, ERR_INVALID, "server.auth: give token or tokenFile, not both");
	if (settings->token_file && read_secret(settings->token_file, &token, err) < 0)
		return err_wrap(err, "server.auth.tokenFile");
	if (basic->password_file && read_secret(basic->password_file, &password, err) < 0)
		return err_wrap(err, "server.auth.basic.passwordFile");
	if (!basic->user && (basic->password_hash || password))
		return err_set(err, ERR_INVALID, "server.auth.basic.user: whose password is it?");
	bool is_hash = password && str_starts(str_of(password), "$argon2id$");
	const struct auth_setup setup = {
		.token = token ? token : settings->token,
		.token_user = settings->token_user,
		.user = basic->user,
		.password = is_hash ? NULL : password,
		.password_hash = is_hash ? password : basic->password_hash,
	};
	if (!setup.token && !setup.user)
		return 0;
	if (is_hash && basic->password_hash)
		return err_set(err, ERR_INVALID,
			"server.auth.basic: give either passwordHash or passwordFile");
	server->auth = auth_new(&setup, err);
	return server->auth ? 0 : -1;
}

/* ---- where to listen ------------------------------------------------------------------------------------------------------------ */

static bool is_loopback(const char *host)
{
	struct in_addr four;
	struct in6_addr six;
	if (inet_pton(AF_INET, host, &four) == 1)
		return ntohl(four.s_addr) >> 24 == 127;
	return inet_pton(AF_INET6, host, &six) == 1 && IN6_IS_ADDR_LOOPBACK(&six);
}

/* "127.0.0.1:8084", ":8084", "[::1]:8084"; what is left out comes from the settings. */
static int parse_listen(const char *text, struct server *server, struct err *err)
{
	const char *colon = strrchr(text, ':');
	int64_t port;
	if (!colon || !str_to_int(str_of(colon + 1), &port) || port < 0 || port > 65535)
		return err_set(err, ERR_INVALID, "--listen: expected HOST:PORT, got \"%s\"", text);
	struct str host = { .bytes = text, .length = (size_t)(colon - text) };
	if (host.length > 2 && host.bytes[0] == '[' && host.bytes[host.length - 1] == ']')
		host = str_slice(host, 1, host.length - 1);
	if (host.length > 0) {
		free(server->host);
		server->host = xstrndup(host.bytes, host.length);
	}
	server->port = (int)port;
	return 0;
}

static int choose_address(const struct options *options, struct server *server, struct err *err)
{
	const char *listen = options_get(options, "listen");
	server->host = xstrdup(server->settings.server.host);
	server->port = (int)server->settings.server.port;
	if (listen && parse_listen(listen, server, err) < 0)
		return -1;
	if (strcmp(server->host, "localhost") == 0) {
		free(server->host);
		server->host = xstrdup("127.0.0.1");
	}
	if (is_loopback(server->host))
		return 0;
	if (!server->auth)
		return err_set(err, ERR_INVALID,
			"cannot listen on %s: without authentication (server.auth in the settings) whoever reaches the "
			"server could deploy anything; only 127.0.0.1 and ::1 are possible",
			server->host);
	log_warn("the server is reachable from outside and speaks plain HTTP: put a proxy with TLS before it",
		"address", server->host);
	return 0;
}

/* "127.0.0.1:8084", "[::1]:8084"; owned. */
static char *address_text(const struct server *server)
{
	bool six = strchr(server->host, ':') != NULL;
	return xasprintf(
		"%s%s%s:%d", six ? "[" : "", server->host, six ? "]" : "", api_port(server->api));
}

/* ---- starting ------------------------------------------------------------------------------------------------------------------- */

static struct val describe(void *data)
{
	return kubernetes_describe(data);
}

/* The settings name a server's accounts; a kubeconfig may take their place. */
static int open_world(
	const struct options *options, struct server *server, struct val settings, struct err *err)
{
	const char *kubeconfig = options_get(options, "kubeconfig");
	if (kubeconfig && val_count(val_path(settings, "kubernetes.accounts")) > 0)
		return err_set(err, ERR_INVALID,
			"--kubeconfig: the settings name accounts already (kubernetes.accounts); use one of the two");
	return setup_open(&server->setup, settings, kubeconfig != NULL, kubeconfig, err);
}

/* What the user said; wrong input ends with EXIT_USAGE. */
static int prepare(const struct options *options, struct server *server, struct err *err)
{
	const char *data_dir = options_get(options, "data-dir");
	_cleanup_(val_free) struct val settings = VAL_NULL;
	if (settings_load(options_get(options, "config"), &settings, err) < 0 ||
		settings_read(settings, &server->settings, err) < 0 || open_auth(server, err) < 0 ||
		choose_address(options, server, err) < 0)
		return -1;
	server->data_dir = data_dir ? xstrdup(data_dir) : settings_data_dir(&server->settings, err);
	return server->data_dir ? open_world(options, server, settings, err) : -1;
}

static int start(const struct options *options, struct server *server, struct err *err)
{
	struct api_setup api = {
		.version = GENNAKER_VERSION,
		.address = server->host,
		.port = server->port,
		.webhooks = server->setup.webhooks,
		.registry = preconfigured_registry(server->setup.webhooks),
		.extra_hosts = &server->settings.server.hosts,
		.auth = server->auth,
		.accounts = describe,
		.accounts_data = server->setup.kubernetes,
	};
	api.store = server->store = store_sqlite_open(server->data_dir, err);
	if (!server->store)
		return -1;
	server->api = api_start(&api, err);
	if (!server->api)
		return -1;
	/* No pipeline may call the server that runs it. */
	_cleanup_free_ char *address = address_text(server);
	url_policy_protect(&server->setup.policy, address);
	struct engine_setup engine = {
		.world = &server->setup.world,
		.store = server->store,
		.registry = preconfigured_registry(server->setup.webhooks),
	};
	server->engine = engine_start(&engine, err);
	if (!server->engine)
		return -1;
	server->housekeeping = housekeeping_start(
		server->engine, server->store, server->data_dir, &server->settings, err);
	if (!server->housekeeping)
		return -1;
	const char *kubeconfig = options_get(options, "kubeconfig");
	server->reload = reload_start(&server->setup, server->setup.world.settings,
		options_get(options, "config"), kubeconfig != NULL, kubeconfig, err);
	if (!server->reload)
		return -1;
	api_open(server->api, server->engine);
	printf("listening on http://%s (data in %s)\n", address, server->data_dir);
	fflush(stdout);
	return 0;
}

/* ---- stopping ------------------------------------------------------------------------------------------------------------------- */

static const int stop_signals[] = { SIGTERM, SIGINT };

static sigset_t stop_set(void)
{
	sigset_t set;
	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(stop_signals) / sizeof(stop_signals[0]); i++)
		sigaddset(&set, stop_signals[i]);
	return set;
}

static void exit_now(int number)
{
	_exit(128 + number);
}

/* From here on a signal ends the process; everything that was answered is in the store. */
static void stop_at_once_next_time(const sigset_t *set)
{
	struct sigaction action = { .sa_handler = exit_now };
	for (size_t i = 0; i < sizeof(stop_signals) / sizeof(stop_signals[0]); i++)
		sigaction(stop_signals[i], &action, NULL);
	pthread_sigmask(SIG_UNBLOCK, set, NULL);
}

static void stop(struct server *server)
{
	reload_stop(server->reload);
	housekeeping_stop(server->housekeeping);
	if (server->api)
		api_close(server->api);
	if (server->engine)
		engine_stop(server->engine, LIMIT_DRAIN_MS);
	if (server->api)
		api_stop(server->api, LIMIT_SERVER_STOP_MS);
	store_close(server->store);
	setup_close(&server->setup);
	auth_free(server->auth);
	settings_free(&server->settings);
	free(server->data_dir);
	free(server->host);
}

static int serve_run(const struct options *options)
{
	_cleanup_err_ struct err err = ERR_INIT;
	struct server server = { 0 };
	/* Before there are threads, so that all of them leave the signals to sigwait. */
	sigset_t set = stop_set();
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	int status = EXIT_OK;
	if (prepare(options, &server, &err) < 0)
		status = complain(EXIT_USAGE, "%s", err_text(&err));
	else if (start(options, &server, &err) < 0)
		status = complain(EXIT_FAILED, "%s", err_text(&err));
	else {
		int number;
		while (sigwait(&set, &number) != 0)
			;
		log_info("stopping; a second signal ends at once");
	}
	stop_at_once_next_time(&set);
	stop(&server);
	return status;
}

const struct command serve_command = {
	.name = "serve",
	.arguments = "",
	.summary = "Serve the API, and run what is started there.",
	.details = "Keeps everything in the data directory: without --data-dir and data.dir in the settings, that is\n"
		   "$XDG_DATA_HOME/gennaker, or else ~/.local/share/gennaker. Stopped or killed, it goes on with its runs when it\n"
		   "is started again. Ctrl-C or SIGTERM stops it in order, a second one at once.",
	.options =
		(const struct option_row[]){
			{ "config", 0, "FILE",
				"The settings; without it ./gennaker.yml, if there is one." },
			{ "listen", 0, "HOST:PORT",
				"Where to listen, 127.0.0.1:8084 by default; port 0 takes any free one." },
			{ "data-dir", 0, "DIR", "Where the database is; made when it is missing." },
			{ "kubeconfig", 0, "FILE",
				"Accounts from its contexts, when the settings have none." },
			{ 0 },
		},
	.run = serve_run,
};
