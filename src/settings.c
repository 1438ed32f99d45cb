#include "settings.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/yaml.h"
#include "client.h"
#include "kubernetes/kubernetes.h"
#include "net/address.h"
#include "stage/preconfigured.h"
#include "stage/stages.h"

#define PREFIX "GENNAKER_"
#define LIST_MAX 1000 /* positions in a variable's name */
#define NUMBER_MAX INT64_C(1000000000)
#define DAYS_MAX 36500

static const char *const log_levels[] = { "debug", "info", "warn", "error", NULL };
static const char *const log_formats[] = { "auto", "human", "json", NULL };

static const struct field basic_fields[] = {
	FIELD(struct basic_settings, user, "user", .title = { "User", "用户名" },
		.help = { "The one user who may sign in with a password.",
			"可以用密码登录的唯一用户。" }),
	FIELD(struct basic_settings, password_hash, "passwordHash", .flags = FIELD_SECRET,
		.title = { "Password hash", "密码哈希" },
		.help = { "What \"gennaker password\" prints.", "“gennaker password” 输出的内容。" }),
	FIELD(struct basic_settings, password_file, "passwordFile",
		.title = { "Password file", "密码文件" },
		.help = { "A file that holds the password, or its hash.", "存放密码或其哈希的文件。" }),
	{ 0 },
};

static const struct field auth_fields[] = {
	FIELD(struct auth_settings, token, "token", .flags = FIELD_SECRET,
		.title = { "Token", "令牌" },
		.help = { "Whoever sends it as a bearer token may do anything.",
			"以 Bearer 令牌发送它的人可以做任何事。" }),
	FIELD(struct auth_settings, token_file, "tokenFile", .title = { "Token file", "令牌文件" },
		.help = { "A file that holds the token.", "存放令牌的文件。" }),
	FIELD(struct auth_settings, token_user, "tokenUser", .preset = "api",
		.title = { "Token's user", "令牌用户" },
		.help = { "The name under which its runs and changes are kept.",
			"其运行和修改所记录的用户名。" }),
	FIELD(struct auth_settings, basic, "basic", .rows = basic_fields),
	{ 0 },
};

static const struct field server_fields[] = {
	FIELD(struct server_settings, host, "host", .preset = "127.0.0.1",
		.title = { "Host", "监听地址" },
		.help = { "The address to listen on. Only loopback as long as server.auth is not set.",
			"监听的地址。没有设置 server.auth 时只能是本机回环地址。" }),
	FIELD(struct server_settings, port, "port", .preset = "8084", .title = { "Port", "端口" },
		.help = { "The port to listen on; 0 takes any free one.",
			"监听的端口；0 表示任意空闲端口。" }),
	FIELD(struct server_settings, hosts, "hosts", .title = { "Host names", "主机名" },
		.help = { "Further names under which the server may be called; others are refused.",
			"允许用来访问服务的其他主机名；其余一律拒绝。" }),
	FIELD(struct server_settings, auth, "auth", .rows = auth_fields),
	{ 0 },
};

static const struct field data_fields[] = {
	FIELD(struct data_settings, dir, "dir", .title = { "Data directory", "数据目录" },
		.help = { "Where the database is.", "数据库所在的目录。" }),
	FIELD(struct data_settings, warn_free_mb, "warnFreeMb", .preset = "1024",
		.title = { "Warn below (MB)", "低于此值时警告（MB）" },
		.help = { "Less free space on its disk is told in the log.",
			"磁盘剩余空间低于此值时写入日志。" }),
	FIELD(struct data_settings, min_free_mb, "minFreeMb", .preset = "100",
		.title = { "Refuse below (MB)", "低于此值时拒绝（MB）" },
		.help = { "With less free space new runs are refused.",
			"磁盘剩余空间低于此值时拒绝启动新的运行。" }),
	{ 0 },
};

static const struct field retention_fields[] = {
	FIELD(struct retention_settings, days, "days", .preset = "0", .title = { "Days", "天数" },
		.help = { "Runs that are older are deleted once they have ended; 0 keeps them for ever.",
			"超过此天数且已结束的运行会被删除；0 表示永久保留。" }),
	FIELD(struct retention_settings, min_runs, "minRuns", .preset = "5",
		.title = { "Runs kept", "至少保留" },
		.help = { "The newest so many of each pipeline stay, however old.",
			"每条流水线最新的若干次运行始终保留。" }),
	FIELD(struct retention_settings, max_runs, "maxRuns", .preset = "0",
		.title = { "Most runs", "最多保留" },
		.help = { "Of each pipeline only the newest so many stay, however young; 0 is any number.",
			"每条流水线最多保留若干次运行；0 表示不限。" }),
	FIELD(struct retention_settings, interval, "interval", .preset = "600",
		.title = { "Every (seconds)", "间隔（秒）" },
		.help = { "How often it is looked at.", "检查的间隔。" }),
	{ 0 },
};

static const struct field log_fields[] = {
	FIELD(struct log_settings, level, "level", .preset = "info", .choices = log_levels,
		.title = { "Level", "级别" }, .help = { "What is logged.", "记录哪些日志。" }),
	FIELD(struct log_settings, format, "format", .preset = "auto", .choices = log_formats,
		.title = { "Format", "格式" },
		.help = { "Auto: for people on a terminal, JSON lines elsewhere.",
			"auto：终端上便于阅读，其他情况为 JSON 行。" }),
	{ 0 },
};

static const struct field expression_fields[] = {
	FIELD(struct expression_settings, fetch, "fetch", .preset = "true",
		.title = { "Fetch URLs", "获取 URL" },
		.help = { "False: #fromUrl, #jsonFromUrl, #yamlFromUrl and #propertiesFromUrl fail.",
			"为 false 时 #fromUrl、#jsonFromUrl、#yamlFromUrl 和 #propertiesFromUrl 均失败。" }),
	{ 0 },
};

static const struct field label_fields[] = {
	FIELD_KNOWN("applyAppLabels", FIELD_BOOL, .preset = "true",
		.title = { "Application labels", "应用标签" },
		.help = { "False: deployed objects get no app.kubernetes.io labels.",
			"为 false 时不给部署的对象添加 app.kubernetes.io 标签。" }),
	FIELD_KNOWN("managedBySuffix", FIELD_STRING,
		.title = { "Suffix of managed-by", "managed-by 后缀" },
		.help = { "Behind the name in app.kubernetes.io/managed-by.",
			"追加在 app.kubernetes.io/managed-by 的名称之后。" }),
	{ 0 },
};

static const struct field kubernetes_fields[] = {
	FIELD_KNOWN("enabled", FIELD_BOOL, .flags = FIELD_UI),
	FIELD_KNOWN("primaryAccount", FIELD_STRING, .flags = FIELD_UI),
	FIELD_KNOWN("v2", FIELD_OBJECT, .rows = label_fields),
	FIELD_KNOWN("accounts", FIELD_VALUE, .flags = FIELD_LIST, .rows = kubernetes_account_fields,
		.title = { "Accounts", "账号" },
		.help = { "The clusters that pipelines deploy to.", "流水线可以部署到的集群。" }),
	{ 0 },
};

static const struct field window_fields[] = {
	FIELD_KNOWN("timezone", FIELD_STRING, .preset = "America/Los_Angeles",
		.title = { "Time zone", "时区" },
		.help = { "Of execution windows, by its name, such as Asia/Shanghai.",
			"执行时间窗口的时区，使用时区名称，例如 Asia/Shanghai。" }),
	{ 0 },
};

static const struct field task_fields[] = {
	FIELD_KNOWN("executionWindow", FIELD_OBJECT, .rows = window_fields),
	{ 0 },
};

const struct field settings_fields[] = {
	FIELD(struct settings, server, "server", .rows = server_fields),
	FIELD(struct settings, data, "data", .rows = data_fields),
	FIELD(struct settings, retention, "retention", .rows = retention_fields),
	FIELD(struct settings, log, "log", .rows = log_fields),
	FIELD(struct settings, expression, "expression", .rows = expression_fields),
	FIELD_KNOWN("kubernetes", FIELD_OBJECT, .rows = kubernetes_fields),
	FIELD_KNOWN("user-configured-url-restrictions", FIELD_OBJECT, .rows = url_policy_fields),
	FIELD_KNOWN("tasks", FIELD_OBJECT, .rows = task_fields),
	FIELD_KNOWN("webhook", FIELD_OBJECT, .rows = webhook_settings_fields),
	{ 0 },
};

/* ---- the environment ----------------------------------------------------------------------------------------------------------- */

/* Both without case and dashes, as Spring has it. */
static bool means_key(struct str written, struct str key)
{
	size_t i = 0, k = 0;
	for (;;) {
		while (i < written.length && written.bytes[i] == '_')
			i++;
		while (k < key.length && (key.bytes[k] == '-' || key.bytes[k] == '_'))
			k++;
		if (i == written.length || k == key.length)
			return i == written.length && k == key.length;
		if (tolower((unsigned char)written.bytes[i++]) !=
			tolower((unsigned char)key.bytes[k++]))
			return false;
	}
}

/* Where a variable's name leads, step by step. */
struct place {
	struct str rest;          /* of the name */
	const struct field *row;  /* what is known of *where; NULL = nothing */
	const struct field *rows; /* of its keys, or of the keys of its items */
	struct val *where;
};

static bool find_key(const struct place *place, struct str written, struct str *ret_key,
	const struct field **ret_row)
{
	*ret_row = NULL;
	for (const struct field *row = place->rows; row && row->name; row++) {
		if (!means_key(written, str_of(row->name)))
			continue;
		*ret_key = str_of(row->name);
		*ret_row = row;
		return true;
	}
	for (size_t i = 0; i < val_count(*place->where) && val_is_map(*place->where); i++) {
		if (!means_key(written, val_key_at(*place->where, i)))
			continue;
		*ret_key = val_key_at(*place->where, i);
		return true;
	}
	return false;
}

static void enter_key(struct place *place, struct str key, const struct field *row)
{
	_cleanup_free_ char *name = xstrndup(
		key.bytes, key.length); /* it may be a view into what is changed */
	if (!val_edit(place->where, name))
		val_set(place->where, name, VAL_NULL);
	place->where = val_edit(place->where, name);
	place->row = row;
	place->rows = row ? row->rows : NULL;
}

/* The longest part of the name that is a known key; else its first word, in lower case. */
static void step_into_map(struct place *place)
{
	struct str key;
	const struct field *row;
	for (size_t end = place->rest.length; end > 0; end--) {
		if (end < place->rest.length && place->rest.bytes[end] != '_')
			continue;
		if (!find_key(place, str_slice(place->rest, 0, end), &key, &row))
			continue;
		place->rest = str_slice(
			place->rest, end < place->rest.length ? end + 1 : end, place->rest.length);
		enter_key(place, key, row);
		return;
	}
	str_split(&place->rest, '_', &key);
	_cleanup_free_ char *name = xstrndup(key.bytes, key.length);
	for (char *c = name; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	enter_key(place, str_of(name), NULL);
}

static bool step_into_list(struct place *place)
{
	struct str rest = place->rest, word;
	int64_t index;
	bool is_list = val_is_list(*place->where) || (place->row && place->row->flags & FIELD_LIST) ||
		(place->row && place->row->type == FIELD_STR_LIST);
	if (!is_list || !str_split(&rest, '_', &word) || !str_to_int(word, &index) || index < 0 ||
		index >= LIST_MAX)
		return false;
	while (val_count(*place->where) <= (size_t)index || !val_is_list(*place->where))
		val_append(place->where, VAL_NULL);
	place->where = val_edit_at(place->where, (size_t)index);
	place->row = NULL;
	place->rest = rest;
	return true;
}

static struct val value_of(const struct field *row, const char *text)
{
	if (!row || row->type != FIELD_STR_LIST || !strchr(text, ','))
		return val_string(text);
	struct val list = val_list();
	struct str rest = str_of(text);
	for (struct str part; str_split(&rest, ',', &part);)
		if (str_trim(part).length > 0)
			val_append(&list, val_str(str_trim(part)));
	return list;
}

static bool is_setting(struct str name)
{
	static const char *const others[] = { CLIENT_VARIABLES };
	if (!str_starts(name, PREFIX) || name.length == strlen(PREFIX))
		return false;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (str_is(name, others[i]))
			return false;
	return true;
}

void settings_overlay(struct val *all, char *const *environment)
{
	for (; *environment; environment++) {
		const char *equals = strchr(*environment, '=');
		if (!equals)
			continue;
		struct str name = str_slice(str_of(*environment), 0, (size_t)(equals - *environment));
		if (!is_setting(name))
			continue;
		struct place place = {
			.rest = str_slice(name, strlen(PREFIX), name.length),
			.rows = settings_fields,
			.where = all,
		};
		while (place.rest.length > 0)
			if (!step_into_list(&place))
				step_into_map(&place);
		val_replace(place.where, value_of(place.row, equals + 1));
	}
}

/* ---- the file ------------------------------------------------------------------------------------------------------------------- */

const char *settings_file(const char *file)
{
	return file ? file : "gennaker.yml";
}

/* *RET_FOUND: what it was read from, NULL when there is no file. */
static int read_file(const char *file, struct val *ret, const char **ret_found, struct err *err)
{
	_cleanup_strbuf_ struct strbuf text = STRBUF_INIT(LIMIT_BODY_BYTES);
	const char *path = settings_file(file);
	*ret_found = NULL;
	if (file_read(path, LIMIT_BODY_BYTES, &text, err) < 0) {
		if (file || err->kind != ERR_NOT_FOUND)
			return -1;
		err_clear(err);
		return 0;
	}
	*ret_found = path;
	if (yaml_or_json_parse(strbuf_str(&text), ret, err) < 0)
		return err_wrap(err, "settings %s", path);
	if (!val_is_null(*ret) && !val_is_map(*ret))
		return err_set(err, ERR_INVALID,
			"settings %s: expected keys and values, like \"server:\"", path);
	return 0;
}

static void warn(void *data, const struct finding *finding)
{
	if (finding->level == FINDING_WARNING) /* errors come from reading */
		log_warn("settings", "key", finding->path, "text", finding->text.en, "file",
			(const char *)data);
}

static void warn_of_keys(struct val all, const char *file)
{
	fields_check(settings_fields, all, NULL, warn, (void *)file);
	struct val accounts = val_get(val_get(all, "kubernetes"), "accounts");
	for (size_t i = 0; val_is_list(accounts) && i < val_count(accounts); i++) {
		_cleanup_free_ char *path = xasprintf("kubernetes.accounts[%zu]", i);
		fields_check(
			kubernetes_account_fields, val_at(accounts, i), path, warn, (void *)file);
	}
}

/* What only the stage of execution windows can read; it would be too late there. */
static int check_zone(struct val all, struct err *err)
{
	struct val zone = val_path(all, "tasks.executionWindow.timezone");
	if (val_is_null(zone))
		return 0;
	if (!val_is_string(zone))
		return err_set(err, ERR_INVALID, "tasks.executionWindow.timezone: expected a text");
	return window_check_zone(val_text(&zone), err);
}

/* File and environment, checked. *RET_FOUND as above. */
static int load(const char *file, struct val *ret_all, struct settings *ret_settings,
	const char **ret_found, struct err *err)
{
	_cleanup_(val_free) struct val all = VAL_NULL;
	if (read_file(file, &all, ret_found, err) < 0)
		return -1;
	if (val_is_null(all))
		all = val_map();
	settings_overlay(&all, environ);
	if (settings_read(all, ret_settings, err) < 0 || check_zone(all, err) < 0)
		return err_wrap(
			err, "settings%s%s", *ret_found ? " " : "", *ret_found ? *ret_found : "");
	*ret_all = take(&all);
	return 0;
}

int settings_load(const char *file, struct val *ret_all, struct err *err)
{
	_cleanup_(settings_free) struct settings settings = { 0 };
	const char *found;
	if (load(file, ret_all, &settings, &found, err) < 0)
		return -1;
	log_setup((enum log_level)settings.log.level, (enum log_format)settings.log.format);
	warn_of_keys(*ret_all, found);
	return 0;
}

int settings_load_again(const char *file, struct val *ret_all, struct err *err)
{
	_cleanup_(settings_free) struct settings settings = { 0 };
	const char *found;
	return load(file, ret_all, &settings, &found, err);
}

static int check_numbers(const struct settings *settings, struct err *err)
{
	const struct retention_settings *retention = &settings->retention;
	const struct {
		const char *name;
		int64_t value, most;
	} rows[] = {
		{ "server.port", settings->server.port, 65535 },
		{ "data.warnFreeMb", settings->data.warn_free_mb, NUMBER_MAX },
		{ "data.minFreeMb", settings->data.min_free_mb, NUMBER_MAX },
		{ "retention.days", retention->days, DAYS_MAX },
		{ "retention.minRuns", retention->min_runs, NUMBER_MAX },
		{ "retention.maxRuns", retention->max_runs, NUMBER_MAX },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].value < 0 || rows[i].value > rows[i].most)
			return err_set(err, ERR_INVALID,
				"%s: expected a number from 0 to %lld, got %lld", rows[i].name,
				(long long)rows[i].most, (long long)rows[i].value);
	if (retention->interval.ms < 1000)
		return err_set(err, ERR_INVALID, "retention.interval: expected at least 1 second");
	return 0;
}

int settings_read(struct val all, struct settings *ret, struct err *err)
{
	memset(ret, 0, sizeof(*ret));
	if (fields_read(settings_fields, all, ret, err) < 0)
		return -1;
	if (check_numbers(ret, err) == 0)
		return 0;
	settings_free(ret);
	return -1;
}

void settings_free(struct settings *settings)
{
	fields_free(settings_fields, settings);
}

char *settings_data_dir(const struct settings *settings, struct err *err)
{
	const char *home = getenv("HOME");
	const char *data = getenv("XDG_DATA_HOME");
	const char *dir = settings->data.dir;
	if (dir && *dir && !(str_starts(str_of(dir), "~/") && home))
		return xstrdup(dir);
	if (dir && *dir)
		return xasprintf("%s%s", home, dir + 1);
	if (data && *data == '/')
		return xasprintf("%s/gennaker", data);
	if (home && *home)
		return xasprintf("%s/.local/share/gennaker", home);
	err_set(err, ERR_INVALID,
		"there is no home directory for the data; say where with --data-dir");
	return NULL;
}
