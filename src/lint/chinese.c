/*
 * Chinese for what the readers and the stages say in English. Texts that are not here have a general sentence instead (by the rule), so
 * that a Chinese finding is never half English.
 */
#include <string.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "lint/internal.h"

#define PARTS 4

/* %s stands for anything; %1 … for what stood there. */
static const struct text2 sentences[] = {
	/* JSON */
	{ "%s, but the text ends", "文本在此处意外结束" },
	{ "expected a value", "此处缺少值" },
	{ "expected a digit", "此处应为数字" },
	{ "expected the end of the text", "文本应在此处结束" },
	{ "expected ','%s", "此处应为逗号或结束括号" },
	{ "expected a key%s", "此处应为用双引号括起的键" },
	{ "this comment does not end", "注释没有结束" },
	{ "this string does not end", "字符串没有结束" },
	{ "this number is too large", "数字过大" },
	{ "a number must not have a 0 in front", "数字不能以 0 开头" },
	{ "nested deeper than %s levels", "嵌套超过 %1 层" },
	{ "a byte order mark must not stand in front", "开头不能有字节顺序标记（BOM）" },
	{ "this is not valid UTF-8 %s", "不是合法的 UTF-8" },
	{ "%ssurrogate%s", "字符转义不完整" },
	{ "the text has %s bytes, more than %s", "文本有 %1 字节，超过上限 %2" },
	/* YAML */
	{ "a tab where YAML wants spaces", "YAML 应使用空格缩进，此处是制表符" },
	{ "did not find expected %s", "YAML 结构不完整或缩进有误" },
	{ "could not find expected ':'", "此处应为冒号" },
	{ "mapping values are not allowed in this context", "此处不能有冒号，请检查缩进或加引号" },
	{ "found character that cannot start any token",
		"此处的字符不能作为开头，请加引号或改用空格缩进" },
	{ "found unexpected end of stream", "文本在此处意外结束" },
	{ "found undefined alias%s", "引用了未定义的锚点" },
	{ "%s documents where one is expected", "应只有一个文档，实际有 %1 个" },
	/* expressions */
	{ "Unexpectedly ran out of input", "表达式不完整" },
	{ "Unexpected token '%s'", "意外的符号 '%1'" },
	{ "Unexpected token. Expected '%s' but was '%s'", "应为 '%1'，实际为 '%2'" },
	{ "Expression is nested too deeply", "表达式嵌套过深" },
	{ "After parsing a valid expression, there is still more data in the expression: '%s'",
		"表达式之后还有多余的内容 '%1'" },
	{ "SpEL expression is too long%s", "表达式过长" },
	{ "missing expected character '%s'", "缺少字符 '%1'" },
	{ "unexpected escape character", "意外的转义字符" },
	{ "Cannot find terminating %s", "字符串没有结束" },
	{ "Cannot handle %s", "无法识别的字符" },
	{ "No expression defined within delimiter '${}'%s", "${} 中没有表达式" },
	/* what is not built */
	{ "%s from an artifact are not built yet; use \"text\"", "从制品获取内容，请改用 \"text\"" },
	{ "%s from an artifact is not built yet; use \"%s\"", "从制品获取内容，请改用 \"%2\"" },
	{ "binding expected artifacts is not built yet", "绑定预期制品" },
	{ "clusterSize counts server groups%s", "clusterSize 统计服务组，而能提供服务组的云尚未支持" },
	/* what stages refuse */
	{ "is required", "该字段必填" },
	{ "is required with %s", "使用 %1 时该字段必填" },
	{ "it or revision is required", "必须填写该字段或 revision" },
	{ "needs waitForCompletion", "需要同时启用 waitForCompletion" },
	{ "waiting needs one of %s", "等待完成时必须为以下之一：%1" },
	{ "expected a number from 0 on%s", "应为不小于 0 的数字" },
	{ "No text manifest was specified.", "没有填写 manifest" },
	{ "the name of a container is required", "必须填写容器的名称" },
	{ "is required when there is no label rule%s",
		"没有标签规则时该字段必填，否则会删除该命名空间中这些类型的所有对象" },
	{ "%s is no rule (%s)", "%1 不是可用的规则，可用的规则为 %2" },
	{ "a Job made from containers%s", "由容器定义的 Job 无法运行，请改用 manifest" },
	{ 0 },
};

/* Whether TEXT is PATTERN; PARTS are what its %s stand for, each as short as can be. */
static bool matches(struct str text, const char *pattern, struct str parts[PARTS])
{
	size_t count = 0;
	for (;;) {
		const char *hole = strstr(pattern, "%s");
		struct str literal = { pattern, hole ? (size_t)(hole - pattern) : strlen(pattern) };
		if (text.length < literal.length ||
			memcmp(text.bytes, literal.bytes, literal.length) != 0)
			return false;
		text = str_slice(text, literal.length, text.length);
		if (!hole || count == PARTS)
			return !hole && text.length == 0;
		pattern = hole + 2;
		const char *next = strstr(pattern, "%s");
		_cleanup_free_ char *end = xstrndup(
			pattern, next ? (size_t)(next - pattern) : strlen(pattern));
		ptrdiff_t at = next ? str_find(text, end, 0) :
				      (ptrdiff_t)text.length - (ptrdiff_t)strlen(end);
		if (at < 0)
			return false;
		parts[count++] = str_slice(text, 0, (size_t)at);
		text = str_slice(text, (size_t)at, text.length);
	}
}

char *chinese(const char *text, const char *otherwise)
{
	struct str parts[PARTS] = { 0 };
	const struct text2 *row = sentences;
	while (row->en && !matches(str_of(text), row->en, parts))
		row++;
	struct strbuf buf = STRBUF_INIT(LIMIT_ERROR_TEXT_BYTES);
	for (const char *at = row->en ? row->zh : otherwise; *at; at++) {
		if (at[0] == '%' && at[1] >= '1' && at[1] < '1' + PARTS)
			strbuf_add_str(&buf, parts[*++at - '1']);
		else
			strbuf_add_char(&buf, *at);
	}
	return strbuf_detach(&buf);
}
