/*
 * The log: for people on a terminal, JSON lines otherwise (or as told). One line a call, to standard error, at most
 * LIMIT_LOG_LINE_BYTES; control characters are escaped. Any thread. Secrets are never given to it.
 *
 *	log_info("listening", "address", address);
 *	log_warn("task failed", "execution", id, "error", err_text(&err));
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARN, LOG_LEVEL_ERROR };
enum log_format { LOG_FORMAT_AUTO, LOG_FORMAT_HUMAN, LOG_FORMAT_JSON };

/* Set at start, before other threads. */
void log_setup(enum log_level level, enum log_format format);

/* Pairs of names and texts (const char *), ended by NULL; the macros add it. A NULL text is left out with its name. */
void log_write(enum log_level level, const char *message, ...) __attribute__((sentinel));
#define log_debug(...) log_write(LOG_LEVEL_DEBUG, __VA_ARGS__, (char *)0)
#define log_info(...) log_write(LOG_LEVEL_INFO, __VA_ARGS__, (char *)0)
#define log_warn(...) log_write(LOG_LEVEL_WARN, __VA_ARGS__, (char *)0)
#define log_error(...) log_write(LOG_LEVEL_ERROR, __VA_ARGS__, (char *)0)

#endif
