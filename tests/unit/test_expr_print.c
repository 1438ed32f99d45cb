#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <stdio.h>

#include "base/alloc.h"
#include "lib/expr_print.h"

/* Random trees, of each kind of node that a parser makes; the same in each run. */
struct grower {
	struct arena arena;
	uint64_t state;
	unsigned size; /* nodes so far */
};

static unsigned below(struct grower *grower, unsigned bound)
{
	grower->state = grower->state * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(grower->state >> 33) % bound;
}

static struct node *grow(struct grower *grower, unsigned depth);

static struct node *new_node(struct grower *grower, enum node_kind kind, uint32_t count)
{
	struct node *node = arena_new(&grower->arena, struct node);
	node->kind = (uint8_t)kind;
	node->count = count;
	node->children = arena_zalloc(&grower->arena, count * sizeof(*node->children));
	grower->size++;
	return node;
}

static struct node *with_children(
	struct grower *grower, enum node_kind kind, uint32_t count, unsigned depth)
{
	struct node *node = new_node(grower, kind, count);
	for (uint32_t i = 0; i < count; i++)
		node->children[i] = grow(grower, depth);
	return node;
}

static struct str word(struct grower *grower)
{
	static const char *const words[] = { "a", "stages", "x1", "$", "b$", "matches", "or",
		"between", "longer_name", "instanceof" };
	return str_of(words[below(grower, 10)]);
}

static struct node *literal(struct grower *grower)
{
	static const char *const texts[] = { "", "it's", "\"", "}", "a b", "é😀", "''", "${" };
	struct node *node = new_node(grower, NODE_LITERAL, 0);
	struct value values[] = { NULL_VALUE, value_bool(below(grower, 2)),
		value_int(below(grower, 3000)), value_long(below(grower, 3000) * 1000000000000ll),
		value_double(below(grower, 99) / 7.0), value_float(below(grower, 99) / 7.0f),
		value_string(str_of(texts[below(grower, 8)])), value_double(1e300),
		value_int(INT32_MAX) };
	node->literal = values[below(grower, sizeof(values) / sizeof(values[0]))];
	return node;
}

/* A name, variable, call or helper. */
static struct node *named(struct grower *grower, unsigned depth)
{
	static const uint8_t kinds[] = { NODE_NAME, NODE_VARIABLE, NODE_METHOD, NODE_FUNCTION };
	enum node_kind kind = kinds[below(grower, 4)];
	bool call = kind == NODE_METHOD || kind == NODE_FUNCTION;
	struct node *node = with_children(grower, kind, call ? below(grower, 3) : 0, depth);
	node->name = word(grower);
	return node;
}

static struct node *inside(struct grower *grower, unsigned depth)
{
	static const uint8_t kinds[] = { NODE_INDEX, NODE_PROJECT, NODE_SELECT };
	struct node *node = with_children(grower, kinds[below(grower, 3)], 1, depth);
	node->op = node->kind == NODE_SELECT ? OP_FIRST + below(grower, 3) :
		node->kind == NODE_PROJECT   ? OP_ALL :
					       0;
	return node;
}

static struct node *chain(struct grower *grower, unsigned depth)
{
	struct node *node = new_node(grower, NODE_CHAIN, 2 + below(grower, 3));
	node->children[0] = grow(grower, depth);
	for (uint32_t i = 1; i < node->count; i++) {
		node->children[i] = below(grower, 2) ? named(grower, depth) : inside(grower, depth);
		node->children[i]->safe = node->children[i]->kind != NODE_INDEX && below(grower, 2);
	}
	return node;
}

static struct node *fold(struct grower *grower, unsigned depth)
{
	static const struct {
		uint8_t from, count;
		bool many;
	} levels[] = { { OP_PLUS, 2, true }, { OP_TIMES, 3, true }, { OP_POWER, 1, false },
		{ OP_EQ, 9, false } };
	unsigned level = below(grower, 4);
	uint32_t count = levels[level].many ? 2 + below(grower, 3) : 2;
	struct node *node = with_children(grower, NODE_FOLD, count, depth);
	node->steps = arena_zalloc(&grower->arena, count * sizeof(*node->steps));
	for (uint32_t i = 0; i + 1 < count; i++)
		node->steps[i].op = (uint8_t)(levels[level].from + below(grower, levels[level].count));
	return node;
}

static bool is_constant(const struct node *node)
{
	return node->kind == NODE_LITERAL || node->constant;
}

static struct node *collection(struct grower *grower, unsigned depth)
{
	bool map = below(grower, 2);
	uint32_t count = below(grower, 3) * (map ? 2 : 1);
	struct node *node = with_children(grower, map ? NODE_MAP : NODE_LIST, count, depth);
	node->constant = true;
	for (uint32_t i = map; i < count; i += 1 + map)
		node->constant = node->constant && is_constant(node->children[i]);
	return node;
}

static struct node *made(struct grower *grower, unsigned depth)
{
	static const char *const classes[] = { "String", "java.util.Date", "int", "1.5.e3", "a.$" };
	unsigned which = below(grower, 3);
	struct node *node = which == 0 ? new_node(grower, NODE_TYPE, 0) :
		which == 1             ? with_children(grower, NODE_NEW, below(grower, 3), depth) :
			     with_children(grower, NODE_NEW_ARRAY, 1 + below(grower, 2), depth);
	node->name = str_of(classes[below(grower, 5)]);
	if (which == 0)
		node->op = (uint8_t)below(grower, 3);
	if (which == 2 && below(grower, 2)) {
		node->children[0] = NULL;
		do
			node->extra = collection(grower, depth);
		while (node->extra->kind != NODE_LIST);
	}
	return node;
}

static struct node *grow(struct grower *grower, unsigned depth)
{
	struct node *node;
	if (depth == 0 || grower->size > 300)
		return below(grower, 2) ? literal(grower) : named(grower, 0);
	depth--;
	switch (below(grower, 12)) {
	case 0:
		return literal(grower);
	case 1:
		return named(grower, depth);
	case 2:
		return inside(grower, depth);
	case 3:
	case 4:
		return chain(grower, depth);
	case 5:
		return collection(grower, depth);
	case 6:
		return made(grower, depth);
	case 7:
		node = with_children(grower, NODE_UNARY, 1, depth);
		node->op = below(grower, 3) ? OP_MINUS : OP_NOT;
		return node;
	case 8:
		return with_children(
			grower, below(grower, 2) ? NODE_AND : NODE_OR, 2 + below(grower, 2), depth);
	case 9:
		return with_children(grower, NODE_TERNARY, 3, depth);
	case 10:
		node = with_children(grower, NODE_ELVIS + below(grower, 3), 2, depth);
		if (node->kind == NODE_INCREMENT) {
			node->count = 1;
			node->safe = below(grower, 2);
			node->op = below(grower, 2) ? OP_PLUS : OP_MINUS;
		}
		return node;
	default:
		return fold(grower, depth);
	}
}

static void what_is_printed_parses_to_the_same_tree(void **state)
{
	for (unsigned i = 0; i < 3000; i++) {
		struct grower grower = { .state = i };
		arena_init(&grower.arena, SIZE_MAX, NULL, 0);
		struct node *tree = grow(&grower, 1 + i % 5);
		struct strbuf print = STRBUF_INIT(1 << 20);
		expr_print(&print, tree);
		struct expr *expr = expr_parse(strbuf_str(&print));
		bool too_long = print.length > 9000;
		if (!too_long && (!expr->tree || !expr_same(tree, expr->tree)))
			fail_msg("%u: %s: %s", i, print.bytes,
				expr->message ? expr->message : "differs");
		expr_unref(expr);
		strbuf_free(&print);
		arena_free(&grower.arena);
	}
}

/* Each form of the grammar; @ is an expression, ~ a place where blanks may stand. */
static const char *const forms[] = { "a", "$", "eq", "12", "3L", "0x1F", "1.5", "2e3f", "'it''s'",
	"\"$[\"", "true", "null", "#v", "#root", "#$", "(~@~)", "(~@~)", "@~?:~@", "@~?~@~:~@",
	"@~=~@", "?:~@", "@ or @", "@~&&~@", "@~==~@", "@ matches @", "@ instanceof @", "@~+~@",
	"@~-~@", "@~*~@", "@ mod @", "@~^~@", "@~++", "@~--", "++~@", "--~@", "-~@", "+~@", "!~@",
	"not @", "@~.~a", "@?.b$", "@~.~not", "@.f(~@~,~@)", "@.$(~)", "@.#v", "@.#f(@)", "f(@,)",
	"#toInt~(~@~)", "deployedServerGroups", "@~[~@~]", "$~[~@~]", "m[T]", "m[@~*~new]", "[@~-~T]",
	"@.![~@~]", "@?.?[@]", "@.^[@]", "@.$[@]", "![@]", "?[@]", "$[@]", "[~@~]", "{~}", "{~:~}",
	"{~@~,~@~}", "{@}", "{~a~:~@~}", "{@~:~@~,~@~:~@}", "T(String)", "T(~java~.~lang~.~$~[~])",
	"T(a 1~.~5 .. e3)", "new a.b~(~@~,~@~)", "new $ 2(~)", "new int~[~@~]~[~]",
	"new $ [~]{~@~}", "new String 2 $~[~]~{~@~:~@~}", "@'b'", "@bean", "&$" };

static void write_form(struct grower *grower, struct strbuf *buf, unsigned depth)
{
	static const char *const blanks[] = { "", "", " ", "\t\n " };
	const char *form = forms[below(grower, sizeof(forms) / sizeof(forms[0]))];
	if (depth == 0)
		form = forms[below(grower, 15)];
	for (; *form; form++)
		if (*form == '@' && form[1] != '\'' && form[1] != 'b')
			write_form(grower, buf, depth - 1);
		else if (*form == '~')
			strbuf_add_text(buf, blanks[below(grower, 4)]);
		else
			strbuf_add_char(buf, *form);
}

/* From the other side: any text that parses, not only the trees that the printer was thought to meet. */
static void each_form_in_each_place_keeps_its_tree(void **state)
{
	unsigned parsed = 0;
	for (unsigned i = 0; i < 20000; i++) {
		struct grower grower = { .state = i };
		struct strbuf body = STRBUF_INIT(1 << 20);
		write_form(&grower, &body, 1 + i % 4);
		_cleanup_free_ char *wrong = expr_check_print(strbuf_str(&body));
		if (wrong)
			fail_msg("%u: %s: %s", i, body.bytes, wrong);
		struct expr *expr = expr_parse(strbuf_str(&body));
		parsed += expr->tree != NULL;
		expr_unref(expr);
		strbuf_free(&body);
	}
	assert_true(parsed > 10000);
}

static void written_expressions_keep_their_tree(void **state)
{
	static const char *const bodies[] = { "?: 'x'", "a ?: b ?: c", "m[T]", "m[new]", "a.eq.not",
		"{eq: 1}.eq", "1 + 2 - 3 * 4 ^ 5", "-2 ^ 2", "- - 3", "--a", "a++", "a = b ? c : d",
		"['x'].y", "![a].?[b]", "deployedServerGroups[0].region",
		"#stage('x')?.context['a'].![b]", "new int[2][]", "T(a.b[][])",
		"'it''s' + \"it's\"", "0x1F + 12L + 1e3f", "T(1 . 5)", "T(1 d)",
		"new String 2 $ []{1}", "[1 + 2 * T]", "a[(b + c) - -T]", "(new int[2])[0]",
		"new int[2]{1, 2}[0]", "- -1", "!(-a++)", "@bean", "!a and not b or c" };
	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		_cleanup_free_ char *wrong = expr_check_print(str_of(bodies[i]));
		if (wrong)
			fail_msg("%s: %s", bodies[i], wrong);
	}
}

static void other_trees_are_told_apart(void **state)
{
	static const char *const pairs[][2] = { { "a.b", "a?.b" }, { "1 + 2 - 3", "1 + 2 + 3" },
		{ "1", "1L" }, { "(a + b) + c", "a + b + c" }, { "a[0]", "a.![0]" }, { "'a'", "a" },
		{ "++a", "a++" } };
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		struct expr *a = expr_parse(str_of(pairs[i][0])),
			    *b = expr_parse(str_of(pairs[i][1]));
		assert_true(a->tree && b->tree);
		assert_false(expr_same(a->tree, b->tree));
		expr_unref(a);
		expr_unref(b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_printed_parses_to_the_same_tree),
		cmocka_unit_test(each_form_in_each_place_keeps_its_tree),
		cmocka_unit_test(written_expressions_keep_their_tree),
		cmocka_unit_test(other_trees_are_told_apart),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
