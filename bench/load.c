/*
 * load PORT CONNECTIONS REQUESTS|SECONDSs METHOD PATH [BODY-FILE]: sends the same request again and again over
 * kept-alive connections, one request at a time on each, from one thread, and prints what came of it as JSON. It reads only
 * as much of an answer as it must, so that the client takes little of the machine that both share.
 *
 *	{"requests": 20000, "failed": 0, "seconds": 1.25, "p50_ms": 3.1, "p99_ms": 6.5, "client_cpu_seconds": 0.3}
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define HEAD_MAX 4096

struct connection {
	int fd;
	bool busy;
	int64_t begun_ns;
	char head[HEAD_MAX + 1]; /* of the answer, until it is whole */
	size_t head_length;
	int64_t body_left; /* -1 while the head is not whole */
	bool failed;
};

struct load {
	char *request;
	size_t request_length;
	int64_t limit, until_ns; /* so many requests, or so long */
	int64_t begun, ended, failed;
	int64_t *taken_ns;
	size_t taken_capacity;
};

static void die(const char *what)
{
	fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int64_t now_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static char *read_file(const char *path, size_t *ret_length)
{
	FILE *file = fopen(path, "rb");
	if (!file)
		die(path);
	char *bytes = malloc(16 << 20);
	if (!bytes)
		die("memory");
	*ret_length = fread(bytes, 1, 16 << 20, file);
	fclose(file);
	return bytes;
}

static void make_request(struct load *load, char **argv, int argc, int port)
{
	size_t length = 0;
	char *body = argc > 6 ? read_file(argv[6], &length) : NULL;
	load->request = malloc(1000 + strlen(argv[5]) + length);
	if (!load->request)
		die("memory");
	int head = sprintf(load->request,
		"%s %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
		argv[4], argv[5], port, length);
	if (length)
		memcpy(load->request + head, body, length);
	load->request_length = (size_t)head + length;
	free(body);
}

static int connect_to(int port)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	int on = 1, fd = socket(AF_INET, SOCK_STREAM, 0);
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		die("connect");
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return fd;
}

static bool more_wanted(const struct load *load)
{
	return load->until_ns ? now_ns() < load->until_ns : load->begun < load->limit;
}

static void send_next(struct load *load, struct connection *connection)
{
	connection->busy = more_wanted(load);
	if (!connection->busy)
		return;
	load->begun++;
	connection->begun_ns = now_ns();
	connection->head_length = 0;
	connection->body_left = -1;
	for (size_t sent = 0; sent < load->request_length;) {
		ssize_t n = write(connection->fd, load->request + sent, load->request_length - sent);
		if (n < 0)
			die("write");
		sent += (size_t)n;
	}
}

static void note_end(struct load *load, struct connection *connection)
{
	if (load->ended == (int64_t)load->taken_capacity) {
		load->taken_capacity = load->taken_capacity ? 2 * load->taken_capacity : 65536;
		load->taken_ns = realloc(load->taken_ns, load->taken_capacity * sizeof(int64_t));
		if (!load->taken_ns)
			die("memory");
	}
	load->taken_ns[load->ended++] = now_ns() - connection->begun_ns;
	load->failed += connection->failed;
}

/* The head is whole: how much of the body is still to come. */
static void read_head(struct connection *connection, const char *body)
{
	const char *length = strcasestr(connection->head, "\r\ncontent-length:");
	if (!length || length > body)
		die("an answer without Content-Length");
	int64_t have = (int64_t)(connection->head_length - (size_t)(body - connection->head));
	connection->body_left = strtoll(length + 17, NULL, 10) - have;
	connection->failed = strncmp(connection->head, "HTTP/1.1 2", 10) != 0;
}

static void receive(struct load *load, struct connection *connection)
{
	static char rest[1 << 20];
	bool in_head = connection->body_left < 0;
	ssize_t n = in_head ? read(connection->fd, connection->head + connection->head_length,
				      HEAD_MAX - connection->head_length) :
			      read(connection->fd, rest, sizeof(rest));
	if (n <= 0)
		die("read");
	if (in_head) {
		connection->head_length += (size_t)n;
		connection->head[connection->head_length] = 0;
		const char *end = strstr(connection->head, "\r\n\r\n");
		if (!end)
			return;
		read_head(connection, end + 4);
	} else {
		connection->body_left -= n;
	}
	if (connection->body_left > 0)
		return;
	note_end(load, connection);
	send_next(load, connection);
}

static int compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return x < y ? -1 : x > y;
}

static void report(struct load *load, double seconds)
{
	struct rusage usage;
	getrusage(RUSAGE_SELF, &usage);
	double cpu = (double)usage.ru_utime.tv_sec + (double)usage.ru_utime.tv_usec / 1e6 +
		(double)usage.ru_stime.tv_sec + (double)usage.ru_stime.tv_usec / 1e6;
	qsort(load->taken_ns, (size_t)load->ended, sizeof(int64_t), compare);
	printf("{\"requests\": %lld, \"failed\": %lld, \"seconds\": %.4f, \"p50_ms\": %.3f, \"p99_ms\": %.3f, "
	       "\"client_cpu_seconds\": %.3f}\n",
		(long long)load->ended, (long long)load->failed, seconds,
		(double)load->taken_ns[load->ended / 2] / 1e6,
		(double)load->taken_ns[load->ended * 99 / 100] / 1e6, cpu);
}

int main(int argc, char **argv)
{
	if (argc < 6)
		return fputs("usage: load PORT CONNECTIONS REQUESTS|SECONDSs METHOD PATH [BODY-FILE]\n",
			       stderr),
		       2;
	int port = atoi(argv[1]), count = atoi(argv[2]), poll = epoll_create1(0);
	struct connection *connections = calloc((size_t)count, sizeof(*connections));
	struct load load = { .limit = atoll(argv[3]) };
	if (!connections || poll < 0)
		die("memory");
	make_request(&load, argv, argc, port);
	for (int i = 0; i < count; i++) {
		struct epoll_event event = { .events = EPOLLIN, .data.ptr = &connections[i] };
		connections[i].fd = connect_to(port);
		if (epoll_ctl(poll, EPOLL_CTL_ADD, connections[i].fd, &event) < 0)
			die("epoll_ctl");
	}
	int64_t begin_ns = now_ns();
	if (strchr(argv[3], 's'))
		load.until_ns = begin_ns + (int64_t)(atof(argv[3]) * 1e9);
	for (int i = 0; i < count; i++)
		send_next(&load, &connections[i]);
	while (load.ended < load.begun) {
		struct epoll_event events[256];
		int n = epoll_wait(poll, events, 256, -1);
		for (int i = 0; i < n; i++)
			receive(&load, events[i].data.ptr);
	}
	report(&load, (double)(now_ns() - begin_ns) / 1e9);
	return 0;
}
