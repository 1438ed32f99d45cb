/*
 * The least that applying objects can cost: a client that only sends the patches, all at once over AT_ONCE connections.
 *
 *	bare AT_ONCE SERVER CA CERT KEY < lines of "PATH<tab>BODY"
 *
 * Prints the milliseconds from the first connection to the last answer.
 */
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MAX_PATCHES 10000

struct patch {
	char *url;
	char *body;
};

static double now_ms(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec * 1e3 + (double)time.tv_nsec / 1e6;
}

static size_t swallow(char *bytes, size_t one, size_t length, void *data)
{
	return length;
}

static int read_patches(const char *server, struct patch *patches)
{
	char *line = NULL;
	size_t size = 0;
	int count = 0;

	while (count < MAX_PATCHES && getline(&line, &size, stdin) > 0) {
		char *tab = strchr(line, '\t');

		if (!tab)
			break;
		*tab = 0;
		if (asprintf(&patches[count].url, "%s%s?fieldManager=bare&force=true", server, line) < 0)
			abort();
		patches[count++].body = strdup(tab + 1);
	}
	free(line);
	return count;
}

static CURL *handle(char **argv, struct curl_slist *headers)
{
	CURL *easy = curl_easy_init();

	curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, "PATCH");
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(easy, CURLOPT_CAINFO, argv[3]);
	curl_easy_setopt(easy, CURLOPT_SSLCERT, argv[4]);
	curl_easy_setopt(easy, CURLOPT_SSLKEY, argv[5]);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, swallow);
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	return easy;
}

static void start(CURLM *multi, CURL *easy, const struct patch *patch)
{
	curl_easy_setopt(easy, CURLOPT_URL, patch->url);
	curl_easy_setopt(easy, CURLOPT_POSTFIELDS, patch->body);
	curl_multi_add_handle(multi, easy);
}

static void check(CURLMsg *message)
{
	long status = 0;

	curl_easy_getinfo(message->easy_handle, CURLINFO_RESPONSE_CODE, &status);
	if (message->data.result == CURLE_OK && (status == 200 || status == 201))
		return;
	fprintf(stderr, "%s, status %ld\n", curl_easy_strerror(message->data.result), status);
	exit(1);
}

static void run(CURLM *multi, CURL **easies, int at_once, const struct patch *patches, int count)
{
	int begun = 0, done = 0, running, left;

	for (; begun < at_once && begun < count; begun++)
		start(multi, easies[begun], &patches[begun]);
	while (done < count) {
		CURLMsg *message;

		curl_multi_perform(multi, &running);
		while ((message = curl_multi_info_read(multi, &left))) {
			CURL *easy = message->easy_handle;

			check(message);
			done++;
			curl_multi_remove_handle(multi, easy);
			if (begun < count)
				start(multi, easy, &patches[begun++]);
		}
		if (done < count)
			curl_multi_poll(multi, NULL, 0, 1000, NULL);
	}
}

int main(int argc, char **argv)
{
	if (argc != 6)
		return 2;
	int at_once = (int)strtol(argv[1], NULL, 10);
	struct patch *patches = calloc(MAX_PATCHES, sizeof(*patches));
	CURL **easies = calloc((size_t)at_once, sizeof(CURL *));
	int count = read_patches(argv[2], patches);

	curl_global_init(CURL_GLOBAL_DEFAULT);
	CURLM *multi = curl_multi_init();
	struct curl_slist *headers =
		curl_slist_append(NULL, "Content-Type: application/apply-patch+yaml");
	double began;

	headers = curl_slist_append(headers, "Expect:");
	curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, (long)at_once);
	for (int i = 0; i < at_once; i++)
		easies[i] = handle(argv, headers);
	began = now_ms();
	run(multi, easies, at_once, patches, count);
	printf("%.1f\n", now_ms() - began);
	return 0;
}
