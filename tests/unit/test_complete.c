/* What may come next in an expression. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

#include "base/alloc.h"
#include "base/json.h"
#include "base/limits.h"
#include "expr/complete.h"

static const char root[] =
	"{\"alpha\":{\"beta\":1,\"odd key\":{\"x\":1}},\"list\":[{\"gamma\":1}],\"execution\":{\"id\":\"e\","
	"\"stages\":[{\"id\":\"1\",\"refId\":\"r1\",\"name\":\"Bake it\",\"type\":\"bake\",\"status\":\"RUNNING\","
	"\"context\":{\"packageName\":\"n\"}}]}}";

static void add(void *data, const char *word, const char *help)
{
	struct strbuf *words = data;
	strbuf_printf(words, "|%s", word);
}

static struct expr_host *open_host(struct val *ret)
{
	struct err err = ERR_INIT;
	assert_int_equal(json_parse(str_of(root), NULL, NULL, ret, &err), 0);
	return expr_host_of_map(*ret, NULL);
}

static void what_fits_is_found_in_each_place(void **state)
{
	static const struct {
		const char *left, *word; /* word: one that is found; NULL = nothing is */
		size_t begun;
	} rows[] = {
		{ "", "alpha", 0 },
		{ "al", "alpha", 2 },
		{ "1 + al", "alpha", 2 },
		{ "zz", NULL, 2 },
		{ "alpha.", "beta", 0 },
		{ "alpha?.be", "beta", 2 },
		{ "alpha.", "containsKey(", 0 },
		{ "alpha['odd key'].", "x", 0 },
		{ "alpha['o", "odd key']", 1 },
		{ "alpha[\"o", "odd key\"]", 1 },
		{ "list[0].", "gamma", 0 },
		{ "list.?[gamma == 1][0].ga", "gamma", 2 },
		{ "list.![#this].si", "size()", 2 },
		{ "(1 + 2).", "intValue()", 0 },
		{ "'a b'.toUpper", "toUpperCase()", 7 },
		{ "{1, 2}.is", "isEmpty()", 2 },
		{ "#sta", "stageExists(", 3 },
		{ "#ro", "root", 2 },
		{ "#root.al", "alpha", 2 },
		{ "#stage('", "Bake it')", 0 },
		{ "#stageByRefId('", "r1')", 0 },
		{ "#stage('Bake it').context.", "packageName", 0 },
		{ "#stage('Bake it').hasS", "hasSucceeded", 4 },
		{ "exec", "execution", 4 },
		{ "T(java.time.Loc", "java.time.LocalDate)", 13 },
		{ "T(Ma", "Math)", 2 },
		{ "T(Math).ab", "abs(", 2 },
		{ "new java.util.D", "java.util.Date(", 11 },
		{ "new java.util.Date().getT", "getTime()", 4 },
		{ "x ${al", "alpha", 2 },
		{ "${alpha} ${list[0].", "gamma", 0 },
		{ "${alpha}", NULL, 0 },
		{ "nothing.", NULL, 0 },
		{ "'abc", NULL, 3 },
		{ "#fromUrl('http://x').", NULL, 0 },
	};
	_cleanup_(val_free) struct val context = VAL_NULL;
	struct expr_host *host = open_host(&context);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		_cleanup_strbuf_ struct strbuf words = STRBUF_INIT(1 << 20);
		_cleanup_free_ char *wanted = xasprintf("|%s|", rows[i].word ? rows[i].word : "");
		size_t begun = expr_complete(str_of(rows[i].left), host, add, &words);
		strbuf_add_char(&words, '|');
		if (rows[i].word ? !strstr(words.bytes, wanted) : words.length > 1)
			fail_msg("%s: %s", rows[i].left, words.bytes);
		if (begun != rows[i].begun)
			fail_msg("%s: %zu are begun", rows[i].left, begun);
	}
	expr_host_free(host);
}

/* Anything may be typed: brackets that do not fit, quotes left open, bytes that are no text. */
static void nothing_that_is_typed_does_harm(void **state)
{
	static const char alphabet[] = "a.#'\"()[]{}?!^$ T(new 1\x80\xe4,:";
	_cleanup_(val_free) struct val context = VAL_NULL;
	struct expr_host *host = open_host(&context);
	uint32_t seed = 1;
	for (int round = 0; round < 20000; round++) {
		char text[24];
		size_t length = (seed >> 8) % sizeof(text);
		for (size_t i = 0; i < length; i++) {
			seed = seed * 1664525 + 1013904223;
			text[i] = alphabet[(seed >> 16) % (sizeof(alphabet) - 1)];
		}
		seed = seed * 1664525 + 1013904223;
		_cleanup_strbuf_ struct strbuf words = STRBUF_INIT(1 << 20);
		size_t begun = expr_complete((struct str){ text, length }, host, add, &words);
		assert_true(begun <= length);
	}
	expr_host_free(host);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_fits_is_found_in_each_place),
		cmocka_unit_test(nothing_that_is_typed_does_harm),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
