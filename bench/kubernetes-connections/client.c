/*
 * One measurement: COUNT GETs of PATH, AT_ONCE in flight, over one HTTP/2 connection or over AT_ONCE HTTP/1.1 connections.
 *
 *	client URL CA CERT KEY h1|h2 AT_ONCE COUNT   →   "cold_ms requests_per_s median_us p99_us cpu_us_per_request connections"
 *
 * Both ways through one multi handle on one thread, so that only the protocol differs.
 */
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

struct call {
	CURL *easy;
	double began;
};

static double now(clockid_t clock)
{
	struct timespec time;

	clock_gettime(clock, &time);
	return (double)time.tv_sec * 1e6 + (double)time.tv_nsec / 1e3;
}

static size_t swallow(char *bytes, size_t one, size_t length, void *data)
{
	return length;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void start(CURLM *multi, struct call *call)
{
	call->began = now(CLOCK_MONOTONIC);
	curl_multi_add_handle(multi, call->easy);
}

/* Makes COUNT calls with the AT_ONCE handles of CALLS; their times go to TOOK. */
static long run(CURLM *multi, struct call *calls, int at_once, int count, double *took)
{
	int begun = 0, done = 0, running;
	long connections = 0;

	for (; begun < at_once && begun < count; begun++)
		start(multi, &calls[begun]);
	while (done < count) {
		CURLMsg *message;
		int left;

		curl_multi_perform(multi, &running);
		while ((message = curl_multi_info_read(multi, &left))) {
			struct call *call;
			long status = 0, opened = 0;

			curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &call);
			curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
			curl_easy_getinfo(call->easy, CURLINFO_NUM_CONNECTS, &opened);
			if (message->data.result != CURLE_OK || status != 200) {
				fprintf(stderr, "%s, status %ld\n",
					curl_easy_strerror(message->data.result), status);
				exit(1);
			}
			connections += opened;
			took[done++] = now(CLOCK_MONOTONIC) - call->began;
			curl_multi_remove_handle(multi, call->easy);
			if (begun < count) {
				begun++;
				start(multi, call);
			}
		}
		if (done < count)
			curl_multi_poll(multi, NULL, 0, 1000, NULL);
	}
	return connections;
}

static CURL *handle(char **argv, struct call *call, int h2)
{
	CURL *easy = curl_easy_init();

	curl_easy_setopt(easy, CURLOPT_URL, argv[1]);
	curl_easy_setopt(easy, CURLOPT_CAINFO, argv[2]);
	curl_easy_setopt(easy, CURLOPT_SSLCERT, argv[3]);
	curl_easy_setopt(easy, CURLOPT_SSLKEY, argv[4]);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, swallow);
	curl_easy_setopt(easy, CURLOPT_PRIVATE, call);
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION,
		(long)(h2 ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_1_1));
	curl_easy_setopt(easy, CURLOPT_PIPEWAIT, (long)h2);
	return easy;
}

int main(int argc, char **argv)
{
	if (argc != 8)
		return 2;
	int h2 = strcmp(argv[5], "h2") == 0;
	int at_once = (int)strtol(argv[6], NULL, 10), count = (int)strtol(argv[7], NULL, 10);
	struct call *calls = calloc((size_t)at_once, sizeof(*calls));
	double *took = calloc((size_t)count, sizeof(*took));

	curl_global_init(CURL_GLOBAL_DEFAULT);
	CURLM *multi = curl_multi_init();

	curl_multi_setopt(multi, CURLMOPT_PIPELINING, CURLPIPE_MULTIPLEX);
	curl_multi_setopt(multi, CURLMOPT_MAX_HOST_CONNECTIONS, h2 ? 1L : (long)at_once);
	for (int i = 0; i < at_once; i++)
		calls[i].easy = handle(argv, &calls[i], h2);

	double began = now(CLOCK_MONOTONIC);
	long connections = run(multi, calls, at_once, at_once, took);
	double cold = now(CLOCK_MONOTONIC) - began;
	double cpu = now(CLOCK_PROCESS_CPUTIME_ID);

	began = now(CLOCK_MONOTONIC);
	connections += run(multi, calls, at_once, count, took);
	double all = now(CLOCK_MONOTONIC) - began;

	cpu = now(CLOCK_PROCESS_CPUTIME_ID) - cpu;
	qsort(took, (size_t)count, sizeof(*took), by_size);
	printf("%.1f %.0f %.0f %.0f %.0f %ld\n", cold / 1e3, count / all * 1e6, took[count / 2],
		took[count * 99 / 100], cpu / count, connections);
	for (int i = 0; i < at_once; i++)
		curl_easy_cleanup(calls[i].easy);
	curl_multi_cleanup(multi);
	free(calls);
	free(took);
	return 0;
}
