/*
 * Settings: one file (gennaker.yml), and the environment over it. docs/guide/en/settings.md is the page for users.
 *
 * Each key can be set by a variable: GENNAKER_SERVER_PORT is server.port, GENNAKER_KUBERNETES_ACCOUNTS_0_NAME the name of the first
 * account. Case does not matter, dashes are left out or written as '_' too, lists are addressed by position; a list of strings
 * may be written with commas.
 */
#ifndef SETTINGS_H
#define SETTINGS_H

#include "base/err.h"
#include "base/field.h"
#include "base/log.h"
#include "base/val.h"

struct basic_settings {
	char *user;
	char *password_hash; /* one of the two */
	char *password_file;
};
struct auth_settings {
	char *token; /* one of the two */
	char *token_file;
	char *token_user;
	struct basic_settings basic;
};
struct server_settings {
	char *host;
	int64_t port;
	struct str_list hosts; /* further names under which browsers and clients may call us */
	struct auth_settings auth;
};
struct data_settings {
	char *dir; /* NULL = settings_data_dir's own choice */
	int64_t warn_free_mb, min_free_mb;
};
struct retention_settings {
	int64_t days;     /* 0 = for ever */
	int64_t min_runs; /* of each pipeline, whatever their age */
	int64_t max_runs; /* of each pipeline, however young; 0 = any number */
	struct secs interval;
};
struct expression_settings {
	bool fetch; /* #fromUrl and the like */
};
struct log_settings {
	int level;  /* enum log_level */
	int format; /* enum log_format */
};

struct settings {
	struct server_settings server;
	struct data_settings data;
	struct retention_settings retention;
	struct log_settings log;
	struct expression_settings expression;
};

/* All that is known, for pages; sections that others read (accounts, URL rules) are named only. */
extern const struct field settings_fields[];

/*
 * Reads FILE (NULL = ./gennaker.yml if there is one) and the environment into *RET_ALL, a map, which holds secrets: never show it.
 * Keys that come close to a known one are warned of in the log; what is wrong is ERR_INVALID with file and key. Sets the log up as
 * it says. At start, before other threads.
 */
int settings_load(const char *file, struct val *ret_all, struct err *err);
/* The same, later on: the log stays as it is, nothing is warned of. The environment is the one of the start. */
int settings_load_again(const char *file, struct val *ret_all, struct err *err);
/* The file that settings_load reads for FILE. */
const char *settings_file(const char *file);
/* The sections above from ALL, with their defaults. */
int settings_read(struct val all, struct settings *ret, struct err *err);
void settings_free(struct settings *settings);

/* data.dir, else $XDG_DATA_HOME/gennaker, else ~/.local/share/gennaker; owned. ERR_INVALID when there is no home either. */
char *settings_data_dir(const struct settings *settings, struct err *err);

/* Puts what the variables ENVIRONMENT (NAME=value, ends with NULL) say into *ALL. */
void settings_overlay(struct val *all, char *const *environment);

#endif
