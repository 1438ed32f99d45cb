/*
 * The text of a JSONPath to its tree. One pass, no looking back; how deep filters may nest, how
 * long a path may be and how many steps it may have is bounded, so that the stack is.
 */
#include <stdlib.h>

#include "base/alloc.h"
#include "base/json_path_tree.h"
#include "base/limits.h"

struct parser {
	struct str text;
	size_t at;
	unsigned depth; /* of filters in filters */
	bool inner;     /* a path inside a filter: ends where an operator begins */
	struct err *err;
};

static int parse_path(struct parser *parser, struct path_tree *tree);
static struct path_filter *parse_or(struct parser *parser);

/* ---- characters ---- */

static int peek(const struct parser *parser)
{
	return parser->at < parser->text.length ? (unsigned char)parser->text.bytes[parser->at] : -1;
}

static bool take_text(struct parser *parser, const char *text)
{
	if (!str_starts(str_slice(parser->text, parser->at, parser->text.length), text))
		return false;
	parser->at += strlen(text);
	return true;
}

static void skip_blanks(struct parser *parser)
{
	while (peek(parser) == ' ' || peek(parser) == '\t' || peek(parser) == '\n')
		parser->at++;
}

static int wrong(struct parser *parser, const char *what)
{
	return err_set(parser->err, ERR_INVALID, "column %zu: %s", parser->at + 1, what);
}

static int expect(struct parser *parser, const char *text, const char *what)
{
	skip_blanks(parser);
	return take_text(parser, text) ? 0 : wrong(parser, what);
}

static bool is_digit(int c)
{
	return c >= '0' && c <= '9';
}

/* ---- literals ---- */

/* A text in the quotes that stand at the parser. A backslash takes what follows it as it is. */
static int parse_quoted(struct parser *parser, struct val *ret)
{
	int quote = peek(parser);
	struct strbuf text = STRBUF_INIT(LIMIT_JSON_PATH_BYTES);
	for (parser->at++; peek(parser) >= 0; parser->at++) {
		if (peek(parser) == quote) {
			parser->at++;
			*ret = val_str(strbuf_str(&text));
			strbuf_free(&text);
			return 0;
		}
		if (peek(parser) == '\\' && parser->at + 1 < parser->text.length)
			parser->at++;
		strbuf_add_char(&text, (char)peek(parser));
	}
	strbuf_free(&text);
	return wrong(parser, "a quote is not closed");
}

static int parse_number(struct parser *parser, struct val *ret)
{
	size_t from = parser->at;
	int64_t integer;
	double number;
	while (is_digit(peek(parser)) || (peek(parser) >= 0 && strchr("+-.eE", peek(parser))))
		parser->at++;
	struct str text = str_slice(parser->text, from, parser->at);
	if (str_to_int(text, &integer))
		*ret = val_int(integer);
	else if (str_to_double(text, &number))
		*ret = val_double(number);
	else
		return wrong(parser, "expected a number");
	return 0;
}

static int parse_literal(struct parser *parser, struct val *ret);

static int parse_list(struct parser *parser, struct val *ret)
{
	_cleanup_(val_free) struct val list = val_list();
	parser->at++;
	skip_blanks(parser);
	while (!take_text(parser, "]")) {
		struct val item;
		if (val_count(list) > 0 && expect(parser, ",", "expected ',' or ']'") < 0)
			return -1;
		if (parse_literal(parser, &item) < 0)
			return -1;
		val_append(&list, item);
		skip_blanks(parser);
	}
	*ret = take(&list);
	return 0;
}

static int parse_literal(struct parser *parser, struct val *ret)
{
	skip_blanks(parser);
	int c = peek(parser);
	if (c == '\'' || c == '"')
		return parse_quoted(parser, ret);
	if (is_digit(c) || c == '-')
		return parse_number(parser, ret);
	if (take_text(parser, "true"))
		*ret = val_bool(true);
	else if (take_text(parser, "false"))
		*ret = val_bool(false);
	else if (take_text(parser, "null"))
		*ret = VAL_NULL;
	else if (c == '/')
		return wrong(parser, "regular expressions are not supported");
	else
		return wrong(parser, "expected a path, text, number, list, true, false or null");
	return 0;
}

/* ---- filters ---- */

static void operand_free(struct path_operand *operand)
{
	path_tree_free(operand->path);
	val_free(&operand->literal);
}

static void filter_free(struct path_filter *filter)
{
	if (!filter)
		return;
	filter_free(filter->left);
	filter_free(filter->right);
	operand_free(&filter->a);
	operand_free(&filter->b);
	free(filter);
}

static struct path_filter *filter_new(int kind, struct path_filter *left, struct path_filter *right)
{
	struct path_filter *filter = xnew(struct path_filter);
	filter->kind = kind;
	filter->left = left;
	filter->right = right;
	return filter;
}

static int parse_operand(struct parser *parser, struct path_operand *ret)
{
	skip_blanks(parser);
	if (peek(parser) == '[')
		return parse_list(parser, &ret->literal);
	if (peek(parser) != '@' && peek(parser) != '$')
		return parse_literal(parser, &ret->literal);
	bool was_inner = parser->inner;
	parser->inner = true;
	ret->path = xnew(struct path_tree);
	int result = parse_path(parser, ret->path);
	parser->inner = was_inner;
	return result;
}

static bool parse_operator(struct parser *parser, enum path_operator *ret)
{
	/* Longer ones before those that they begin with. */
	static const struct {
		const char *text;
		enum path_operator operator;
	} operators[] = {
		{ "===", PATH_SAME },
		{ "==", PATH_EQUAL },
		{ "!==", PATH_NOT_SAME },
		{ "!=", PATH_UNEQUAL },
		{ "<>", PATH_UNEQUAL },
		{ "<=", PATH_LESS_EQUAL },
		{ "<", PATH_LESS },
		{ ">=", PATH_GREATER_EQUAL },
		{ ">", PATH_GREATER },
		{ "in", PATH_IN },
		{ "nin", PATH_NOT_IN },
		{ "contains", PATH_CONTAINS },
		{ "size", PATH_SIZE },
		{ "empty", PATH_EMPTY },
		{ "anyof", PATH_ANY_OF },
		{ "noneof", PATH_NONE_OF },
		{ "subsetof", PATH_SUBSET_OF },
	};
	struct str rest = str_slice(parser->text, parser->at, parser->text.length);
	for (size_t i = 0; i < sizeof(operators) / sizeof(operators[0]); i++) {
		struct str name = str_of(operators[i].text);
		if (rest.length < name.length ||
			!str_equal_nocase(str_slice(rest, 0, name.length), name))
			continue;
		*ret = operators[i].operator;
		parser->at += name.length;
		return true;
	}
	return false;
}

static struct path_filter *parse_comparison(struct parser *parser)
{
	struct path_filter *filter = filter_new(FILTER_HAS, NULL, NULL);
	if (parse_operand(parser, &filter->a) < 0)
		goto failed;
	skip_blanks(parser);
	if (parse_operator(parser, &filter->operator)) {
		filter->kind = FILTER_COMPARE;
		if (parse_operand(parser, &filter->b) < 0)
			goto failed;
	} else if (take_text(parser, "=~")) {
		wrong(parser, "regular expressions are not supported");
		goto failed;
	}
	return filter;
failed:
	filter_free(filter);
	return NULL;
}

static struct path_filter *parse_unary(struct parser *parser)
{
	struct path_filter *filter = NULL;
	skip_blanks(parser);
	if (++parser->depth > LIMIT_JSON_PATH_DEPTH) {
		wrong(parser, "nested too deep");
	} else if (take_text(parser, "!")) {
		struct path_filter *inner = parse_unary(parser);
		filter = inner ? filter_new(FILTER_NOT, inner, NULL) : NULL;
	} else if (take_text(parser, "(")) {
		filter = parse_or(parser);
		if (filter && expect(parser, ")", "expected ')'") < 0) {
			filter_free(filter);
			filter = NULL;
		}
	} else {
		filter = parse_comparison(parser);
	}
	parser->depth--;
	return filter;
}

/* What OPERATOR joins, each read by NEXT. */
static struct path_filter *parse_joined(struct parser *parser, const char *operator, int kind,
	struct path_filter *(*next)(struct parser *parser))
{
	struct path_filter *filter = next(parser);
	for (skip_blanks(parser); filter && take_text(parser, operator); skip_blanks(parser)) {
		struct path_filter *right = next(parser);
		if (!right) {
			filter_free(filter);
			return NULL;
		}
		filter = filter_new(kind, filter, right);
	}
	return filter;
}

static struct path_filter *parse_and(struct parser *parser)
{
	return parse_joined(parser, "&&", FILTER_AND, parse_unary);
}

static struct path_filter *parse_or(struct parser *parser)
{
	return parse_joined(parser, "||", FILTER_OR, parse_and);
}

/* ---- steps ---- */

static struct path_step *step_add(struct path_tree *tree, enum path_step_kind kind)
{
	tree->steps = xrealloc(tree->steps, (tree->count + 1) * sizeof(*tree->steps));
	tree->steps[tree->count] = (struct path_step){ .kind = kind };
	return &tree->steps[tree->count++];
}

static int parse_bracket_names(struct parser *parser, struct path_tree *tree)
{
	struct path_step *step = step_add(tree, PATH_NAMES);
	do {
		struct val name;
		skip_blanks(parser);
		if (peek(parser) != '\'' && peek(parser) != '"')
			return wrong(parser, "expected a quoted name");
		if (parse_quoted(parser, &name) < 0)
			return -1;
		val_append(&step->items, name);
		skip_blanks(parser);
	} while (take_text(parser, ","));
	return 0;
}

static int parse_index(struct parser *parser, int64_t *ret)
{
	size_t from = parser->at;
	if (peek(parser) == '-')
		parser->at++;
	while (is_digit(peek(parser)))
		parser->at++;
	return str_to_int(str_slice(parser->text, from, parser->at), ret) ?
		0 :
		wrong(parser, "expected an index, a name in quotes, '*' or '?'");
}

/* 1  -1  1,2  1:  :2  1:2 */
static int parse_bracket_indexes(struct parser *parser, struct path_tree *tree)
{
	struct path_step *step = step_add(tree, PATH_INDEXES);
	int64_t index;
	if (peek(parser) != ':') {
		if (parse_index(parser, &index) < 0)
			return -1;
		step->has_from = true;
		step->from = index;
		val_append(&step->items, val_int(index));
		skip_blanks(parser);
	}
	if (take_text(parser, ":")) {
		step->kind = PATH_SLICE;
		skip_blanks(parser);
		step->has_to = peek(parser) == '-' || is_digit(peek(parser));
		return step->has_to ? parse_index(parser, &step->to) : 0;
	}
	while (take_text(parser, ",")) {
		skip_blanks(parser);
		if (parse_index(parser, &index) < 0)
			return -1;
		val_append(&step->items, val_int(index));
		skip_blanks(parser);
	}
	return 0;
}

static int parse_bracket(struct parser *parser, struct path_tree *tree)
{
	int result = 0;
	skip_blanks(parser);
	if (take_text(parser, "*")) {
		step_add(tree, PATH_ALL);
	} else if (take_text(parser, "?")) {
		struct path_step *step = step_add(tree, PATH_FILTER);
		if (expect(parser, "(", "expected '('") < 0 || !(step->filter = parse_or(parser)) ||
			expect(parser, ")", "expected ')'") < 0)
			return -1;
	} else if (peek(parser) == '\'' || peek(parser) == '"') {
		result = parse_bracket_names(parser, tree);
	} else {
		result = parse_bracket_indexes(parser, tree);
	}
	return result < 0 ? -1 : expect(parser, "]", "expected ']'");
}

static int parse_function(struct parser *parser, struct str name, struct path_tree *tree)
{
	static const struct {
		const char *name;
		enum path_function function;
	} functions[] = {
		{ "length", PATH_LENGTH },
		{ "size", PATH_LENGTH },
		{ "min", PATH_MIN },
		{ "max", PATH_MAX },
		{ "avg", PATH_AVG },
		{ "sum", PATH_SUM },
		{ "keys", PATH_KEYS },
		{ "first", PATH_FIRST },
		{ "last", PATH_LAST },
	};
	for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++)
		if (str_is(name, functions[i].name))
			tree->function = functions[i].function;
	if (!tree->function)
		return wrong(parser, "unknown function");
	parser->at++;
	return expect(parser, ")", "expected ')'");
}

static bool ends_name(const struct parser *parser)
{
	int c = peek(parser);
	if (c < 0 || c == '.' || c == '[' || c == '(')
		return true;
	return parser->inner && strchr(" \t\n)]&|<>=~!,", c);
}

/* A name, '*' or a function, after its dot. */
static int parse_name(struct parser *parser, struct path_tree *tree)
{
	size_t from = parser->at;
	if (take_text(parser, "*")) {
		step_add(tree, PATH_ALL);
		return 0;
	}
	for (; !ends_name(parser); parser->at++)
		if (peek(parser) == ' ')
			return wrong(parser, "write ['my name'] for a name with blanks");
	struct str name = str_slice(parser->text, from, parser->at);
	if (name.length == 0)
		return wrong(parser, "expected a name");
	if (peek(parser) == '(')
		return parse_function(parser, name, tree);
	val_append(&step_add(tree, PATH_NAMES)->items, val_str(name));
	return 0;
}

static int parse_step(struct parser *parser, struct path_tree *tree)
{
	if (take_text(parser, ".."))
		step_add(tree, PATH_DEEP);
	else if (!take_text(parser, ".") && peek(parser) != '[')
		return wrong(parser, "expected '.' or '['");
	return take_text(parser, "[") ? parse_bracket(parser, tree) : parse_name(parser, tree);
}

/* One that leads to one place: single names and indexes; several names at the end make one map. */
static bool is_definite(const struct path_tree *tree)
{
	for (size_t i = 0; i < tree->count; i++) {
		const struct path_step *step = &tree->steps[i];
		if (step->kind != PATH_NAMES && step->kind != PATH_INDEXES)
			return false;
		if (val_count(step->items) > 1 && (step->kind != PATH_NAMES || i + 1 < tree->count))
			return false;
	}
	return true;
}

static int parse_path(struct parser *parser, struct path_tree *tree)
{
	tree->relative = peek(parser) == '@';
	if (peek(parser) == '$' || peek(parser) == '@')
		parser->at++;
	else if (peek(parser) != '[' && parse_name(parser, tree) < 0)
		return -1;
	while (!tree->function &&
		(parser->inner ? peek(parser) == '.' || peek(parser) == '[' : peek(parser) >= 0)) {
		if (tree->count >= LIMIT_JSON_PATH_STEPS)
			return wrong(parser, "more steps than a path may have");
		if (parse_step(parser, tree) < 0)
			return -1;
	}
	tree->definite = is_definite(tree);
	return 0;
}

struct path_tree *path_parse(struct str path, struct err *err)
{
	struct parser parser = { .text = str_trim(path), .err = err };
	_cleanup_(path_tree_free_cleanup) struct path_tree *tree = xnew(struct path_tree);
	if (parser.text.length == 0) {
		err_set(err, ERR_INVALID, "the path is empty");
		return NULL;
	}
	if (parser.text.length > LIMIT_JSON_PATH_BYTES) {
		err_set(err, ERR_INVALID, "longer than %d bytes", LIMIT_JSON_PATH_BYTES);
		return NULL;
	}
	if (parse_path(&parser, tree) < 0)
		return NULL;
	if (parser.at < parser.text.length) {
		wrong(&parser, "nothing may follow a function");
		return NULL;
	}
	return take(&tree);
}

void path_tree_free(struct path_tree *tree)
{
	if (!tree)
		return;
	for (size_t i = 0; i < tree->count; i++) {
		val_free(&tree->steps[i].items);
		filter_free(tree->steps[i].filter);
	}
	free(tree->steps);
	free(tree);
}
