#include "net/http_exchange.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/limits.h"

static int address_of(const char *text, int port, struct sockaddr_storage *ret,
	socklen_t *ret_length, struct err *err)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons((in_port_t)port) };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons((in_port_t)port) };

	memset(ret, 0, sizeof(*ret));
	if (strcmp(text, "localhost") == 0)
		text = "127.0.0.1";
	if (inet_pton(AF_INET, text, &v4.sin_addr) == 1) {
		memcpy(ret, &v4, sizeof(v4));
		*ret_length = sizeof(v4);
		return 0;
	}
	if (inet_pton(AF_INET6, text, &v6.sin6_addr) == 1) {
		memcpy(ret, &v6, sizeof(v6));
		*ret_length = sizeof(v6);
		return 0;
	}
	return err_set(err, ERR_INVALID, "cannot listen on %s: not an address", text);
}

static int port_of(int fd)
{
	struct sockaddr_storage address;
	socklen_t length = sizeof(address);
	struct sockaddr_in v4;

	if (getsockname(fd, (struct sockaddr *)&address, &length) < 0)
		return 0;
	/* The port lies at the same place in both families. */
	memcpy(&v4, &address, sizeof(v4));
	return ntohs(v4.sin_port);
}

static enum err_kind kind_of(int error)
{
	switch (error) {
	case EADDRINUSE:
		return ERR_CONFLICT;
	case EACCES:
		return ERR_DENIED;
	default:
		return ERR_FAILED;
	}
}

/* A listening socket, or -1. */
static int listen_on(const char *text, int port, struct err *err)
{
	struct sockaddr_storage address;
	socklen_t length = 0;
	int on = 1;

	if (address_of(text, port, &address, &length, err) < 0)
		return -1;
	int fd = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
		bind(fd, (struct sockaddr *)&address, length) == 0 && listen(fd, SOMAXCONN) == 0)
		return fd;
	err_set(err, kind_of(errno), "cannot listen on %s:%d: %s", text, port, strerror(errno));
	if (fd >= 0)
		close(fd);
	return -1;
}

static void on_connection(void *data, struct MHD_Connection *mhd, void **where,
	enum MHD_ConnectionNotificationCode code)
{
	struct http_server *server = data;
	struct http_connection *connection = *where;

	if (code == MHD_CONNECTION_NOTIFY_STARTED) {
		connection = *where = xnew(struct http_connection);
		connection->fd =
			MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
		connection->since_us = clock_stopwatch_us();
		connection->phase = HTTP_PHASE_HEADERS;
		pthread_mutex_lock(&server->lock);
		connection->next = server->connections;
		connection->link = &server->connections;
		if (connection->next)
			connection->next->link = &connection->next;
		server->connections = connection;
		pthread_mutex_unlock(&server->lock);
		return;
	}
	/* Called before the descriptor is closed, so the keeper never ends one that is somebody
	 * else's by now. */
	pthread_mutex_lock(&server->lock);
	*connection->link = connection->next;
	if (connection->next)
		connection->next->link = connection->link;
	pthread_mutex_unlock(&server->lock);
	free(connection);
	*where = NULL;
}

/* Milliseconds that a connection may stay in its phase; -1 = as long as it likes. */
static int64_t phase_limit_ms(
	const struct http_server *server, const struct http_connection *connection)
{
	switch (connection->phase) {
	case HTTP_PHASE_IDLE:
		return LIMIT_SERVER_IDLE_S * INT64_C(1000) + server->headers_ms;
	case HTTP_PHASE_HEADERS:
		return server->headers_ms;
	case HTTP_PHASE_BODY:
	case HTTP_PHASE_REPLY:
		return server->body_ms + (int64_t)(connection->bytes / 64);
	case HTTP_PHASE_WORKING:
	case HTTP_PHASE_STREAM:
		break;
	}
	return -1;
}

/* Silence is ended by libmicrohttpd's timeout; this ends those who send a byte now and then. */
static void end_slow_connections(struct http_server *server)
{
	int64_t now_us = clock_stopwatch_us();

	pthread_mutex_lock(&server->lock);
	for (struct http_connection *c = server->connections; c; c = c->next) {
		int64_t limit_ms = phase_limit_ms(server, c);

		if (limit_ms >= 0 && now_us - c->since_us > limit_ms * 1000)
			shutdown(c->fd, SHUT_RDWR);
	}
	pthread_mutex_unlock(&server->lock);
}

static void wake_streams(struct http_server *server)
{
	pthread_mutex_lock(&server->lock);
	for (struct http_exchange *exchange = server->exchanges; exchange; exchange = exchange->next) {
		if (!exchange->stream || !exchange->stream->sleeping)
			continue;
		exchange->stream->sleeping = false;
		MHD_resume_connection(exchange->mhd);
	}
	pthread_mutex_unlock(&server->lock);
}

/* Ends requests that still wait for their answer, when the server does not wait any longer. */
static void kill_exchanges(struct http_server *server)
{
	atomic_store(&server->killing, true);
	pthread_mutex_lock(&server->lock);
	for (struct http_exchange *exchange = server->exchanges; exchange; exchange = exchange->next) {
		pthread_mutex_lock(&exchange->lock);
		if (exchange->suspended) {
			exchange->suspended = false;
			exchange->dead = true;
			MHD_resume_connection(exchange->mhd);
		}
		pthread_mutex_unlock(&exchange->lock);
	}
	pthread_mutex_unlock(&server->lock);
}

static void *keep(void *data)
{
	struct http_server *server = data;

	while (!atomic_load(&server->killing)) {
		struct pollfd wait = { .fd = server->wake_fd, .events = POLLIN };
		eventfd_t count;

		poll(&wait, 1, 1000);
		if (wait.revents)
			eventfd_read(server->wake_fd, &count);
		atomic_store(&server->wake_pending, false);
		wake_streams(server);
		end_slow_connections(server);
	}
	return NULL;
}

static unsigned thread_count(int wanted)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);

	if (wanted > 0)
		return (unsigned)wanted;
	return cores > 2 ? (unsigned)cores : 2;
}

static struct MHD_Daemon *start_daemon(struct http_server *server, int fd, int threads)
{
	return MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ITC,
		0, NULL, NULL, http_exchange_on_data, server, MHD_OPTION_LISTEN_SOCKET, fd,
		MHD_OPTION_THREAD_POOL_SIZE, thread_count(threads), MHD_OPTION_CONNECTION_LIMIT,
		(unsigned)LIMIT_SERVER_CONNECTIONS, MHD_OPTION_CONNECTION_TIMEOUT,
		(unsigned)LIMIT_SERVER_IDLE_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
		(size_t)LIMIT_SERVER_MEMORY_BYTES, MHD_OPTION_STRICT_FOR_CLIENT, 1,
		MHD_OPTION_URI_LOG_CALLBACK, http_exchange_on_target, server,
		MHD_OPTION_NOTIFY_COMPLETED, http_exchange_on_end, server,
		MHD_OPTION_NOTIFY_CONNECTION, on_connection, server, MHD_OPTION_END);
}

static struct http_server *server_new(const struct http_server_setup *setup)
{
	struct http_server *server = xnew(struct http_server);

	atomic_init(&server->references, 1);
	server->address = xstrdup(setup->address);
	server->guard = setup->guard;
	server->headers_ms = setup->headers_ms ? setup->headers_ms : LIMIT_SERVER_HEADERS_MS;
	server->body_ms = setup->body_ms ? setup->body_ms : LIMIT_SERVER_BODY_MS;
	server->check = setup->check;
	server->challenge = setup->challenge;
	server->handle = setup->handle;
	server->data = setup->data;
	if (setup->extra_hosts) {
		server->extra_hosts.count = setup->extra_hosts->count;
		server->extra_hosts.items = xcalloc(setup->extra_hosts->count + 1, sizeof(char *));
		for (size_t i = 0; i < setup->extra_hosts->count; i++)
			server->extra_hosts.items[i] = xstrdup(setup->extra_hosts->items[i]);
	}
	pthread_mutex_init(&server->lock, NULL);
	clock_condition_init(&server->changed);
	server->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return server;
}

void http_server_unref(struct http_server *server)
{
	if (atomic_fetch_sub(&server->references, 1) > 1)
		return;
	for (size_t i = 0; i < server->extra_hosts.count; i++)
		free(server->extra_hosts.items[i]);
	free(server->extra_hosts.items);
	free(server->address);
	if (server->wake_fd >= 0)
		close(server->wake_fd);
	pthread_cond_destroy(&server->changed);
	pthread_mutex_destroy(&server->lock);
	free(server);
}

struct http_server *http_server_start(const struct http_server_setup *setup, struct err *err)
{
	int fd = listen_on(setup->address, setup->port, err);

	if (fd < 0)
		return NULL;
	struct http_server *server = server_new(setup);

	server->port = port_of(fd);
	server->daemon = start_daemon(server, fd, setup->threads);
	if (!server->daemon) {
		err_set(err, ERR_FAILED, "cannot start the HTTP server's threads: %s",
			strerror(errno));
		close(fd);
		http_server_unref(server);
		return NULL;
	}
	if (pthread_create(&server->keeper, NULL, keep, server) != 0)
		abort();
	return server;
}

int http_server_port(const struct http_server *server)
{
	return server->port;
}

static void wait_for_exchanges(struct http_server *server, int grace_ms)
{
	int64_t until_ms = clock_now_ms(clock_real()) + grace_ms;

	pthread_mutex_lock(&server->lock);
	while (server->exchanges &&
		!clock_wait(clock_real(), &server->changed, &server->lock, until_ms))
		;
	pthread_mutex_unlock(&server->lock);
}

void http_server_stop(struct http_server *server, int grace_ms)
{
	/* Not by MHD_quiesce_daemon: in 0.9.75 it may abort when a thread takes notice of it too
	 * early. Until the end connections are accepted and get 503. */
	pthread_mutex_lock(&server->lock);
	server->stopping = true;
	pthread_mutex_unlock(&server->lock);
	http_stream_wake(server);
	wait_for_exchanges(server, grace_ms);
	kill_exchanges(server);
	http_stream_wake(server);
	pthread_join(server->keeper, NULL);
	/* libmicrohttpd cannot be stopped while a connection sleeps, and from here on none falls
	 * asleep. */
	wake_streams(server);
	MHD_stop_daemon(server->daemon);
	http_server_unref(server);
}
