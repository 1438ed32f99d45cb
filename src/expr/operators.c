/* Arithmetic, equality and order. Rules: reference of expressions, 2.8 and 2.9. */
#include <math.h>
#include <string.h>

#include "base/limits.h"
#include "expr/eval.h"
#include "expr/java.h"
#include "expr/node.h"
#include "expr/regex.h"
#include "expr/status.h"
#include "expr/text.h"

#define REPEAT_UNITS 256
#define CONCAT_UNITS 100000

static const char *const op_texts[] = {
	[OP_PLUS] = "+",
	[OP_MINUS] = "-",
	[OP_TIMES] = "*",
	[OP_DIVIDE] = "/",
	[OP_MODULO] = "%",
	[OP_POWER] = "^",
	[OP_NOT] = "!",
	[OP_EQ] = "==",
	[OP_NE] = "!=",
	[OP_LT] = "<",
	[OP_LE] = "<=",
	[OP_GT] = ">",
	[OP_GE] = ">=",
	[OP_INSTANCEOF] = "instanceof",
	[OP_MATCHES] = "matches",
	[OP_BETWEEN] = "between",
};

const char *op_text(int op)
{
	return op_texts[op];
}

static int unsupported(struct eval *ev, int op, struct value left, struct value right)
{
	return fail(ev, FAIL_EVAL,
		"EL1030E: The operator '%s' is not supported between objects of type '%s' and '%s'",
		op_texts[op], value_type_name(left), value_type_name(right));
}

static enum value_kind wider(struct value left, struct value right)
{
	if (left.kind == V_DOUBLE || right.kind == V_DOUBLE)
		return V_DOUBLE;
	if (left.kind == V_FLOAT || right.kind == V_FLOAT)
		return V_FLOAT;
	if (left.kind == V_LONG || right.kind == V_LONG)
		return V_LONG;
	return V_INT;
}

/* Java's narrowing of a double: saturates, NaN is 0. */
static int64_t double_to_long(double number)
{
	if (isnan(number))
		return 0;
	if (number >= 9223372036854775808.0)
		return INT64_MAX;
	if (number <= -9223372036854775808.0)
		return INT64_MIN;
	return (int64_t)number;
}

static int power(struct value left, struct value right, struct value *ret)
{
	double result = pow(value_number(left), value_number(right));
	enum value_kind kind = wider(left, right);
	if (kind >= V_FLOAT)
		*ret = value_double(result);
	else if (result > INT32_MAX || kind == V_LONG)
		*ret = value_long(double_to_long(result));
	else
		*ret = value_int(result < INT32_MIN ? INT32_MIN : double_to_long(result));
	return 0;
}

static int integers(struct eval *ev, int op, struct value left, struct value right, struct value *ret)
{
	uint64_t a = (uint64_t)left.integer, b = (uint64_t)right.integer, result = 0;
	switch (op) {
	case OP_PLUS:
		result = a + b;
		break;
	case OP_MINUS:
		result = a - b;
		break;
	case OP_TIMES:
		result = a * b;
		break;
	default:
		if (b == 0)
			return fail(ev, FAIL_ARITHMETIC, "/ by zero");
		if (right.integer == -1)
			result = op == OP_DIVIDE ? 0 - a : 0;
		else
			result = (uint64_t)(op == OP_DIVIDE ? left.integer / right.integer :
							      left.integer % right.integer);
	}
	if (wider(left, right) == V_LONG)
		*ret = value_long((int64_t)result);
	else
		*ret = value_int((int32_t)(uint32_t)result);
	return 0;
}

static double floating(int op, double a, double b)
{
	switch (op) {
	case OP_PLUS:
		return a + b;
	case OP_MINUS:
		return a - b;
	case OP_TIMES:
		return a * b;
	case OP_DIVIDE:
		return a / b;
	default:
		return fmod(a, b);
	}
}

static int arithmetic(
	struct eval *ev, int op, struct value left, struct value right, struct value *ret)
{
	if (op == OP_POWER)
		return power(left, right, ret);
	enum value_kind kind = wider(left, right);
	if (kind < V_FLOAT)
		return integers(ev, op, left, right, ret);
	double a = value_number(left), b = value_number(right);
	if (kind == V_DOUBLE)
		*ret = value_double(floating(op, a, b));
	else
		*ret = value_float(floating(op, (float)a, (float)b));
	return 0;
}

static int concat(struct eval *ev, struct value left, struct value right, struct value *ret)
{
	struct value a, b;
	if (value_text(ev, left, &a) < 0 || value_text(ev, right, &b) < 0)
		return -1;
	size_t length = (size_t)a.length + b.length;
	if (length > CONCAT_UNITS &&
		text_units(value_str(a)) + text_units(value_str(b)) > CONCAT_UNITS)
		return fail(ev, FAIL_EVAL,
			"EL1078E: Concatenated string is too long, exceeding the threshold of '%d' characters",
			CONCAT_UNITS);
	if (eval_step(ev, length / 64) < 0)
		return -1;
	char *bytes = arena_alloc(&ev->arena, length + 1);
	memcpy(bytes, a.bytes, a.length);
	memcpy(bytes + a.length, b.bytes, b.length);
	bytes[length] = 0;
	*ret = value_string((struct str){ bytes, length });
	return 0;
}

static int repeat(struct eval *ev, struct value text, int64_t count, struct value *ret)
{
	if (count < 0)
		return fail(ev, FAIL_ARGUMENT, "count is negative: %lld", (long long)count);
	size_t units = text_units(value_str(text));
	if (units && (uint64_t)count > REPEAT_UNITS / units)
		return fail(ev, FAIL_EVAL,
			"EL1076E: Repeated text is too long, exceeding the threshold of '%d' characters",
			REPEAT_UNITS);
	size_t length = units ? text.length * (size_t)count : 0;
	char *bytes = arena_alloc(&ev->arena, length + 1);
	for (size_t at = 0; at < length; at += text.length)
		memcpy(bytes + at, text.bytes, text.length);
	bytes[length] = 0;
	*ret = value_string((struct str){ bytes, length });
	return 0;
}

/* 'd' - 1 is 'c'. */
static int step_back(struct eval *ev, struct value text, int64_t count, struct value *ret)
{
	char bytes[4];
	uint16_t unit = (uint16_t)(text_unit_at(value_str(text), 0) - count);
	*ret = eval_string(ev, (struct str){ bytes, text_encode(unit, bytes) });
	return 0;
}

static int arithmetic_or_text(
	struct eval *ev, int op, struct value left, struct value right, struct value *ret)
{
	if (value_is_number(left) && value_is_number(right))
		return arithmetic(ev, op, left, right, ret);
	if (op == OP_PLUS && (left.kind == V_STRING || right.kind == V_STRING))
		return concat(ev, left, right, ret);
	if (op == OP_TIMES && left.kind == V_STRING && right.kind == V_INT)
		return repeat(ev, left, right.integer, ret);
	if (op == OP_MINUS && left.kind == V_STRING && right.kind == V_INT &&
		text_units(value_str(left)) == 1)
		return step_back(ev, left, right.integer, ret);
	/* The status enum is text to operators. */
	if (op == OP_PLUS && (left.kind == V_STATUS || right.kind == V_STATUS))
		return concat(ev, left, right, ret);
	return unsupported(ev, op, left, right);
}

bool op_calculate(int op, struct value left, struct value right, struct value *ret)
{
	bool divides = op == OP_DIVIDE || op == OP_MODULO;
	if (op > OP_POWER || !value_is_number(left) || !value_is_number(right) ||
		(divides && value_is_integer(right) && !right.integer))
		return false;
	return arithmetic(NULL, op, left, right, ret) == 0;
}

static int order(double a, double b)
{
	return a < b ? -1 : a > b;
}

static int compare_numbers(struct value left, struct value right)
{
	if (value_is_integer(left) && value_is_integer(right))
		return left.integer < right.integer ? -1 : left.integer > right.integer;
	if (wider(left, right) == V_FLOAT)
		return order((float)value_number(left), (float)value_number(right));
	return order(value_number(left), value_number(right));
}

/* A status is its name here. */
static struct value as_text(struct value value)
{
	if (value.kind == V_STATUS)
		return value_string(status_at((int)value.integer)->name);
	return value;
}

bool op_equal(struct eval *ev, struct value left, struct value right)
{
	if (value_is_number(left) && value_is_number(right)) {
		if (isnan(value_number(left)) || isnan(value_number(right)))
			return false;
		return compare_numbers(left, right) == 0;
	}
	if (left.kind != right.kind) {
		left = as_text(left);
		right = as_text(right);
	}
	if (left.kind == V_ARRAY && right.kind == V_ARRAY) {
		left.kind = right.kind = V_LIST;
		return value_equals(ev, left, right);
	}
	return value_equals(ev, left, right);
}

int op_compare(struct eval *ev, struct value left, struct value right, int *ret)
{
	if (value_is_number(left) && value_is_number(right)) {
		*ret = compare_numbers(left, right);
		return 0;
	}
	if (left.kind == V_NULL || right.kind == V_NULL) {
		*ret = (left.kind != V_NULL) - (right.kind != V_NULL);
		return 0;
	}
	if (left.kind != right.kind) {
		left = as_text(left);
		right = as_text(right);
	}
	if (left.kind == right.kind) {
		switch ((enum value_kind)left.kind) {
		case V_STRING:
			if (eval_step(ev, (left.length < right.length ? left : right).length / 64) < 0)
				return -1;
			*ret = text_compare(value_str(left), value_str(right));
			return 0;
		case V_BOOL:
			*ret = left.boolean - right.boolean;
			return 0;
		case V_CHAR:
		case V_STATUS:
			*ret = (int)(left.integer - right.integer);
			return 0;
		case V_OBJECT:
			if (left.object->class != right.object->class || !left.object->class->compare)
				break;
			*ret = left.object->class->compare(left.object, right.object);
			return 0;
		default:
			break;
		}
	}
	return fail(ev, FAIL_EVAL, "EL1013E: Cannot compare instances of %s and %s",
		value_type_name(left), value_type_name(right));
}

static int relation(struct eval *ev, int op, struct value left, struct value right, struct value *ret)
{
	bool numbers = value_is_number(left) && value_is_number(right);
	if (numbers && (isnan(value_number(left)) || isnan(value_number(right)))) {
		*ret = value_bool(false);
		return 0;
	}
	int result;
	if (op_compare(ev, left, right, &result) < 0)
		return -1;
	*ret = value_bool(op == OP_LT ? result < 0 :
			op == OP_LE   ? result <= 0 :
			op == OP_GT   ? result > 0 :
					result >= 0);
	return 0;
}

static int between(struct eval *ev, struct value left, struct value right, struct value *ret)
{
	if (right.kind != V_LIST || seq_count(ev, right) != 2)
		return fail(ev, FAIL_EVAL,
			"EL1017E: Right operand for the 'between' operator has to be a two-element list");
	int low, high;
	if (op_compare(ev, left, seq_at(ev, right, 0), &low) < 0 ||
		op_compare(ev, left, seq_at(ev, right, 1), &high) < 0)
		return -1;
	*ret = value_bool(low >= 0 && high <= 0);
	return 0;
}

static int matches(struct eval *ev, struct value left, struct value right, struct value *ret)
{
	struct value text;
	bool matched;
	if (left.kind == V_NULL)
		return fail(ev, FAIL_EVAL,
			"EL1040E: The operator 'matches' needs text on its left, not null");
	if (right.kind != V_STRING)
		return fail(ev, FAIL_EVAL,
			"EL1039E: The operator 'matches' needs a regular expression on its right, not '%s'",
			value_type_name(right));
	if (value_to_text_strict(ev, left, &text) < 0 ||
		regex_matches(ev, value_str(text), value_str(right), &matched) < 0)
		return -1;
	*ret = value_bool(matched);
	return 0;
}

static int instance_of(struct eval *ev, struct value left, struct value right, struct value *ret)
{
	if (right.kind != V_TYPE)
		return fail(ev, FAIL_EVAL,
			"EL1028E: The operator 'instanceof' needs the right operand to be a class, not a '%s'",
			value_type_name(right));
	*ret = value_bool(java_is_instance(left, right.type));
	return 0;
}

int op_binary(struct eval *ev, int op, struct value left, struct value right, struct value *ret)
{
	bool equality = op == OP_EQ || op == OP_NE;
	if (equality && right.kind == V_STRING && (left.kind == V_STRING || left.kind == V_STATUS)) {
		bool equal = value_equals(ev, as_text(left), right);
		*ret = value_bool(equal == (op == OP_EQ));
		return 0;
	}
	switch (op) {
	case OP_EQ:
	case OP_NE:
		*ret = value_bool(op_equal(ev, left, right) == (op == OP_EQ));
		return 0;
	case OP_LT:
	case OP_LE:
	case OP_GT:
	case OP_GE:
		return relation(ev, op, left, right, ret);
	case OP_BETWEEN:
		return between(ev, left, right, ret);
	case OP_MATCHES:
		return matches(ev, left, right, ret);
	case OP_INSTANCEOF:
		return instance_of(ev, left, right, ret);
	default:
		return arithmetic_or_text(ev, op, left, right, ret);
	}
}

int op_unary(struct eval *ev, int op, struct value operand, struct value *ret)
{
	if (!value_is_number(operand))
		return fail(ev, FAIL_EVAL,
			"EL1030E: The operator '%s' is not supported for an object of type '%s'",
			op_texts[op], value_type_name(operand));
	/* Subtracted from zero, as the original does: -0.0 is 0.0. */
	if (op == OP_PLUS)
		*ret = operand;
	else if (operand.kind == V_INT)
		*ret = value_int((int32_t)(0 - (uint32_t)operand.integer));
	else if (operand.kind == V_LONG)
		*ret = value_long((int64_t)(0 - (uint64_t)operand.integer));
	else if (operand.kind == V_FLOAT)
		*ret = value_float(0 - operand.number);
	else
		*ret = value_double(0 - operand.number);
	return 0;
}
