/*
 * What the tables of fields cannot say about a stage: a guard that is lost, a time window that never opens, a word that is none of
 * those that mean something, a manifest that no API server takes.
 */
#include <string.h>

#include "base/alloc.h"
#include "lint/internal.h"

static bool is_text(struct val value, const char *part)
{
	return val_is_string(value) && str_contains(val_as_str(&value), part);
}

static bool is_on(struct val map, const char *key)
{
	struct val value = val_get(map, key);
	return val_get_bool(map, key, false) ||
		(val_is_string(value) && str_equal_nocase(val_as_str(&value), STR("true")));
}

static struct place below(const struct place *up, const char *key)
{
	return (struct place){ .up = up, .key = str_of(key), .index = -1 };
}

static struct place item_of(const struct place *up, size_t index)
{
	return (struct place){ .up = up, .index = (ptrdiff_t)index };
}

/* Both texts are borrowed. */
static void tell(struct lint *lint, enum lint_rule rule, enum finding_level level,
	const struct place *place, const char *en, const char *zh)
{
	lint_tell(lint,
		(struct found){ .rule = rule, .place = place, .level = &level, .args = { en, zh } });
}

/* ---- guards -------------------------------------------------------------------------------------------------------------------- */

/* `"stageEnabled": "${ … }"`, which people write by analogy. */
static void tell_bare_guard(struct lint *lint, struct val value, const struct place *place)
{
	_cleanup_free_ char *pointer = place_pointer(place);
	struct val guard = val_map();
	val_set(&guard, "type", val_string("expression"));
	val_set(&guard, "expression", val_ref(value));
	lint_tell(lint,
		(struct found){
			.rule = RULE_GUARD,
			.place = place,
			.args = { "a condition stands in {\"type\": \"expression\", \"expression\": …}; as a text it is left "
				  "aside, and the stage always runs",
				"条件应写为 {\"type\": \"expression\", \"expression\": …}；写成文本时不起作用，阶段总会执行" },
			.fix = fix_replace(pointer, guard),
		});
}

static bool has_told_below(const struct lint *lint, const char *path)
{
	for (size_t i = 0; i < lint->told.count; i++) {
		const char *told = val_get_text(lint->told.items[i].finding, "path", "");
		if (str_starts(str_of(told), path) && told[strlen(path)] == '.')
			return true;
	}
	return false;
}

void check_guard(struct lint *lint, struct val stage, const struct place *item)
{
	struct val guard = val_get(stage, "stageEnabled"), expression = val_get(guard, "expression");
	struct place place = below(item, "stageEnabled"), inner = below(&place, "expression");
	_cleanup_free_ char *path = place_path(&place);
	bool literal;
	if (is_text(guard, "${")) {
		tell_bare_guard(lint, guard, &place);
		return;
	}
	if (val_count(guard) == 0 || has_told_below(lint, path) || val_as_bool(expression, &literal))
		return;
	if (!val_is_null(expression) && !val_is_string(expression))
		tell(lint, RULE_GUARD, FINDING_ERROR, &inner,
			"an expression is a text; anything else is left aside, and the stage always runs",
			"表达式必须是文本，否则不起作用，阶段总会执行");
	else if (str_trim(val_as_str(&expression)).length == 0)
		tell(lint, RULE_GUARD, FINDING_WARNING, &inner,
			"the condition has no expression, so the stage always runs",
			"条件中没有表达式，阶段总会执行");
}

/* ---- time windows -------------------------------------------------------------------------------------------------------------- */

/* KEY of ROW as a number from 0 to MOST; false when it is none, which is told. What is missing is 0. */
static bool read_number(struct lint *lint, struct val row, const char *key, int64_t least,
	int64_t most, const struct place *up, int64_t *ret)
{
	struct val value = val_get(row, key);
	struct place place = below(up, key);
	*ret = 0;
	if (val_is_null(value))
		return true;
	if (!val_as_int(value, ret) && !str_to_int(str_trim(val_as_str(&value)), ret))
		return false; /* the field's type is told elsewhere, and an expression may be anything */
	if (*ret >= least && *ret <= most)
		return true;
	_cleanup_free_ char *en = xasprintf("expected a number from %lld to %lld, got %lld",
		(long long)least, (long long)most, (long long)*ret);
	_cleanup_free_ char *zh = xasprintf("应为 %lld 到 %lld 之间的数字，实际为 %lld",
		(long long)least, (long long)most, (long long)*ret);
	tell(lint, RULE_WINDOW, FINDING_ERROR, &place, en, zh);
	return false;
}

static void check_span(struct lint *lint, struct val row, const struct place *place)
{
	static const char *const hours[] = { "startHour", "endHour" };
	int64_t start_hour, start_min, end_hour, end_min;
	bool whole = read_number(lint, row, "startHour", 0, 23, place, &start_hour);
	whole &= read_number(lint, row, "startMin", 0, 59, place, &start_min);
	whole &= read_number(lint, row, "endHour", 0, 24, place, &end_hour);
	whole &= read_number(lint, row, "endMin", 0, 59, place, &end_min);
	_cleanup_free_ char *path = place_path(place);
	for (size_t i = 0; i < 2; i++) {
		struct place hour = below(place, hours[i]);
		if (val_is_null(val_get(row, hours[i])) && !has_told_below(lint, path))
			tell(lint, RULE_WINDOW, FINDING_WARNING, &hour,
				"it is not given, and counts as 0", "未填写，按 0 处理");
	}
	if (whole && start_hour == end_hour && start_min > end_min)
		tell(lint, RULE_WINDOW, FINDING_ERROR, place,
			"it ends before it begins, so it never opens; one that goes over midnight ends in an earlier hour",
			"结束早于开始，窗口永远不会打开；跨午夜的窗口应在更早的小时结束");
}

static void check_days(struct lint *lint, struct val days, const struct place *place)
{
	for (size_t i = 0; val_is_list(days) && i < val_count(days); i++) {
		struct place item = item_of(place, i);
		struct val day = val_at(days, i);
		int64_t number;
		if (is_text(day, "${"))
			continue;
		if (!val_as_int(day, &number) && !str_to_int(str_trim(val_as_str(&day)), &number))
			number = 0;
		if (number < 1 || number > 7)
			tell(lint, RULE_WINDOW, FINDING_ERROR, &item,
				"a day is a number from 1 (Sunday) to 7 (Saturday)",
				"日期应为 1（周日）到 7（周六）之间的数字");
	}
}

static void check_jitter(struct lint *lint, struct val jitter, const struct place *place)
{
	int64_t least, most;
	struct place max = below(place, "maxDelay");
	if (!is_on(jitter, "enabled"))
		return;
	bool whole = read_number(lint, jitter, "minDelay", 0, INT32_MAX, place, &least);
	whole &= read_number(lint, jitter, "maxDelay", 0, INT32_MAX, place, &most);
	if (whole && most < least)
		tell(lint, RULE_WINDOW, FINDING_ERROR, &max,
			"it is less than minDelay, so that the wait is no random one",
			"小于 minDelay，等待时间不再是随机的");
}

/* Only while the window counts: it stays in the stage when it is switched off. */
static void check_window(struct lint *lint, struct val stage, const struct place *item)
{
	struct val window = val_get(stage, "restrictedExecutionWindow");
	struct val spans = val_get(window, "whitelist"), days = val_get(window, "days");
	struct place place = below(item, "restrictedExecutionWindow");
	struct place list = below(&place, "whitelist"), day_list = below(&place, "days"),
		     jitter = below(&place, "jitter");
	if (!is_on(stage, "restrictExecutionDuringTimeWindow") || is_text(window, "${"))
		return;
	for (size_t i = 0; val_is_list(spans) && i < val_count(spans); i++) {
		struct place span = item_of(&list, i);
		if (val_is_map(val_at(spans, i)))
			check_span(lint, val_at(spans, i), &span);
	}
	check_days(lint, days, &day_list);
	check_jitter(lint, val_get(window, "jitter"), &jitter);
	_cleanup_free_ char *path = place_path(&place);
	if (val_count(spans) == 0 && val_count(days) == 0 && !is_text(spans, "${") &&
		!is_text(days, "${") && !has_told_below(lint, path))
		tell(lint, RULE_WINDOW, FINDING_ERROR, &place,
			"the window has neither hours (whitelist) nor days, so the stage would fail",
			"时间窗口既没有时段（whitelist）也没有日期（days），阶段会失败");
}

/* ---- words --------------------------------------------------------------------------------------------------------------------- */

/* Whether ROW counts in OBJECT, as far as its condition is "key == value" or "key != value"; anything else counts. */
static bool counts(const struct field *rows, const struct field *row, struct val object)
{
	struct str condition = str_of(row->when ? row->when : "");
	ptrdiff_t at = str_find(condition, " == ", 0);
	bool wanted = at >= 0;
	if (!wanted)
		at = str_find(condition, " != ", 0);
	if (at < 0)
		return true;
	struct str key = str_slice(condition, 0, (size_t)at);
	struct str text = str_slice(condition, (size_t)at + 4, condition.length);
	const struct field *other = field_find(rows, key);
	struct val value = val_get_str(object, key);
	bool flag;
	if (is_text(value, "${"))
		return true;
	if (val_as_bool(value, &flag))
		return str_is(text, flag ? "true" : "false") == wanted;
	if (val_is_string(value))
		return str_equal_nocase(val_as_str(&value), text) == wanted;
	return str_is(text, other && other->preset ? other->preset : "") == wanted;
}

/* The choice that TEXT, which is none, probably means; NULL. */
static const char *choice_near(const struct field *row, struct str text)
{
	unsigned best = text.length < 5 ? 2 : 3;
	const char *near = NULL;
	for (size_t i = 0; row->choices[i]; i++)
		if (str_nearer(text, str_of(row->choices[i]), &best))
			near = row->choices[i];
	return near;
}

static char *choices_of(const struct field *row, const char *between)
{
	struct strbuf names = STRBUF_INIT(1024);
	for (size_t i = 0; row->choices[i]; i++)
		strbuf_printf(&names, "%s%s", i ? between : "", row->choices[i]);
	return strbuf_detach(&names);
}

static void check_choice(
	struct lint *lint, const struct field *row, struct val value, const struct place *place)
{
	struct str text = str_trim(val_as_str(&value));
	_cleanup_free_ char *path = place_path(place);
	if (text.length == 0 || is_text(value, "${") || field_choice(row, text) >= 0 ||
		lint_has_told(lint, path))
		return;
	const char *near = choice_near(row, text);
	_cleanup_free_ char *en_list = choices_of(row, ", ");
	_cleanup_free_ char *zh_list = choices_of(row, "、");
	_cleanup_free_ char *en_hint = hint_en(near);
	_cleanup_free_ char *zh_hint = hint_zh(near);
	_cleanup_free_ char *en = xasprintf(
		"\"%.*s\" is none of %s%s", STR_ARG(text), en_list, en_hint);
	_cleanup_free_ char *zh = xasprintf(
		"\"%.*s\" 不是 %s 之一%s", STR_ARG(text), zh_list, zh_hint);
	_cleanup_free_ char *pointer = near ? place_pointer(place) : NULL;
	lint_tell(lint,
		(struct found){ .rule = RULE_NO_CHOICE,
			.place = place,
			.args = { en, zh },
			.fix = pointer ? fix_replace(pointer, val_string(near)) : VAL_NULL });
}

/* Texts of which a few mean something; those of a table of choices are told with the types. */
static void check_choices(
	struct lint *lint, const struct field *rows, struct val object, const struct place *place)
{
	for (const struct field *row = rows; row && row->name; row++) {
		struct val value = val_get(object, row->name);
		struct place inner = below(place, row->name);
		bool authored = !(row->flags & (FIELD_SET_AT_RUN | FIELD_UI));
		if (row->type == FIELD_STRING && row->choices && authored && val_is_string(value) &&
			counts(rows, row, object))
			check_choice(lint, row, value, &inner);
	}
}

/* ---- manifests ----------------------------------------------------------------------------------------------------------------- */

static bool has_text(struct val map, const char *key)
{
	struct val value = val_get(map, key);
	return !val_is_null(value) && !(val_is_string(value) && val_as_str(&value).length == 0);
}

/* A renderer's work is not done yet: the keys themselves hold expressions. */
static bool is_rendered_later(struct val manifest)
{
	for (size_t i = 0; i < val_count(manifest); i++)
		if (str_contains(val_key_at(manifest, i), "${"))
			return true;
	return false;
}

static void check_manifest(struct lint *lint, struct val manifest, const struct place *place)
{
	static const char *const keys[] = { "apiVersion", "kind" };
	struct val metadata = val_get(manifest, "metadata"), kind = val_get(manifest, "kind");
	struct place meta = below(place, "metadata"), name = below(&meta, "name");
	if (!val_is_map(manifest) || val_count(manifest) == 0 || is_rendered_later(manifest))
		return;
	for (size_t i = 0; i < 2; i++) {
		struct place key = below(place, keys[i]);
		if (!has_text(manifest, keys[i]))
			tell(lint, RULE_MANIFEST, FINDING_ERROR, &key,
				"it is missing; no API server takes a manifest without it",
				"缺少该字段，API server 不接受这样的 manifest");
	}
	bool is_list = str_ends(val_as_str(&kind), "List") && val_is_list(val_get(manifest, "items"));
	if (!is_list && !is_text(metadata, "${") && !has_text(metadata, "name") &&
		!has_text(metadata, "generateName") && !is_rendered_later(metadata))
		tell(lint, RULE_MANIFEST, FINDING_ERROR, &name,
			"it is missing; an object needs a name (or metadata.generateName)",
			"缺少该字段，对象必须有名称（或 metadata.generateName）");
}

/* Those that are written in the stage, unless they are left over from another source. */
static void check_manifests(struct lint *lint, struct val stage, const struct stage_type *type,
	const struct place *item)
{
	struct val many = val_get(stage, "manifests"), one = val_get(stage, "manifest");
	struct place list = below(item, "manifests"), single = below(item, "manifest");
	if (!type || !type->category || strcmp(type->category, "kubernetes") != 0 ||
		strcmp(val_get_text(stage, "source", "text"), "artifact") == 0)
		return;
	bool takes_many = field_find(type->fields, STR("manifests")) != NULL;
	for (size_t i = 0; takes_many && val_is_list(many) && i < val_count(many); i++) {
		struct place place = item_of(&list, i);
		check_manifest(lint, val_at(many, i), &place);
	}
	if (field_find(type->fields, STR("manifest")))
		check_manifest(lint, one, &single);
}

/* ---- entries of lists ---------------------------------------------------------------------------------------------------------- */

/* The status codes of a list or of a text with commas are asked for one by one; what is none matches nothing. */
static void check_codes(struct lint *lint, struct val stage, const char *key, const struct place *item)
{
	struct val codes = val_get(stage, key);
	struct place list = below(item, key);
	for (size_t i = 0; val_is_list(codes) && i < val_count(codes); i++) {
		struct place place = item_of(&list, i);
		struct val code = val_at(codes, i);
		int64_t number = 0;
		if (is_text(code, "${"))
			continue;
		if (!val_as_int(code, &number))
			str_to_int(str_trim(val_as_str(&code)), &number);
		if (number < 100 || number > 599)
			tell(lint, RULE_WRONG_TYPE, FINDING_WARNING, &place,
				"a status code is a number from 100 to 599, such as 404; this matches no answer",
				"状态码应为 100 到 599 之间的数字，例如 404；该值不会匹配任何响应");
	}
}

static void check_variables(struct lint *lint, struct val stage, const struct place *item)
{
	struct val variables = val_get(stage, "variables");
	struct place list = below(item, "variables");
	for (size_t i = 0; val_is_list(variables) && i < val_count(variables); i++) {
		struct place place = item_of(&list, i), name = below(&place, "key");
		struct val variable = val_at(variables, i), key = val_get(variable, "key");
		if (is_text(variable, "${"))
			continue;
		if (!val_is_map(variable))
			tell(lint, RULE_WRONG_TYPE, FINDING_WARNING, &place,
				"a variable is written {\"key\": \"name\", \"value\": …}; this one is left out",
				"变量应写为 {\"key\": \"名称\", \"value\": …}，该项不起作用");
		else if (val_has(variable, "key") && !val_is_string(key))
			tell(lint, RULE_WRONG_TYPE, FINDING_WARNING, &name,
				"the name of a variable is a text; put it in quotes",
				"变量名必须是文本，请加引号");
	}
}

static void check_wait(struct lint *lint, struct val stage, const struct place *item)
{
	struct val time = val_get(stage, "waitTime");
	struct place place = below(item, "waitTime");
	double number;
	bool known = val_as_double(time, &number) ||
		(val_is_string(time) && str_to_double(str_trim(val_as_str(&time)), &number));
	if (known && number < 0)
		tell(lint, RULE_WRONG_TYPE, FINDING_WARNING, &place,
			"the wait is shorter than nothing and ends at once; seconds count from 0 on",
			"等待时间小于 0，会立即结束；应为不小于 0 的秒数");
}

static void check_entries(struct lint *lint, struct val stage, const struct stage_type *type,
	const struct place *item)
{
	if (strcmp(type->name, "webhook") == 0) {
		check_codes(lint, stage, "failFastStatusCodes", item);
		check_codes(lint, stage, "webhookRetryStatusCodes", item);
	} else if (strcmp(type->name, "evaluateVariables") == 0) {
		check_variables(lint, stage, item);
	} else if (strcmp(type->name, "wait") == 0) {
		check_wait(lint, stage, item);
	}
}

void check_stage_rules(struct lint *lint, struct val stage, const struct stage_type *type,
	const struct place *item)
{
	check_window(lint, stage, item);
	if (type && type->fields)
		check_choices(lint, type->fields, stage, item);
	check_manifests(lint, stage, type, item);
	if (type)
		check_entries(lint, stage, type, item);
}
