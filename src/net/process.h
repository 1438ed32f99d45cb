/*
 * Child processes by argv, never a shell: helm, packer, exec credential plugins. Replaceable
 * like the transport.
 * Blocking; on worker threads. A set cancel flag or the deadline kills the whole process group.
 */
#ifndef NET_PROCESS_H
#define NET_PROCESS_H

#include "base/cancel.h"
#include "base/err.h"
#include "base/str.h"

struct process_request {
	const char *const *argv; /* ends with NULL; argv[0] is looked up in PATH */
	/* NAME=value, ends with NULL; NULL = the caller's minus GENNAKER_* */
	const char *const *env;
	const char *directory; /* NULL = the caller's */
	struct str input;      /* standard input */
	int timeout_ms;        /* real time, of the whole run */
	size_t max_output;     /* 0 = LIMIT_PROCESS_OUTPUT_BYTES, for each of the two streams */
	struct cancel *cancel;
};
struct process_result {
	int status;           /* exit status; 128 + signal when killed */
	struct strbuf output; /* standard output */
	struct strbuf errors; /* standard error */
};
void process_result_free(struct process_result *result);

/*
 * Runs a program to its end: 0 whatever its status. -1: ERR_NOT_FOUND (no such program),
 * ERR_DENIED, ERR_CANCELED, ERR_TIMEOUT, ERR_TOO_LARGE. The group gets SIGTERM and,
 * LIMIT_PROCESS_GRACE_MS later, SIGKILL; so does what the program leaves behind.
 */
struct spawner {
	int (*run)(struct spawner *spawner, const struct process_request *request,
		struct process_result *ret, struct err *err);
};
/* The real one, static. */
struct spawner *spawner_real(void);

#endif
