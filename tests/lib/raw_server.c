#include "lib/raw_server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/vec.h"

#define MAX_REQUEST (8u << 20)

struct raw_server {
	int fd;
	int port;
	int stop[2]; /* a pipe that becomes readable when the server stops */
	SSL_CTX *tls;
	raw_serve_fn serve;
	void *data;
	pthread_t acceptor;
	pthread_mutex_t lock;
	VEC(pthread_t) threads;
	atomic_int accepted;
};

struct raw_connection {
	struct raw_server *server;
	int fd;
	int number;
	SSL *tls;
	bool closed;
	char *buffer; /* what was read and not used yet */
	size_t length;
};

static void check(bool good, const char *what)
{
	if (!good) {
		fprintf(stderr, "raw_server: %s failed\n", what);
		abort();
	}
}

/* Waits for POLL_EVENTS of the connection; false when the server stops or MS have passed. */
static bool wait_for(struct raw_connection *connection, short poll_events, int ms)
{
	struct pollfd fds[] = { { .fd = connection->fd, .events = poll_events },
		{ .fd = connection->server->stop[0], .events = POLLIN } };

	return poll(fds, 2, ms) > 0 && !fds[1].revents;
}

/* Bytes read; 0 = the end, whatever the reason. */
static size_t read_some(struct raw_connection *connection, char *bytes, size_t most)
{
	for (;;) {
		ssize_t count;

		if (connection->tls) {
			count = SSL_read(connection->tls, bytes, (int)most);
			if (count <= 0 &&
				SSL_get_error(connection->tls, (int)count) != SSL_ERROR_WANT_READ)
				return 0;
		} else {
			count = recv(connection->fd, bytes, most, MSG_DONTWAIT);
			if (count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR))
				return 0;
		}
		if (count > 0)
			return (size_t)count;
		if (!wait_for(connection, POLLIN, -1))
			return 0;
	}
}

bool raw_write(struct raw_connection *connection, const void *bytes, size_t length)
{
	const char *at = bytes;

	while (length > 0 && !connection->closed) {
		ssize_t count;
		bool again;

		if (connection->tls) {
			count = SSL_write(connection->tls, at, (int)length);
			again = count <= 0 &&
				SSL_get_error(connection->tls, (int)count) == SSL_ERROR_WANT_WRITE;
		} else {
			count = send(connection->fd, at, length, MSG_NOSIGNAL | MSG_DONTWAIT);
			again = count < 0 && (errno == EAGAIN || errno == EINTR);
		}
		if (count > 0) {
			at += count;
			length -= (size_t)count;
		} else if (!again || !wait_for(connection, POLLOUT, -1)) {
			return false;
		}
	}
	return length == 0;
}

bool raw_print(struct raw_connection *connection, const char *format, ...)
{
	char *text;
	va_list args;

	va_start(args, format);
	int length = vasprintf(&text, format, args);

	va_end(args);
	check(length >= 0, "vasprintf");
	bool written = raw_write(connection, text, (size_t)length);

	free(text);
	return written;
}

void raw_answer(struct raw_connection *connection, int status, const char *headers, const char *body)
{
	raw_print(connection, "HTTP/1.1 %d Status\r\nContent-Length: %zu\r\n%s\r\n%s", status,
		strlen(body), headers, body);
}

bool raw_wait_closed(struct raw_connection *connection, int ms)
{
	return wait_for(connection, POLLRDHUP, ms);
}

void raw_close(struct raw_connection *connection)
{
	connection->closed = true;
}

void raw_reset(struct raw_connection *connection)
{
	struct linger linger = { .l_onoff = 1, .l_linger = 0 };

	setsockopt(connection->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	connection->closed = true;
}

/* Reads on until what the buffer holds has LENGTH bytes. */
static bool fill(struct raw_connection *connection, size_t length)
{
	while (connection->length < length) {
		size_t count = read_some(connection, connection->buffer + connection->length,
			MAX_REQUEST - connection->length);

		if (count == 0)
			return false;
		connection->length += count;
		connection->buffer[connection->length] = '\0';
	}
	return true;
}

static size_t content_length(const char *head)
{
	const char *line = strcasestr(head, "\r\ncontent-length:");

	return line ? strtoul(line + strlen("\r\ncontent-length:"), NULL, 10) : 0;
}

static const char *server_name(const struct raw_connection *connection)
{
	const char *name = connection->tls ?
		SSL_get_servername(connection->tls, TLSEXT_NAMETYPE_host_name) :
		NULL;

	return name ? name : "";
}

static bool has_client_certificate(const struct raw_connection *connection)
{
	X509 *certificate = connection->tls ? SSL_get1_peer_certificate(connection->tls) : NULL;

	X509_free(certificate);
	return certificate != NULL;
}

/* Reads one request and lets it be answered; false when there is no further one. */
static bool serve_one(struct raw_connection *connection, int number)
{
	char *end;

	while (!(end = strstr(connection->buffer, "\r\n\r\n"))) {
		if (!fill(connection, connection->length + 1))
			return false;
	}
	size_t head_length = (size_t)(end + 4 - connection->buffer);
	char *head = xstrndup(connection->buffer, head_length);
	size_t body_length = content_length(head);

	check(head_length + body_length < MAX_REQUEST, "reading a request");
	if (!fill(connection, head_length + body_length)) {
		free(head);
		return false;
	}
	char *body = xstrndup(connection->buffer + head_length, body_length);
	char *line = xstrndup(head, strcspn(head, "\r"));
	char *rest = line;
	struct raw_request request = {
		.head = head,
		.method = strsep(&rest, " "),
		.target = rest ? strsep(&rest, " ") : "",
		.body = body,
		.body_length = body_length,
		.number = number,
		.connection = connection->number,
		.server_name = server_name(connection),
		.client_certificate = has_client_certificate(connection),
	};

	connection->length -= head_length + body_length;
	memmove(connection->buffer, connection->buffer + head_length + body_length,
		connection->length + 1);
	connection->server->serve(connection->server->data, connection, &request);
	free(line);
	free(body);
	free(head);
	return !connection->closed;
}

static void *serve_connection(void *data)
{
	struct raw_connection *connection = data;

	connection->buffer = xcalloc(1, MAX_REQUEST + 1);
	if (connection->server->tls) {
		connection->tls = SSL_new(connection->server->tls);
		SSL_set_fd(connection->tls, connection->fd);
	}
	bool ready = !connection->tls || SSL_accept(connection->tls) == 1;

	fcntl(connection->fd, F_SETFL, O_NONBLOCK);
	if (ready) {
		for (int number = 1; serve_one(connection, number); number++)
			;
	}
	ERR_clear_error();
	SSL_free(connection->tls);
	close(connection->fd);
	free(connection->buffer);
	free(connection);
	return NULL;
}

static void *accept_connections(void *data)
{
	struct raw_server *server = data;

	for (;;) {
		struct pollfd fds[] = { { .fd = server->fd, .events = POLLIN },
			{ .fd = server->stop[0], .events = POLLIN } };

		poll(fds, 2, -1);
		if (fds[1].revents)
			return NULL;
		int fd = accept4(server->fd, NULL, NULL, SOCK_CLOEXEC);

		if (fd < 0)
			continue;
		struct raw_connection *connection = xnew(struct raw_connection);
		pthread_t thread;

		connection->server = server;
		connection->fd = fd;
		connection->number = atomic_fetch_add(&server->accepted, 1) + 1;
		check(pthread_create(&thread, NULL, serve_connection, connection) == 0,
			"pthread_create");
		pthread_mutex_lock(&server->lock);
		vec_push(&server->threads, thread);
		pthread_mutex_unlock(&server->lock);
	}
}

static SSL_CTX *tls_context(const struct raw_tls *tls)
{
	SSL_CTX *context = SSL_CTX_new(TLS_server_method());
	BIO *cert = BIO_new_mem_buf(tls->server_cert_pem, -1);
	BIO *key = BIO_new_mem_buf(tls->server_key_pem, -1);
	BIO *ca = BIO_new_mem_buf(tls->ca_pem, -1);
	X509 *x509 = PEM_read_bio_X509(cert, NULL, NULL, NULL);
	X509 *issuer = PEM_read_bio_X509(ca, NULL, NULL, NULL);
	EVP_PKEY *pkey = PEM_read_bio_PrivateKey(key, NULL, NULL, NULL);

	check(SSL_CTX_use_certificate(context, x509) == 1 &&
			SSL_CTX_use_PrivateKey(context, pkey) == 1,
		"loading the certificate");
	X509_STORE_add_cert(SSL_CTX_get_cert_store(context), issuer);
	if (tls->want_client)
		SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	X509_free(x509);
	X509_free(issuer);
	EVP_PKEY_free(pkey);
	BIO_free(cert);
	BIO_free(key);
	BIO_free(ca);
	return context;
}

static int listen_on(const char *address, int *ret_port)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };
	bool six = inet_pton(AF_INET6, address, &v6.sin6_addr) == 1;
	struct sockaddr *any = six ? (struct sockaddr *)&v6 : (struct sockaddr *)&v4;
	socklen_t length = six ? sizeof(v6) : sizeof(v4);

	check(six || inet_pton(AF_INET, address, &v4.sin_addr) == 1, "reading the address");
	int fd = socket(any->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	check(fd >= 0 && bind(fd, any, length) == 0 && listen(fd, 64) == 0 &&
			getsockname(fd, any, &length) == 0,
		"listening");
	*ret_port = ntohs(six ? v6.sin6_port : v4.sin_port);
	return fd;
}

struct raw_server *raw_server_start(
	const char *address, const struct raw_tls *tls, raw_serve_fn serve, void *data)
{
	struct raw_server *server = xnew(struct raw_server);

	server->fd = listen_on(address, &server->port);
	server->serve = serve;
	server->data = data;
	server->tls = tls ? tls_context(tls) : NULL;
	pthread_mutex_init(&server->lock, NULL);
	check(pipe(server->stop) == 0, "pipe");
	check(pthread_create(&server->acceptor, NULL, accept_connections, server) == 0,
		"pthread_create");
	return server;
}

int raw_server_port(const struct raw_server *server)
{
	return server->port;
}

int raw_server_connections(struct raw_server *server)
{
	return atomic_load(&server->accepted);
}

void raw_server_stop(struct raw_server *server)
{
	check(write(server->stop[1], "x", 1) == 1, "stopping");
	pthread_join(server->acceptor, NULL);
	for (size_t i = 0; i < server->threads.count; i++)
		pthread_join(server->threads.items[i], NULL);
	vec_free(&server->threads);
	pthread_mutex_destroy(&server->lock);
	SSL_CTX_free(server->tls);
	close(server->fd);
	close(server->stop[0]);
	close(server->stop[1]);
	free(server);
}

static char *pem_text(BIO *bio)
{
	char *bytes;
	long length = BIO_get_mem_data(bio, &bytes);
	char *text = xstrndup(bytes, (size_t)length);

	BIO_free(bio);
	return text;
}

static char *certificate_text(X509 *certificate)
{
	BIO *bio = BIO_new(BIO_s_mem());

	PEM_write_bio_X509(bio, certificate);
	return pem_text(bio);
}

static char *key_text(EVP_PKEY *key)
{
	BIO *bio = BIO_new(BIO_s_mem());

	PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL);
	return pem_text(bio);
}

static void add_extension(X509 *certificate, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX context;

	X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);

	check(extension && X509_add_ext(certificate, extension, -1) == 1, "making a certificate");
	X509_EXTENSION_free(extension);
}

/* A certificate of COMMON_NAME for KEY; ISSUER NULL = an authority that signs itself. */
static X509 *make_certificate(const char *common_name, EVP_PKEY *key, const char *names,
	X509 *issuer, EVP_PKEY *issuer_key)
{
	static atomic_int last_serial = 0;
	int serial = atomic_fetch_add(&last_serial, 1) + 1;
	X509 *certificate = X509_new();
	X509_NAME *name = X509_get_subject_name(certificate);
	char unique[64];

	/* Two authorities of one name would be told apart by the signature only, which OpenSSL
	 * reports differently. */
	snprintf(unique, sizeof(unique), "%s %d", common_name, serial);
	X509_set_version(certificate, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial);
	X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
	X509_gmtime_adj(X509_getm_notAfter(certificate), 24 * 3600);
	X509_set_pubkey(certificate, key);
	X509_NAME_add_entry_by_txt(
		name, "CN", MBSTRING_ASC, (const unsigned char *)unique, -1, -1, 0);
	X509_set_issuer_name(certificate, issuer ? X509_get_subject_name(issuer) : name);
	add_extension(certificate, issuer ? issuer : certificate, NID_basic_constraints,
		issuer ? "CA:FALSE" : "critical,CA:TRUE");
	if (names)
		add_extension(certificate, issuer, NID_subject_alt_name, names);
	check(X509_sign(certificate, issuer ? issuer_key : key, EVP_sha256()) > 0, "signing");
	return certificate;
}

void raw_tls_make(const char *names, struct raw_tls *ret)
{
	EVP_PKEY *ca_key = EVP_EC_gen("P-256");
	EVP_PKEY *server_key = EVP_EC_gen("P-256");
	EVP_PKEY *client_key = EVP_EC_gen("P-256");
	X509 *ca = make_certificate("test authority", ca_key, NULL, NULL, NULL);
	X509 *server = make_certificate("server", server_key, names, ca, ca_key);
	X509 *client = make_certificate("client", client_key, NULL, ca, ca_key);

	*ret = (struct raw_tls){
		.ca_pem = certificate_text(ca),
		.server_cert_pem = certificate_text(server),
		.server_key_pem = key_text(server_key),
		.client_cert_pem = certificate_text(client),
		.client_key_pem = key_text(client_key),
	};
	X509_free(ca);
	X509_free(server);
	X509_free(client);
	EVP_PKEY_free(ca_key);
	EVP_PKEY_free(server_key);
	EVP_PKEY_free(client_key);
}

void raw_tls_free(struct raw_tls *tls)
{
	free(tls->ca_pem);
	free(tls->server_cert_pem);
	free(tls->server_key_pem);
	free(tls->client_cert_pem);
	free(tls->client_key_pem);
	*tls = (struct raw_tls){ 0 };
}
