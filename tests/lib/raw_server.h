/*
 * A server of raw bytes on loopback, for tests of the HTTP client: it reads whole requests and lets
 * a function write whatever it likes. A thread a connection. With TLS on certificates made on the
 * spot.
 */
#ifndef LIB_RAW_SERVER_H
#define LIB_RAW_SERVER_H

#include <stdbool.h>
#include <stddef.h>

struct raw_server;
struct raw_connection;

struct raw_request {
	const char *head; /* request line and headers, as they came */
	const char *method;
	const char *target;
	const char *body;
	size_t body_length;
	int number;              /* on this connection, from 1 */
	int connection;          /* of this server, from 1 */
	const char *server_name; /* SNI, "" without */
	bool client_certificate;
};

/* Certificates of a fresh authority; all PEM, owned. */
struct raw_tls {
	char *ca_pem;
	char *server_cert_pem, *server_key_pem; /* for the names given */
	char *client_cert_pem, *client_key_pem;
	bool want_client; /* the server demands a client's certificate */
};
/* NAMES as OpenSSL writes subjectAltName: "DNS:a.example,IP:127.0.0.1". */
void raw_tls_make(const char *names, struct raw_tls *ret);
void raw_tls_free(struct raw_tls *tls);

typedef void (*raw_serve_fn)(
	void *data, struct raw_connection *connection, const struct raw_request *request);

/* On ADDRESS ("127.0.0.1", "::1"), any free port. TLS may be NULL; it is borrowed. */
struct raw_server *raw_server_start(
	const char *address, const struct raw_tls *tls, raw_serve_fn serve, void *data);
int raw_server_port(const struct raw_server *server);
int raw_server_connections(struct raw_server *server); /* accepted so far */
/* Ends all connections and waits for their threads. */
void raw_server_stop(struct raw_server *server);

/* False when the other side is gone. */
bool raw_write(struct raw_connection *connection, const void *bytes, size_t length);
bool raw_print(struct raw_connection *connection, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* An answer with Content-Length; HEADERS are lines that end in \r\n, "" for none. */
void raw_answer(struct raw_connection *connection, int status, const char *headers, const char *body);
/* Waits until the other side has closed or the server is stopped, at most MS: true when it is
 * gone. */
bool raw_wait_closed(struct raw_connection *connection, int ms);
void raw_close(struct raw_connection *connection); /* no more requests are read */
void raw_reset(struct raw_connection *connection); /* with an RST */

#endif
