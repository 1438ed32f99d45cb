/* UUID, Random, URLEncoder and ExecutionStatus. */
#include <math.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "base/id.h"
#include "expr/java.h"
#include "expr/status.h"
#include "expr/text.h"

#define RANDOM_STEPS 200 /* the system is asked */

/* UUID: .a and .b are its two halves. */

static struct value uuid_of(struct eval *ev, const unsigned char bytes[16])
{
	uint64_t halves[2] = { 0, 0 };
	for (int i = 0; i < 16; i++)
		halves[i / 8] = halves[i / 8] << 8 | bytes[i];
	return java_object(ev, &java_uuid, (int64_t)halves[0], (int64_t)halves[1]);
}

static int uuid_random(struct eval *ev, const struct call *call, struct value *ret)
{
	struct id_source source = { 0 };
	unsigned char bytes[16];
	if (eval_step(ev, RANDOM_STEPS) < 0)
		return -1;
	random_bytes(&source, bytes, sizeof(bytes));
	bytes[6] = (bytes[6] & 0x0f) | 0x40;
	bytes[8] = (bytes[8] & 0x3f) | 0x80;
	*ret = uuid_of(ev, bytes);
	return 0;
}

/* Five groups of hexadecimal digits, which may be shorter than full, as in Java. */
static int uuid_from_string(struct eval *ev, const struct call *call, struct value *ret)
{
	uint64_t groups[5];
	struct value text = call->args[0];
	if (text.kind == V_NULL)
		return fail(ev, FAIL_NULL, "the text is null");
	struct str rest = value_str(text);
	size_t count = 0;
	for (struct str part; str_split(&rest, '-', &part); count++) {
		if (count == 5 || part.length == 0 || part.length > 16)
			break;
		groups[count] = 0;
		for (size_t i = 0; i < part.length; i++) {
			const char *digits = "0123456789abcdef0123456789ABCDEF";
			const char *at = strchr(digits, part.bytes[i]);
			if (!at || !*at)
				goto bad;
			groups[count] = groups[count] << 4 | (uint64_t)((at - digits) & 15);
		}
	}
	if (count != 5 || rest.bytes)
		goto bad;
	*ret = java_object(ev, &java_uuid,
		(int64_t)((groups[0] & 0xffffffff) << 32 | (groups[1] & 0xffff) << 16 |
			(groups[2] & 0xffff)),
		(int64_t)((groups[3] & 0xffff) << 48 | (groups[4] & 0xffffffffffff)));
	return 0;
bad:
	return fail(ev, FAIL_ARGUMENT, "Invalid UUID string: %.*s",
		(int)(text.length < 100 ? text.length : 100), text.bytes);
}

/* Version 3: MD5 of the bytes. */
static int uuid_name_bytes(struct eval *ev, const struct call *call, struct value *ret)
{
	struct value array = call->args[0];
	if (array.kind != V_ARRAY || array.element != ELEMENT_BYTE)
		return fail(ev, FAIL_EVAL,
			"EL1004E: Method call: Method nameUUIDFromBytes wants bytes, as 'text'.getBytes() gives them");
	size_t count = seq_count(ev, array);
	unsigned char *bytes = arena_alloc(&ev->arena, count + 1);
	for (size_t i = 0; i < count; i++)
		bytes[i] = (unsigned char)seq_at(ev, array, i).integer;
	unsigned char digest[EVP_MAX_MD_SIZE];
	if (!EVP_Digest(bytes, count, digest, NULL, EVP_md5(), NULL))
		return fail(ev, FAIL_ARGUMENT, "MD5 is not available");
	digest[6] = (digest[6] & 0x0f) | 0x30;
	digest[8] = (digest[8] & 0x3f) | 0x80;
	*ret = uuid_of(ev, digest);
	return 0;
}

static int uuid_text(struct eval *ev, const struct object *object, struct strbuf *buf)
{
	uint64_t a = (uint64_t)object->a, b = (uint64_t)object->b;
	strbuf_printf(buf, "%08x-%04x-%04x-%04x-%012llx", (unsigned)(a >> 32),
		(unsigned)(a >> 16 & 0xffff), (unsigned)(a & 0xffff), (unsigned)(b >> 48),
		(unsigned long long)(b & 0xffffffffffff));
	return 0;
}

static int uuid_version(struct eval *ev, const struct call *call, struct value *ret)
{
	*ret = value_int(call->self.object->a >> 12 & 15);
	return 0;
}

static int uuid_variant(struct eval *ev, const struct call *call, struct value *ret)
{
	unsigned top = (unsigned)((uint64_t)call->self.object->b >> 61);
	*ret = value_int(top < 4 ? 0 : top < 6 ? 2 : top);
	return 0;
}

static int uuid_high(struct eval *ev, const struct call *call, struct value *ret)
{
	*ret = value_long(call->self.object->a);
	return 0;
}

static int uuid_low(struct eval *ev, const struct call *call, struct value *ret)
{
	*ret = value_long(call->self.object->b);
	return 0;
}

static int uuid_new(struct eval *ev, const struct call *call, struct value *ret)
{
	*ret = java_object(ev, &java_uuid, call->args[0].integer, call->args[1].integer);
	return 0;
}

#define SOME_UUID "T(java.util.UUID).fromString('c73bcdcc-2669-4bf6-81d3-e4ae73fb11fd')"

static const struct java_method uuid_constructors[] = {
	{ "UUID", "jj", "UUID", uuid_new, "of its two halves",
		"new java.util.UUID(1L, 2L).toString()" },
	{ 0 },
};

static const struct java_method uuid_methods[] = {
	{ "variant", "", "int", uuid_variant, "its layout: 2 for the usual one",
		SOME_UUID ".variant()" },
	{ "getMostSignificantBits", "", "long", uuid_high, "its first half",
		SOME_UUID ".getMostSignificantBits()" },
	{ "getLeastSignificantBits", "", "long", uuid_low, "its second half",
		SOME_UUID ".getLeastSignificantBits()" },
	{ "compareTo", "U", "int", java_compare_to, "below, at or above 0",
		SOME_UUID ".compareTo(" SOME_UUID ")" },
	{ "version", "", "int", uuid_version, "its kind: 4 for random ones",
		"T(java.util.UUID).randomUUID().version()" },
	{ 0 },
};

static const struct java_method uuid_statics[] = {
	{ "randomUUID", "", "UUID", uuid_random, "a new random one",
		"T(java.util.UUID).randomUUID().toString().length()" },
	{ "fromString", "s", "UUID", uuid_from_string, "read from text",
		"T(java.util.UUID).fromString('c73bcdcc-2669-4bf6-81d3-e4ae73fb11fd').toString()" },
	{ "nameUUIDFromBytes", "o", "UUID", uuid_name_bytes, "always the same for the same bytes",
		"T(java.util.UUID).nameUUIDFromBytes('a'.bytes).toString()" },
	{ 0 },
};

const struct java_class java_uuid = {
	.name = "java.util.UUID",
	.nameable = true,
	.methods = uuid_methods,
	.constructors = uuid_constructors,
	.statics = uuid_statics,
	.text = uuid_text,
	.compare = java_object_compare,
};

/* Random: Java's linear congruential generator, so that a seed gives Java's numbers. The state is in .a. */

#define RANDOM_MULTIPLIER 0x5deece66dull
#define RANDOM_MASK ((1ull << 48) - 1)

uint64_t java_random_bits(struct eval *ev)
{
	struct id_source source = { 0 };
	uint64_t bits;
	ev->steps += RANDOM_STEPS;
	random_bytes(&source, &bits, sizeof(bits));
	return bits;
}

static int random_new(struct eval *ev, const struct call *call, struct value *ret)
{
	uint64_t seed = call->count ? (uint64_t)call->args[0].integer : java_random_bits(ev);
	*ret = java_object(ev, &java_random, (int64_t)((seed ^ RANDOM_MULTIPLIER) & RANDOM_MASK), 0);
	return 0;
}

static int32_t random_next(struct object *object, int bits)
{
	uint64_t state = ((uint64_t)object->a * RANDOM_MULTIPLIER + 0xb) & RANDOM_MASK;
	object->a = (int64_t)state;
	return (int32_t)(state >> (48 - bits));
}

static int random_next_int(struct eval *ev, const struct call *call, struct value *ret)
{
	struct object *random = call->self.object;
	if (call->count == 0) {
		*ret = value_int(random_next(random, 32));
		return 0;
	}
	int64_t bound = call->args[0].integer;
	if (bound <= 0)
		return fail(ev, FAIL_ARGUMENT, "bound must be positive");
	if ((bound & -bound) == bound) {
		*ret = value_int(bound * random_next(random, 31) >> 31);
		return 0;
	}
	int64_t bits, value;
	do {
		bits = random_next(random, 31);
		value = bits % bound;
	} while (bits - value + (bound - 1) > INT32_MAX);
	*ret = value_int(value);
	return 0;
}

/* From an origin up to a bound, as RandomSupport.boundedNextInt of Java 17 chooses. */
static int random_next_between(struct eval *ev, const struct call *call, struct value *ret)
{
	struct object *random = call->self.object;
	int64_t origin = call->args[0].integer, bound = call->args[1].integer;
	if (origin >= bound)
		return fail(ev, FAIL_ARGUMENT, "bound must be greater than origin");
	int64_t count = bound - origin, bits = random_next(random, 32), value = bits;
	if ((count & (count - 1)) == 0) {
		value = (int32_t)((bits & (count - 1)) + origin);
	} else if (count <= INT32_MAX) {
		bits = (int64_t)((uint32_t)bits >> 1);
		while (bits + count - 1 - (value = bits % count) > INT32_MAX)
			bits = (int64_t)((uint32_t)random_next(random, 32) >> 1);
		value += origin;
	} else {
		while (value < origin || value >= bound)
			value = random_next(random, 32);
	}
	*ret = value_int(value);
	return 0;
}

static double next_double(struct object *random)
{
	int64_t high = (int64_t)random_next(random, 26) << 27;
	return (double)(high + random_next(random, 27)) * 0x1p-53;
}

/* Two come at a time, by the polar method; the second is kept in .text. */
static double next_gaussian(struct object *random)
{
	if (random->text.kind == V_DOUBLE) {
		double kept = random->text.number;
		random->text = NULL_VALUE;
		return kept;
	}
	double a, b, square;
	do {
		a = 2 * next_double(random) - 1;
		b = 2 * next_double(random) - 1;
		square = a * a + b * b;
	} while (square >= 1 || square == 0);
	double factor = sqrt(-2 * log(square) / square);
	random->text = value_double(b * factor);
	return a * factor;
}

static int random_next_gaussian(struct eval *ev, const struct call *call, struct value *ret)
{
	*ret = value_double(next_gaussian(call->self.object));
	return 0;
}

static int random_next_long(struct eval *ev, const struct call *call, struct value *ret)
{
	uint64_t high = (uint64_t)(int64_t)random_next(call->self.object, 32) << 32;
	*ret = value_long((int64_t)(high + (uint64_t)(int64_t)random_next(call->self.object, 32)));
	return 0;
}

static int random_next_double(struct eval *ev, const struct call *call, struct value *ret)
{
	*ret = value_double(next_double(call->self.object));
	return 0;
}

static int random_next_float(struct eval *ev, const struct call *call, struct value *ret)
{
	*ret = value_float((float)random_next(call->self.object, 24) / (float)(1 << 24));
	return 0;
}

static int random_next_boolean(struct eval *ev, const struct call *call, struct value *ret)
{
	*ret = value_bool(random_next(call->self.object, 1) != 0);
	return 0;
}

static const struct java_method random_methods[] = {
	{ "nextInt", "", "int", random_next_int, "any int", "new java.util.Random(42).nextInt()" },
	{ "nextInt", "i", "int", random_next_int, "from 0 up to a bound",
		"new java.util.Random(42).nextInt(10)" },
	{ "nextInt", "ii", "int", random_next_between, "from an origin up to a bound",
		"new java.util.Random(42).nextInt(5, 10)" },
	{ "nextGaussian", "", "double", random_next_gaussian, "normally distributed around 0.0",
		"new java.util.Random(42).nextGaussian()" },
	{ "nextLong", "", "long", random_next_long, "any long",
		"new java.util.Random(42).nextLong()" },
	{ "nextDouble", "", "double", random_next_double, "from 0.0 up to 1.0",
		"new java.util.Random(42).nextDouble()" },
	{ "nextFloat", "", "float", random_next_float, "from 0.0 up to 1.0",
		"new java.util.Random(42).nextFloat()" },
	{ "nextBoolean", "", "boolean", random_next_boolean, "true or false",
		"new java.util.Random(42).nextBoolean()" },
	{ 0 },
};

static const struct java_method random_constructors[] = {
	{ "Random", "", "Random", random_new, "seeded by the system",
		"new java.util.Random().nextInt(10) < 10" },
	{ "Random", "j", "Random", random_new, "with a seed", "new java.util.Random(7).nextInt(100)" },
	{ 0 },
};

const struct java_class java_random = {
	.name = "java.util.Random",
	.nameable = true,
	.methods = random_methods,
	.constructors = random_constructors,
};

/* URLEncoder */

static int url_encode(struct eval *ev, const struct call *call, struct value *ret)
{
	struct value text = call->args[0];
	if (text.kind == V_NULL)
		return fail(ev, FAIL_NULL, "the text is null");
	if (call->count > 1 && java_check_charset(ev, call->args[1]) < 0)
		return -1;
	static const char digits[] = "0123456789ABCDEF";
	struct str from = text_clean(&ev->arena, value_str(text));
	char *bytes = arena_alloc(&ev->arena, from.length * 3 + 1);
	size_t length = 0;
	for (size_t i = 0; i < from.length; i++) {
		unsigned char c = (unsigned char)from.bytes[i];
		bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			(c >= '0' && c <= '9') || (c && strchr(".-*_", c));
		if (plain || c == ' ')
			bytes[length++] = plain ? (char)c : '+';
		else
			for (int part = 0; part < 3; part++)
				bytes[length++] = part ? digits[part == 1 ? c >> 4 : c & 15] : '%';
	}
	*ret = value_string((struct str){ bytes, length });
	return eval_step(ev, from.length / 16);
}

static const struct java_method url_encoder_statics[] = {
	{ "encode", "ss", "String", url_encode, "for a query, a blank is +",
		"T(java.net.URLEncoder).encode('a b&c', 'UTF-8')" },
	{ "encode", "s", "String", url_encode, "the same in UTF-8",
		"T(java.net.URLEncoder).encode('a b&c')" },
	{ 0 },
};

const struct java_class java_url_encoder = {
	.name = "java.net.URLEncoder",
	.nameable = true,
	.statics = url_encoder_statics,
};

/* ExecutionStatus: text to operators, an enum to methods. */

static const struct status *self_status(const struct call *call)
{
	return status_at((int)call->self.integer);
}

static int status_name(struct eval *ev, const struct call *call, struct value *ret)
{
	*ret = value_string(self_status(call)->name);
	return 0;
}

static int status_length(struct eval *ev, const struct call *call, struct value *ret)
{
	*ret = value_int((int64_t)self_status(call)->name.length);
	return 0;
}

static int status_complete(struct eval *ev, const struct call *call, struct value *ret)
{
	*ret = value_bool(self_status(call)->complete);
	return 0;
}

static int status_halt(struct eval *ev, const struct call *call, struct value *ret)
{
	*ret = value_bool(self_status(call)->halt);
	return 0;
}

static int status_successful(struct eval *ev, const struct call *call, struct value *ret)
{
	*ret = value_bool(self_status(call)->successful);
	return 0;
}

static int status_failure(struct eval *ev, const struct call *call, struct value *ret)
{
	*ret = value_bool(self_status(call)->failure);
	return 0;
}

static int status_skipped(struct eval *ev, const struct call *call, struct value *ret)
{
	*ret = value_bool(str_is(self_status(call)->name, "SKIPPED"));
	return 0;
}

static int status_ordinal(struct eval *ev, const struct call *call, struct value *ret)
{
	*ret = value_int(call->self.integer);
	return 0;
}

static const struct java_method status_methods[] = {
	{ "name", "", "String", status_name, "the name", "execution.status.name()" },
	{ "length", "", "int", status_length, "characters of the name", "execution.status.length()" },
	{ "ordinal", "", "int", status_ordinal, "its place among the statuses",
		"execution.status.ordinal()" },
	{ "isComplete", "", "boolean", status_complete, "nothing more happens",
		"#stage('Bake').status.isComplete()" },
	{ "isHalt", "", "boolean", status_halt, "it stops what comes after",
		"#stage('Bake').status.isHalt()" },
	{ "isSuccessful", "", "boolean", status_successful, "it went well",
		"#stage('Bake').status.isSuccessful()" },
	{ "isFailure", "", "boolean", status_failure, "it went wrong",
		"#stage('Bake').status.isFailure()" },
	{ "isSkipped", "", "boolean", status_skipped, "it was left out",
		"#stage('Bake').status.isSkipped()" },
	{ 0 },
};

const struct java_class java_status = {
	.name = "com.netflix.spinnaker.orca.api.pipeline.models.ExecutionStatus",
	.methods = status_methods,
};
