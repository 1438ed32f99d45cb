#include "net/http_charset.h"

#include <limits.h>
#include <stdio.h>
#include <unicode/ucnv.h>

#define NAME_BYTES 64 /* longer than any name of a charset */

/* The parameter charset of a Content-Type (RFC 9110 8.3.2), without quotes; empty when it has none. */
static struct str charset_of(const char *content_type)
{
	struct str rest = str_of(content_type), part;
	str_split(&rest, ';', &part); /* the type itself */
	while (str_split(&rest, ';', &part)) {
		struct str name, value = part;
		if (!str_split(&value, '=', &name) ||
			!str_equal_nocase(str_trim(name), STR("charset")))
			continue;
		value = str_trim(value);
		if (value.length > 1 && value.bytes[0] == '"' && value.bytes[value.length - 1] == '"')
			value = str_slice(value, 1, value.length - 1);
		return str_trim(value);
	}
	return (struct str){ 0 };
}

/* One that ICU knows by this name: it would look for others among the files of its data. NULL: there is nothing to decode. */
static UConverter *converter_of(struct str charset)
{
	static const char *const as_it_is[] = { "utf-8", "utf8", "us-ascii", "ascii", NULL };
	char name[NAME_BYTES];
	UErrorCode status = U_ZERO_ERROR;
	if (charset.length == 0 || charset.length >= sizeof(name))
		return NULL;
	for (const char *const *known = as_it_is; *known; known++)
		if (str_equal_nocase(charset, str_of(*known)))
			return NULL;
	/* Who says GB2312 sends GBK (WHATWG Encoding 4.2), of which GB18030 is the whole. */
	if (str_equal_nocase(charset, STR("gb2312")) || str_equal_nocase(charset, STR("gbk")))
		charset = STR("gb18030");
	snprintf(name, sizeof(name), "%.*s", STR_ARG(charset));
	if (ucnv_countAliases(name, &status) == 0 || U_FAILURE(status))
		return NULL;
	UConverter *converter = ucnv_open(name, &status);
	return U_SUCCESS(status) ? converter : NULL;
}

bool http_decode(const char *content_type, struct str body, struct strbuf *ret)
{
	UErrorCode status = U_ZERO_ERROR;
	if (body.length > INT_MAX / 4)
		return false;
	UConverter *converter = converter_of(charset_of(content_type));
	if (!converter)
		return false;
	int32_t length = ucnv_toAlgorithmic(
		UCNV_UTF8, converter, NULL, 0, body.bytes, (int32_t)body.length, &status);
	bool known = U_SUCCESS(status) || status == U_BUFFER_OVERFLOW_ERROR;
	char *target = known ? strbuf_claim(ret, (size_t)length) : NULL;
	status = U_ZERO_ERROR;
	if (target)
		ucnv_toAlgorithmic(UCNV_UTF8, converter, target, length, body.bytes,
			(int32_t)body.length, &status);
	ucnv_close(converter);
	return target && U_SUCCESS(status);
}
