/* Finds the row for a call, as Spring's method resolver and argument conversion do. Rules: reference of expressions, 2.6, 5. */
#include "expr/java.h"

#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "expr/functions.h"
#include "expr/java_time.h"
#include "expr/node.h"
#include "expr/status.h"
#include "expr/text.h"

#define MESSAGE_FORMS_BYTES 400

const struct java_class *const *java_classes(void)
{
	static const struct java_class *const classes[] = {
		&java_string,
		&java_integer,
		&java_long,
		&java_double,
		&java_byte,
		&java_boolean,
		&java_math,
		&java_date,
		&java_random,
		&java_uuid,
		&java_date_format,
		&java_local_date,
		&java_local_date_time,
		&java_instant,
		&java_day_of_week,
		&java_chrono_unit,
		&java_temporal_adjusters,
		&java_url_encoder,
		&java_character,
		&java_float,
		&java_list,
		&java_set,
		&java_collection,
		&java_map,
		&java_status,
		NULL,
	};
	return classes;
}

const struct java_class *java_class_find(struct str name)
{
	const struct java_class *const *classes = java_classes();
	for (size_t i = 0; classes[i]; i++) {
		struct str full = str_of(classes[i]->name);
		if (str_equal(full, name))
			return classes[i];
		if (str_starts(full, "java.lang.") &&
			str_equal(str_slice(full, 10, full.length), name))
			return classes[i];
	}
	return NULL;
}

/* The name without its packages. */
static struct str short_name(struct str name)
{
	size_t at = name.length;
	while (at > 0 && name.bytes[at - 1] != '.')
		at--;
	return str_slice(name, at, name.length);
}

/* By its whole name or by the last part of it. */
const char *java_class_nearest(struct str name)
{
	unsigned best = 3;
	const char *near = NULL;
	for (const struct java_class *const *class = java_classes(); *class; class ++) {
		struct str full = str_of((*class)->name);
		if (!(*class)->nameable)
			continue;
		if (str_nearer(name, full, &best))
			near = (*class)->name;
		if (str_nearer(short_name(name), short_name(full), &best))
			near = (*class)->name;
	}
	return near;
}

const char *java_class_hint(struct eval *ev, struct str name)
{
	const char *near = java_class_nearest(name);
	return near ? arena_printf(&ev->arena, "; did you mean %s?", near) : "";
}

const struct java_class *java_class_of(struct value value)
{
	switch ((enum value_kind)value.kind) {
	case V_BOOL:
		return &java_boolean;
	case V_INT:
		return &java_integer;
	case V_LONG:
		return &java_long;
	case V_FLOAT:
		return &java_float;
	case V_DOUBLE:
		return &java_double;
	case V_CHAR:
		return &java_character;
	case V_STRING:
		return &java_string;
	case V_LIST:
		return &java_list;
	case V_SET:
		return &java_set;
	case V_COLLECTION:
		return &java_collection;
	case V_MAP:
		return &java_map;
	case V_STATUS:
		return &java_status;
	case V_OBJECT:
		return value.object->class;
	default:
		return NULL;
	}
}

bool java_is_instance(struct value value, const struct java_class *class)
{
	return value.kind != V_NULL && java_class_of(value) == class;
}

/* How well an argument fits: Spring tries exact, then close, then converting. */
enum fit { FIT_NONE, FIT_CONVERT, FIT_CLOSE, FIT_EXACT };

static const struct java_class *class_of_code(char code)
{
	switch (code) {
	case 'D':
		return &java_date;
	case 'L':
		return &java_local_date;
	case 'T':
		return &java_local_date_time;
	case 'I':
		return &java_instant;
	case 'W':
		return &java_day_of_week;
	case 'K':
		return &java_chrono_unit;
	case 'U':
		return &java_uuid;
	default:
		return NULL;
	}
}

char java_class_code(const struct java_class *class)
{
	static const char codes[] = "DLTIWKU";
	if (class == &java_string)
		return 's';
	if (class == &java_integer)
		return 'i';
	if (class == &java_long)
		return 'j';
	if (class == &java_double)
		return 'd';
	if (class == &java_boolean)
		return 'z';
	for (size_t i = 0; codes[i]; i++)
		if (class_of_code(codes[i]) == class)
			return codes[i];
	return 'o';
}

static bool is_scalar(struct value value)
{
	return value.kind >= V_BOOL && value.kind <= V_STRING;
}

static enum fit fit_number(struct value value, enum value_kind kind)
{
	if (value.kind == (uint8_t)kind)
		return FIT_CLOSE;
	bool convertible = value_is_number(value) || value.kind == V_STRING ||
		value.kind == V_CHAR || value_is_seq(value);
	return convertible ? FIT_CONVERT : FIT_NONE;
}

static enum fit fit_text(struct value value)
{
	if (value.kind == V_STRING)
		return FIT_EXACT;
	bool printable = is_scalar(value) || value_is_seq(value) || value.kind == V_STATUS ||
		(value.kind == V_OBJECT && java_object_converts(value.object));
	return printable ? FIT_CONVERT : FIT_NONE;
}

static enum fit fit_of(char code, struct value value)
{
	if (value.kind == V_NULL)
		return strchr("ijfdzc", code) ? FIT_NONE : FIT_EXACT;
	switch (code) {
	case 's':
	case 'r':
		return fit_text(value);
	case 'q':
		return value.kind == V_STRING ? FIT_CLOSE : FIT_NONE;
	case 'o':
		return FIT_CLOSE;
	case 'b':
		return value.kind == V_ARRAY &&
				(value.element == V_CHAR || value.element == ELEMENT_BYTE) ?
			FIT_EXACT :
			FIT_NONE;
	case 'C':
		if (value.kind == V_LIST || value.kind == V_SET || value.kind == V_COLLECTION)
			return FIT_CLOSE;
		return is_scalar(value) || value.kind == V_ARRAY ? FIT_CONVERT : FIT_NONE;
	case 'M':
		return value.kind == V_MAP ? FIT_CLOSE : FIT_NONE;
	case 'i':
		return fit_number(value, V_INT);
	case 'j':
		return fit_number(value, V_LONG);
	case 'f':
		return fit_number(value, V_FLOAT);
	case 'd':
		return fit_number(value, V_DOUBLE);
	case 'z':
		if (value.kind == V_BOOL)
			return FIT_CLOSE;
		return value.kind == V_STRING || value_is_seq(value) ? FIT_CONVERT : FIT_NONE;
	case 'c':
		if (value.kind == V_CHAR)
			return FIT_CLOSE;
		if (value.kind == V_STRING && text_units(value_str(value)) != 1)
			return FIT_NONE;
		return value.kind == V_STRING || value_is_number(value) ? FIT_CONVERT : FIT_NONE;
	default:
		break;
	}
	if (value.kind == V_OBJECT && value.object->class == class_of_code(code))
		return FIT_EXACT;
	return FIT_NONE;
}

int java_convert(struct eval *ev, char code, struct value value, struct value *ret)
{
	bool boolean;
	*ret = value;
	if (value.kind == V_NULL)
		return 0;
	switch (code) {
	case 's':
	case 'r':
		return value_to_text_strict(ev, value, ret);
	case 'i':
		return value_to_number(ev, value, V_INT, ret);
	case 'j':
		return value_to_number(ev, value, V_LONG, ret);
	case 'f':
		return value_to_number(ev, value, V_FLOAT, ret);
	case 'd':
		return value_to_number(ev, value, V_DOUBLE, ret);
	case 'z':
		if (value_to_bool(ev, value, &boolean) < 0)
			return -1;
		*ret = value_bool(boolean);
		return 0;
	case 'c':
		if (value.kind == V_STRING)
			*ret = value_char(text_unit_at(value_str(value), 0));
		else if (value_is_number(value))
			*ret = value_char((uint16_t)(uint64_t)java_long_of(value));
		return 0;
	case 'C':
		if (!value_is_seq(value)) {
			struct seq *seq = seq_new(ev, 1);
			seq_push(ev, seq, value);
			*ret = value_of_seq(V_LIST, seq);
		}
		return 0;
	default:
		return 0;
	}
}

static size_t fixed_count(const char *codes)
{
	size_t length = strlen(codes);
	return length && codes[length - 1] == '*' ? length - 2 : length;
}

static bool is_variable(const char *codes)
{
	return strchr(codes, '*') != NULL;
}

static char code_at(const char *codes, size_t index)
{
	size_t fixed = fixed_count(codes);
	return codes[index < fixed ? index : fixed];
}

static enum fit fit_row(const struct java_method *row, const struct value *args, size_t count,
	unsigned *ret_distance)
{
	size_t fixed = fixed_count(row->args);
	if (count < fixed || (count > fixed && !is_variable(row->args)))
		return FIT_NONE;
	enum fit worst = FIT_EXACT;
	*ret_distance = is_variable(row->args);
	for (size_t i = 0; i < count; i++) {
		char code = code_at(row->args, i);
		enum fit fit = fit_of(code, args[i]);
		*ret_distance += code == 'o' ? 4 : code == 'q' ? 1 : 0;
		if (fit < worst)
			worst = fit;
	}
	return worst;
}

/* The arguments as ROW wants them; variable ones become an array. */
static int convert_row(struct eval *ev, const struct java_method *row, const struct value *args,
	size_t count, struct call *ret)
{
	size_t fixed = fixed_count(row->args);
	bool variable = is_variable(row->args);
	struct value *converted = arena_alloc(&ev->arena, (fixed + 1) * sizeof(*converted));
	for (size_t i = 0; i < fixed; i++)
		if (java_convert(ev, row->args[i], args[i], &converted[i]) < 0)
			return -1;
	ret->args = converted;
	ret->count = fixed + variable;
	if (!variable)
		return 0;
	/* A list or array alone stands for what is in it. */
	bool spread = count == fixed + 1 && value_is_seq(args[fixed]);
	size_t more = spread ? seq_count(ev, args[fixed]) : count - fixed;
	struct seq *seq = seq_new(ev, more);
	for (size_t i = 0; i < more; i++) {
		struct value item = spread ? seq_at(ev, args[fixed], i) : args[fixed + i];
		if (java_convert(ev, row->args[fixed], item, &item) < 0)
			return -1;
		seq_push(ev, seq, item);
	}
	converted[fixed] = value_of_seq(V_ARRAY, seq);
	return 0;
}

/* As java_choose; the rows end with LAST, when it is not NULL, or with one without name. */
static int choose(struct eval *ev, const struct java_method *rows, const struct java_method *last,
	struct str name, const struct value *args, size_t count, const struct java_method **ret,
	struct call *ret_call)
{
	const struct java_method *best = NULL;
	enum fit best_fit = FIT_NONE;
	unsigned best_distance = 0;
	bool ambiguous = false;
	bool constructor = ret_call->self.kind == V_NULL; /* of these the last one wins */
	for (const struct java_method *row = rows; row && row->name; row++) {
		unsigned distance;
		if (last && row > last)
			break;
		if (row->name[0] != name.bytes[0] || !str_is(name, row->name))
			continue;
		enum fit fit = fit_row(row, args, count, &distance);
		if (fit == FIT_NONE || fit < best_fit)
			continue;
		if (fit == best_fit && fit == FIT_CONVERT)
			ambiguous = !constructor;
		if (fit == best_fit && fit == FIT_CLOSE && distance >= best_distance)
			continue;
		if (fit > best_fit)
			ambiguous = false;
		best = row;
		best_fit = fit;
		best_distance = distance;
	}
	*ret = best;
	if (!best)
		return 0;
	if (ambiguous)
		return fail(ev, FAIL_EVAL,
			"EL1033E: Method call of '%.*s' is ambiguous, supported type conversions allow multiple variants to match",
			STR_ARG(name));
	return convert_row(ev, best, args, count, ret_call);
}

int java_choose(struct eval *ev, const struct java_method *rows, struct str name,
	const struct value *args, size_t count, const struct java_method **ret, struct call *ret_call)
{
	return choose(ev, rows, NULL, name, args, count, ret, ret_call);
}

/* CODE of an argument as a word. */
static const char *word_of(char code)
{
	static const struct {
		char code;
		const char *word;
	} words[] = { { 's', "String" }, { 'q', "CharSequence" }, { 'o', "Object" },
		{ 'C', "Collection" }, { 'M', "Map" }, { 'i', "int" }, { 'j', "long" },
		{ 'f', "float" }, { 'd', "double" }, { 'z', "boolean" }, { 'c', "char" },
		{ 'b', "byte[] or char[]" }, { 'r', "regex" }, { 'D', "Date" },
		{ 'L', "LocalDate" }, { 'T', "LocalDateTime" }, { 'I', "Instant" },
		{ 'W', "DayOfWeek" }, { 'K', "ChronoUnit" }, { 'U', "UUID" } };
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (words[i].code == code)
			return words[i].word;
	return "?";
}

void java_add_signature(struct strbuf *buf, const char *name, const char *args)
{
	strbuf_printf(buf, "%s(", name);
	for (size_t i = 0; args[i]; i++) {
		if (args[i] == '*')
			strbuf_add_text(buf, " …");
		else
			strbuf_printf(buf, "%s%s", i ? ", " : "", word_of(args[i]));
	}
	strbuf_add_char(buf, ')');
}

/* BEFORE and how those of ROWS that are called NAME are written: "substring(int), substring(int, int)". */
static const char *forms(
	struct eval *ev, const char *before, const struct java_method *rows, const char *name)
{
	_cleanup_strbuf_ struct strbuf buf = STRBUF_INIT(MESSAGE_FORMS_BYTES);
	strbuf_add_text(&buf, before);
	for (const struct java_method *row = rows; row && row->name; row++) {
		if (strcmp(row->name, name) != 0)
			continue;
		strbuf_add_text(&buf, buf.length > strlen(before) ? ", " : "");
		java_add_signature(&buf, row->name, row->args);
	}
	return arena_copy(&ev->arena, strbuf_str(&buf));
}

/* "foo(java.lang.String,null)" */
static const char *signature(struct eval *ev, struct str name, const struct value *args, size_t count)
{
	_cleanup_strbuf_ struct strbuf buf = STRBUF_INIT(400);
	strbuf_add_str(&buf, name);
	strbuf_add_char(&buf, '(');
	for (size_t i = 0; i < count; i++) {
		if (i)
			strbuf_add_char(&buf, ',');
		strbuf_add_text(&buf, value_type_name(args[i]));
	}
	strbuf_add_char(&buf, ')');
	return arena_copy(&ev->arena, strbuf_str(&buf));
}

/* The name in ROWS that is nearest to NAME, or NULL. */
static const char *nearest(const struct java_method *rows, struct str name, unsigned *best)
{
	const char *near = NULL;
	for (const struct java_method *row = rows; row && row->name; row++)
		if (str_nearer(name, str_of(row->name), best))
			near = row->name;
	return near;
}

static bool is_refused(const struct java_class *class, struct str name)
{
	for (size_t i = 0; class && class->refused && class->refused[i]; i++)
		if (str_is(name, class->refused[i]))
			return true;
	return false;
}

const char *java_habit(const struct java_class *class, struct str name)
{
	static const struct {
		const struct java_class *class; /* NULL = an array */
		const char *name;
		const char *hint;
	} habits[] = {
		{ &java_string, "size", "did you mean length()?" },
		{ &java_string, "substr", "did you mean substring(from, to)?" },
		{ &java_string, "slice", "did you mean substring(from, to)?" },
		{ &java_string, "includes", "did you mean contains()?" },
		{ &java_string, "upper", "did you mean toUpperCase()?" },
		{ &java_string, "lower", "did you mean toLowerCase()?" },
		{ &java_string, "toInt", "did you mean #toInt(…)?" },
		{ &java_list, "length", "did you mean size()?" },
		{ &java_list, "get", "expressions may not call it; write list[0]" },
		{ &java_list, "join", "T(String).join(separator, list) joins texts" },
		{ &java_list, "filter", "list.?[condition] chooses" },
		{ &java_list, "map", "list.![expression] makes a list of what it gives" },
		{ &java_set, "length", "did you mean size()?" },
		{ &java_collection, "length", "did you mean size()?" },
		{ &java_map, "length", "did you mean size()?" },
		{ &java_map, "keys", "did you mean keySet()?" },
		{ &java_map, "get", "expressions may not call it; write map['key']" },
		{ &java_map, "getOrDefault",
			"expressions may not call it; write map['key'] ?: default" },
		{ &java_map, "put", "expressions may not call it; write map['key'] = value" },
		{ NULL, "size", "an array has no methods; did you mean .length, without ()?" },
		{ NULL, "length", "an array has no methods; did you mean .length, without ()?" },
		{ NULL, "join",
			"an array has no methods; T(String).join(separator, array) joins texts" },
		{ NULL, "contains", "an array has no methods; array.?[#this == x].length tells" },
	};
	for (size_t i = 0; i < sizeof(habits) / sizeof(habits[0]); i++)
		if (habits[i].class == class && str_is(name, habits[i].name))
			return habits[i].hint;
	return NULL;
}

static int no_method(struct eval *ev, const struct java_class *class, const char *type,
	const struct java_method *rows, struct str name, const struct value *args, size_t count)
{
	const char *hint = NULL;
	unsigned distance = 3;
	const char *near = nearest(rows, name, &distance);
	const char *habit = rows || strcmp(type, "an array") == 0 ? java_habit(class, name) : NULL;
	if (habit)
		hint = arena_printf(&ev->arena, "; %s", habit);
	else if (is_refused(class, name))
		hint = "; it exists in Java, but expressions may not call it (its result could be of any type)";
	else if (near && str_is(name, near))
		hint = forms(ev, "; a method of that name takes other arguments: ", rows, near);
	else if (near)
		hint = arena_printf(&ev->arena, "; did you mean %s()?", near);
	else if (class == &java_map && function_find(name))
		hint = arena_printf(&ev->arena, "; did you mean #%.*s(…)?", STR_ARG(name));
	else
		hint = "";
	return fail(ev, FAIL_EVAL, "EL1004E: Method call: Method %s cannot be found on type %s%s",
		signature(ev, name, args, count), type, hint);
}

/* What every object has. */
static int object_to_string(struct eval *ev, const struct call *call, struct value *ret)
{
	return value_java_text(ev, call->self, ret);
}

static int object_equals(struct eval *ev, const struct call *call, struct value *ret)
{
	*ret = value_bool(value_equals(ev, call->self, call->args[0]));
	return 0;
}

static int object_hash_code(struct eval *ev, const struct call *call, struct value *ret)
{
	*ret = value_int(value_hash(ev, call->self));
	return 0;
}

static const struct java_method object_methods[] = {
	{ "toString", "", "String", object_to_string, "the object as text", "{1, 2}.toString()" },
	{ "equals", "o", "boolean", object_equals, "equality, strict about types",
		"{1, 2}.equals({1, 2})" },
	{ "hashCode", "", "int", object_hash_code, "Java's hash", "'abc'.hashCode()" },
	{ 0 },
};

const struct java_method *java_object_methods(void)
{
	return object_methods;
}

static bool find_named(const struct java_method *rows, struct str name,
	const struct java_method **ret_first, const struct java_method **ret_last)
{
	*ret_first = NULL;
	for (const struct java_method *row = rows; row && row->name; row++) {
		if (!str_is(name, row->name))
			continue;
		if (!*ret_first)
			*ret_first = row;
		*ret_last = row;
	}
	return *ret_first != NULL;
}

/* The rows of that name among ROWS, or, when there is none, among those of every object. */
static void learn_method(struct node_hint *hint, const struct java_method *rows, struct str name)
{
	const struct java_method *first, *last;
	if (find_named(rows, name, &first, &last) || find_named(object_methods, name, &first, &last))
		hint_put(hint, rows, first, last);
}

static int choose_method(struct eval *ev, const struct java_class *class,
	const struct java_method *rows, struct str name, struct node_hint *hint,
	const struct value *args, size_t count, const struct java_method **ret, struct call *ret_call)
{
	if (hint_is_of(hint, rows)) {
		if (choose(ev, hint->first, hint->last, name, args, count, ret, ret_call) < 0)
			return -1;
		if (*ret)
			return 0;
	} else if (hint) {
		learn_method(hint, rows, name);
	}
	if (java_choose(ev, rows, name, args, count, ret, ret_call) < 0)
		return -1;
	if (!*ret && java_choose(ev, object_methods, name, args, count, ret, ret_call) < 0)
		return -1;
	if (!*ret && class && java_choose(ev, class->statics, name, args, count, ret, ret_call) < 0)
		return -1;
	return 0;
}

/* A method may look at every byte of its texts. */
static uint64_t call_steps(const struct call *call)
{
	uint64_t bytes = call->self.kind == V_STRING ? call->self.length : 0;
	for (size_t i = 0; i < call->count; i++)
		if (call->args[i].kind == V_STRING)
			bytes += call->args[i].length;
	return 1 + bytes / 64;
}

int java_call(struct eval *ev, struct value target, struct str name, struct node_hint *hint,
	const struct value *args, size_t count, struct value *ret)
{
	const struct java_class *class = java_class_of(target);
	const struct java_method *rows = class ? class->methods :
		target.kind == V_BEAN          ? bean_methods(target.bean) :
						 NULL;
	const struct java_method *row = NULL;
	struct call call = { .self = target };
	if (choose_method(ev, class, rows, name, hint, args, count, &row, &call) < 0)
		return -1;
	bool getter = false;
	if (!row && target.kind == V_BEAN && count == 0) {
		int result = bean_getter(ev, target, name, &getter, ret);
		if (getter)
			return result;
	}
	if (!row)
		return no_method(ev, class, value_type_name(target), rows, name, args, count);
	if (eval_step(ev, call_steps(&call)) < 0)
		return -1;
	*ret = NULL_VALUE;
	return row->call(ev, &call, ret);
}

int java_call_static(struct eval *ev, const struct java_class *class, struct str name,
	const struct value *args, size_t count, struct value *ret)
{
	const struct java_method *row = NULL;
	struct call call = { .self = { .kind = V_TYPE, .type = class } };
	if (java_choose(ev, class->statics, name, args, count, &row, &call) < 0)
		return -1;
	if (!row)
		return no_method(ev, class, class->name, class->statics, name, args, count);
	if (eval_step(ev, call_steps(&call)) < 0)
		return -1;
	*ret = NULL_VALUE;
	return row->call(ev, &call, ret);
}

int java_construct(
	struct eval *ev, struct str type, const struct value *args, size_t count, struct value *ret)
{
	const struct java_class *class = java_class_find(type);
	const struct java_method *row = NULL;
	struct call call = { 0 };
	if (!class || !class->nameable)
		return fail(ev, FAIL_EVAL, "EL1005E: Type cannot be found '%.*s'%s", STR_ARG(type),
			java_class_hint(ev, type));
	const struct java_method *rows = class->constructors;
	struct str name = str_of(rows && rows->name ? rows->name : "?");
	if (java_choose(ev, rows, name, args, count, &row, &call) < 0)
		return -1;
	if (!row)
		return fail(ev, FAIL_EVAL,
			"EL1002E: Constructor call: No suitable constructor found on type %s for arguments %s%s",
			class->name, signature(ev, (struct str){ "", 0 }, args, count),
			rows ? forms(ev, "; there is ", rows, rows->name) : "");
	if (eval_step(ev, call_steps(&call)) < 0)
		return -1;
	return row->call(ev, &call, ret);
}

/* Whether the row's name is NAME, getName or isName, without arguments. */
static bool is_getter(const struct java_method *row, struct str name)
{
	struct str method = str_of(row->name);
	if (*row->args)
		return false;
	if (str_equal(method, name))
		return true;
	size_t prefix = str_starts(method, "get") ? 3 : str_starts(method, "is") ? 2 : 0;
	if (!prefix || method.length != prefix + name.length || !name.length)
		return false;
	char first = name.bytes[0];
	if (first >= 'a' && first <= 'z')
		first = (char)(first - 32);
	return method.bytes[prefix] == first &&
		memcmp(method.bytes + prefix + 1, name.bytes + 1, name.length - 1) == 0;
}

int java_property(
	struct eval *ev, struct value target, struct str name, bool *ret_found, struct value *ret)
{
	const struct java_class *class = target.kind == V_TYPE ? target.type : java_class_of(target);
	const struct java_method *tables[] = {
		!class                        ? NULL :
			target.kind == V_TYPE ? class->statics :
						class->methods,
		target.kind == V_TYPE ? NULL : object_methods,
	};
	*ret_found = false;
	for (size_t i = 0; i < 2; i++) {
		for (const struct java_method *row = tables[i]; row && row->name; row++) {
			if (!is_getter(row, name))
				continue;
			struct call call = { .self = target };
			*ret_found = true;
			*ret = NULL_VALUE;
			return row->call(ev, &call, ret);
		}
	}
	return 0;
}

struct value java_object(struct eval *ev, const struct java_class *class, int64_t a, int64_t b)
{
	struct object *object = arena_new(&ev->arena, struct object);
	object->class = class;
	object->a = a;
	object->b = b;
	return (struct value){ .kind = V_OBJECT, .object = object };
}

int java_object_compare(const struct object *a, const struct object *b)
{
	if (a->a != b->a)
		return a->a < b->a ? -1 : 1;
	return a->b < b->b ? -1 : a->b > b->b;
}

int java_compare_to(struct eval *ev, const struct call *call, struct value *ret)
{
	*ret = value_int(java_object_compare(call->self.object, call->args[0].object));
	return 0;
}

bool java_object_equals(const struct object *a, const struct object *b)
{
	if (a->class != b->class || a->class == &java_random)
		return false;
	return a->a == b->a && a->b == b->b;
}

int32_t java_object_hash(const struct object *object)
{
	if (object->class == &java_instant)
		return (int32_t)((uint32_t)((uint64_t)object->a ^ (uint64_t)object->a >> 32) +
			51u * (uint32_t)object->b);
	if (object->class == &java_local_date || object->class == &java_local_date_time) {
		struct civil date = civil_of_days(object->a);
		uint32_t year = (uint32_t)date.year, nanos = (uint32_t)((uint64_t)object->b >> 32);
		return (int32_t)((year & 0xfffff800) ^
			((year << 11) + ((uint32_t)date.month << 6) + (uint32_t)date.day) ^ nanos ^
			(uint32_t)object->b);
	}
	uint64_t bits = (uint64_t)object->a ^ (uint64_t)object->b;
	return (int32_t)(uint32_t)(bits ^ bits >> 32);
}
