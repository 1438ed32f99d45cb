#include "base/base64.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

char *base64_decode(struct str text, size_t *ret_length)
{
	struct strbuf clean = STRBUF_INIT(text.length + 1);
	unsigned char *bytes;
	size_t padding = 0;
	int length;

	for (size_t i = 0; i < text.length; i++) {
		if (!strchr(" \t\r\n", text.bytes[i]))
			strbuf_add_char(&clean, text.bytes[i]);
	}
	while (padding < 2 && padding < clean.length && clean.bytes[clean.length - 1 - padding] == '=')
		padding++;
	bytes = xmalloc(clean.length / 4 * 3 + 4);
	length = clean.length % 4 ?
		-1 :
		EVP_DecodeBlock(bytes, (const unsigned char *)clean.bytes, (int)clean.length);
	strbuf_free(&clean);
	if (length < (int)padding) {
		free(bytes);
		return NULL;
	}
	*ret_length = (size_t)length - padding;
	bytes[*ret_length] = 0;
	return (char *)bytes;
}

char *base64_encode(struct str bytes)
{
	char *text = xmalloc(bytes.length / 3 * 4 + 5);

	EVP_EncodeBlock((unsigned char *)text, (const unsigned char *)bytes.bytes, (int)bytes.length);
	return text;
}
