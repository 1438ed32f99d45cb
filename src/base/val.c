/*
 * A heap node is a string, or a sequence: the items of a list, or the pairs (key, value, key, value, …)
 * of a map. Keys are string values themselves: short ones lie in the pair, long ones are counted, so
 * that copies of a map share them. An empty list or map has no node. A map of more than INDEX_FROM
 * entries has a hash index of the pairs beside it.
 */
#include "base/val.h"

#include <math.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/vec.h"

#define INLINE_MAX 12
#define INDEX_FROM 16

struct text_node {
	struct val_node head;
	char bytes[]; /* right behind it, as val_as_str has it */
};
_Static_assert(offsetof(struct text_node, bytes) == sizeof(struct val_node), "see val_as_str");

struct slot {
	uint32_t hash;
	uint32_t place; /* index of the pair + 1; 0 = free */
};

struct seq_node {
	struct val_node head;
	uint32_t capacity; /* of items or pairs */
	uint8_t width;     /* values of an element: 1 in a list, 2 in a map */
	uint8_t index_bits;
	union {
		struct slot *index; /* of a map; NULL = search from the start */
		struct seq_node *next_dead;
	};
	struct val items[];
};

static struct seq_node *seq_of(struct val value)
{
	return (struct seq_node *)value.node;
}

static uint32_t count_of(size_t count)
{
	if (count > UINT32_MAX - 1) {
		fputs("a value is too large\n", stderr);
		abort();
	}
	return (uint32_t)count;
}

/* Making */

/* Its node is as a string's. */
struct val val_digits(struct str digits)
{
	struct text_node *node = xmalloc(sizeof(*node) + digits.length + 1);
	atomic_init(&node->head.refs, 1);
	node->head.count = count_of(digits.length);
	memcpy(node->bytes, digits.bytes, digits.length);
	node->bytes[digits.length] = 0;
	struct val value = { .kind = VAL_KIND_DOUBLE, .inlined = 1 };
	value.node = &node->head;
	return value;
}

struct val val_string(const char *text)
{
	return text ? val_str(str_of(text)) : VAL_NULL;
}

static struct val text_new(struct str text)
{
	struct text_node *node = xmalloc(sizeof(*node) + text.length + 1);
	atomic_init(&node->head.refs, 1);
	node->head.count = count_of(text.length);
	memcpy(node->bytes, text.bytes, text.length);
	node->bytes[text.length] = 0;
	return (struct val){ .kind = VAL_KIND_STRING, .node = &node->head };
}

struct val val_str(struct str text)
{
	if (text.length > INLINE_MAX)
		return text_new(text);
	struct val value = { .kind = VAL_KIND_STRING, .integer = 0 };
	value.inlined = 1;
	value.length = (uint8_t)text.length;
	if (text.length)
		memcpy((char *)&value + offsetof(struct val, bytes_head), text.bytes, text.length);
	return value;
}

struct val val_verbatim(struct val text)
{
	if (text.kind != VAL_KIND_STRING)
		return val_ref(text);
	struct val value = text.inlined ? text_new(val_as_str(&text)) : val_ref(text);
	value.length = 1;
	return value;
}

struct val val_format(const char *format, ...)
{
	_cleanup_free_ char *text = NULL;
	va_list args;
	va_start(args, format);
	int length = vasprintf(&text, format, args);
	va_end(args);
	return length < 0 ? val_str(STR("")) : val_str((struct str){ text, (size_t)length });
}

struct val val_list(void)
{
	return (struct val){ .kind = VAL_KIND_LIST };
}

struct val val_map(void)
{
	return (struct val){ .kind = VAL_KIND_MAP };
}

/* Counting */

/* The node that VALUE counts on, or NULL. */
static struct val_node *counted(struct val value)
{
	return val_is_counted(value) ? value.node : NULL;
}

struct val val_ref(struct val value)
{
	struct val_node *node = counted(value);
	if (node)
		atomic_fetch_add_explicit(&node->refs, 1, memory_order_relaxed);
	return value;
}

/* Gives one reference up. A sequence nobody owns any more goes onto *DEAD; its items are then given up in turn. */
static void release(struct val value, struct seq_node **dead)
{
	struct val_node *node = counted(value);
	if (!node || atomic_fetch_sub_explicit(&node->refs, 1, memory_order_acq_rel) != 1)
		return;
	if (value.kind <= VAL_KIND_STRING) {
		free(node);
		return;
	}
	struct seq_node *seq = (struct seq_node *)node;
	free(seq->index);
	seq->next_dead = *dead;
	*dead = seq;
}

/* Not recursive: values can be nested deeper than a worker's stack. */
void val_release(struct val *value)
{
	struct seq_node *dead = NULL;
	release(*value, &dead);
	*value = VAL_NULL;
	while (dead) {
		struct seq_node *seq = dead;
		dead = seq->next_dead;
		size_t count = (size_t)seq->head.count * seq->width;
		for (size_t i = 0; i < count; i++)
			release(seq->items[i], &dead);
		free(seq);
	}
}

void val_replace(struct val *where, struct val value)
{
	struct val old = *where;
	*where = value;
	val_free(&old);
}

/* Looking */

const char *val_kind_name(enum val_kind kind)
{
	static const char *const names[] = { "null", "bool", "int", "double", "string", "list",
		"map" };
	return (unsigned)kind < sizeof(names) / sizeof(names[0]) ? names[kind] : "unknown";
}

const char *val_text(const struct val *value)
{
	return val_as_str(value).bytes;
}

bool val_as_bool(struct val value, bool *ret)
{
	if (value.kind != VAL_KIND_BOOL)
		return false;
	*ret = value.boolean;
	return true;
}

struct str val_as_digits(const struct val *value)
{
	if (value->kind != VAL_KIND_DOUBLE || !value->inlined)
		return STR("");
	return (struct str){ ((struct text_node *)value->node)->bytes, value->node->count };
}

static double double_of(struct val value)
{
	double number = value.number;
	if (value.inlined && !str_to_double(val_as_digits(&value), &number))
		number = NAN;
	return number;
}

bool val_as_int(struct val value, int64_t *ret)
{
	if (value.kind == VAL_KIND_INT) {
		*ret = value.integer;
		return true;
	}
	if (value.inlined)
		return false; /* a string, or an integer beyond them */
	/* 2^63 is a double, INT64_MAX is none. */
	if (value.kind != VAL_KIND_DOUBLE || !(value.number >= -0x1p63 && value.number < 0x1p63) ||
		trunc(value.number) != value.number)
		return false;
	*ret = (int64_t)value.number;
	return true;
}

bool val_as_double(struct val value, double *ret)
{
	if (!val_is_number(value))
		return false;
	*ret = value.kind == VAL_KIND_INT ? (double)value.integer : double_of(value);
	return true;
}

static bool key_is(const struct seq_node *map, size_t index, struct str key)
{
	return str_equal(val_as_str(&map->items[2 * index]), key);
}

/* The slot of KEY, or the free one where it would go. */
static struct slot *slot_of(const struct seq_node *map, struct str key, uint32_t hash)
{
	size_t mask = ((size_t)1 << map->index_bits) - 1;
	for (size_t i = hash & mask;; i = (i + 1) & mask) {
		struct slot *slot = &map->index[i];
		if (!slot->place || (slot->hash == hash && key_is(map, slot->place - 1, key)))
			return slot;
	}
}

static ptrdiff_t find(const struct seq_node *map, struct str key)
{
	if (!map)
		return -1;
	if (map->index)
		return (ptrdiff_t)slot_of(map, key, (uint32_t)str_hash(key))->place - 1;
	for (size_t i = 0; i < map->head.count; i++) {
		if (key_is(map, i, key))
			return (ptrdiff_t)i;
	}
	return -1;
}

ptrdiff_t val_index_of(struct val map, struct str key)
{
	return map.kind == VAL_KIND_MAP ? find(seq_of(map), key) : -1;
}

const struct val *val_find(struct val map, struct str key)
{
	ptrdiff_t index = val_index_of(map, key);
	return index < 0 ? NULL : &seq_of(map)->items[2 * index + 1];
}

void val_key_init(struct val_key *key, struct str text)
{
	key->text = text;
	key->pair = text.length <= INLINE_MAX ? val_str(text) : VAL_NULL;
	atomic_init(&key->place, 0);
}

/* All bytes of a short key count: those behind its text are 0. */
static bool is_at(const struct seq_node *map, size_t place, const struct val_key *key)
{
	const struct val *found = &map->items[2 * place];
	uint64_t there[2], wanted[2];
	memcpy(there, found, sizeof(there));
	memcpy(wanted, &key->pair, sizeof(wanted));
	return (there[0] == wanted[0] && there[1] == wanted[1]) ||
		(val_is_null(key->pair) && str_equal(val_as_str(found), key->text));
}

const struct val *val_find_key(struct val map, struct val_key *key)
{
	const struct seq_node *seq = map.kind == VAL_KIND_MAP ? seq_of(map) : NULL;
	if (!seq)
		return NULL;
	size_t place = atomic_load_explicit(&key->place, memory_order_relaxed);
	if (place < seq->head.count && is_at(seq, place, key))
		return &seq->items[2 * place + 1];
	ptrdiff_t index = find(seq, key->text);
	if (index < 0)
		return NULL;
	atomic_store_explicit(&key->place, (uint32_t)index, memory_order_relaxed);
	return &seq->items[2 * index + 1];
}

struct val val_get(struct val map, const char *key)
{
	return val_get_str(map, str_of(key));
}

struct val val_get_str(struct val map, struct str key)
{
	const struct val *found = val_find(map, key);
	return found ? *found : VAL_NULL;
}

bool val_has(struct val map, const char *key)
{
	return val_has_str(map, str_of(key));
}

bool val_has_str(struct val map, struct str key)
{
	return val_index_of(map, key) >= 0;
}

struct val val_at(struct val list, size_t index)
{
	return list.kind == VAL_KIND_LIST && index < val_count(list) ? seq_of(list)->items[index] :
								       VAL_NULL;
}

struct str val_key_at(struct val map, size_t index)
{
	if (map.kind != VAL_KIND_MAP || index >= val_count(map))
		return STR("");
	return val_as_str(&seq_of(map)->items[2 * index]);
}

bool val_key_is_verbatim(struct val map, size_t index)
{
	return map.kind == VAL_KIND_MAP && index < val_count(map) &&
		val_is_verbatim(seq_of(map)->items[2 * index]);
}

struct val val_value_at(struct val map, size_t index)
{
	return map.kind == VAL_KIND_MAP && index < val_count(map) ?
		seq_of(map)->items[2 * index + 1] :
		VAL_NULL;
}

struct val val_path(struct val root, const char *path)
{
	struct str rest = str_of(path);
	for (struct str part; str_split(&rest, '.', &part);) {
		int64_t index = 0;
		if (root.kind == VAL_KIND_LIST)
			root = str_to_int(part, &index) && index >= 0 ? val_at(root, (size_t)index) :
									VAL_NULL;
		else
			root = val_get_str(root, part);
	}
	return root;
}

const char *val_get_text(struct val map, const char *key, const char *otherwise)
{
	const struct val *found = val_find(map, str_of(key));
	return found && found->kind == VAL_KIND_STRING ? val_text(found) : otherwise;
}

bool val_get_bool(struct val map, const char *key, bool otherwise)
{
	val_as_bool(val_get(map, key), &otherwise);
	return otherwise;
}

int64_t val_get_int(struct val map, const char *key, int64_t otherwise)
{
	val_as_int(val_get(map, key), &otherwise);
	return otherwise;
}

/* Changing */

static size_t seq_bytes(size_t capacity, unsigned width)
{
	return sizeof(struct seq_node) + capacity * width * sizeof(struct val);
}

static struct seq_node *seq_new(unsigned width, size_t capacity)
{
	struct seq_node *seq = xmalloc(seq_bytes(capacity, width));
	atomic_init(&seq->head.refs, 1);
	seq->head.count = 0;
	seq->capacity = count_of(capacity);
	seq->width = (uint8_t)width;
	seq->index_bits = 0;
	seq->index = NULL;
	return seq;
}

static size_t index_bytes(const struct seq_node *map)
{
	return sizeof(struct slot) << map->index_bits;
}

/* Makes an index, at most half full, over all pairs, in place of the old one. */
static void index_build(struct seq_node *map)
{
	uint8_t bits = 5;
	while (((size_t)1 << bits) < (size_t)map->capacity * 2)
		bits++;
	free(map->index);
	map->index_bits = bits;
	map->index = xcalloc((size_t)1 << bits, sizeof(struct slot));
	for (uint32_t i = 0; i < map->head.count; i++) {
		struct str key = val_as_str(&map->items[2 * (size_t)i]);
		uint32_t hash = (uint32_t)str_hash(key);
		*slot_of(map, key, hash) = (struct slot){ .hash = hash, .place = i + 1 };
	}
}

static struct seq_node *seq_copy(const struct seq_node *from, size_t capacity)
{
	struct seq_node *seq = seq_new(from->width, capacity);
	seq->head.count = from->head.count;
	size_t count = (size_t)from->head.count * from->width;
	for (size_t i = 0; i < count; i++)
		seq->items[i] = val_ref(from->items[i]);
	if (from->index) {
		seq->index_bits = from->index_bits;
		seq->index = xmalloc(index_bytes(from));
		memcpy(seq->index, from->index, index_bytes(from));
	}
	return seq;
}

/* The node of *CONTAINER, made a KIND if it is none, with one owner and room for MORE elements. */
static struct seq_node *own(struct val *container, enum val_kind kind, size_t more)
{
	if (container->kind != kind)
		val_replace(container, (struct val){ .kind = (uint8_t)kind });
	struct seq_node *seq = seq_of(*container);
	size_t capacity = seq ? seq->capacity : 0;
	size_t needed = more + (seq ? seq->head.count : 0);
	if (needed > capacity) {
		size_t grown = capacity < 2 ? 4 : capacity * 2;
		capacity = needed > grown ? needed : grown;
	}
	if (!seq) {
		seq = seq_new(kind == VAL_KIND_MAP ? 2 : 1, capacity);
	} else if (atomic_load_explicit(&seq->head.refs, memory_order_acquire) > 1) {
		seq = seq_copy(seq, capacity);
		val_free(container);
	} else if (capacity > seq->capacity) {
		seq = xrealloc(seq, seq_bytes(count_of(capacity), seq->width));
		seq->capacity = (uint32_t)capacity;
	}
	*container = (struct val){ .kind = (uint8_t)kind, .node = &seq->head };
	return seq;
}

/* Puts a pair behind the last one; there is room for it, and KEY (taken) is not there yet. */
static void add_pair(struct seq_node *map, struct val key, struct val value)
{
	size_t index = map->head.count++;
	map->items[2 * index] = key;
	map->items[2 * index + 1] = value;
	if (map->head.count <= INDEX_FROM && !map->index)
		return;
	if (!map->index || ((size_t)1 << map->index_bits) < (size_t)map->head.count * 2) {
		index_build(map);
		return;
	}
	struct str text = val_as_str(&map->items[2 * index]);
	uint32_t hash = (uint32_t)str_hash(text);
	*slot_of(map, text, hash) = (struct slot){ .hash = hash, .place = (uint32_t)index + 1 };
}

struct val val_list_of(const struct val *items, size_t count)
{
	struct val list = val_list();
	if (count == 0)
		return list;
	struct seq_node *seq = seq_new(1, count);
	memcpy(seq->items, items, count * sizeof(*items));
	seq->head.count = (uint32_t)count;
	list.node = &seq->head;
	return list;
}

struct val val_map_of(const struct val *pairs, size_t count, ptrdiff_t *ret_duplicate)
{
	struct val map = val_map();
	ptrdiff_t duplicate = -1;
	struct seq_node *seq = count ? seq_new(2, count) : NULL;
	if (count > INDEX_FROM)
		index_build(seq);
	for (size_t i = 0; i < count; i++) {
		struct val key = pairs[2 * i];
		ptrdiff_t place = find(seq, val_as_str(&key));
		if (place < 0) {
			add_pair(seq, key, pairs[2 * i + 1]);
			continue;
		}
		val_replace(&seq->items[2 * place + 1], pairs[2 * i + 1]);
		val_free(&key);
		if (duplicate < 0)
			duplicate = (ptrdiff_t)i;
	}
	if (seq)
		map.node = &seq->head;
	if (ret_duplicate)
		*ret_duplicate = duplicate;
	return map;
}

void val_set(struct val *map, const char *key, struct val value)
{
	val_set_str(map, str_of(key), value);
}

void val_set_str(struct val *map, struct str key, struct val value)
{
	ptrdiff_t index = val_index_of(*map, key);
	if (index >= 0) {
		val_replace(&own(map, VAL_KIND_MAP, 0)->items[2 * index + 1], value);
		return;
	}
	/* Copied first: KEY may point into the node that own() moves or gives up. */
	struct val copy = val_str(key);
	add_pair(own(map, VAL_KIND_MAP, 1), copy, value);
}

void val_append(struct val *list, struct val value)
{
	struct seq_node *seq = own(list, VAL_KIND_LIST, 1);
	seq->items[seq->head.count++] = value;
}

void val_list_set(struct val *list, size_t index, struct val value)
{
	if (list->kind != VAL_KIND_LIST || index >= val_count(*list))
		val_free(&value);
	else
		val_replace(&own(list, VAL_KIND_LIST, 0)->items[index], value);
}

bool val_remove(struct val *map, const char *key)
{
	return val_remove_str(map, str_of(key));
}

/* Takes the slot of the pair at INDEX out, and counts the places behind it down. */
static void index_remove(struct seq_node *map, size_t index)
{
	struct str key = val_as_str(&map->items[2 * index]);
	size_t mask = ((size_t)1 << map->index_bits) - 1;
	size_t hole = (size_t)(slot_of(map, key, (uint32_t)str_hash(key)) - map->index);
	/* Slots behind the hole move up unless that would put them before their home. */
	for (size_t i = (hole + 1) & mask; map->index[i].place; i = (i + 1) & mask) {
		size_t home = map->index[i].hash & mask;
		if (((i - home) & mask) < ((i - hole) & mask))
			continue;
		map->index[hole] = map->index[i];
		hole = i;
	}
	map->index[hole] = (struct slot){ 0 };
	if (index + 1 == map->head.count)
		return;
	for (size_t i = 0; i <= mask; i++)
		map->index[i].place -= map->index[i].place > index + 1;
}

static void remove_element(struct seq_node *seq, size_t index)
{
	size_t width = seq->width;
	struct val removed[2] = { seq->items[index * width], seq->items[index * width + width - 1] };
	if (seq->index)
		index_remove(seq, index);
	size_t behind = seq->head.count - index - 1;
	memmove(&seq->items[index * width], &seq->items[(index + 1) * width],
		behind * width * sizeof(struct val));
	seq->head.count--;
	for (size_t i = 0; i < width; i++)
		val_free(&removed[i]);
}

bool val_remove_str(struct val *map, struct str key)
{
	ptrdiff_t index = val_index_of(*map, key);
	if (index < 0)
		return false;
	remove_element(own(map, VAL_KIND_MAP, 0), (size_t)index);
	return true;
}

void val_list_remove(struct val *list, size_t index)
{
	if (list->kind == VAL_KIND_LIST && index < val_count(*list))
		remove_element(own(list, VAL_KIND_LIST, 0), index);
}

void val_merge(struct val *map, struct val from)
{
	if (from.kind != VAL_KIND_MAP || val_same(*map, from))
		return;
	if (map->kind != VAL_KIND_MAP) {
		val_replace(map, val_ref(from));
		return;
	}
	/* FROM may be inside the value that one of its keys replaces. */
	_cleanup_(val_free) struct val kept = val_ref(from);
	for (size_t i = 0; i < val_count(kept); i++)
		val_set_str(map, val_key_at(kept, i), val_ref(val_value_at(kept, i)));
}

struct val *val_edit(struct val *map, const char *key)
{
	return val_edit_str(map, str_of(key));
}

struct val *val_edit_str(struct val *map, struct str key)
{
	ptrdiff_t index = val_index_of(*map, key);
	return index < 0 ? NULL : &own(map, VAL_KIND_MAP, 0)->items[2 * index + 1];
}

struct val *val_edit_at(struct val *container, size_t index)
{
	if (index >= val_count(*container))
		return NULL;
	struct seq_node *seq = own(container, (enum val_kind)container->kind, 0);
	return &seq->items[(index + 1) * seq->width - 1];
}

/* Comparing */

bool val_same(struct val a, struct val b)
{
	if (a.kind != b.kind)
		return false;
	switch ((enum val_kind)a.kind) {
	case VAL_KIND_NULL:
		return true;
	case VAL_KIND_BOOL:
		return a.boolean == b.boolean;
	case VAL_KIND_DOUBLE:
		if (a.inlined || b.inlined)
			return a.inlined == b.inlined &&
				str_equal(val_as_digits(&a), val_as_digits(&b));
		return a.number == b.number || (isnan(a.number) && isnan(b.number));
	case VAL_KIND_STRING:
		if (a.inlined || b.inlined)
			return str_equal(val_as_str(&a), val_as_str(&b));
		return a.node == b.node;
	case VAL_KIND_INT:
		return a.integer == b.integer;
	case VAL_KIND_LIST:
	case VAL_KIND_MAP:
		return a.node == b.node;
	}
	return false;
}

struct pair {
	struct val a, b;
};
struct pairs {
	struct pair *items;
	size_t count, capacity;
};

/* False when A and B differ at a glance; lists and maps that need a closer look go onto TO_DO. */
static bool may_equal(struct val a, struct val b, struct pairs *to_do)
{
	if (val_same(a, b))
		return true;
	if (a.kind != b.kind)
		return false;
	if (a.kind == VAL_KIND_STRING)
		return str_equal(val_as_str(&a), val_as_str(&b));
	if (a.kind < VAL_KIND_LIST || val_count(a) != val_count(b))
		return false;
	if (val_count(a) > 0)
		vec_push(to_do, ((struct pair){ a, b }));
	return true;
}

static bool contents_may_equal(struct val a, struct val b, struct pairs *to_do)
{
	const struct seq_node *x = seq_of(a), *y = seq_of(b);
	for (size_t i = 0; i < x->head.count; i++) {
		if (x->width == 1) {
			if (!may_equal(x->items[i], y->items[i], to_do))
				return false;
			continue;
		}
		struct str key = val_as_str(&x->items[2 * i]);
		ptrdiff_t index = key_is(y, i, key) ? (ptrdiff_t)i : find(y, key);
		if (index < 0 || !may_equal(x->items[2 * i + 1], y->items[2 * index + 1], to_do))
			return false;
	}
	return true;
}

/* Not recursive, like val_free. */
bool val_equal(struct val a, struct val b)
{
	struct pairs to_do = { 0 };
	bool equal = may_equal(a, b, &to_do);
	while (equal && to_do.count) {
		struct pair pair = to_do.items[--to_do.count];
		equal = contents_may_equal(pair.a, pair.b, &to_do);
	}
	vec_free(&to_do);
	return equal;
}

static size_t rough_size(struct val value, unsigned *looks)
{
	size_t count = val_count(value), width, bytes = 8, i;

	if (value.kind == VAL_KIND_STRING)
		return 2 + val_as_str(&value).length;
	if (count == 0)
		return bytes;
	const struct seq_node *seq = seq_of(value);
	width = seq->width;
	for (i = 0; i<count && * looks> 0; i++) {
		--*looks;
		if (width == 2)
			bytes += 3 + val_as_str(&seq->items[2 * i]).length;
		bytes += 1 + rough_size(seq->items[width * i + width - 1], looks);
	}
	return i > 0 ? bytes * count / i : bytes;
}

/* Recursive, but no deeper than LOOKS. */
size_t val_rough_size(struct val value, unsigned looks)
{
	return rough_size(value, &looks);
}
