/*
 * Expressions: what does not parse, and names that nothing has. The tree of the parser that a run uses is walked; what could only be
 * known at run time is left alone.
 */
#include <string.h>

#include "base/alloc.h"
#include "expr/bean.h"
#include "expr/functions.h"
#include "expr/java.h"
#include "expr/node.h"
#include "expr/template.h"
#include "lint/internal.h"

/* One body being looked at. */
struct scope {
	struct lint *lint;
	const struct place *place;
	struct str text;    /* the whole string */
	size_t offset;      /* of the body in it */
	struct node *tree;  /* of the body */
	unsigned selection; /* > 0 inside ?[…] and ![…]: bare names belong to the items */
	bool fallback;      /* left of ?: — nothing is fine here */
};

/* ---- telling ------------------------------------------------------------------------------------------------------------------- */

/* The text with the bytes FROM … TO replaced by MIDDLE, as a repair. */
static struct val fix_text(const struct scope *scope, size_t from, size_t to, const char *middle)
{
	_cleanup_free_ char *pointer = place_pointer(scope->place);
	if (!pointer)
		return VAL_NULL;
	return fix_replace(pointer,
		val_format("%.*s%s%.*s", (int)from, scope->text.bytes, middle,
			(int)(scope->text.length - to), scope->text.bytes + to));
}

/* About LENGTH bytes at POSITION of the body; REPAIRED takes their place in the fix, NULL = no fix. */
static void tell(const struct scope *scope, enum lint_rule rule, int position, size_t length,
	const char *const args[3], const char *repaired)
{
	size_t from = scope->offset + (position > 0 ? (size_t)position : 0);
	size_t to = from + length;
	struct found found = {
		.rule = rule,
		.place = scope->place,
		.args = { args[0], args[1], args[2] },
		.text = scope->text,
	};
	if (to > scope->text.length)
		to = scope->text.length;
	found.from = from < to ? from : to;
	found.to = to;
	/* A key of a map is no value that a patch could replace. */
	if (repaired && !str_equal(scope->place->key, scope->text))
		found.fix = fix_text(scope, found.from, to, repaired);
	lint_tell(scope->lint, found);
}

#define ARGS(...) ((const char *const[3]){ __VA_ARGS__ })

/* The bytes that a literal or a name takes in the body, as far as that is known. */
static size_t node_length(const struct scope *scope, const struct node *node)
{
	struct str body = str_slice(scope->text, scope->offset, scope->text.length);
	if (node->kind == NODE_NAME || node->kind == NODE_METHOD)
		return node->name.length;
	if (node->kind == NODE_FUNCTION)
		return node->name.length + 1;
	if (node->kind != NODE_LITERAL || node->literal.kind != V_STRING)
		return 1;
	char quote = body.bytes[node->position];
	size_t at = (size_t)node->position + 1;
	while (at < body.length &&
		(body.bytes[at] != quote ||
			(at + 1 < body.length && body.bytes[at + 1] == quote && at++)))
		at++;
	return at + 1 - (size_t)node->position;
}

/* ---- names --------------------------------------------------------------------------------------------------------------------- */

static bool is_name(const struct node *node, const char *name)
{
	return node->kind == NODE_NAME && str_is(node->name, name);
}

/* .x, ['x'] and [x] as the key that is read; false for what is only known at run time. */
static bool key_of_part(const struct node *part, struct str *ret)
{
	const struct node *inner = part;
	if (part->kind == NODE_INDEX)
		inner = part->children[0];
	if (inner->kind == NODE_NAME)
		*ret = inner->name;
	else if (part->kind == NODE_INDEX && inner->kind == NODE_LITERAL &&
		inner->literal.kind == V_STRING)
		*ret = value_str(inner->literal);
	else
		return false;
	return true;
}

/* Whether the body asks containsKey('NAME') somewhere. */
static bool asks_for(const struct node *node, struct str name)
{
	if (!node)
		return false;
	if (node->kind == NODE_METHOD && str_is(node->name, "containsKey") && node->count == 1 &&
		node->children[0]->kind == NODE_LITERAL &&
		node->children[0]->literal.kind == V_STRING &&
		str_equal(value_str(node->children[0]->literal), name))
		return true;
	for (uint32_t i = 0; i < node->count; i++)
		if (asks_for(node->children[i], name))
			return true;
	return asks_for(node->extra, name);
}

/* How many letters, digits and _ TEXT starts with. */
static size_t word_length(struct str text)
{
	size_t length = 0;
	while (length < text.length &&
		(text.bytes[length] == '_' || (unsigned)((text.bytes[length] | 0x20) - 'a') < 26 ||
			(unsigned)(text.bytes[length] - '0') < 10))
		length++;
	return length;
}

static bool is_identifier(struct str text)
{
	return text.length && word_length(text) == text.length && (unsigned)(*text.bytes - '0') >= 10;
}

/* PART is read from the run's parameters. */
static void check_parameter(const struct scope *scope, const struct node *part)
{
	struct lint *lint = scope->lint;
	struct str name;
	if (!lint->references_known || lint->parameters_open || scope->fallback ||
		!key_of_part(part, &name) || map_get(&lint->parameters, name) ||
		asks_for(scope->tree, name))
		return;
	const struct node *inner = part->kind == NODE_INDEX ? part->children[0] : part;
	const char *near = names_nearest(lint, &lint->parameters, name);
	_cleanup_free_ char *text = xstrndup(name.bytes, name.length);
	_cleanup_free_ char *en = hint_en(near);
	_cleanup_free_ char *zh = hint_zh(near);
	_cleanup_free_ char *quoted = near ? xasprintf("'%s'", near) : NULL;
	const char *repaired = !near || strchr(near, '\'') ? NULL :
		inner->kind == NODE_LITERAL                ? quoted :
		is_identifier(str_of(near))                ? near :
							     NULL;
	tell(scope, RULE_UNKNOWN_PARAMETER, inner->position, node_length(scope, inner),
		ARGS(text, en, zh), repaired);
}

static void check_chain_names(const struct scope *scope, const struct node *chain)
{
	const struct node *head = chain->children[0];
	size_t at = 0;
	if (scope->selection || head->kind != NODE_NAME)
		return;
	if (is_name(head, "parameter") && !map_get(&scope->lint->variables, head->name)) {
		tell(scope, RULE_PARAMETER_WORD, head->position, head->name.length, ARGS(NULL),
			"parameters");
		return;
	}
	if (is_name(head, "execution") && chain->count > 2 && is_name(chain->children[1], "trigger"))
		at = 1;
	struct str key;
	if (is_name(chain->children[at], "trigger") && chain->count > at + 2 &&
		key_of_part(chain->children[at + 1], &key) && str_is(key, "parameters"))
		check_parameter(scope, chain->children[at + 2]);
	else if (at == 0 && is_name(head, "parameters"))
		check_parameter(scope, chain->children[1]);
}

/* ---- stages -------------------------------------------------------------------------------------------------------------------- */

/* Names that a stage gives the stages it adds while it runs. */
static bool is_added_name(struct str name)
{
	return str_starts(name, "Bake in ") || str_starts(name, "Deploy in ") ||
		str_contains(name, "${");
}

static void tell_unknown_stage(const struct scope *scope, const struct node *argument, bool by_ref)
{
	struct str name = value_str(argument->literal);
	const struct map *map = by_ref ? &scope->lint->stage_by_ref : &scope->lint->stage_by_name;
	const char *near = names_nearest(scope->lint, map, name);
	_cleanup_free_ char *hint = hint_en(near);
	_cleanup_free_ char *hint_chinese = hint_zh(near);
	_cleanup_free_ char *en = xasprintf(
		"%s\"%.*s\"%s", by_ref ? "with refId " : "", STR_ARG(name), hint);
	_cleanup_free_ char *zh = xasprintf(
		"%s \"%.*s\" 的阶段%s", by_ref ? " refId 为" : "名为", STR_ARG(name), hint_chinese);
	_cleanup_free_ char *quoted = near && !strchr(near, '\'') ? xasprintf("'%s'", near) : NULL;
	tell(scope, RULE_UNKNOWN_STAGE, argument->position, node_length(scope, argument),
		ARGS(en, zh), quoted);
}

/* The stage that the call of HELPER names is there, and what the helper wants. */
static void check_stage_name(const struct scope *scope, struct str helper, const struct node *argument)
{
	struct lint *lint = scope->lint;
	bool by_ref = str_is(helper, "stageByRefId"), judged = str_starts(helper, "judg");
	if (!(str_is(helper, "stage") || by_ref || judged) || argument->kind != NODE_LITERAL ||
		argument->literal.kind != V_STRING || !lint->references_known ||
		(by_ref && !lint->stage_by_ref.count))
		return;
	struct str name = value_str(argument->literal);
	void *found = map_get(by_ref ? &lint->stage_by_ref : &lint->stage_by_name, name);
	_cleanup_free_ char *text = xstrndup(name.bytes, name.length);
	size_t length = node_length(scope, argument);
	if (!found && !is_added_name(name))
		tell_unknown_stage(scope, argument, by_ref);
	if (!found || by_ref)
		return;
	struct val stage = val_at(lint->stages, (size_t)(uintptr_t)found - 1);
	if (map_get(&lint->repeated_names, name))
		tell(scope, RULE_AMBIGUOUS_STAGE, argument->position, length, ARGS(text), NULL);
	else if (judged && strcmp(val_get_text(stage, "type", ""), "manualJudgment") != 0)
		tell(scope, RULE_NO_JUDGMENT, argument->position, length, ARGS(text), NULL);
}

/* ---- functions and methods ----------------------------------------------------------------------------------------------------- */

static const char *nearest_function(struct str name)
{
	unsigned best = 3;
	const char *near = NULL;
	for (const struct function *row = functions(); row->name; row++)
		if (str_nearer(name, str_of(row->name), &best))
			near = row->name;
	return near;
}

static void tell_unknown_function(const struct scope *scope, const struct node *node)
{
	const char *near = nearest_function(node->name);
	_cleanup_free_ char *text = xstrndup(node->name.bytes, node->name.length);
	_cleanup_free_ char *en = near ? xasprintf("; did you mean #%s?", near) : xstrdup("");
	_cleanup_free_ char *zh = near ? xasprintf("，是否应为 #%s？", near) : xstrdup("");
	_cleanup_free_ char *repaired = near ? xasprintf("#%s", near) : NULL;
	tell(scope, RULE_UNKNOWN_FUNCTION, node->position, node_length(scope, node),
		ARGS(text, en, zh), repaired);
}

/* `#root.execution`, which the original's rewriting leaves as the first argument. */
static bool is_execution(const struct node *node)
{
	return is_name(node, "execution") ||
		(node->kind == NODE_CHAIN && node->count == 2 &&
			node->children[0]->kind == NODE_VARIABLE &&
			is_name(node->children[1], "execution"));
}

static void tell_argument_count(const struct scope *scope, const struct node *node,
	const char *function, size_t wanted, size_t have)
{
	_cleanup_free_ char *en = wanted ?
		xasprintf("%zu argument%s, not %zu", wanted, wanted == 1 ? "" : "s", have) :
		xstrdup("no arguments");
	_cleanup_free_ char *zh = wanted ? xasprintf("需要 %zu 个参数，而不是 %zu 个", wanted, have) :
					   xstrdup("不需要参数");
	tell(scope, RULE_ARGUMENT_COUNT, node->position, node_length(scope, node),
		ARGS(function, en, zh), NULL);
}

static void check_function(const struct scope *scope, const struct node *node)
{
	const struct function *function = function_find(node->name);
	struct str body = str_slice(scope->text, scope->offset, scope->text.length);
	if (body.bytes[node->position] != '#')
		return; /* the word deployedServerGroups, which stands for a call */
	if (!function) {
		tell_unknown_function(scope, node);
		return;
	}
	size_t given = function->execution && node->count > 0 && is_execution(node->children[0]);
	size_t wanted = strlen(function->args), have = node->count - given;
	bool open = wanted && function->args[wanted - 1] == '*';
	if (!open && have != wanted)
		tell_argument_count(scope, node, function->name, wanted, have);
	else if (have > 0)
		check_stage_name(scope, node->name, node->children[given]);
}

/* What every object has, and stages have beside. */
static const char *const more_methods[] = { "toString", "equals", "hashCode", "getClass", "ancestors",
	"directAncestors", "directChildren", "downstreamStages", "allDownstreamStages", NULL };

static bool has_method(
	const struct java_method *rows, struct str name, unsigned *best, const char **near)
{
	for (const struct java_method *row = rows; row && row->name; row++) {
		if (str_is(name, row->name))
			return true;
		if (str_nearer(name, str_of(row->name), best))
			*near = row->name;
	}
	return false;
}

/* Whether some value has a method of that name. Getters of beans are not listed anywhere, so they pass. */
static bool method_exists(struct str name, const char **near)
{
	unsigned best = 3;
	if (str_starts(name, "get") || str_starts(name, "is"))
		return true;
	for (size_t i = 0; more_methods[i]; i++)
		if (str_is(name, more_methods[i]))
			return true;
	for (const struct java_class *const *class = java_classes(); *class; class ++) {
		if (has_method((*class)->methods, name, &best, near))
			return true;
		for (size_t i = 0; (*class)->refused && (*class)->refused[i]; i++)
			if (str_is(name, (*class)->refused[i]))
				return true;
	}
	return false;
}

static bool static_exists(const struct java_class *class, struct str name, const char **near)
{
	unsigned best = 3;
	for (size_t i = 0; class->refused && class->refused[i]; i++)
		if (str_is(name, class->refused[i]))
			return true;
	return has_method(class->statics, name, &best, near);
}

static void check_method(
	const struct scope *scope, const struct node *node, const struct java_class *class)
{
	const char *near = NULL;
	if (class ? static_exists(class, node->name, &near) : method_exists(node->name, &near))
		return;
	_cleanup_free_ char *text = xstrndup(node->name.bytes, node->name.length);
	_cleanup_free_ char *en = near ? xasprintf("; did you mean %s()?", near) : xstrdup("");
	_cleanup_free_ char *zh = near ? xasprintf("，是否应为 %s()？", near) : xstrdup("");
	tell(scope, RULE_UNKNOWN_METHOD, node->position, node->name.length, ARGS(text, en, zh), near);
}

static const struct java_class *check_class(const struct scope *scope, const struct node *node)
{
	const struct java_class *class = java_class_find(node->name);
	if (class && class->nameable)
		return class;
	const char *near = java_class_nearest(node->name);
	_cleanup_free_ char *en = hint_en(near);
	_cleanup_free_ char *zh = hint_zh(near);
	_cleanup_free_ char *text = xstrndup(node->name.bytes, node->name.length);
	ptrdiff_t at = str_find(scope->text, text, scope->offset + (size_t)node->position);
	int position = at < 0 ? node->position : (int)((size_t)at - scope->offset);
	tell(scope, RULE_UNKNOWN_CLASS, position, node->name.length, ARGS(text, en, zh),
		at < 0 ? NULL : near);
	return NULL;
}

/* ---- properties of the execution and of stages --------------------------------------------------------------------------------- */

static bool has_property(
	const struct bean_class *class, struct str name, const struct bean_property **ret)
{
	for (const struct bean_property *row = class->properties; row && row->name; row++) {
		if (!bean_property_is(row, name))
			continue;
		*ret = row;
		return true;
	}
	return false;
}

static void tell_unknown_property(const struct scope *scope, const struct node *part,
	const struct bean_class *class, struct str name)
{
	const struct node *inner = part->kind == NODE_INDEX ? part->children[0] : part;
	const char *near = bean_nearest_property(class, name);
	_cleanup_free_ char *text = xasprintf("%.*s", STR_ARG(name));
	_cleanup_free_ char *en = xasprintf("%s has no property \"%s\"",
		class == &bean_stage_class ? "a stage" : "the execution", text);
	_cleanup_free_ char *zh = xasprintf(
		"%s没有属性 \"%s\"", class == &bean_stage_class ? "阶段" : "执行记录", text);
	_cleanup_free_ char *hint = hint_en(near);
	_cleanup_free_ char *hint_chinese = hint_zh(near);
	_cleanup_free_ char *en_all = xasprintf("%s%s", en, hint);
	_cleanup_free_ char *zh_all = xasprintf("%s%s", zh, hint_chinese);
	_cleanup_free_ char *quoted = near ? xasprintf("'%s'", near) : NULL;
	tell(scope, RULE_UNKNOWN_PROPERTY, inner->position, node_length(scope, inner),
		ARGS(en_all, zh_all), inner->kind == NODE_LITERAL ? quoted : near);
}

/* The typed object that a chain begins with, or NULL. */
static const struct bean_class *bean_of_head(const struct scope *scope, const struct node *head)
{
	if (is_name(head, "execution") && !scope->selection)
		return &bean_execution_class;
	if (head->kind != NODE_FUNCTION)
		return NULL;
	return str_is(head->name, "stage") || str_is(head->name, "stageByRefId") ||
			str_is(head->name, "currentStage") ?
		&bean_stage_class :
		NULL;
}

/* Unlike maps, these have exactly the properties of their tables: anything else fails. */
static void check_properties(const struct scope *scope, const struct node *chain)
{
	const struct bean_class *class = bean_of_head(scope, chain->children[0]);
	bool stages = false; /* they are in hand, as a list */
	for (uint32_t i = 1; i < chain->count && (class || stages); i++) {
		const struct node *part = chain->children[i];
		const struct bean_property *row = NULL;
		struct str name;
		if (stages) {
			bool one = part->kind == NODE_INDEX ||
				(part->kind == NODE_SELECT && part->op != OP_ALL);
			stages = part->kind == NODE_SELECT && part->op == OP_ALL;
			class = one ? &bean_stage_class : NULL;
			continue;
		}
		if ((part->kind != NODE_NAME && part->kind != NODE_INDEX) ||
			!key_of_part(part, &name) ||
			(part->kind == NODE_INDEX && part->children[0]->kind != NODE_LITERAL))
			return;
		if (!has_property(class, name, &row)) {
			tell_unknown_property(scope, part, class, name);
			return;
		}
		stages = class == &bean_execution_class && strcmp(row->name, "stages") == 0;
		class = class == &bean_stage_class && strcmp(row->name, "execution") == 0 ?
			&bean_execution_class :
			NULL;
	}
}

/* ---- the tree ------------------------------------------------------------------------------------------------------------------ */

static void walk(struct scope *scope, const struct node *node);

static void walk_children(struct scope *scope, const struct node *node)
{
	for (uint32_t i = 0; i < node->count; i++) {
		bool fallback = scope->fallback;
		scope->fallback = node->kind == NODE_CHAIN ? fallback :
							     node->kind == NODE_ELVIS && i == 0;
		walk(scope, node->children[i]);
		scope->fallback = fallback;
	}
	walk(scope, node->extra);
}

static void walk_chain(struct scope *scope, const struct node *chain)
{
	const struct node *head = chain->children[0];
	const struct java_class *class = NULL;
	check_chain_names(scope, chain);
	check_properties(scope, chain);
	if (head->kind == NODE_TYPE)
		class = check_class(scope, head);
	for (uint32_t i = 1; i < chain->count; i++) {
		const struct node *part = chain->children[i];
		bool of_type = i == 1 && head->kind == NODE_TYPE;
		if (part->kind == NODE_METHOD && (class || !of_type))
			check_method(scope, part, of_type ? class : NULL);
	}
	if (head->kind != NODE_TYPE) {
		walk_children(scope, chain);
		return;
	}
	for (uint32_t i = 1; i < chain->count; i++)
		walk(scope, chain->children[i]);
}

/* Depth is bounded by the parser (LIMIT_EXPR_DEPTH). */
static void walk(struct scope *scope, const struct node *node)
{
	if (!node)
		return;
	bool select = node->kind == NODE_SELECT || node->kind == NODE_PROJECT;
	switch ((enum node_kind)node->kind) {
	case NODE_CHAIN:
		walk_chain(scope, node);
		return;
	case NODE_FUNCTION:
		check_function(scope, node);
		break;
	case NODE_TYPE:
	case NODE_NEW:
		check_class(scope, node);
		break;
	case NODE_BEAN:
		tell(scope, RULE_BEAN, node->position, 1, ARGS(NULL), NULL);
		break;
	default:
		break;
	}
	scope->selection += select;
	walk_children(scope, node);
	scope->selection -= select;
}

/* ---- bodies and texts ---------------------------------------------------------------------------------------------------------- */

/* ${VALUES[*]}, ${x:-y}, ${#list[@]}, ${name%.txt} … or any body in what is plainly a script. */
static bool is_foreign(struct str text, struct str body)
{
	if (str_contains(text, "$(") || str_contains(text, "#!/"))
		return true;
	if (body.length && strchr("#!", *body.bytes))
		body = str_slice(body, 1, body.length);
	size_t length = word_length(body);
	struct str rest = str_slice(body, length, body.length);
	if (!length)
		return false;
	return !rest.length || str_starts(rest, "[*]") || str_starts(rest, "[@]") ||
		strchr("%#/^,@", *rest.bytes) ||
		(rest.length > 1 && *rest.bytes == ':' && strchr("-=+?", rest.bytes[1]));
}

/* "EL1043E: Unexpected token": the number says nothing to whoever reads it. */
static const char *without_number(const char *message)
{
	const char *colon = strncmp(message, "EL", 2) == 0 ? strchr(message, ':') : NULL;
	return colon && colon[1] == ' ' && colon - message < 10 ? colon + 2 : message;
}

static void tell_broken(const struct scope *scope, struct str body, const struct expr *expr)
{
	size_t position = expr->position > 0 ? (size_t)expr->position : 0;
	size_t length = position < body.length ? 1 : 0;
	size_t column = 1;
	for (size_t i = 0; i < scope->offset + position && i < scope->text.length; i++)
		column += ((unsigned char)scope->text.bytes[i] & 0xc0) != 0x80;
	_cleanup_free_ char *number = xasprintf("%zu", column);
	struct str shown = str_cut(body, 80);
	const char *cut = shown.length < body.length ? "…" : "", *why = without_number(expr->message);
	_cleanup_free_ char *why_zh = chinese(why, "表达式有语法错误");
	_cleanup_free_ char *en = xasprintf("${%.*s%s}: %s", STR_ARG(shown), cut, why);
	_cleanup_free_ char *zh = xasprintf("${%.*s%s}：%s", STR_ARG(shown), cut, why_zh);
	tell(scope, RULE_BROKEN_EXPRESSION, (int)position, length, ARGS(en, number, zh), NULL);
}

static void check_body(void *data, struct str body, size_t offset)
{
	struct scope *scope = data;
	struct expr *expr = expr_cached(body);
	scope->offset = offset;
	scope->tree = expr->tree;
	if (expr->tree)
		walk(scope, expr->tree);
	else if (is_foreign(scope->text, body))
		tell(scope, RULE_FOREIGN_EXPRESSION, 0, body.length, ARGS(NULL), NULL);
	else
		tell_broken(scope, body, expr);
	expr_unref(expr);
}

/* stageEnabled.expression and the expression of a precondition are expressions with and without ${ }. */
static bool is_expression_key(const struct place *place)
{
	const struct place *up = place->up;
	if (!str_is(place->key, "expression") || !up || up->index >= 0)
		return false;
	return str_is(up->key, "stageEnabled") ||
		(str_is(up->key, "context") && up->up && up->up->index >= 0 && up->up->up &&
			str_is(up->up->up->key, "preconditions"));
}

static void tell_open(const struct scope *scope, const char *why)
{
	_cleanup_free_ char *zh = chinese(why, "${ 没有对应的 }");
	tell(scope, RULE_OPEN_EXPRESSION, 0, scope->text.length, ARGS(why, zh), NULL);
}

static void check_text(struct lint *lint, struct str text, const struct place *place)
{
	_cleanup_err_ struct err err = ERR_INIT;
	struct scope scope = { .lint = lint, .place = place, .text = text };
	struct str trimmed = str_trim(text);
	if (!str_contains(text, "${")) {
		if (trimmed.length && place->index < 0 && is_expression_key(place))
			check_body(&scope, trimmed, (size_t)(trimmed.bytes - text.bytes));
		return;
	}
	if (template_scan(text, check_body, &scope, &err) == 0)
		return;
	if (str_contains(text, "$(") || str_contains(text, "#!/"))
		tell(&scope, RULE_FOREIGN_EXPRESSION, 0, text.length, ARGS(NULL), NULL);
	else
		tell_open(&scope, err_text(&err));
}

void check_key(struct lint *lint, const struct place *place)
{
	check_text(lint, place->key, place);
}

/* Depth is bounded by the readers (LIMIT_JSON_DEPTH). */
void check_expressions(struct lint *lint, struct val value, const struct place *place)
{
	if (val_is_string(value))
		check_text(lint, val_as_str(&value), place);
	for (size_t i = 0; i < val_count(value) && !lint->full; i++) {
		struct place inner = { .up = place, .index = val_is_list(value) ? (ptrdiff_t)i : -1 };
		if (val_is_map(value)) {
			inner.key = val_key_at(value, i);
			check_key(lint, &inner);
			check_expressions(lint, val_value_at(value, i), &inner);
		} else {
			check_expressions(lint, val_at(value, i), &inner);
		}
	}
}
