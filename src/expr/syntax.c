#include "expr/syntax.h"

#include <stddef.h>

static const struct syntax_row templates[] = {
	{ "${…} alone", "the result keeps its type", "${replicas + 1}" },
	{ "text ${…} text", "the result is text; a double is written as Java writes it",
		"app-${parameters.version}:${1e7}" },
	{ "a list in a text", "elements joined by commas", "hosts: ${hosts}" },
	{ "a map in a text", "fails; write .toString()", "labels: ${labels.toString()}" },
	{ "null alone", "the text stays as it was (INFO)", "${nothing}" },
	{ "null in a text", "that part stays as it was (INFO)", "${replicas} of ${nothing}" },
	{ "a failure", "the whole text stays as it was (ERROR), whatever else is in it",
		"${replicas} ${1 / 0}" },
	{ "}", "closes the expression, unless it stands in quotes or closes an inner bracket",
		"${'}'.length()}" },
	{ 0 },
};

static const struct syntax_row literals[] = {
	{ "12  12L  0xff", "int of 32 bits, long of 64 bits, hexadecimal", "{12, 12L, 0xff}" },
	{ "1.5  1e3  1.5f", "double, float", "{1.5, 1e3, 1.5f}" },
	{ "'it''s'  \"a\"", "text; its own quote is doubled, a backslash is just a backslash",
		"'it''s'" },
	{ "true  false  null", "in any case", "TRUE" },
	{ "{1, 2}", "a list; of literals alone it cannot be changed", "{1, 'a', {2, 3}}" },
	{ "{a: 1, 'b c': 2}", "a map; a bare key is its own name", "{a: 1, 'b c': 2}" },
	{ "{}  {:}", "an empty list, an empty map", "{:}" },
	{ "new String[]{…}", "an array; also new int[3]", "new String[]{'a', 'b'}.length" },
	{ 0 },
};

static const struct syntax_row access_rows[] = {
	{ "name", "a key of the root, or of the current element in a selection or projection",
		"replicas" },
	{ "a.b", "the value under a key, or a property; on null it fails", "parameters.version" },
	{ "a?.b", "the same, but null when a is null", "nothing?.version" },
	{ "a['b']", "the value under a key; a missing one is null", "parameters['version']" },
	{ "a[b]", "a bare name in brackets is the key itself", "parameters[version]" },
	{ "a[#root.b]", "any other expression gives the key", "labels[#root.hosts[0] + 'pp']" },
	{ "a[0]", "an element of a list or array, a character of a text", "hosts[1]" },
	{ "a.m(x)", "calls a method; arguments are converted", "'abc'.substring('1')" },
	{ "#f(x)", "calls a helper", "#toInt('12')" },
	{ "#root  #this", "the root object; the current element", "hosts.?[#this != 'a']" },
	{ "T(x)", "a Java class, for its static methods", "T(Math).max(1, 2)" },
	{ "new x(…)", "an instance of one", "new java.util.Date(0L).time" },
	{ 0 },
};

static const struct syntax_row lists[] = {
	{ "a.?[p]", "the elements for which p is true",
		"execution.stages.?[status == 'SUCCEEDED'].![name]" },
	{ "a.^[p]", "the first of them, or null", "{1, 2, 3}.^[#this > 1]" },
	{ "a.$[p]", "the last of them, or null", "{1, 2, 3}.$[#this > 1]" },
	{ "a.![e]", "e of each element", "execution.stages.![name]" },
	{ 0 },
};

static const struct syntax_row operators[] = {
	{ "+  -  *  /  %",
		"the wider type of the two; ints wrap around; div and mod are words for / and %",
		"{7 / 2, 7 % 2, 7 / 2.0}" },
	{ "^", "power", "2 ^ 10" },
	{ "text + x", "joins when either side is text", "1 + 2 + 'a'" },
	{ "text * n", "repeats, up to 256 characters", "'ab' * 3" },
	{ "==  !=", "numbers by value, texts by content, no conversion; eq and ne",
		"{5 == 5.0, 5 == '5'}" },
	{ "<  <=  >  >=", "numbers, texts, booleans, dates; null is below all; lt le gt ge",
		"'a' < 'b'" },
	{ "between", "within both ends", "5 between {1, 5}" },
	{ "matches", "whether a regular expression of Java's syntax fits the whole text",
		"'v1.2' matches 'v\\d+\\.\\d+'" },
	{ "instanceof", "whether it is of a Java class", "5 instanceof T(Integer)" },
	{ "and  or  not", "also && || !; the right side only when it matters", "true and not false" },
	{ "c ? a : b", "a when c is true, else b", "replicas > 2 ? 'many' : 'few'" },
	{ "a ?: b", "a, unless it is null or the empty text, then b", "nothing ?: 'default'" },
	{ "a = b  a++  --a",
		"assigns, for the rest of this pass; what was given to the evaluation is not changed",
		"#n = 5" },
	{ 0 },
};

static const struct syntax_row root[] = {
	{ "(context keys)",
		"what the stage's own context holds, then what the stages before it put out",
		"replicas" },
	{ "parameters", "the trigger's parameters", "parameters.version" },
	{ "trigger", "the trigger as a plain map; a missing key is null", "trigger['user']" },
	{ "execution", "the run, typed: an unknown property fails", "execution.application" },
	{ "scmInfo", "the commit of a CI build: name, branch, sha1", "scmInfo?.branch" },
	{ "templateVariables", "variables of a pipeline template (v4)", "templateVariables?.region" },
	{ "deployedServerGroups", "the helper of that name, without arguments",
		"deployedServerGroups.size()" },
	{ 0 },
};

static const struct syntax_section sections[] = {
	{ "Text with expressions",
		"An expression stands between `${` and `}` in any text of a pipeline, keys too. All texts of one pass see the same values; results are not evaluated again in that pass.",
		templates },
	{ "Literals", NULL, literals },
	{ "Names, members, calls", NULL, access_rows },
	{ "Selection and projection",
		"On lists, sets and arrays. Inside, a bare name belongs to the element; `#root.x` reaches out.",
		lists },
	{ "Operators",
		"From loose to tight: `= ?: ?` · `or` · `and` · comparisons (not in a chain) · `+ -` · `* / %` · `^ ++ --` · `not` and signs.",
		operators },
	{ "The root", NULL, root },
	{ 0 },
};

const struct syntax_section *syntax_sections(void)
{
	return sections;
}
