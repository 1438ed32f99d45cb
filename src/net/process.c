#include "net/process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/vec.h"

/* Our ends of the child's pipes, and what is known of it. -1 = closed. */
struct child {
	pid_t pid;
	int pidfd;
	int input;
	int output;
	int errors;
	struct str unsent; /* of the request's input */
	bool exited;
};

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void child_close(struct child *child)
{
	close_fd(&child->pidfd);
	close_fd(&child->input);
	close_fd(&child->output);
	close_fd(&child->errors);
}

void process_result_free(struct process_result *result)
{
	strbuf_free(&result->output);
	strbuf_free(&result->errors);
	*result = (struct process_result){ .output = STRBUF_INIT(0), .errors = STRBUF_INIT(0) };
}

/* The caller's environment without what is ours: settings may hold secrets. The list is the
 * caller's, its texts are not. */
static char **inherited_environment(void)
{
	VEC(char *) kept = { 0 };

	for (char **entry = environ; *entry; entry++) {
		if (strncmp(*entry, "GENNAKER_", strlen("GENNAKER_")) != 0)
			vec_push(&kept, *entry);
	}
	vec_push(&kept, NULL);
	return kept.items;
}

/* In the child: a group of its own, no blocked or ignored signals, no descriptors but the three. */
static void set_attributes(posix_spawnattr_t *attributes)
{
	sigset_t none, all;

	sigemptyset(&none);
	sigfillset(&all);
	posix_spawnattr_init(attributes);
	posix_spawnattr_setpgroup(attributes, 0);
	posix_spawnattr_setsigmask(attributes, &none);
	posix_spawnattr_setsigdefault(attributes, &all);
	posix_spawnattr_setflags(
		attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
}

static int spawn(const struct process_request *request, int input, int output, int errors, pid_t *ret)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	char **inherited = request->env ? NULL : inherited_environment();

	set_attributes(&attributes);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
	posix_spawn_file_actions_adddup2(&actions, errors, STDERR_FILENO);
	posix_spawn_file_actions_addclosefrom_np(&actions, 3);
	if (request->directory)
		posix_spawn_file_actions_addchdir_np(&actions, request->directory);
	int error = posix_spawnp(ret, request->argv[0], &actions, &attributes,
		(char *const *)request->argv, inherited ? inherited : (char *const *)request->env);

	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attributes);
	free(inherited);
	return error;
}

/* A pipe of which OURS (0 = the reading end, 1 = the other) does not block. */
static int make_pipe(int ours, int *ret_ours, int *ret_theirs)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -1;
	fcntl(fds[ours], F_SETFL, O_NONBLOCK);
	*ret_ours = fds[ours];
	*ret_theirs = fds[!ours];
	return 0;
}

static int fail_to_start(const struct process_request *request, int error, struct err *err)
{
	enum err_kind kind = ERR_FAILED;

	if (error == ENOENT)
		kind = ERR_NOT_FOUND;
	else if (error == EACCES)
		kind = ERR_DENIED;
	else if (error == EAGAIN || error == EMFILE || error == ENFILE)
		kind = ERR_UNAVAILABLE;
	return err_set(err, kind, "cannot start %s: %s", request->argv[0], strerror(error));
}

static int child_start(const struct process_request *request, struct child *child, struct err *err)
{
	int input = -1;
	int output = -1;
	int errors = -1;
	int error = 0;

	*child = (struct child){ .pidfd = -1, .input = -1, .output = -1, .errors = -1 };
	child->unsent = request->input;
	if (make_pipe(1, &child->input, &input) < 0 || make_pipe(0, &child->output, &output) < 0 ||
		make_pipe(0, &child->errors, &errors) < 0)
		error = errno;
	if (!error)
		error = spawn(request, input, output, errors, &child->pid);
	close_fd(&input);
	close_fd(&output);
	close_fd(&errors);
	if (error) {
		child_close(child);
		return fail_to_start(request, error, err);
	}
	child->pidfd = pidfd_open(child->pid, 0);
	return 0;
}

/* Drops what is ready of a pipe into BUF; closes it at its end. */
static void drain(int *fd, struct strbuf *buf)
{
	char bytes[65536];

	while (*fd >= 0) {
		ssize_t count = read(*fd, bytes, sizeof(bytes));

		if (count > 0)
			strbuf_add(buf, bytes, (size_t)count);
		else if (count < 0 && errno == EINTR)
			continue;
		else if (count < 0 && errno == EAGAIN)
			return;
		else
			close_fd(fd);
		if (buf->overflowed)
			return;
	}
}

/* A child that does not read its input is no error of ours: SIGPIPE is blocked by the caller. */
static void feed(struct child *child)
{
	while (child->input >= 0 && child->unsent.length > 0) {
		ssize_t count = write(child->input, child->unsent.bytes, child->unsent.length);

		if (count > 0)
			child->unsent = str_slice(child->unsent, (size_t)count, child->unsent.length);
		else if (count < 0 && errno == EINTR)
			continue;
		else if (count < 0 && errno == EAGAIN)
			return;
		else
			child->unsent.length = 0;
	}
	close_fd(&child->input);
}

/* Waits for news of the child at most MS; without a pidfd (none left) looks every few
 * milliseconds. */
static void child_poll(struct child *child, struct cancel *cancel, int64_t ms)
{
	struct pollfd fds[] = {
		{ .fd = child->pidfd, .events = POLLIN },
		{ .fd = child->input, .events = POLLOUT },
		{ .fd = child->output, .events = POLLIN },
		{ .fd = child->errors, .events = POLLIN },
		{ .fd = cancel ? cancel_fd(cancel) : -1, .events = POLLIN },
	};

	if (child->pidfd < 0 && ms > 20)
		ms = 20;
	poll(fds, sizeof(fds) / sizeof(fds[0]), ms > INT32_MAX ? INT32_MAX : (int)ms);
}

/* Leaves it a zombie, so that its number, which is the group's, stays taken. */
static bool has_exited(const struct child *child)
{
	siginfo_t info = { 0 };

	return waitid(P_PID, (id_t)child->pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
		info.si_pid == child->pid;
}

/* Why the child is to end before its time. */
enum stop { STOP_NOT, STOP_CANCELED, STOP_TIMEOUT, STOP_TOO_LARGE };

static enum stop why_stop(const struct process_request *request,
	const struct process_result *result, int64_t deadline_us)
{
	if (cancel_is_set(request->cancel))
		return STOP_CANCELED;
	if (result->output.overflowed || result->errors.overflowed)
		return STOP_TOO_LARGE;
	return clock_stopwatch_us() >= deadline_us ? STOP_TIMEOUT : STOP_NOT;
}

/* Feeds and drains until the child has exited or is to be stopped. */
static enum stop child_follow(const struct process_request *request, struct child *child,
	struct process_result *result, int64_t deadline_us)
{
	for (;;) {
		feed(child);
		drain(&child->output, &result->output);
		drain(&child->errors, &result->errors);
		child->exited = has_exited(child);
		if (child->exited) {
			/* What it wrote between the last look and its end. Children of its own that
			 * hold the pipe are not waited for. */
			drain(&child->output, &result->output);
			drain(&child->errors, &result->errors);
			return result->output.overflowed || result->errors.overflowed ?
				STOP_TOO_LARGE :
				STOP_NOT;
		}
		enum stop stop = why_stop(request, result, deadline_us);

		if (stop != STOP_NOT)
			return stop;
		child_poll(child, request->cancel, (deadline_us - clock_stopwatch_us()) / 1000 + 1);
	}
}

/* Asks the group to end, then ends it; what it still writes is dropped. */
static void child_kill(struct child *child)
{
	int64_t until_us = clock_stopwatch_us() + LIMIT_PROCESS_GRACE_MS * INT64_C(1000);

	kill(-child->pid, SIGTERM);
	close_fd(&child->input);
	close_fd(&child->output);
	close_fd(&child->errors);
	while (!has_exited(child) && clock_stopwatch_us() < until_us)
		child_poll(child, NULL, (until_us - clock_stopwatch_us()) / 1000 + 1);
}

static int child_reap(struct child *child)
{
	int status = 0;

	/* Whatever it left behind; before the wait, which frees the group's number. */
	kill(-child->pid, SIGKILL);
	while (waitpid(child->pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static int fail_as_stopped(
	const struct process_request *request, enum stop stop, size_t most, struct err *err)
{
	const char *name = request->argv[0];

	switch (stop) {
	case STOP_CANCELED:
		return err_set(err, ERR_CANCELED, "%s was canceled", name);
	case STOP_TIMEOUT:
		return err_set(
			err, ERR_TIMEOUT, "%s did not end within %d ms", name, request->timeout_ms);
	case STOP_TOO_LARGE:
		return err_set(err, ERR_TOO_LARGE, "%s wrote more than %zu bytes", name, most);
	case STOP_NOT:
		break;
	}
	return 0;
}

/* Blocks SIGPIPE in this thread; *RET_PENDING: one was waiting before. */
static void block_sigpipe(sigset_t *ret_old, bool *ret_pending)
{
	sigset_t pipes, pending;

	sigemptyset(&pipes);
	sigaddset(&pipes, SIGPIPE);
	sigpending(&pending);
	*ret_pending = sigismember(&pending, SIGPIPE);
	pthread_sigmask(SIG_BLOCK, &pipes, ret_old);
}

static void restore_sigpipe(const sigset_t *old, bool was_pending)
{
	struct timespec at_once = { 0 };
	sigset_t pipes;

	sigemptyset(&pipes);
	sigaddset(&pipes, SIGPIPE);
	while (!was_pending && sigtimedwait(&pipes, NULL, &at_once) < 0 && errno == EINTR)
		;
	pthread_sigmask(SIG_SETMASK, old, NULL);
}

static int run(struct spawner *spawner, const struct process_request *request,
	struct process_result *ret, struct err *err)
{
	size_t most = request->max_output ? request->max_output : LIMIT_PROCESS_OUTPUT_BYTES;
	int64_t deadline_us = clock_stopwatch_us() + request->timeout_ms * INT64_C(1000);
	struct process_result result = { .output = STRBUF_INIT(most), .errors = STRBUF_INIT(most) };
	struct child child;
	sigset_t old;
	bool pending;

	if (cancel_is_set(request->cancel))
		return err_set(err, ERR_CANCELED, "%s was canceled", request->argv[0]);
	if (child_start(request, &child, err) < 0)
		return -1;
	block_sigpipe(&old, &pending);
	enum stop stop = child_follow(request, &child, &result, deadline_us);

	restore_sigpipe(&old, pending);
	if (!child.exited)
		child_kill(&child);
	result.status = child_reap(&child);
	child_close(&child);
	if (stop != STOP_NOT) {
		process_result_free(&result);
		return fail_as_stopped(request, stop, most, err);
	}
	*ret = result;
	return 0;
}

struct spawner *spawner_real(void)
{
	static struct spawner spawner = { .run = run };

	return &spawner;
}
