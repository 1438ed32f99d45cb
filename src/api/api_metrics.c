/*
 * GET /metrics: numbers in the text format of Prometheus. They are counted where they arise (engine, store); here they get their help
 * and their type, and the process adds its own.
 */
#include "api/internal.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/json.h"

#define METRICS_BYTES (1u << 20)

static const struct {
	const char *name, *type, *help;
} families[] = {
	{ "gennaker_info", "gauge", "The version of the program." },
	{ "gennaker_runs_started_total", "counter",
		"Runs that were started since the start of the server." },
	{ "gennaker_runs_completed_total", "counter", "Runs that have ended." },
	{ "gennaker_runs_ended_total", "counter", "Runs that have ended, by status." },
	{ "gennaker_runs_active", "gauge", "Runs that have not ended." },
	{ "gennaker_stages_ended_total", "counter", "Stages that have ended, by status." },
	{ "gennaker_tasks_run_total", "counter", "Tasks that were handed to a worker." },
	{ "gennaker_tasks_in_flight", "gauge", "Tasks that were handed out and have not come back." },
	{ "gennaker_tasks_waiting_for_slot", "gauge",
		"Of these, those that wait for a slot of their origin or account." },
	{ "gennaker_tasks_waiting_for_worker", "gauge", "Of these, those that wait for a worker." },
	{ "gennaker_workers", "gauge", "Worker threads." },
	{ "gennaker_workers_idle", "gauge", "Worker threads without a task." },
	{ "gennaker_results_dropped_total", "counter", "Late results of tasks that were dropped." },
	{ "gennaker_looks_total", "counter", "Looks of the engine at a stage." },
	{ "gennaker_requests_queued", "gauge", "Requests that wait for the engine." },
	{ "gennaker_requests_queued_bytes", "gauge", "What they hold." },
	{ "gennaker_commits_total", "counter", "Batches that were committed." },
	{ "gennaker_store_stuck", "gauge", "1 while the store cannot write." },
	{ "gennaker_starts_refused", "gauge",
		"1 while new runs are refused because the disk is nearly full." },
	{ "gennaker_store_bytes", "gauge", "The size of the database's file." },
	{ "gennaker_store_log_bytes", "gauge", "The size of its log." },
	{ "gennaker_store_free_bytes", "gauge", "What is free on its disk." },
	{ "gennaker_store_commit_seconds", "histogram", "How long a batch takes to be committed." },
	{ "gennaker_store_sync_seconds", "histogram",
		"Of that, how long the disk takes to write it down (fsync)." },
	{ "gennaker_auth_failures_total", "counter", "Requests with wrong credentials." },
	{ "process_resident_memory_bytes", "gauge", "Resident memory." },
	{ "process_cpu_seconds_total", "counter", "User and system time." },
	{ "process_open_fds", "gauge", "Open file descriptors." },
	{ "process_start_time_seconds", "gauge", "When the process was started, since the epoch." },
};

/* ---- the process ---------------------------------------------------------------------------------------------------------------- */

static void put_memory(struct val *metrics)
{
	long pages = 0, resident = 0;
	FILE *file = fopen("/proc/self/statm", "re");
	if (file && fscanf(file, "%ld %ld", &pages, &resident) == 2)
		val_set(metrics, "process_resident_memory_bytes",
			val_int((int64_t)resident * sysconf(_SC_PAGESIZE)));
	if (file)
		fclose(file);
}

static void put_descriptors(struct val *metrics)
{
	int64_t count = -3; /* ".", "..", and the one of this directory */
	DIR *directory = opendir("/proc/self/fd");
	if (!directory)
		return;
	while (readdir(directory))
		count++;
	closedir(directory);
	val_set(metrics, "process_open_fds", val_int(count));
}

static double seconds(struct timeval time)
{
	return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

static void put_process(struct api *api, struct val *metrics)
{
	struct rusage usage;
	put_memory(metrics);
	put_descriptors(metrics);
	if (getrusage(RUSAGE_SELF, &usage) == 0)
		val_set(metrics, "process_cpu_seconds_total",
			val_double(seconds(usage.ru_utime) + seconds(usage.ru_stime)));
	val_set(metrics, "process_start_time_seconds", val_double((double)api->started_ms / 1000));
}

/* ---- the page ------------------------------------------------------------------------------------------------------------------- */

/* "a_total{status="x"}" belongs to "a_total", "b_bucket{le="1"}", "b_sum" and "b_count" to the histogram "b". */
static bool is_of_family(struct str key, const char *name, const char *type)
{
	static const char *const parts[] = { "_bucket", "_sum", "_count" };
	if (!str_starts(key, name))
		return false;
	struct str rest = str_slice(key, strlen(name), key.length);
	if (strcmp(type, "histogram") != 0)
		return rest.length == 0 || rest.bytes[0] == '{';
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (str_starts(rest, parts[i]))
			return true;
	return false;
}

static void put_families(struct strbuf *page, struct val metrics)
{
	for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++) {
		bool begun = false;
		for (size_t j = 0; j < val_count(metrics); j++) {
			struct str key = val_key_at(metrics, j);
			if (!is_of_family(key, families[i].name, families[i].type))
				continue;
			if (!begun)
				strbuf_printf(page, "# HELP %s %s\n# TYPE %s %s\n", families[i].name,
					families[i].help, families[i].name, families[i].type);
			begun = true;
			strbuf_add_str(page, key);
			strbuf_add_char(page, ' ');
			json_write(page, val_value_at(metrics, j), JSON_COMPACT);
			strbuf_add_char(page, '\n');
		}
	}
}

static void merge(struct val *metrics, struct val more)
{
	val_merge(metrics, more);
	val_free(&more);
}

int api_metrics(struct call *call, struct err *err)
{
	struct api *api = call->api;
	struct store *store = api->setup.store;
	_cleanup_(val_free) struct val metrics = val_map();
	_cleanup_free_ char *info = xasprintf("gennaker_info{version=\"%s\"}", api->setup.version);
	struct strbuf page = STRBUF_INIT(METRICS_BYTES);
	(void)err;
	val_set(&metrics, info, val_int(1));
	pthread_rwlock_rdlock(&api->engine_lock);
	if (api->engine)
		merge(&metrics, engine_metrics(api->engine));
	pthread_rwlock_unlock(&api->engine_lock);
	if (store->type->metrics)
		merge(&metrics, store->type->metrics(store));
	if (api->setup.auth)
		val_set(&metrics, "gennaker_auth_failures_total",
			val_int((int64_t)auth_failures(api->setup.auth)));
	put_process(api, &metrics);
	put_families(&page, metrics);
	http_reply(call->exchange, 200, "text/plain; version=0.0.4; charset=utf-8",
		strbuf_str(&page), VAL_NULL);
	strbuf_free(&page);
	return 0;
}
