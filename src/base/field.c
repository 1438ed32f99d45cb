#include "base/field.h"

#include <math.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/json.h"

#define KNOWN_ONLY ((size_t)-1)
#define SHOWN_BYTES 60
#define PATH_BYTES 4096
#define SECONDS_MAX 1e12 /* 30,000 years; keeps milliseconds within an int64 */

/* Where in the nested objects we are; lives on the stack, and becomes text only for an error. */
struct path {
	const struct path *up; /* NULL at the top */
	const char *name;
};

static void path_write(struct strbuf *buf, const struct path *path)
{
	if (path->up)
		path_write(buf, path->up);
	if (buf->length && *path->name)
		strbuf_add_char(buf, '.');
	strbuf_add_text(buf, path->name);
}

static char *path_text(const struct path *path)
{
	struct strbuf buf = STRBUF_INIT(PATH_BYTES);

	path_write(&buf, path);
	return strbuf_detach(&buf);
}

const struct field *field_find(const struct field *rows, struct str name)
{
	for (; rows->name; rows++) {
		if (str_is(name, rows->name))
			return rows;
	}
	return NULL;
}

int field_choice(const struct field *row, struct str text)
{
	for (int i = 0; row->choices && row->choices[i]; i++)
		if (str_equal_nocase(text, str_of(row->choices[i])))
			return i;
	return -1;
}

char *field_offer(struct val item)
{
	struct val value = val_is_map(item) ? val_get(item, "value") : item;
	struct str text = val_as_str(&value);

	if (val_is_string(value))
		return xstrndup(text.bytes, text.length);
	if (val_is_null(value) || val_is_map(value) || val_is_list(value))
		return NULL;
	return json_text(value, JSON_COMPACT);
}

bool field_is_offered(struct val list, struct str text)
{
	bool any = false;

	for (size_t i = 0; val_is_list(list) && i < val_count(list); i++) {
		_cleanup_free_ char *offer = field_offer(val_at(list, i));

		if (offer && str_equal(text, str_of(offer)))
			return true;
		any |= offer != NULL;
	}
	return !any;
}

static bool is_empty_string(struct val value)
{
	return val_is_string(value) && val_as_str(&value).length == 0;
}

/* A free value may be an empty string; one that must be a map or a list cannot. */
static bool takes_empty_string(const struct field *row)
{
	return row->type == FIELD_STRING ||
		(row->type == FIELD_VALUE && !(row->flags & (FIELD_MAP | FIELD_LIST)));
}

static bool is_given(const struct field *row, struct val value)
{
	if (val_is_null(value))
		return false;
	if (!is_empty_string(value))
		return true;
	return takes_empty_string(row) && !(row->flags & FIELD_REQUIRED);
}

/* What cannot be shown itself: lists, maps and secrets, by their kind; NULL for scalars. */
static const struct text2 *kind_shown(const struct field *row, struct val value)
{
	static const struct text2 secret = { "another kind of value", "其他类型的值" },
				  list = { "a list", "列表" }, map = { "a map", "对象" };

	if (row->flags & FIELD_SECRET)
		return &secret;
	return val_is_list(value) ? &list : val_is_map(value) ? &map : NULL;
}

/* How an error shows VALUE, a scalar: as JSON, cut. Owned. */
static char *scalar_shown(struct val value)
{
	_cleanup_free_ char *text = json_text(value, JSON_COMPACT);

	if (strlen(text) <= SHOWN_BYTES)
		return take(&text);
	return xasprintf("%.*s…", STR_ARG(str_cut(str_of(text), SHOWN_BYTES)));
}

/* What would fit, in words; owned. */
struct wanted {
	char *en, *zh;
};

static void wanted_free(struct wanted *wanted)
{
	free(wanted->en);
	free(wanted->zh);
}

static char *wanted_choices(const struct field *row, const char *before, const char *between)
{
	struct strbuf names = STRBUF_INIT(1024);

	strbuf_add_text(&names, before);
	for (int i = 0; row->choices[i]; i++)
		strbuf_printf(&names, "%s\"%s\"", i ? between : "", row->choices[i]);
	return strbuf_detach(&names);
}

static struct wanted wanted_by(const struct field *row)
{
	static const struct text2 words[] = {
		[FIELD_STRING] = { "a string", "字符串" },
		[FIELD_INT] = { "a whole number", "整数" },
		[FIELD_NUMBER] = { "a number", "数字" },
		[FIELD_BOOL] = { "true or false", "true 或 false" },
		[FIELD_SECS] = { "a number of seconds", "秒数" },
		[FIELD_OPT_INT] = { "a whole number", "整数" },
		[FIELD_OPT_BOOL] = { "true or false", "true 或 false" },
		[FIELD_STR_LIST] = { "a list of strings", "字符串列表" },
		[FIELD_OBJECT] = { "a map", "对象" },
	};

	if (row->type == FIELD_ENUM)
		return (struct wanted){ wanted_choices(row, "one of ", ", "),
			wanted_choices(row, "以下之一：", "、") };
	if (row->type == FIELD_VALUE && (row->flags & FIELD_LIST))
		return (struct wanted){ xstrdup("a list"), xstrdup("列表") };
	if (row->type == FIELD_VALUE)
		return (struct wanted){ xstrdup("a map"), xstrdup("对象") };
	return (struct wanted){ xstrdup(words[row->type].en), xstrdup(words[row->type].zh) };
}

static int expected(const struct field *row, const char *what, struct val value, struct err *err)
{
	const struct text2 *kind = kind_shown(row, value);
	_cleanup_free_ char *text = kind ? xstrdup(kind->en) : scalar_shown(value);

	return err_set(err, ERR_INVALID, "expected %s, got %s", what, text);
}

static int expected_by(const struct field *row, struct val value, struct err *err)
{
	_cleanup_(wanted_free) struct wanted wanted = wanted_by(row);

	return expected(row, wanted.en, value, err);
}

/* The text of a scalar, owned; NULL when it is a list, a map or null. */
static char *scalar_text(struct val value)
{
	struct str text;

	switch (val_kind(value)) {
	case VAL_KIND_STRING:
		text = val_as_str(&value);
		return xstrndup(text.bytes, text.length);
	case VAL_KIND_BOOL:
	case VAL_KIND_INT:
	case VAL_KIND_DOUBLE:
		return json_text(value, JSON_COMPACT);
	default:
		return NULL;
	}
}

static bool to_double(struct val value, double *ret)
{
	double number;

	if (!val_as_double(value, &number) &&
		!(val_is_string(value) && str_to_double(str_trim(val_as_str(&value)), &number)))
		return false;
	if (!isfinite(number))
		return false;
	*ret = number;
	return true;
}

static bool to_int(struct val value, int64_t *ret)
{
	double number;

	if (val_as_int(value, ret))
		return true;
	if (!val_is_string(value))
		return false;
	if (str_to_int(str_trim(val_as_str(&value)), ret))
		return true;
	return to_double(value, &number) && val_as_int(val_double(number), ret);
}

static bool to_bool(struct val value, bool *ret)
{
	struct str text = str_trim(val_as_str(&value));

	if (val_as_bool(value, ret))
		return true;
	if (str_equal_nocase(text, STR("true")))
		*ret = true;
	else if (str_equal_nocase(text, STR("false")))
		*ret = false;
	else
		return false;
	return true;
}

static bool to_secs(struct val value, int64_t *ret_ms)
{
	double seconds;

	if (!to_double(value, &seconds) || fabs(seconds) > SECONDS_MAX)
		return false;
	*ret_ms = llround(seconds * 1000);
	return true;
}

static void str_list_free(struct str_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->items[i]);
	free(list->items);
	*list = (struct str_list){ 0 };
}

static int read_str_list(
	const struct field *row, struct val value, struct str_list *target, struct err *err)
{
	struct str_list list = { 0 };
	size_t count = val_is_list(value) ? val_count(value) : 1;

	list.items = xcalloc(count ? count : 1, sizeof(*list.items));
	for (size_t i = 0; i < count; i++) {
		struct val item = val_is_list(value) ? val_at(value, i) : value;

		list.items[i] = scalar_text(item);
		if (!list.items[i]) {
			str_list_free(&list);
			if (!val_is_list(value))
				return expected_by(row, value, err);
			expected(row, "a string", item, err);
			return err_wrap(err, "item %zu", i);
		}
		list.count++;
	}
	*target = list;
	return 0;
}

static int read_value(const struct field *row, struct val value, struct val *target, struct err *err)
{
	if (((row->flags & FIELD_MAP) && !val_is_map(value)) ||
		((row->flags & FIELD_LIST) && !val_is_list(value)))
		return expected_by(row, value, err);
	*target = val_ref(value);
	return 0;
}

static int read_enum(const struct field *row, struct val value, int *target, struct err *err)
{
	int choice = val_is_string(value) ? field_choice(row, str_trim(val_as_str(&value))) : -1;

	if (choice < 0)
		return expected_by(row, value, err);
	*target = choice;
	return 0;
}

/*
 * Reads VALUE, which is given, into the member at TARGET; GIVEN is what a member that remembers it shall say. Errors have
 * no path yet. Of an object only the kind is looked at.
 */
static int read_member(
	const struct field *row, struct val value, bool given, void *target, struct err *err)
{
	struct secs *secs = target;
	struct opt_int *opt_int = target;
	struct opt_bool *opt_bool = target;
	bool fits = false;

	switch (row->type) {
	case FIELD_STRING:
		fits = (*(char **)target = scalar_text(value)) != NULL;
		break;
	case FIELD_INT:
		fits = to_int(value, target);
		break;
	case FIELD_NUMBER:
		fits = to_double(value, target);
		break;
	case FIELD_BOOL:
		fits = to_bool(value, target);
		break;
	case FIELD_SECS:
		secs->given = given;
		fits = to_secs(value, &secs->ms);
		break;
	case FIELD_OPT_INT:
		opt_int->given = given;
		fits = to_int(value, &opt_int->value);
		break;
	case FIELD_OPT_BOOL:
		opt_bool->given = given;
		fits = to_bool(value, &opt_bool->value);
		break;
	case FIELD_OBJECT:
		fits = val_is_map(value);
		break;
	case FIELD_STR_LIST:
		return read_str_list(row, value, target, err);
	case FIELD_VALUE:
		return read_value(row, value, target, err);
	case FIELD_ENUM:
		return read_enum(row, value, target, err);
	}
	return fits ? 0 : expected_by(row, value, err);
}

static void free_member(const struct field *row, void *target)
{
	switch (row->type) {
	case FIELD_STRING:
		free(*(char **)target);
		*(char **)target = NULL;
		break;
	case FIELD_INT:
		*(int64_t *)target = 0;
		break;
	case FIELD_NUMBER:
		*(double *)target = 0;
		break;
	case FIELD_BOOL:
		*(bool *)target = false;
		break;
	case FIELD_SECS:
		*(struct secs *)target = (struct secs){ 0 };
		break;
	case FIELD_OPT_INT:
		*(struct opt_int *)target = (struct opt_int){ 0 };
		break;
	case FIELD_OPT_BOOL:
		*(struct opt_bool *)target = (struct opt_bool){ 0 };
		break;
	case FIELD_STR_LIST:
		str_list_free(target);
		break;
	case FIELD_VALUE:
		val_free(target);
		break;
	case FIELD_ENUM:
		*(int *)target = 0;
		break;
	case FIELD_OBJECT:
		fields_free(row->rows, target);
		break;
	}
}

void fields_free(const struct field *rows, void *target)
{
	for (; rows->name; rows++) {
		if (rows->offset != KNOWN_ONLY)
			free_member(rows, (char *)target + rows->offset);
	}
}

/* TEXT as a row's author wrote it: JSON, or else a bare string. Owned. */
static struct val authored_value(const char *text)
{
	_cleanup_err_ struct err err = ERR_INIT;
	struct val value;

	if (json_parse(str_of(text), NULL, NULL, &value, &err) < 0)
		return val_string(text);
	return value;
}

static struct val preset_value(const struct field *row)
{
	if (row->type == FIELD_STRING || row->type == FIELD_ENUM)
		return val_string(row->preset);
	return authored_value(row->preset);
}

/* Whether GIVEN is what a row writes as WANTED, with the leniency of reading. */
static bool means(const struct field *row, struct val given, struct val wanted)
{
	double number, other;
	bool flag, same;

	switch (val_kind(wanted)) {
	case VAL_KIND_BOOL:
		return val_as_bool(wanted, &flag) && to_bool(given, &same) && same == flag;
	case VAL_KIND_INT:
	case VAL_KIND_DOUBLE:
		return to_double(wanted, &number) && to_double(given, &other) && number == other;
	case VAL_KIND_STRING:
		if (row->type == FIELD_ENUM)
			return str_equal_nocase(str_trim(val_as_str(&given)), val_as_str(&wanted));
		return val_equal(given, wanted);
	default:
		return val_equal(given, wanted);
	}
}

static bool is_unsupported(const struct field *row, struct val value)
{
	_cleanup_(val_free) struct val refused = VAL_NULL;

	if (!row->unsupported || val_is_null(value) || is_empty_string(value))
		return false;
	if (!row->unsupported_if)
		return !((val_is_list(value) || val_is_map(value)) && val_count(value) == 0);
	refused = authored_value(row->unsupported_if);
	return means(row, value, refused);
}

/* PRESENT: the object itself is there, so that its required rows are. Errors have no path yet. */
static int read_row(
	const struct field *row, struct val value, bool present, void *target, struct err *err)
{
	_cleanup_(val_free) struct val preset = VAL_NULL;
	bool given = is_given(row, value);

	if (is_unsupported(row, value))
		return err_set(err, ERR_UNSUPPORTED, "%s", row->unsupported);
	if (!given && present && (row->flags & FIELD_REQUIRED))
		return err_set(err, ERR_INVALID, "is required");
	if (row->offset == KNOWN_ONLY)
		return 0;
	if (!given && row->preset)
		value = preset = preset_value(row);
	else if (!given && row->type != FIELD_OBJECT)
		return 0;
	if (is_given(row, value) &&
		read_member(row, value, given, (char *)target + row->offset, err) < 0)
		return -1;
	return 0;
}

static int read_rows(const struct field *rows, struct val object, bool present, void *target,
	const struct path *up, struct err *err)
{
	for (const struct field *row = rows; row->name; row++) {
		struct path path = { .up = up, .name = row->name };
		struct val value = val_get(object, row->name);

		if (read_row(row, value, present, target, err) < 0) {
			_cleanup_free_ char *text = path_text(&path);

			return err_wrap(err, "%s", text);
		}
		if (row->type == FIELD_OBJECT && row->offset != KNOWN_ONLY &&
			read_rows(row->rows, value, val_is_map(value), (char *)target + row->offset,
				&path, err) < 0)
			return -1;
	}
	return 0;
}

int fields_read(const struct field *rows, struct val object, void *target, struct err *err)
{
	struct path top = { .name = "" };

	if (!val_is_map(object) && !val_is_null(object))
		return err_set(err, ERR_INVALID, "expected a map, got a %s",
			val_kind_name(val_kind(object)));
	if (read_rows(rows, object, true, target, &top, err) < 0) {
		fields_free(rows, target);
		return -1;
	}
	return 0;
}

/* What one fields_check is about. */
struct check {
	finding_fn report;
	void *data;
};

static void report_at(const struct check *check, const struct path *path, struct finding *finding)
{
	_cleanup_free_ char *where = path_text(path);

	finding->path = where;
	finding->key = path->name;
	check->report(check->data, finding);
}

static bool holds_expression(struct val value)
{
	return val_is_string(value) && str_contains(val_as_str(&value), "${");
}

/* Tries to read VALUE into a member that is thrown away. */
static int try_member(const struct field *row, struct val value, struct err *err)
{
	union {
		char *text;
		int64_t integer;
		double number;
		bool flag;
		struct secs secs;
		struct opt_int opt_int;
		struct opt_bool opt_bool;
		struct str_list list;
		struct val value;
		int choice;
	} member;

	memset(&member, 0, sizeof(member));
	if (read_member(row, value, true, &member, err) < 0)
		return -1;
	if (row->type != FIELD_OBJECT)
		free_member(row, &member);
	return 0;
}

static void check_rows(const struct check *check, const struct field *rows, struct val object,
	const struct path *up);

/* A wrong type in the words of both languages. */
static void report_wrong_type(const struct check *check, const struct field *row, struct val value,
	const struct path *path, const struct err *err)
{
	_cleanup_(wanted_free) struct wanted wanted = wanted_by(row);
	const struct text2 *kind = kind_shown(row, value);
	_cleanup_free_ char *got = kind ? xstrdup(kind->zh) : scalar_shown(value);
	_cleanup_free_ char *zh = xasprintf("应为%s%s，实际为%s%s",
		wanted.zh[0] >= ' ' && wanted.zh[0] <= '~' ? " " : "", wanted.zh, kind ? "" : " ",
		got);
	struct finding finding = {
		.level = row->flags & FIELD_UI ? FINDING_WARNING : FINDING_ERROR,
		.code = "wrong-type",
		.text = { err_text(err), zh },
		.value = value,
		.row = row,
	};

	report_at(check, path, &finding);
}

static void report_unsupported(const struct check *check, const struct field *row, struct val value,
	const struct path *path)
{
	struct finding finding = {
		.code = "unsupported",
		.text = { row->unsupported, "尚不支持" },
		.value = value,
		.row = row,
	};

	report_at(check, path, &finding);
}

/* Rows below ROW: of its map, or of each of its items. */
static void check_below(const struct check *check, const struct field *row, struct val value,
	const struct path *path)
{
	if (val_is_map(value)) {
		check_rows(check, row->rows, value, path);
		return;
	}
	for (size_t i = 0; val_is_list(value) && i < val_count(value); i++) {
		_cleanup_free_ char *name = xasprintf("%s[%zu]", row->name, i);
		struct path item = { .up = path->up, .name = name };

		if (val_is_map(val_at(value, i)))
			check_rows(check, row->rows, val_at(value, i), &item);
	}
}

static void check_row(const struct check *check, const struct field *row, struct val value,
	const struct path *path)
{
	_cleanup_err_ struct err err = ERR_INIT;

	if (is_unsupported(row, value)) {
		report_unsupported(check, row, value, path);
		return;
	}
	if (!is_given(row, value)) {
		struct finding finding = {
			.code = "required",
			.text = { "is required", "必填" },
			.value = value,
			.row = row,
		};
		if (row->flags & FIELD_REQUIRED)
			report_at(check, path, &finding);
		return;
	}
	if (holds_expression(value))
		return;
	if (try_member(row, value, &err) < 0)
		report_wrong_type(check, row, value, path, &err);
	else if (row->rows)
		check_below(check, row, value, path);
}

/* The row whose name KEY probably means, or NULL: near, and not in OBJECT itself. */
static const struct field *row_near(const struct field *rows, struct val object, struct str key)
{
	unsigned best_distance = key.length < 5 ? 2 : 3;
	const struct field *best = NULL;

	for (const struct field *row = rows; row->name; row++) {
		if (!val_has(object, row->name) && str_nearer(key, str_of(row->name), &best_distance))
			best = row;
	}
	return best;
}

static void check_rows(const struct check *check, const struct field *rows, struct val object,
	const struct path *up)
{
	for (const struct field *row = rows; row->name; row++) {
		struct path path = { .up = up, .name = row->name };

		check_row(check, row, val_get(object, row->name), &path);
	}
	for (size_t i = 0; i < val_count(object); i++) {
		struct str key = val_key_at(object, i);
		struct path path = { .up = up, .name = key.bytes };
		const struct field *near;

		if (field_find(rows, key) || !(near = row_near(rows, object, key)))
			continue;
		_cleanup_free_ char *text = xasprintf(
			"unknown key; did you mean \"%s\"?", near->name);
		_cleanup_free_ char *zh = xasprintf("未知字段，是否应为 \"%s\"？", near->name);
		struct finding finding = {
			.level = FINDING_WARNING,
			.code = "unknown-key",
			.text = { text, zh },
			.value = val_value_at(object, i),
			.row = near,
		};
		report_at(check, &path, &finding);
	}
}

void fields_check(const struct field *rows, struct val object, const char *path, finding_fn report,
	void *data)
{
	struct check check = { .report = report, .data = data };
	struct path top = { .name = path ? path : "" };

	if (val_is_map(object) || val_is_null(object))
		check_rows(&check, rows, object, &top);
	else
		report_at(&check, &top,
			&(struct finding){ .code = "wrong-type",
				.text = { "expected a map", "应为对象" },
				.value = object });
}

int fields_refuse(const struct field *rows, struct val object, const char *path, struct err *err)
{
	for (const struct field *row = rows; row && row->name; row++) {
		if (!row->unsupported)
			continue;
		struct val value = val_get(object, row->name);
		if (val_is_string(value) && str_contains(val_as_str(&value), "${"))
			continue;
		if (is_unsupported(row, value))
			return err_set(err, ERR_UNSUPPORTED, "%s%s%s: %s", path, *path ? "." : "",
				row->name, row->unsupported);
	}
	return 0;
}

/* What ROW wants of a value that nobody converts, when VALUE is something else; NULL when it fits. */
static const char *misfit(const struct field *row, struct val value)
{
	double number;
	bool flag;

	switch (row->type) {
	case FIELD_BOOL:
		return val_as_bool(value, &flag) ? NULL : "true or false";
	case FIELD_INT:
	case FIELD_NUMBER:
		return val_as_double(value, &number) ? NULL : "a number";
	case FIELD_STRING:
		return val_is_string(value) ? NULL : "a string";
	case FIELD_VALUE:
		if (row->flags & FIELD_LIST)
			return val_is_list(value) ? NULL : "a list";
		return !(row->flags & FIELD_MAP) || val_is_map(value) ? NULL : "a map";
	default:
		return NULL;
	}
}

int field_misfit(const char *what, struct val value, struct err *err)
{
	const struct field plain = { 0 };

	return expected(&plain, what, value, err);
}

static int strict_row(const struct field *row, struct val value, const char *path, struct err *err)
{
	const char *wanted = misfit(row, value);

	if (wanted) {
		expected(row, wanted, value, err);
		return err_wrap(err, "%s%s", path, row->name);
	}
	for (size_t i = 0; row->rows && val_is_list(value) && i < val_count(value); i++) {
		if (val_is_map(val_at(value, i)))
			continue;
		expected(row, "a map", val_at(value, i), err);
		return err_wrap(err, "%s%s[%zu]", path, row->name, i);
	}
	return 0;
}

int fields_strict(const struct field *rows, struct val object, const char *path, struct err *err)
{
	for (const struct field *row = rows; row && row->name; row++) {
		struct val value = val_get(object, row->name);

		if (row->offset != (size_t)-1 || (row->flags & FIELD_UI) || val_is_null(value) ||
			holds_expression(value))
			continue;
		if (strict_row(row, value, path, err) < 0)
			return -1;
	}
	return 0;
}
