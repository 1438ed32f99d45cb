/* `${…}` in strings: finding, evaluating, failing. Rules: reference of expressions, section 1. */
#include "expr/template.h"

#include <string.h>

#include "base/limits.h"
#include "expr/eval.h"
#include "expr/functions.h"
#include "expr/text.h"

#define SERVER_GROUPS "deployedServerGroups"
#define SERVER_GROUPS_CALL "#" SERVER_GROUPS "( #root.execution)"

/* Text and bodies in turn. */
struct piece {
	bool is_body;
	struct str text; /* a body is trimmed */
	size_t offset;
};

/* In an arena. */
struct pieces {
	struct piece *items;
	size_t count, capacity;
};

/* Where a template goes wrong. */
struct flaw {
	char *message; /* owned */
	size_t position;
};

static char opening_of(char closing)
{
	return closing == ')' ? '(' : closing == ']' ? '[' : '{';
}

static char closing_of(char opening)
{
	return opening == '(' ? ')' : opening == '[' ? ']' : '}';
}

static ptrdiff_t flawed(struct flaw *flaw, size_t position, char *message)
{
	flaw->message = message;
	flaw->position = position;
	return -1;
}

static ptrdiff_t no_end(struct str text, size_t start, struct flaw *flaw)
{
	struct str rest = str_slice(text, start, text.length);
	return flawed(flaw, start,
		xasprintf("No ending suffix '}' for expression starting at character %zu: %.*s",
			start, (int)(rest.length < 400 ? rest.length : 400), rest.bytes));
}

/* The '}' that ends the body which begins behind START, where the "${" is; -1 with FLAW. */
static ptrdiff_t body_end(struct str text, size_t start, struct flaw *flaw)
{
	VEC(size_t) open = { 0 };
	ptrdiff_t result = -1;
	size_t at = start + 2;
	if (!memchr(text.bytes + at, '}', text.length - at))
		return no_end(text, start, flaw);
	for (; at < text.length; at++) {
		char c = text.bytes[at];
		if (c == '}' && !open.count) {
			result = (ptrdiff_t)at;
			goto out;
		}
		if (c == '{' || c == '[' || c == '(') {
			vec_push(&open, at);
		} else if (c == '}' || c == ']' || c == ')') {
			if (!open.count) {
				flawed(flaw, at,
					xasprintf("Found closing '%c' at position %zu without an opening '%c'",
						c, at, opening_of(c)));
				goto out;
			}
			size_t from = open.items[--open.count];
			if (text.bytes[from] != opening_of(c)) {
				flawed(flaw, at,
					xasprintf("Found closing '%c' at position %zu but most recent opening is '%c' at position %zu",
						c, at, text.bytes[from], from));
				goto out;
			}
		} else if (c == '\'' || c == '"') {
			const char *end = memchr(text.bytes + at + 1, c, text.length - at - 1);
			if (!end) {
				flawed(flaw, at,
					xasprintf("Found non terminating string literal starting at position %zu",
						at));
				goto out;
			}
			at = (size_t)(end - text.bytes);
		}
	}
	if (open.count) {
		size_t from = open.items[open.count - 1];
		flawed(flaw, from,
			xasprintf("Missing closing '%c' for '%c' at position %zu",
				closing_of(text.bytes[from]), text.bytes[from], from));
	} else {
		no_end(text, start, flaw);
	}
out:
	vec_free(&open);
	return result;
}

static void add_piece(struct arena *arena, struct pieces *pieces, struct piece piece)
{
	const size_t size = sizeof(piece);
	if (pieces->count == pieces->capacity) {
		pieces->capacity = pieces->capacity ? pieces->capacity * 2 : 4;
		pieces->items = arena_resize(
			arena, pieces->items, pieces->count * size, pieces->capacity * size);
	}
	pieces->items[pieces->count++] = piece;
}

static int split_pieces(struct arena *arena, struct str text, struct pieces *ret, struct flaw *flaw)
{
	size_t at = 0;
	while (at < text.length) {
		ptrdiff_t start = str_find(text, "${", at);
		size_t until = start < 0 ? text.length : (size_t)start;
		if (until > at) {
			struct piece literal = { false, str_slice(text, at, until), at };
			add_piece(arena, ret, literal);
		}
		if (start < 0)
			break;
		ptrdiff_t end = body_end(text, until, flaw);
		if (end < 0)
			return -1;
		struct str inside = str_slice(text, until + 2, (size_t)end);
		struct piece body = { true, str_trim(inside), until + 2 };
		if (!body.text.length) {
			flawed(flaw, until,
				xasprintf("No expression defined within delimiter '${}' at character %zu",
					until));
			return -1;
		}
		body.offset = (size_t)(body.text.bytes - text.bytes);
		add_piece(arena, ret, body);
		at = (size_t)end + 1;
	}
	return 0;
}

int template_scan(struct str text, template_body_fn found, void *data, struct err *err)
{
	struct arena arena;
	struct pieces pieces = { 0 };
	struct flaw flaw = { 0 };
	arena_init(&arena, SIZE_MAX, NULL, 0);
	int result = split_pieces(&arena, text, &pieces, &flaw);
	for (size_t i = 0; result == 0 && i < pieces.count; i++)
		if (pieces.items[i].is_body)
			found(data, pieces.items[i].text, pieces.items[i].offset);
	if (result < 0)
		err_set(err, ERR_INVALID, "%s", flaw.message);
	free(flaw.message);
	arena_free(&arena);
	return result;
}

static bool is_candidate(struct str text)
{
	const char *at = text.bytes, *end = text.bytes + text.length;
	while (end - at >= 2 && (at = memchr(at, '$', (size_t)(end - at - 1))) != NULL) {
		if (at[1] == '{')
			return true;
		at++;
	}
	return false;
}

static bool is_candidate_string(struct val value)
{
	return !val_is_verbatim(value) && is_candidate(val_as_str(&value));
}

static bool is_candidate_key(struct val map, size_t index)
{
	return is_candidate(val_key_at(map, index)) && !val_key_is_verbatim(map, index);
}

bool template_is_candidate(struct val value)
{
	switch (val_kind(value)) {
	case VAL_KIND_STRING:
		return is_candidate_string(value);
	case VAL_KIND_LIST:
		for (size_t i = 0; i < val_count(value); i++)
			if (template_is_candidate(val_at(value, i)))
				return true;
		return false;
	case VAL_KIND_MAP:
		for (size_t i = 0; i < val_count(value); i++)
			if (is_candidate_key(value, i) ||
				template_is_candidate(val_value_at(value, i)))
				return true;
		return false;
	default:
		return false;
	}
}

static struct val verbatim_list(struct val list)
{
	struct val made = val_list();
	for (size_t i = 0; i < val_count(list); i++)
		val_append(&made, template_verbatim(val_at(list, i)));
	return made;
}

static struct val verbatim_map(struct val map)
{
	VEC(struct val) pairs = { 0 };
	for (size_t i = 0; i < val_count(map); i++) {
		_cleanup_(val_free) struct val key = val_str(val_key_at(map, i));
		vec_push(&pairs, is_candidate(val_as_str(&key)) ? val_verbatim(key) : val_ref(key));
		vec_push(&pairs, template_verbatim(val_value_at(map, i)));
	}
	struct val made = val_map_of(pairs.items, pairs.count / 2, NULL);
	vec_free(&pairs);
	return made;
}

struct val template_verbatim(struct val value)
{
	if (!template_is_candidate(value))
		return val_ref(value);
	switch (val_kind(value)) {
	case VAL_KIND_LIST:
		return verbatim_list(value);
	case VAL_KIND_MAP:
		return verbatim_map(value);
	default:
		return val_verbatim(value);
	}
}

void template_result_free(struct template_result *result)
{
	val_free(&result->summary);
	val_free(&result->failure_list);
}

/* The pass */

struct pass {
	struct eval *ev;
	struct val source;
	const char *top_key;
	int64_t now_ms;
	uint64_t steps_left; /* of the whole pass, when each string has its own limit */
	struct template_result *result;
	bool over_budget;
	const struct piece *body; /* being evaluated, NULL = none yet */
	const struct piece *null; /* the first that was null, NULL = none was */
	bool mixes; /* fragments that were null stand beside what others have come to and looks like one */
};

static bool is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/* Where the word stands bare from AT on, or -1. */
static ptrdiff_t next_server_groups(struct str text, size_t at)
{
	for (ptrdiff_t found; (found = str_find(text, SERVER_GROUPS, at)) >= 0;) {
		size_t from = (size_t)found, to = from + strlen(SERVER_GROUPS);
		char before = from ? text.bytes[from - 1] : ' ';
		char after = to < text.length ? text.bytes[to] : ' ';
		if (before != '#' && !is_word(before) && !is_word(after) && after != '(')
			return found;
		at = to;
	}
	return -1;
}

/* The place in TEXT, as written, of what stands at POSITION after the rewriting. */
static ptrdiff_t written_position(struct str text, ptrdiff_t position)
{
	const ptrdiff_t word = strlen(SERVER_GROUPS), call = strlen(SERVER_GROUPS_CALL);
	ptrdiff_t longer = 0;
	for (ptrdiff_t from = next_server_groups(text, 0); from >= 0 && from + longer < position;
		from = next_server_groups(text, (size_t)(from + word))) {
		if (position < from + longer + call)
			return from;
		longer += call - word;
	}
	return position - longer;
}

/*
 * The original rewrites the word deployedServerGroups anywhere in a string, in literal text too. An owned string, or NULL when
 * it does not occur.
 */
static char *rewrite_server_groups(struct str text)
{
	if (!str_contains(text, SERVER_GROUPS))
		return NULL;
	struct strbuf buf = STRBUF_INIT(LIMIT_BODY_BYTES);
	size_t at = 0;
	for (ptrdiff_t found; (found = next_server_groups(text, at)) >= 0;) {
		strbuf_add_str(&buf, str_slice(text, at, (size_t)found));
		strbuf_add_text(&buf, SERVER_GROUPS_CALL);
		at = (size_t)found + strlen(SERVER_GROUPS);
	}
	strbuf_add_str(&buf, str_slice(text, at, text.length));
	return strbuf_detach(&buf);
}

/* "#stage(" becomes "#stage( #root.execution, ": seen in the summary only, the evaluator hands the execution over itself. */
static void add_rewritten(struct strbuf *buf, struct str text)
{
	for (size_t at = 0; at < text.length; at++) {
		strbuf_add_char(buf, text.bytes[at]);
		if (text.bytes[at] != '#')
			continue;
		size_t end = at + 1;
		while (end < text.length && is_word(text.bytes[end]))
			end++;
		const struct function *function = function_find(str_slice(text, at + 1, end));
		struct str rest = str_slice(text, end, text.length);
		if (!function || !function->execution || !str_starts(rest, "(") ||
			str_starts(rest, "( #root.execution"))
			continue;
		strbuf_add_str(buf, str_slice(text, at + 1, end));
		strbuf_add_text(buf, "( #root.execution, ");
		at = end;
	}
}

static void add_without_dollar(struct strbuf *buf, struct str text)
{
	for (size_t i = 0; i < text.length; i++)
		if (text.bytes[i] != '$')
			strbuf_add_char(buf, text.bytes[i]);
}

/* What the summary calls this string. */
static char *summary_key(struct str text, const struct pieces *pieces)
{
	struct strbuf buf = STRBUF_INIT(LIMIT_EXPR_STRING_BYTES);
	if (pieces) {
		for (size_t i = 0; i < pieces->count; i++)
			add_rewritten(&buf, pieces->items[i].text);
		return strbuf_detach(&buf);
	}
	struct str trimmed = str_trim(text);
	struct strbuf rewritten = STRBUF_INIT(LIMIT_EXPR_STRING_BYTES);
	if (str_starts(trimmed, "${") && str_ends(trimmed, "}")) {
		add_rewritten(&buf, str_trim(str_slice(trimmed, 2, trimmed.length - 1)));
	} else {
		add_rewritten(&rewritten, text);
		add_without_dollar(&buf, strbuf_str(&rewritten));
	}
	strbuf_free(&rewritten);
	return strbuf_detach(&buf);
}

static bool occurs(struct val value, struct str text)
{
	switch (val_kind(value)) {
	case VAL_KIND_STRING:
		return str_equal(val_as_str(&value), text);
	case VAL_KIND_LIST:
		for (size_t i = 0; i < val_count(value); i++)
			if (occurs(val_at(value, i), text))
				return true;
		return false;
	case VAL_KIND_MAP:
		for (size_t i = 0; i < val_count(value); i++)
			if (str_equal(val_key_at(value, i), text) ||
				occurs(val_value_at(value, i), text))
				return true;
		return false;
	default:
		return false;
	}
}

/* "[a, b]": the keys of the map that is evaluated under which TEXT stands, and the first of them. */
static void failed_keys(
	const struct pass *pass, struct str text, struct strbuf *buf, struct val *ret_first)
{
	if (pass->top_key) {
		strbuf_printf(buf, "[%s]", pass->top_key);
		*ret_first = val_string(pass->top_key);
		return;
	}
	*ret_first = VAL_NULL;
	for (size_t i = 0; val_is_map(pass->source) && i < val_count(pass->source); i++) {
		struct str key = val_key_at(pass->source, i);
		if (!str_equal(key, text) && !occurs(val_value_at(pass->source, i), text))
			continue;
		strbuf_add_text(buf, buf->length ? ", " : "[");
		strbuf_add_str(buf, key);
		if (val_is_null(*ret_first))
			*ret_first = val_str(key);
	}
	if (buf->length)
		strbuf_add_char(buf, ']');
}

static char *description(
	const struct pass *pass, const char *keys, const char *expression, const char *message)
{
	struct strbuf buf = STRBUF_INIT(LIMIT_ERROR_TEXT_BYTES * 4);
	_cleanup_free_ char *text = message ?
		xasprintf("Failed to evaluate %s %s", keys, message) :
		xasprintf("Failed to evaluate %s: %s not found", keys, expression);
	add_without_dollar(&buf, str_of(text));
	return strbuf_detach(&buf);
}

/* In characters, from 1. */
static int64_t column_of(struct str text, size_t position)
{
	int64_t column = 1;
	for (size_t i = 0; i < position && i < text.length; i++)
		column += ((unsigned char)text.bytes[i] & 0xc0) != 0x80;
	return column;
}

/* Records that TEXT failed with MESSAGE at POSITION (-1 = unknown), or, without a message, was null. */
static void record(struct pass *pass, struct str text, const struct pieces *pieces,
	const char *message, const char *exception, ptrdiff_t position)
{
	_cleanup_strbuf_ struct strbuf keys = STRBUF_INIT(LIMIT_ERROR_TEXT_BYTES);
	_cleanup_free_ char *expression = summary_key(text, pieces);
	struct val first;
	failed_keys(pass, text, &keys, &first);
	_cleanup_free_ char *why = description(
		pass, keys.length ? keys.bytes : expression, expression, message);
	struct val level = val_string(message ? "ERROR" : "INFO");
	struct val type = message ? val_string(exception) : VAL_NULL;

	struct val entry = val_map();
	val_set(&entry, "level", val_ref(level));
	val_set(&entry, "description", val_string(why));
	val_set(&entry, "exceptionType", val_ref(type));
	val_set(&entry, "timestamp", val_int(pass->now_ms));
	if (position >= 0)
		val_set(&entry, "column", val_int(column_of(text, (size_t)position)));
	if (!val_has(pass->result->summary, expression))
		val_set(&pass->result->summary, expression, val_list());
	val_append(val_edit(&pass->result->summary, expression), entry);

	struct val failure = val_map();
	val_set(&failure, "expression", val_string(expression));
	val_set(&failure, "level", level);
	val_set(&failure, "key", first);
	val_set(&failure, "description", val_string(why));
	val_set(&failure, "exceptionType", type);
	if (position >= 0)
		val_set(&failure, "position", val_int(position));
	val_append(&pass->result->failure_list, failure);
	pass->result->failures++;
}

static size_t openings(struct str text)
{
	size_t count = 0;
	for (ptrdiff_t at = 0; (at = str_find(text, "${", (size_t)at)) >= 0; at += 2)
		count++;
	return count;
}

/* Text around bodies: every part as text; null fragments are put back. */
static int evaluate_mixed(struct pass *pass, const struct pieces *pieces, struct val *ret)
{
	struct eval *ev = pass->ev;
	_cleanup_strbuf_ struct strbuf buf = STRBUF_INIT(LIMIT_EXPR_STRING_BYTES);
	size_t nulls = 0;
	for (size_t i = 0; i < pieces->count; i++) {
		const struct piece *piece = &pieces->items[i];
		struct value value;
		if (!piece->is_body) {
			strbuf_add_str(&buf, piece->text);
			continue;
		}
		pass->body = piece;
		if (eval_body(ev, piece->text, &value) < 0)
			return -1;
		if (value.kind == V_NULL) {
			pass->null = pass->null ? pass->null : piece;
			nulls++;
			strbuf_add_text(&buf, "${");
			strbuf_add_str(&buf, piece->text);
			strbuf_add_char(&buf, '}');
		} else if (value_to_text(ev, value, false, &buf) < 0) {
			return -1;
		}
	}
	if (buf.overflowed)
		return fail(ev, FAIL_LIMIT, "A text of more than %u bytes would arise",
			LIMIT_EXPR_STRING_BYTES);
	pass->mixes = nulls > 0 && openings(strbuf_str(&buf)) > nulls;
	*ret = val_str(text_clean(&ev->arena, strbuf_str(&buf)));
	return 0;
}

static int evaluate_pieces(struct pass *pass, const struct pieces *pieces, struct val *ret)
{
	if (pieces->count != 1)
		return evaluate_mixed(pass, pieces, ret);
	struct value value;
	pass->body = &pieces->items[0];
	if (eval_body(pass->ev, pass->body->text, &value) < 0)
		return -1;
	if (value.kind != V_NULL)
		return value_to_val(pass->ev, value, ret);
	pass->null = pass->body;
	return 0;
}

static void start_string(struct pass *pass)
{
	struct eval *ev = pass->ev;
	eval_next(ev);
	pass->result->evaluated++;
	pass->body = pass->null = NULL;
	pass->mixes = false;
	if (ev->limits.max_steps)
		return;
	ev->steps = 0;
	ev->max_steps = pass->steps_left < LIMIT_EXPR_STEPS ? pass->steps_left : LIMIT_EXPR_STEPS;
}

static void end_string(struct pass *pass)
{
	struct eval *ev = pass->ev;
	if (ev->failure == FAIL_BUDGET)
		pass->over_budget = true;
	if (!ev->limits.max_steps)
		pass->steps_left -= ev->steps < pass->steps_left ? ev->steps : pass->steps_left;
}

/* Of the string; that of the body when the place in it is not known. */
static ptrdiff_t failed_position(const struct pass *pass)
{
	int inside = pass->ev->position > 0 ? pass->ev->position : 0;
	return pass->body ? (ptrdiff_t)pass->body->offset + inside : -1;
}

/* True, and the owned value, when TEXT is to be replaced by it. */
static bool evaluate_string(struct pass *pass, struct str text, struct val *ret)
{
	struct pieces pieces = { 0 };
	struct flaw flaw = { 0 };
	struct val value = VAL_NULL;
	start_string(pass);
	_cleanup_free_ char *rewritten = rewrite_server_groups(text);
	struct str source = rewritten ? str_of(rewritten) : text;
	int result = split_pieces(&pass->ev->arena, source, &pieces, &flaw);
	if (result < 0) {
		record(pass, text, NULL, flaw.message, fail_exception(FAIL_TEMPLATE),
			written_position(text, (ptrdiff_t)flaw.position));
	} else {
		result = evaluate_pieces(pass, &pieces, &value);
		enum fail_kind kind = pass->ev->failure;
		if (result < 0 && kind != FAIL_BUDGET)
			record(pass, text, kind == FAIL_PARSE ? NULL : &pieces, pass->ev->message,
				fail_exception(kind), written_position(text, failed_position(pass)));
		else if (pass->null)
			record(pass, text, &pieces, NULL, NULL,
				written_position(text, (ptrdiff_t)pass->null->offset));
	}
	end_string(pass);
	free(flaw.message);
	bool kept = pass->null && (pieces.count == 1 || pass->mixes);
	if (result == 0 && !kept) /* what is null is tried again */
		*ret = pass->null ? val_ref(value) : template_verbatim(value);
	val_free(&value);
	return result == 0 && !kept;
}

static bool walk(struct pass *pass, struct val source, struct val *ret);

static bool walk_list(struct pass *pass, struct val source, struct val *ret)
{
	bool changed = false;
	size_t count = val_count(source);
	for (size_t i = 0; i < count && !pass->over_budget; i++) {
		struct val item;
		if (!walk(pass, val_at(source, i), &item))
			continue;
		if (!changed)
			*ret = val_ref(source);
		changed = true;
		val_list_set(ret, i, item);
	}
	return changed;
}

/* A key is a template too; its result is its text. Returns an owned string. */
static struct val evaluate_key(struct pass *pass, struct val map, size_t index)
{
	_cleanup_(val_free) struct val key = val_str(val_key_at(map, index));
	struct val value;
	if (val_key_is_verbatim(map, index))
		return val_verbatim(key);
	if (!is_candidate(val_as_str(&key)) || !evaluate_string(pass, val_as_str(&key), &value))
		return take(&key);
	struct value text;
	eval_next(pass->ev);
	if (!val_is_string(value) &&
		value_java_text(pass->ev, value_of_val(pass->ev, value), &text) == 0) {
		struct val printed = val_str(value_str(text));
		val_replace(&value, template_verbatim(printed));
		val_free(&printed);
	}
	return value;
}

static bool has_candidate_key(struct val map)
{
	for (size_t i = 0; i < val_count(map); i++)
		if (is_candidate_key(map, i))
			return true;
	return false;
}

/* With keys that change the map is built anew; of equal ones the later wins. */
static bool rebuild_map(struct pass *pass, struct val source, struct val *ret)
{
	VEC(struct val) pairs = { 0 };
	for (size_t i = 0; i < val_count(source) && !pass->over_budget; i++) {
		struct val key = evaluate_key(pass, source, i), item;
		if (!walk(pass, val_value_at(source, i), &item))
			item = val_ref(val_value_at(source, i));
		vec_push(&pairs, key);
		vec_push(&pairs, item);
	}
	*ret = val_map_of(pairs.items, pairs.count / 2, NULL);
	vec_free(&pairs);
	return true;
}

static bool walk_map(struct pass *pass, struct val source, struct val *ret)
{
	if (has_candidate_key(source))
		return rebuild_map(pass, source, ret);
	bool changed = false;
	size_t count = val_count(source);
	for (size_t i = 0; i < count && !pass->over_budget; i++) {
		struct val item;
		if (!walk(pass, val_value_at(source, i), &item))
			continue;
		if (!changed)
			*ret = val_ref(source);
		changed = true;
		val_set_str(ret, val_key_at(source, i), item);
	}
	return changed;
}

/* True, and the owned value, when something in SOURCE was replaced. */
static bool walk(struct pass *pass, struct val source, struct val *ret)
{
	switch (val_kind(source)) {
	case VAL_KIND_STRING:
		return is_candidate_string(source) && evaluate_string(pass, val_as_str(&source), ret);
	case VAL_KIND_LIST:
		return walk_list(pass, source, ret);
	case VAL_KIND_MAP:
		return walk_map(pass, source, ret);
	default:
		return false;
	}
}

enum expr_failure template_evaluate(struct val source, const char *top_key,
	const struct expr_host *host, const struct expr_limits *limits, int64_t now_ms,
	struct val *ret, struct template_result *ret_result)
{
	*ret_result = (struct template_result){ 0 };
	if (!template_is_candidate(source)) {
		*ret = val_ref(source);
		return EXPR_OK;
	}
	struct eval ev; /* not cleared: its arena is large */
	struct pass pass = {
		.ev = &ev,
		.source = source,
		.top_key = top_key,
		.now_ms = now_ms,
		.steps_left = LIMIT_EXPR_PASS_STEPS,
		.result = ret_result,
	};
	eval_init(&ev, host, limits);
	struct val value;
	if (!walk(&pass, source, &value))
		value = val_ref(source);
	eval_free(&ev);
	if (pass.over_budget) {
		val_free(&value);
		template_result_free(ret_result);
		*ret_result = (struct template_result){ 0 };
		return EXPR_OVER_BUDGET;
	}
	ret_result->unresolved = template_is_candidate(value);
	*ret = value;
	return EXPR_OK;
}
