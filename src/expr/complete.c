#include "expr/complete.h"

#include <string.h>

#include "base/limits.h"
#include "expr/bean.h"
#include "expr/functions.h"

struct search {
	const struct expr_host *host;
	struct str word; /* begun */
	complete_fn found;
	void *data;
};

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '$';
}

static bool is_word(char c)
{
	return is_letter(c) || (c >= '0' && c <= '9');
}

static bool is_identifier(struct str text)
{
	for (size_t i = 0; i < text.length; i++)
		if (!is_word(text.bytes[i]))
			return false;
	return text.length && is_letter(text.bytes[0]);
}

static void offer(const struct search *search, struct str name, const char *end, const char *help)
{
	if (name.length < search->word.length ||
		!str_equal(str_slice(name, 0, search->word.length), search->word))
		return;
	_cleanup_free_ char *text = xasprintf("%.*s%s", STR_ARG(name), end);
	search->found(search->data, text, help);
}

static void offer_methods(const struct search *search, const struct java_method *rows)
{
	for (const struct java_method *row = rows; row && row->name; row++)
		offer(search, str_of(row->name), row->args && *row->args ? "(" : "()", row->help);
}

/* ---- what stands before ------------------------------------------------------------------------------------------------------- */

/* The quote that is open at the end of TEXT, or -1. */
static ptrdiff_t open_quote(struct str text)
{
	ptrdiff_t at = -1;
	for (size_t i = 0; i < text.length; i++) {
		char c = text.bytes[i];
		if (at < 0 && (c == '\'' || c == '"'))
			at = (ptrdiff_t)i;
		else if (at >= 0 && c == text.bytes[at])
			at = -1;
	}
	return at;
}

/* Where the quote begins that ends at END - 1. */
static size_t quote_start(struct str text, size_t end)
{
	char quote = text.bytes[end - 1];
	size_t at = end - 1;
	while (at > 0 && text.bytes[at - 1] != quote)
		at--;
	return at > 0 ? at - 1 : 0;
}

/* Where the bracket opens that closes at END - 1; END when it does not. */
static size_t bracket_start(struct str text, size_t end)
{
	size_t depth = 0, at = end;
	while (at > 0) {
		char c = text.bytes[at - 1];
		if (c == '\'' || c == '"') {
			at = quote_start(text, at);
			continue;
		}
		at--;
		depth += c == ')' || c == ']' || c == '}';
		depth -= c == '(' || c == '[' || c == '{';
		if (depth == 0)
			return at;
	}
	return end;
}

/* The chain of names, calls and indexes that TEXT ends with: "a + #stage('x').context" → "#stage('x').context". */
static struct str chain_before(struct str text)
{
	size_t at = text.length;
	while (at > 0) {
		char c = text.bytes[at - 1];
		char next = at < text.length ? text.bytes[at] : ' ';
		size_t start = at - 1;
		if (c == ')' || c == ']' || c == '}')
			start = bracket_start(text, at);
		else if (c == '\'' || c == '"')
			start = quote_start(text, at);
		else if (strchr("?!^$", c) && next != '[' && !(c == '?' && next == '.') && !is_word(c))
			break;
		else if (!is_word(c) && !strchr(".#?!^$", c))
			break;
		if (start == at)
			break;
		at = start;
	}
	if (at >= 4 && str_ends(str_slice(text, 0, at), "new ") &&
		(at == 4 || !is_word(text.bytes[at - 5])))
		at -= 4;
	return str_slice(text, at, text.length);
}

/* ---- members ------------------------------------------------------------------------------------------------------------------- */

/* The keys of a map, each with END behind it; ANY: also those that are no identifiers. */
static void offer_keys(
	const struct search *search, struct eval *ev, struct value map, const char *end, bool any)
{
	struct value plain = map_plain(ev, map);
	size_t count = map_count(ev, plain);
	for (size_t i = 0; i < count; i++) {
		struct value key = map_key(ev, plain, i);
		struct str name = key.kind == V_STRING ? value_str(key) : (struct str){ 0 };
		if (name.length &&
			(any ? !memchr(name.bytes, '\'', name.length) : is_identifier(name)))
			offer(search, name, end, NULL);
	}
}

static void offer_properties(const struct search *search, struct eval *ev, const struct bean *bean)
{
	for (const struct bean_property *row = bean->class->properties; row && row->name; row++)
		if (bean_find_property(bean, str_of(row->name)) == row)
			offer(search, str_of(row->name), "", row->help);
	offer_methods(search, bean_methods(bean));
}

static void offer_members(const struct search *search, struct eval *ev, struct value value)
{
	const struct java_class *class = java_class_of(value);
	if (value.kind == V_NULL)
		return;
	if (value.kind == V_TYPE) {
		offer_methods(search, value.type->statics);
		return;
	}
	if (value.kind == V_MAP)
		offer_keys(search, ev, value, "", false);
	if (value.kind == V_BEAN)
		offer_properties(search, ev, value.bean);
	if (value.kind == V_ARRAY)
		offer(search, STR("length"), "", NULL);
	if (class)
		offer_methods(search, class->methods);
	offer_methods(search, java_object_methods());
}

/* Evaluates BODY and offers its members; in a string that is its keys with what closes the index. */
static void offer_of(const struct search *search, struct str body, const char *key_end)
{
	struct eval ev;
	struct value value;
	const struct expr_limits limits = {
		.max_steps = LIMIT_EXPR_INLINE_STEPS, .no_io = true, .allow_unknown_keys = true
	};
	eval_init(&ev, search->host, &limits);
	if (body.length && eval_body(&ev, body, &value) == 0) {
		if (!key_end)
			offer_members(search, &ev, value);
		else if (value.kind == V_MAP)
			offer_keys(search, &ev, value, key_end, true);
	}
	eval_free(&ev);
}

/* ---- the places ---------------------------------------------------------------------------------------------------------------- */

static void offer_functions(const struct search *search)
{
	for (const struct function *row = functions(); row->name; row++)
		offer(search, str_of(row->name), *row->args ? "(" : "()", row->help);
	offer(search, STR("root"), "", "the root object");
	offer(search, STR("this"), "", "the object in hand");
}

static void offer_stages(const struct search *search, const char *end, bool by_ref)
{
	const struct expr_host *host = search->host;
	for (size_t i = 0; host->stage_count && i < host->stage_count(host->data); i++) {
		_cleanup_(val_free) struct val stage = host->stage(host->data, i);
		struct val name = val_get(stage, by_ref ? "refId" : "name");
		if (val_is_string(name))
			offer(search, val_as_str(&name), end, val_get_text(stage, "type", NULL));
	}
}

/* In a string: a stage's name, or a key. */
static void offer_in_string(const struct search *search, struct str before, char quote)
{
	static const char *const of_stages[] = { "#stage(", "#stageExists(", "#judgment(",
		"#judgement(", "#deployedServerGroups(" };
	struct str trimmed = str_trim(before);
	char call_end[3] = { quote, ')', '\0' }, index_end[3] = { quote, ']', '\0' };
	for (size_t i = 0; i < sizeof(of_stages) / sizeof(of_stages[0]); i++)
		if (str_ends(trimmed, of_stages[i]))
			offer_stages(search, call_end, false);
	if (str_ends(trimmed, "#stageByRefId("))
		offer_stages(search, call_end, true);
	if (str_ends(trimmed, "["))
		offer_of(search, chain_before(str_slice(trimmed, 0, trimmed.length - 1)), index_end);
}

/* Behind T( and new: *RET is the name begun, with its dots. */
static bool in_class_name(struct str body, struct str *ret)
{
	size_t at = body.length;
	while (at > 0 && (is_word(body.bytes[at - 1]) || body.bytes[at - 1] == '.'))
		at--;
	struct str before = str_slice(body, 0, at);
	*ret = str_slice(body, at, body.length);
	size_t length = str_ends(before, "T(") ? 2 : str_ends(before, "new ") ? 4 : 0;
	return length && (length == at || !is_word(body.bytes[at - length - 1]));
}

static void offer_classes(const struct search *search, bool new)
{
	for (const struct java_class *const *row = java_classes(); *row; row++) {
		struct str name = str_of((*row)->name);
		if (!(*row)->nameable || (new && !(*row)->constructors))
			continue;
		offer(search, name, new ? "(" : ")", NULL);
		if (str_starts(name, "java.lang."))
			offer(search, str_slice(name, 10, name.length), new ? "(" : ")", NULL);
	}
}

/* The first name of a chain. */
static void offer_root(const struct search *search)
{
	static const char *const words[] = { "true", "false", "null", "T(", "new " };
	const struct expr_host *host = search->host;
	_cleanup_(val_free) struct val root = host->root_map ? host->root_map(host->data) : VAL_NULL;
	for (size_t i = 0; i < val_count(root); i++)
		if (is_identifier(val_key_at(root, i)))
			offer(search, val_key_at(root, i), "", NULL);
	if (host->execution)
		offer(search, STR("execution"), "", "the run");
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		offer(search, str_of(words[i]), "", NULL);
}

/* The body that is open at the end of TEXT; false when none is. */
static bool open_body(struct str text, struct str *ret)
{
	*ret = text;
	if (!str_contains(text, "${"))
		return true;
	for (size_t at = text.length; at >= 2; at--) {
		if (text.bytes[at - 2] != '$' || text.bytes[at - 1] != '{')
			continue;
		*ret = str_slice(text, at, text.length);
		break;
	}
	size_t depth = 1;
	for (size_t i = 0; i < ret->length && depth; i++)
		depth += (ret->bytes[i] == '{') - (size_t)(ret->bytes[i] == '}');
	return depth > 0;
}

size_t expr_complete(struct str left, const struct expr_host *host, complete_fn found, void *data)
{
	struct search search = { host, { 0 }, found, data };
	struct str body, class_name;
	if (!open_body(left, &body))
		return 0;
	ptrdiff_t quote = open_quote(body);
	if (quote >= 0) {
		search.word = str_slice(body, (size_t)quote + 1, body.length);
		offer_in_string(&search, str_slice(body, 0, (size_t)quote), body.bytes[quote]);
		return search.word.length;
	}
	if (in_class_name(body, &class_name)) {
		search.word = class_name;
		offer_classes(&search,
			!str_ends(str_slice(body, 0, body.length - class_name.length), "("));
		return search.word.length;
	}
	size_t at = body.length;
	while (at > 0 && is_word(body.bytes[at - 1]))
		at--;
	search.word = str_slice(body, at, body.length);
	if (at > 0 && body.bytes[at - 1] == '#') {
		offer_functions(&search);
	} else if (at > 0 && body.bytes[at - 1] == '.') {
		size_t end = at >= 2 && body.bytes[at - 2] == '?' ? at - 2 : at - 1;
		offer_of(&search, chain_before(str_slice(body, 0, end)), NULL);
	} else {
		offer_root(&search);
	}
	return search.word.length;
}
