/* The evaluator proper: a function for each kind of node, and the failure. */
#include "expr/eval.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/limits.h"
#include "expr/functions.h"
#include "expr/java.h"
#include "expr/node.h"

#define MESSAGE_BYTES 1000

static const char *const fail_kinds[] = {
	[FAIL_NONE] = "",
	[FAIL_PARSE] = "org.springframework.expression.spel.SpelParseException",
	[FAIL_TEMPLATE] = "org.springframework.expression.ParseException",
	[FAIL_EVAL] = "org.springframework.expression.spel.SpelEvaluationException",
	[FAIL_HELPER] = "com.netflix.spinnaker.kork.expressions.SpelHelperFunctionException",
	[FAIL_ARITHMETIC] = "java.lang.ArithmeticException",
	[FAIL_ARGUMENT] = "java.lang.IllegalArgumentException",
	[FAIL_NUMBER] = "java.lang.NumberFormatException",
	[FAIL_INDEX] = "java.lang.IndexOutOfBoundsException",
	[FAIL_STRING_INDEX] = "java.lang.StringIndexOutOfBoundsException",
	[FAIL_NULL] = "java.lang.NullPointerException",
	[FAIL_UNSUPPORTED] = "java.lang.UnsupportedOperationException",
	[FAIL_CONVERSION] = "org.springframework.core.convert.ConversionFailedException",
	[FAIL_DATE] = "java.time.DateTimeException",
	[FAIL_LIMIT] = "org.springframework.expression.spel.SpelEvaluationException",
	[FAIL_BUDGET] = "",
};

const char *fail_exception(enum fail_kind kind)
{
	return fail_kinds[kind];
}

/* Member by member: an evaluation may be over in less time than clearing all of it takes. */
void eval_init(struct eval *ev, const struct expr_host *host, const struct expr_limits *limits)
{
	static const struct expr_limits none;
	ev->host = host;
	ev->limits = limits ? *limits : none;
	ev->steps = 0;
	ev->max_steps = ev->limits.max_steps ? ev->limits.max_steps : LIMIT_EXPR_STEPS;
	ev->held_count = ev->tree_count = 0;
	ev->changed.items = NULL;
	ev->changed.count = ev->changed.capacity = 0;
	ev->more_held.items = NULL;
	ev->more_held.count = ev->more_held.capacity = 0;
	ev->more_trees.items = NULL;
	ev->more_trees.count = ev->more_trees.capacity = 0;
	ev->assigned = ev->variables = NULL;
	ev->execution_bean.class = NULL;
	ev->execution_bean.json = VAL_NULL;
	ev->stages = NULL;
	ev->stage_count = 0;
	ev->root = (struct value){ .kind = V_MAP, .form = FORM_ROOT };
	ev->depth = 0;
	ev->last_status = 0;
	ev->failure = FAIL_NONE;
	ev->message = NULL;
	ev->position = -1;
	ev->on_null = false;
	arena_init(&ev->arena, LIMIT_EXPR_BYTES, ev->first, sizeof(ev->first));
}

static void keep_tree(struct eval *ev, struct expr *expr)
{
	if (ev->tree_count < HELD_FIRST)
		ev->trees[ev->tree_count++] = expr;
	else
		vec_push(&ev->more_trees, expr);
}

static void held_free(struct eval *ev)
{
	for (size_t i = 0; i < ev->tree_count; i++)
		expr_unref(ev->trees[i]);
	for (size_t i = 0; i < ev->more_trees.count; i++)
		expr_unref(ev->more_trees.items[i]);
	for (size_t i = 0; i < ev->held_count; i++)
		val_free(&ev->held[i]);
	for (size_t i = 0; i < ev->more_held.count; i++)
		val_free(&ev->more_held.items[i]);
	ev->tree_count = ev->more_trees.count = ev->held_count = ev->more_held.count = 0;
}

void eval_free(struct eval *ev)
{
	held_free(ev);
	if (ev->more_held.capacity)
		vec_free(&ev->more_held);
	if (ev->more_trees.capacity)
		vec_free(&ev->more_trees);
	if (ev->changed.capacity)
		vec_free(&ev->changed);
	if (ev->stages)
		bean_stages_free(ev);
	val_free(&ev->execution_bean.json);
	if (ev->arena.blocks)
		arena_free(&ev->arena);
}

void eval_drop(struct eval *ev)
{
	if (ev->assigned || ev->variables || ev->changed.count)
		return;
	held_free(ev);
	arena_reset(&ev->arena);
}

static void fail_with(struct eval *ev, enum fail_kind kind, const char *format, va_list args)
{
	char text[MESSAGE_BYTES];
	vsnprintf(text, sizeof(text), format, args);
	ev->failure = kind;
	ev->message = arena_copy(&ev->arena, str_of(text));
}

int fail(struct eval *ev, enum fail_kind kind, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	if (!ev->failure)
		fail_with(ev, kind, format, args);
	va_end(args);
	return -1;
}

int fail_on_null(struct eval *ev, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	if (!ev->failure) {
		ev->on_null = true;
		ev->null_to = 0;
		fail_with(ev, FAIL_EVAL, format, args);
	}
	va_end(args);
	return -1;
}

int eval_over(struct eval *ev)
{
	if (ev->arena.over)
		return fail(ev, FAIL_LIMIT, "The expression needs more than %u MB of memory",
			LIMIT_EXPR_BYTES >> 20);
	if (ev->limits.max_steps && ev->limits.max_steps < LIMIT_EXPR_STEPS)
		return fail(ev, FAIL_BUDGET, "out of budget");
	return fail(ev, FAIL_LIMIT, "The expression takes more than %llu steps",
		(unsigned long long)ev->max_steps);
}

int64_t eval_now_ms(const struct eval *ev)
{
	if (ev->host && ev->host->now_ms)
		return ev->host->now_ms;
	return clock_now_ms(clock_real());
}

struct value eval_string(struct eval *ev, struct str text)
{
	return value_string((struct str){ arena_copy(&ev->arena, text), text.length });
}

struct value eval_text(struct eval *ev, const char *text)
{
	return eval_string(ev, str_of(text));
}

/* A name of TARGET. */
static inline int eval_name(
	struct eval *ev, struct value target, const struct node *node, struct value *ret)
{
	if (eval_step(ev, 1) < 0)
		return -1;
	if (target.kind == V_NULL && node->safe) {
		*ret = NULL_VALUE;
		return 0;
	}
	return access_property(ev, target, node->hint, ret);
}

static inline int set_position(struct eval *ev, const struct node *node, int result)
{
	if (result < 0 && ev->position < 0)
		ev->position = node->position;
	return result;
}

/* eval_node, at once for the most usual: what is known, and names. */
static inline int eval_operand(
	struct eval *ev, const struct frame *frame, const struct node *node, struct value *ret)
{
	if (node->known) {
		*ret = node->literal;
		return set_position(ev, node, eval_step(ev, 1));
	}
	if (node->kind == NODE_NAME && eval_step(ev, 1) == 0)
		return set_position(ev, node, eval_name(ev, frame->active, node, ret));
	return eval_node(ev, frame, node, ret);
}

/* The body is evaluated with OBJECT as the active one. */
static int eval_on(struct eval *ev, struct value object, const struct frame *frame,
	const struct node *node, struct value *ret)
{
	struct frame inner = { .active = object, .scope = frame->scope };
	return eval_node(ev, &inner, node, ret);
}

static int eval_list(
	struct eval *ev, const struct frame *frame, const struct node *node, struct value *ret)
{
	struct seq *seq = seq_new(ev, node->count);
	seq->fixed = node->constant;
	for (uint32_t i = 0; i < node->count; i++) {
		struct value item;
		if (eval_node(ev, frame, node->children[i], &item) < 0)
			return -1;
		seq_push(ev, seq, item);
	}
	*ret = value_of_seq(V_LIST, seq);
	return 0;
}

/* A bare name as a key is itself. */
static int eval_map_key(
	struct eval *ev, const struct frame *frame, const struct node *node, struct value *ret)
{
	if (node->kind != NODE_NAME)
		return eval_node(ev, frame, node, ret);
	*ret = value_string(node->name);
	return 0;
}

static int eval_map(
	struct eval *ev, const struct frame *frame, const struct node *node, struct value *ret)
{
	struct table *table = table_new(ev, node->count / 2);
	for (uint32_t i = 0; i + 1 < node->count; i += 2) {
		struct value key, value;
		if (eval_map_key(ev, frame, node->children[i], &key) < 0 ||
			eval_node(ev, frame, node->children[i + 1], &value) < 0)
			return -1;
		table_put(ev, table, key, value);
	}
	table->fixed = node->constant;
	*ret = value_of_table(table);
	return 0;
}

/* NODE's children against FRAME, as an array in the arena. */
static int eval_arguments(
	struct eval *ev, const struct frame *frame, const struct node *node, struct value **ret)
{
	struct value *args = arena_alloc(&ev->arena, node->count * sizeof(*args));
	for (uint32_t i = 0; i < node->count; i++)
		if (eval_operand(ev, frame, node->children[i], &args[i]) < 0)
			return -1;
	*ret = args;
	return 0;
}

static __attribute__((noinline)) int eval_method(struct eval *ev, struct value target,
	const struct frame *frame, const struct node *node, struct value *ret)
{
	const struct frame inner = { .active = frame->scope, .scope = frame->scope };
	struct value *args;
	if (eval_arguments(ev, &inner, node, &args) < 0)
		return -1;
	if (target.kind == V_NULL)
		return fail_on_null(ev,
			"EL1011E: Method call: Attempted to call method %.*s() on null context object",
			STR_ARG(node->name));
	if (target.kind == V_TYPE)
		return java_call_static(ev, target.type, node->name, args, node->count, ret);
	return java_call(ev, target, node->name, node->hint, args, node->count, ret);
}

static __attribute__((noinline)) int eval_variable(
	struct eval *ev, const struct frame *frame, const struct node *node, struct value *ret)
{
	*ret = NULL_VALUE;
	if (str_is(node->name, "root"))
		*ret = ev->root;
	else if (str_is(node->name, "this"))
		*ret = frame->active;
	else if (ev->variables)
		table_get(ev, ev->variables, value_string(node->name), ret);
	return 0;
}

static __attribute__((noinline)) int eval_function(
	struct eval *ev, const struct frame *frame, const struct node *node, struct value *ret)
{
	struct value *args;
	if (eval_arguments(ev, frame, node, &args) < 0)
		return -1;
	return function_call(ev, node, args, node->count, ret);
}

static int eval_index(struct eval *ev, struct value target, const struct frame *frame,
	const struct node *node, struct value *ret)
{
	const struct node *inner = node->children[0];
	bool text = inner->kind == NODE_LITERAL && inner->literal.kind == V_STRING;
	if (target.kind == V_MAP && (text || inner->kind == NODE_NAME)) {
		map_get_key(ev, target, &node->hint->key, ret);
		return 0;
	}
	if (text && target.kind == V_BEAN)
		return access_property(ev, target, node->hint, ret);
	if (inner->known)
		return access_index(ev, target, inner->literal, ret);
	struct value index;
	if (eval_on(ev, ev->root, frame, inner, &index) < 0)
		return -1;
	return access_index(ev, target, index, ret);
}

/* One link of a chain, but for a name, on TARGET, which is the active object for the first. */
static int eval_part(struct eval *ev, struct value target, const struct frame *frame,
	const struct node *node, struct value *ret)
{
	if (eval_step(ev, 1) < 0)
		return -1;
	bool reads = node->kind == NODE_METHOD || node->kind == NODE_PROJECT ||
		node->kind == NODE_SELECT;
	if (reads && node->safe && target.kind == V_NULL) {
		*ret = NULL_VALUE;
		return 0;
	}
	switch ((enum node_kind)node->kind) {
	case NODE_METHOD:
		return eval_method(ev, target, frame, node, ret);
	case NODE_INDEX:
		return eval_index(ev, target, frame, node, ret);
	case NODE_PROJECT:
		return access_project(ev, target, node, ret);
	case NODE_SELECT:
		return access_select(ev, target, node, ret);
	default:
		return eval_on(ev, target, frame, node, ret);
	}
}

/* PART of the chain NODE failed. What stood before it, if it was null, is named when all is known. */
static __attribute__((noinline, cold)) int part_failed(
	struct eval *ev, const struct node *node, const struct node *part)
{
	enum node_kind head = node->children[0]->kind;
	bool begins = head != NODE_TERNARY && head != NODE_ELVIS && head != NODE_ASSIGN &&
		head != NODE_INCREMENT;
	if (ev->on_null && ev->position < 0 && begins) {
		ev->null_from = node->position;
		ev->null_to = part->position;
	}
	return set_position(ev, part, -1);
}

static int eval_chain(
	struct eval *ev, const struct frame *frame, const struct node *node, struct value *ret)
{
	if (eval_operand(ev, frame, node->children[0], ret) < 0)
		return -1;
	for (uint32_t i = 1; i < node->count; i++) {
		const struct node *part = node->children[i];
		int result = part->kind == NODE_NAME ? eval_name(ev, *ret, part, ret) :
						       eval_part(ev, *ret, frame, part, ret);
		if (result < 0)
			return part_failed(ev, node, part);
	}
	return 0;
}

static __attribute__((noinline)) int eval_fold(
	struct eval *ev, const struct frame *frame, const struct node *node, struct value *ret)
{
	struct value left;
	if (eval_operand(ev, frame, node->children[0], &left) < 0)
		return -1;
	for (uint32_t i = 1; i < node->count; i++) {
		struct value right;
		if (eval_operand(ev, frame, node->children[i], &right) < 0)
			return -1;
		struct node_step step = node->steps[i - 1];
		if (eval_step(ev, 1) < 0 || op_binary(ev, step.op, left, right, &left) < 0) {
			if (ev->position < 0)
				ev->position = step.position;
			return -1;
		}
	}
	*ret = left;
	return 0;
}

static int eval_condition(
	struct eval *ev, const struct frame *frame, const struct node *node, bool *ret)
{
	struct value value;
	if (eval_node(ev, frame, node, &value) < 0)
		return -1;
	return set_position(ev, node, value_to_bool(ev, value, ret));
}

static __attribute__((noinline)) int eval_logical(
	struct eval *ev, const struct frame *frame, const struct node *node, struct value *ret)
{
	bool decisive = node->kind == NODE_OR;
	bool value = false;
	for (uint32_t i = 0; i < node->count; i++) {
		if (eval_condition(ev, frame, node->children[i], &value) < 0)
			return -1;
		if (value == decisive)
			break;
	}
	*ret = value_bool(value);
	return 0;
}

static __attribute__((noinline)) int eval_unary(
	struct eval *ev, const struct frame *frame, const struct node *node, struct value *ret)
{
	bool value;
	if (node->op != OP_NOT) {
		struct value operand = { .kind = V_NULL };
		if (eval_node(ev, frame, node->children[0], &operand) < 0)
			return -1;
		return op_unary(ev, node->op, operand, ret);
	}
	if (eval_condition(ev, frame, node->children[0], &value) < 0)
		return -1;
	*ret = value_bool(!value);
	return 0;
}

static __attribute__((noinline)) int eval_choice(
	struct eval *ev, const struct frame *frame, const struct node *node, struct value *ret)
{
	if (node->kind == NODE_ELVIS) {
		if (eval_node(ev, frame, node->children[0], ret) < 0)
			return -1;
		bool empty = ret->kind == V_STRING && ret->length == 0;
		if (ret->kind != V_NULL && !empty)
			return 0;
		return eval_node(ev, frame, node->children[1], ret);
	}
	bool condition;
	if (eval_condition(ev, frame, node->children[0], &condition) < 0)
		return -1;
	return eval_node(ev, frame, node->children[condition ? 1 : 2], ret);
}

/* Puts VALUE where NODE, a name, an index, a variable or a chain that ends in one, stands. */
static int assign(
	struct eval *ev, const struct frame *frame, const struct node *node, struct value value)
{
	struct value target = frame->active;
	const struct node *last = node;
	if (node->kind == NODE_CHAIN) {
		struct node head = *node;
		head.count--;
		last = node->children[head.count];
		if (eval_chain(ev, frame, &head, &target) < 0)
			return -1;
	}
	struct value index = { .kind = V_NULL };
	switch ((enum node_kind)last->kind) {
	case NODE_NAME:
		return access_assign_property(ev, target, last->name, value);
	case NODE_INDEX:
		if (target.kind == V_MAP && last->children[0]->kind == NODE_NAME)
			index = value_string(last->children[0]->name);
		else if (eval_on(ev, ev->root, frame, last->children[0], &index) < 0)
			return -1;
		return access_assign_index(ev, target, index, value);
	case NODE_VARIABLE:
		if (!ev->variables)
			ev->variables = table_new(ev, 4);
		table_put(ev, ev->variables, value_string(last->name), value);
		return 0;
	default:
		return fail(ev, FAIL_EVAL, "EL1010E: This cannot be assigned to; == compares");
	}
}

static int eval_assign(
	struct eval *ev, const struct frame *frame, const struct node *node, struct value *ret)
{
	if (eval_node(ev, frame, node->children[1], ret) < 0)
		return -1;
	/* From here on values of the arena must live as long as the pass: eval_next keeps it. */
	return assign(ev, frame, node->children[0], *ret);
}

static int eval_increment(
	struct eval *ev, const struct frame *frame, const struct node *node, struct value *ret)
{
	struct value old, fresh;
	if (eval_node(ev, frame, node->children[0], &old) < 0)
		return -1;
	if (!value_is_number(old))
		return fail(ev, FAIL_EVAL,
			"EL1066E: the expression component does not support %s of %s",
			node->op == OP_PLUS ? "increment" : "decrement", value_type_name(old));
	if (op_binary(ev, node->op, old, value_int(1), &fresh) < 0 ||
		assign(ev, frame, node->children[0], fresh) < 0)
		return -1;
	*ret = node->safe ? fresh : old;
	return 0;
}

static int eval_type(struct eval *ev, const struct node *node, struct value *ret)
{
	const struct java_class *class = java_class_find(node->name);
	if (!class || !class->nameable || node->op)
		return fail(ev, FAIL_EVAL, "EL1005E: Type cannot be found '%.*s'%s",
			STR_ARG(node->name), class ? "" : java_class_hint(ev, node->name));
	*ret = (struct value){ .kind = V_TYPE, .type = class };
	return 0;
}

static int eval_new(
	struct eval *ev, const struct frame *frame, const struct node *node, struct value *ret)
{
	const struct frame inner = { .active = frame->scope, .scope = frame->scope };
	struct value *args;
	if (eval_arguments(ev, &inner, node, &args) < 0)
		return -1;
	return java_construct(ev, node->name, args, node->count, ret);
}

/* What stands in few expressions; by itself, so that the others need not make room for it. */
static __attribute__((noinline)) int eval_rare(
	struct eval *ev, const struct frame *frame, const struct node *node, struct value *ret)
{
	switch ((enum node_kind)node->kind) {
	case NODE_LIST:
		return eval_list(ev, frame, node, ret);
	case NODE_MAP:
		return eval_map(ev, frame, node, ret);
	case NODE_TYPE:
		return eval_type(ev, node, ret);
	case NODE_NEW:
		return eval_new(ev, frame, node, ret);
	case NODE_NEW_ARRAY:
		return array_construct(ev, frame, node, ret);
	case NODE_BEAN:
		return fail(ev, FAIL_EVAL,
			"EL1057E: No bean resolver registered in the context to resolve access to bean '%.*s'",
			STR_ARG(node->name));
	case NODE_ASSIGN:
		return eval_assign(ev, frame, node, ret);
	case NODE_INCREMENT:
		return eval_increment(ev, frame, node, ret);
	default:
		return fail(ev, FAIL_EVAL, "unknown node");
	}
}

static inline int eval_kind(
	struct eval *ev, const struct frame *frame, const struct node *node, struct value *ret)
{
	switch ((enum node_kind)node->kind) {
	case NODE_CHAIN:
		return eval_chain(ev, frame, node, ret);
	case NODE_NAME:
		return eval_name(ev, frame->active, node, ret);
	case NODE_METHOD:
	case NODE_INDEX:
	case NODE_PROJECT:
	case NODE_SELECT:
		return eval_part(ev, frame->active, frame, node, ret);
	case NODE_VARIABLE:
		return eval_variable(ev, frame, node, ret);
	case NODE_FUNCTION:
		return eval_function(ev, frame, node, ret);
	case NODE_FOLD:
		return eval_fold(ev, frame, node, ret);
	case NODE_AND:
	case NODE_OR:
		return eval_logical(ev, frame, node, ret);
	case NODE_UNARY:
		return eval_unary(ev, frame, node, ret);
	case NODE_TERNARY:
	case NODE_ELVIS:
		return eval_choice(ev, frame, node, ret);
	default:
		return eval_rare(ev, frame, node, ret);
	}
}

int eval_node(struct eval *ev, const struct frame *frame, const struct node *node, struct value *ret)
{
	if (node->known) {
		*ret = node->literal;
		return set_position(ev, node, eval_step(ev, 1));
	}
	if (eval_step(ev, 1) < 0 || eval_kind(ev, frame, node, ret) < 0)
		return set_position(ev, node, -1);
	return 0;
}

/* Of TEXT, what stands before a part of a chain, without the dot, and without the ")" of a head in parentheses. */
static struct str before_part(struct str text, int from, int to)
{
	struct str part = str_slice(text, (size_t)from, (size_t)to);
	int open = 0;
	for (size_t i = 0; i < part.length; i++)
		open += part.bytes[i] == '(' ? 1 : part.bytes[i] == ')' ? -1 : 0;
	while (part.length && strchr(open < 0 ? " .?)" : " .?", part.bytes[part.length - 1])) {
		open += part.bytes[part.length - 1] == ')';
		part.length--;
	}
	return part;
}

/* Says which part of the path was null. */
static __attribute__((noinline, cold)) int eval_failed(struct eval *ev, const struct expr *expr)
{
	if (!ev->on_null || ev->null_to <= ev->null_from)
		return -1;
	struct str part = before_part(expr->text, ev->null_from, ev->null_to);
	if (part.length > 0 && part.length <= 200)
		ev->message = arena_printf(
			&ev->arena, "%s; %.*s is null", ev->message, STR_ARG(part));
	return -1;
}

static __attribute__((noinline, cold)) int not_parsed(struct eval *ev, const struct expr *expr)
{
	ev->position = expr->position;
	if (expr->position < 0)
		return fail(ev, FAIL_PARSE, "%s", expr->message);
	return fail(ev, FAIL_PARSE, "Expression [%.*s] @%d: %s",
		STR_ARG(str_slice(expr->text, 0, expr->text.length < 400 ? expr->text.length : 400)),
		expr->position, expr->message);
}

int eval_parsed(struct eval *ev, const struct expr *expr, struct value *ret)
{
	if (!expr->tree)
		return not_parsed(ev, expr);
	const struct frame frame = { .active = ev->root, .scope = ev->root };
	return eval_operand(ev, &frame, expr->tree, ret) < 0 ? eval_failed(ev, expr) : 0;
}

int eval_body(struct eval *ev, struct str body, struct value *ret)
{
	/* Literals are views into the tree: it is kept until the evaluation ends. */
	struct expr *expr = expr_cached(body);
	keep_tree(ev, expr);
	return eval_parsed(ev, expr, ret);
}
