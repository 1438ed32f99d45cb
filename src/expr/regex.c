#include "expr/regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <string.h>

#include "base/limits.h"
#include "expr/text.h"

#define OPERATOR_UNITS 1000 /* the cap of `matches`, reference 2.9 */
#define HEAP_KB 5120
#define QUICK_BYTES 256 /* a text up to this length is first tried without counting, … */
#define QUICK_CALLS 50  /* … with so many calls of PCRE2's matcher at each place */
#define QUICK_STEPS 12
#define COUNTED_STEPS 10
#define MOST_WORK 250000 /* of one match */
#define WORK_BYTES 8     /* that the matcher moves over for one step */

/* A compiled pattern and what matching needs. */
struct regex {
	struct strbuf translated;
	pcre2_code *code;
	pcre2_match_data *match;
	pcre2_match_context *context;
	struct eval *ev;
	struct str text;
	bool counted; /* CODE calls count_work() before each of its items */
	size_t place; /* of the last call */
	uint64_t work;
};

static void regex_close(struct regex *regex)
{
	pcre2_match_context_free(regex->context);
	pcre2_match_data_free(regex->match);
	pcre2_code_free(regex->code);
	strbuf_free(&regex->translated);
}

static int not_valid(struct eval *ev, struct str pattern, const char *why)
{
	return fail(ev, FAIL_EVAL, "EL1018E: Pattern is not valid '%.*s': %s",
		(int)(pattern.length < 200 ? pattern.length : 200), pattern.bytes, why);
}

/* Into CODE; the number of PCRE2's error, 0 = good. */
static int compile(struct regex *regex, bool counted)
{
	int code = 0;
	PCRE2_SIZE offset;
	pcre2_compile_context *context = pcre2_compile_context_create(NULL);
	pcre2_set_newline(context, PCRE2_NEWLINE_ANYCRLF);
	pcre2_set_parens_nest_limit(context, LIMIT_EXPR_DEPTH);
	pcre2_code_free(regex->code);
	regex->code = pcre2_compile((PCRE2_SPTR)regex->translated.bytes, regex->translated.length,
		PCRE2_UTF | PCRE2_NEVER_BACKSLASH_C | PCRE2_NEVER_UCP |
			(counted ? PCRE2_AUTO_CALLOUT : 0),
		&code, &offset, context);
	pcre2_compile_context_free(context);
	regex->counted = counted;
	return regex->code ? 0 : code;
}

/* How long what the back reference at PLACE of the pattern stands for is: it is compared in one go. */
static size_t reference_length(const struct regex *regex, const pcre2_callout_block *block)
{
	const char *item = regex->translated.bytes + block->pattern_position;
	size_t longest = 0;
	if (block->next_item_length < 2 || item[0] != '\\')
		return 0;
	for (uint32_t i = 1; i < block->capture_top; i++) {
		PCRE2_SIZE from = block->offset_vector[2 * i], to = block->offset_vector[2 * i + 1];
		if (to != PCRE2_UNSET && to > from && to - from > longest)
			longest = to - from;
	}
	return longest;
}

/*
 * Called before each item of the pattern. PCRE2's own limit counts what it tries, and not how far it runs for that: x+ is one try
 * and may pass over megabytes, at each place of the text anew.
 */
static int count_work(pcre2_callout_block *block, void *data)
{
	struct regex *regex = data;
	size_t at = block->current_position;
	size_t moved = at > regex->place ? at - regex->place : regex->place - at;
	uint64_t work = 1 + (moved + reference_length(regex, block)) / WORK_BYTES;
	regex->place = at;
	regex->work += work;
	if (regex->work > MOST_WORK)
		return PCRE2_ERROR_MATCHLIMIT;
	return eval_step(regex->ev, work) < 0 ? PCRE2_ERROR_CALLOUT : 0;
}

static int regex_open(struct eval *ev, struct str pattern, struct str text, struct regex *ret)
{
	*ret = (struct regex){
		.translated = STRBUF_INIT(64 * 1024), .ev = ev, .text = text_clean(&ev->arena, text)
	};
	const char *why;
	/* Looked at once; PCRE2 would look at all of it for each match. */
	if (!str_is_utf8(ret->text))
		return fail(ev, FAIL_ARGUMENT, "the text is no valid Unicode");
	if (regex_translate(text_clean(&ev->arena, pattern), !text_is_ascii(ret->text),
		    &ret->translated, &why) < 0)
		return not_valid(ev, pattern, why);
	if (eval_step(ev, 60 + ret->translated.length * 2 + text.length / 16) < 0)
		return -1;
	int code = compile(ret, text.length > QUICK_BYTES);
	if (code) {
		PCRE2_UCHAR message[200];
		pcre2_get_error_message(code, message, sizeof(message));
		return not_valid(ev, pattern, (const char *)message);
	}
	ret->match = pcre2_match_data_create_from_pattern(ret->code, NULL);
	ret->context = pcre2_match_context_create(NULL);
	pcre2_set_heap_limit(ret->context, HEAP_KB);
	return 0;
}

static int match_from(struct regex *regex, size_t from, uint32_t options)
{
	return pcre2_match(regex->code, (PCRE2_SPTR)regex->text.bytes, regex->text.length, from,
		options | PCRE2_NO_UTF_CHECK, regex->match, regex->context);
}

/* 1 matched, 0 not, -1 failed. */
static int regex_run(struct regex *regex, size_t from, uint32_t options)
{
	int result = PCRE2_ERROR_MATCHLIMIT;
	if (eval_step(regex->ev, regex->counted ? COUNTED_STEPS : QUICK_STEPS) < 0)
		return -1;
	if (!regex->counted) {
		pcre2_set_match_limit(regex->context, QUICK_CALLS);
		result = match_from(regex, from, options);
		if (result == PCRE2_ERROR_MATCHLIMIT)
			compile(regex, true);
	}
	if (result == PCRE2_ERROR_MATCHLIMIT) {
		pcre2_set_match_limit(regex->context, MOST_WORK * 4);
		pcre2_set_callout(regex->context, count_work, regex);
		regex->work = 0;
		regex->place = from;
		result = match_from(regex, from, options);
	}
	if (result == PCRE2_ERROR_CALLOUT)
		return -1;
	if (result >= 0 || result == PCRE2_ERROR_NOMATCH) {
		/* What it skipped to find a first character. */
		size_t to = result < 0 ? regex->text.length :
					 pcre2_get_ovector_pointer(regex->match)[1];
		uint64_t skipped = to > from ? (to - from) / 16 : 0;
		return eval_step(regex->ev, skipped) < 0 ? -1 : result >= 0;
	}
	return fail(regex->ev, FAIL_EVAL,
		"EL1075E: Failed to efficiently evaluate the pattern: consider redesigning it");
}

int regex_matches_whole(struct eval *ev, struct str text, struct str pattern, bool *ret)
{
	struct regex regex;
	int result = regex_open(ev, pattern, text, &regex);
	if (result == 0)
		result = regex_run(&regex, 0, PCRE2_ANCHORED | PCRE2_ENDANCHORED);
	regex_close(&regex);
	*ret = result == 1;
	return result < 0 ? -1 : 0;
}

int regex_matches(struct eval *ev, struct str text, struct str pattern, bool *ret)
{
	if (text_units(pattern) > OPERATOR_UNITS)
		return fail(ev, FAIL_EVAL,
			"EL1077E: Regular expression contains too many characters, exceeding the threshold of '%d'",
			OPERATOR_UNITS);
	return regex_matches_whole(ev, text, pattern, ret);
}

int expr_text_matches(struct str text, struct str pattern, uint64_t max_steps, struct err *err)
{
	static const struct expr_host nothing = { .current_stage = -1 };
	const struct expr_limits limits = { .max_steps = max_steps, .no_io = true };
	struct eval ev;
	struct regex regex;
	eval_init(&ev, &nothing, &limits);
	int result = regex_open(&ev, pattern, text, &regex);
	bool is_pattern = result == 0;
	if (is_pattern)
		result = regex_run(&regex, 0, PCRE2_ANCHORED | PCRE2_ENDANCHORED);
	if (result < 0)
		err_set(err, is_pattern ? ERR_TOO_LARGE : ERR_INVALID, "%s", ev.message);
	regex_close(&regex);
	eval_free(&ev);
	return result;
}

/* The character behind FROM, so that an empty match moves on. */
static size_t next_character(struct str text, size_t from)
{
	if (from >= text.length)
		return from + 1;
	text_next(text, &from);
	return from;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static struct str group_text(const struct regex *regex, uint32_t group)
{
	PCRE2_SIZE *offsets = pcre2_get_ovector_pointer(regex->match);
	if (offsets[2 * group] == PCRE2_UNSET)
		return (struct str){ "", 0 };
	return str_slice(regex->text, offsets[2 * group], offsets[2 * group + 1]);
}

/* $name in braces at AT of TEXT. */
static int named_group(struct regex *regex, struct str text, size_t *at, struct strbuf *buf)
{
	ptrdiff_t end = str_find(text, "}", *at);
	if (end < 0)
		return fail(
			regex->ev, FAIL_ARGUMENT, "named capturing group is missing trailing '}'");
	char name[40];
	struct str inside = str_slice(text, *at + 2, (size_t)end);
	int group = -1;
	if (inside.length < sizeof(name)) {
		memcpy(name, inside.bytes, inside.length);
		name[inside.length] = 0;
		group = pcre2_substring_number_from_name(regex->code, (PCRE2_SPTR)name);
	}
	if (group < 0)
		return fail(regex->ev, FAIL_ARGUMENT, "No group with name {%.*s}", STR_ARG(inside));
	strbuf_add_str(buf, group_text(regex, (uint32_t)group));
	*at = (size_t)end + 1;
	return 0;
}

/* $1: as many digits as still name a group. */
static int numbered_group(struct regex *regex, struct str text, size_t *at, struct strbuf *buf)
{
	uint32_t count;
	pcre2_pattern_info(regex->code, PCRE2_INFO_CAPTURECOUNT, &count);
	if (*at + 1 >= text.length || !is_digit(text.bytes[*at + 1]))
		return fail(regex->ev, FAIL_ARGUMENT, "Illegal group reference");
	uint32_t group = (uint32_t)(text.bytes[*at + 1] - '0');
	if (group > count)
		return fail(regex->ev, FAIL_INDEX, "No group %u", group);
	*at += 2;
	while (*at < text.length && is_digit(text.bytes[*at])) {
		uint32_t larger = group * 10 + (uint32_t)(text.bytes[*at] - '0');
		if (larger > count)
			break;
		group = larger;
		(*at)++;
	}
	strbuf_add_str(buf, group_text(regex, group));
	return 0;
}

static int add_replacement(struct regex *regex, struct str text, struct strbuf *buf)
{
	for (size_t at = 0; at < text.length;) {
		char c = text.bytes[at];
		if (c == '\\') {
			if (at + 1 >= text.length)
				return fail(regex->ev, FAIL_ARGUMENT,
					"character to be escaped is missing");
			strbuf_add_char(buf, text.bytes[at + 1]);
			at += 2;
		} else if (c != '$') {
			strbuf_add_char(buf, c);
			at++;
		} else if (at + 1 < text.length && text.bytes[at + 1] == '{') {
			if (named_group(regex, text, &at, buf) < 0)
				return -1;
		} else if (numbered_group(regex, text, &at, buf) < 0) {
			return -1;
		}
	}
	return 0;
}

static int replace(struct regex *regex, struct str replacement, bool all, struct strbuf *buf)
{
	size_t copied = 0, from = 0;
	int result;
	while (from <= regex->text.length && (result = regex_run(regex, from, 0)) != 0) {
		if (result < 0)
			return -1;
		PCRE2_SIZE *offsets = pcre2_get_ovector_pointer(regex->match);
		size_t begin = offsets[0], end = offsets[1];
		strbuf_add_str(buf, str_slice(regex->text, copied, begin));
		if (add_replacement(regex, replacement, buf) < 0)
			return -1;
		copied = end;
		from = end > begin ? end : next_character(regex->text, end);
		if (!all)
			break;
	}
	strbuf_add_str(buf, str_slice(regex->text, copied, regex->text.length));
	return 0;
}

int regex_replace(struct eval *ev, struct str text, struct str pattern, struct str replacement,
	bool all, struct value *ret)
{
	struct regex regex;
	_cleanup_strbuf_ struct strbuf buf = STRBUF_INIT(LIMIT_EXPR_STRING_BYTES);
	int result = regex_open(ev, pattern, text, &regex);
	if (result == 0)
		result = replace(&regex, replacement, all, &buf);
	regex_close(&regex);
	if (result < 0)
		return -1;
	if (buf.overflowed)
		return fail(ev, FAIL_LIMIT, "A text of more than %u bytes would arise",
			LIMIT_EXPR_STRING_BYTES);
	*ret = eval_string(ev, strbuf_str(&buf));
	return 0;
}

/* Java: an empty match at the very start gives no piece; trailing empty pieces go when LIMIT is 0. */
static int split(struct regex *regex, int64_t limit, struct seq *seq)
{
	size_t copied = 0, from = 0;
	bool found = false;
	int result;
	while (from <= regex->text.length && (limit <= 0 || (int64_t)seq->count < limit - 1) &&
		(result = regex_run(regex, from, 0)) != 0) {
		if (result < 0)
			return -1;
		PCRE2_SIZE *offsets = pcre2_get_ovector_pointer(regex->match);
		size_t begin = offsets[0], end = offsets[1];
		if (seq->count >= LIMIT_EXPR_ARRAY)
			return fail(regex->ev, FAIL_LIMIT, "More than %d pieces would arise",
				LIMIT_EXPR_ARRAY);
		/* No empty piece before an empty match at the start. */
		if (end > 0) {
			seq_push(regex->ev, seq, value_string(str_slice(regex->text, copied, begin)));
			copied = end;
			found = true;
		}
		from = end > begin ? end : next_character(regex->text, end);
	}
	seq_push(regex->ev, seq, value_string(str_slice(regex->text, copied, regex->text.length)));
	if (limit == 0)
		while (seq->count > 1 && !seq->items[seq->count - 1].length)
			seq->count--;
	/* All pieces were empty and at least one separator was found: ",".split(",") has none. */
	if (limit == 0 && seq->count == 1 && !seq->items[0].length && found)
		seq->count = 0;
	return 0;
}

int regex_split(struct eval *ev, struct str text, struct str pattern, int64_t limit, struct value *ret)
{
	struct regex regex;
	struct seq *seq = seq_new(ev, 8);
	int result = regex_open(ev, pattern, text, &regex);
	if (result == 0)
		result = split(&regex, limit, seq);
	regex_close(&regex);
	*ret = value_of_seq(V_ARRAY, seq);
	ret->element = V_STRING;
	return result;
}
