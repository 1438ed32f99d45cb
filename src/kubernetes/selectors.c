#include "kubernetes/selectors.h"

#include <string.h>

#include "base/alloc.h"
#include "base/limits.h"

enum rule { EQUAL, NOT_EQUAL, IN, NOT_IN, PRESENT, ABSENT, ANY };

static const struct rule_row {
	const char *name;
	enum rule rule;
	const char *format; /* between key and values; NULL = the rule stands alone */
	bool values;        /* takes them */
	bool list;          /* … all, in brackets */
} rules[] = {
	{ "EQUALS", EQUAL, " = ", .values = true },
	{ "NOT_EQUALS", NOT_EQUAL, " != ", .values = true },
	{ "CONTAINS", IN, " in ", .values = true, .list = true },
	{ "NOT_CONTAINS", NOT_IN, " notin ", .values = true, .list = true },
	{ "EXISTS", PRESENT, .format = "" },
	{ "NOT_EXISTS", ABSENT, .format = "" },
	{ "ANY", ANY, .format = NULL },
};

static const struct rule_row *rule_of(struct val selector)
{
	struct str kind = str_of(val_get_text(selector, "kind", ""));

	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		if (str_equal_nocase(kind, str_of(rules[i].name)))
			return &rules[i];
	}
	return NULL;
}

static struct val selector_list(struct val selectors)
{
	return val_is_list(selectors) ? selectors : val_get(selectors, "selectors");
}

static void write_rule(struct strbuf *buf, const struct rule_row *row, struct val selector)
{
	struct val values = val_get(selector, "values");

	strbuf_printf(buf, "%s%s%s%s", buf->length ? "," : "", row->rule == ABSENT ? "!" : "",
		val_get_text(selector, "key", ""), row->format);
	if (row->list)
		strbuf_add_char(buf, '(');
	for (size_t i = 0; row->values && i < (row->list ? val_count(values) : 1); i++) {
		struct val value = val_at(values, i);

		strbuf_printf(buf, "%s%s", i ? ", " : "", val_text(&value));
	}
	if (row->list)
		strbuf_add_char(buf, ')');
}

int selectors_text(struct val selectors, char **ret, struct err *err)
{
	struct val list = selector_list(selectors);
	_cleanup_strbuf_ struct strbuf buf = STRBUF_INIT(LIMIT_URL_BYTES);

	for (size_t i = 0; i < val_count(list); i++) {
		struct val selector = val_at(list, i);
		const struct rule_row *row = rule_of(selector);

		if (!row)
			return err_set(err, ERR_INVALID,
				"labelSelectors.selectors[%zu].kind: \"%s\" is no rule (EQUALS, "
				"NOT_EQUALS, CONTAINS, NOT_CONTAINS, EXISTS, NOT_EXISTS, ANY)",
				i, val_get_text(selector, "kind", ""));
		if (row->rule == ANY)
			continue;
		if (!*val_get_text(selector, "key", ""))
			return err_set(err, ERR_INVALID,
				"labelSelectors.selectors[%zu].key: is required", i);
		if (row->values && val_count(val_get(selector, "values")) == 0)
			return err_set(err, ERR_INVALID,
				"labelSelectors.selectors[%zu].values: is required", i);
		write_rule(&buf, row, selector);
	}
	if (buf.overflowed)
		return err_set(err, ERR_TOO_LARGE, "labelSelectors: the rules are too long");
	*ret = strbuf_detach(&buf);
	return 0;
}

static bool is_one_of(struct val label, struct val values, size_t count)
{
	for (size_t i = 0; i < count && i < val_count(values); i++) {
		if (val_equal(label, val_at(values, i)))
			return true;
	}
	return false;
}

bool selectors_match(struct val selectors, struct val labels)
{
	struct val list = selector_list(selectors);
	bool fits = true;

	for (size_t i = 0; fits && i < val_count(list); i++) {
		struct val selector = val_at(list, i), values = val_get(selector, "values");
		const char *key = val_get_text(selector, "key", "");
		const struct rule_row *row = rule_of(selector);
		struct val label = val_get(labels, key);
		bool there = val_has(labels, key);

		switch (row ? row->rule : ANY) {
		case EQUAL:
			fits = there && is_one_of(label, values, 1);
			break;
		case NOT_EQUAL:
			fits = !there || !is_one_of(label, values, 1);
			break;
		case IN:
			fits = there && is_one_of(label, values, SIZE_MAX);
			break;
		case NOT_IN:
			fits = !there || !is_one_of(label, values, SIZE_MAX);
			break;
		case PRESENT:
			fits = there;
			break;
		case ABSENT:
			fits = !there;
			break;
		case ANY:
			break;
		}
	}
	return fits;
}

static void add_selector(struct val *list, const char *kind, struct val key, struct val values)
{
	struct val selector = val_map();

	val_set(&selector, "kind", val_string(kind));
	val_set(&selector, "key", val_ref(key));
	val_set(&selector, "values", val_ref(values));
	val_append(list, selector);
}

static void add_equals(struct val *list, struct val labels)
{
	for (size_t i = 0; i < val_count(labels); i++) {
		_cleanup_(val_free) struct val key = val_str(val_key_at(labels, i));
		_cleanup_(val_free) struct val values = val_list();

		val_append(&values, val_ref(val_value_at(labels, i)));
		add_selector(list, "EQUALS", key, values);
	}
}

static const char *kind_of_operator(const char *operator)
{
	static const char *const rows[][2] = { { "In", "CONTAINS" }, { "NotIn", "NOT_CONTAINS" },
		{ "Exists", "EXISTS" }, { "DoesNotExist", "NOT_EXISTS" } };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (strcmp(operator, rows[i][0]) == 0)
			return rows[i][1];
	}
	return operator;
}

int selectors_of_workload(struct val workload, char **ret, struct err *err)
{
	struct val selector = val_get(val_get(workload, "spec"), "selector");
	struct val labels = val_get(selector, "matchLabels");
	struct val expressions = val_get(selector, "matchExpressions");
	_cleanup_(val_free) struct val list = val_list();

	if (!val_is_map(labels) && !val_is_list(expressions))
		labels = selector;
	add_equals(&list, labels);
	for (size_t i = 0; i < val_count(expressions); i++) {
		struct val expression = val_at(expressions, i);

		add_selector(&list, kind_of_operator(val_get_text(expression, "operator", "")),
			val_get(expression, "key"), val_get(expression, "values"));
	}
	if (val_count(list) == 0)
		return err_set(err, ERR_INVALID, "spec.selector: selects nothing");
	return selectors_text(list, ret, err);
}
