/* Which objects of a deploy go together, several at a time. */
#include "lib/values.h"

#include "base/alloc.h"
#include "kubernetes/deploy_batch.h"

#define OBJECT(kind, name, namespace) \
	"{apiVersion: v1, kind: " kind ", metadata: {name: " name ", namespace: " namespace "}}"

/* The length of the first batch of the list TEXT; the object at RECREATED (-1 = none) has to go first. */
static size_t length_of(const char *text, int recreated)
{
	_cleanup_(val_free) struct val list = value_of(text);
	struct shipment *shipments = xcalloc(val_count(list), sizeof(*shipments));
	size_t length;

	for (size_t i = 0; i < val_count(list); i++) {
		shipments[i].object = val_ref(val_at(list, i));
		shipments[i].uid = (int)i == recreated ? val_string("u") : VAL_NULL;
	}
	length = batch_length(shipments, val_count(list));
	shipments_free(shipments, val_count(list));
	return length;
}

static void those_of_a_kind_and_namespace_go_together(void **state)
{
	assert_int_equal(length_of("[" OBJECT("ConfigMap", "a", "x") "]", -1), 1);
	assert_int_equal(
		length_of("[" OBJECT("ConfigMap", "a", "x") ", " OBJECT("ConfigMap", "b", "x") "]",
			-1),
		2);
	assert_int_equal(
		length_of("[" OBJECT("ConfigMap", "a", "x") ", " OBJECT("ConfigMap", "b", "y") "]",
			-1),
		1);
	assert_int_equal(
		length_of("[" OBJECT("ConfigMap", "a", "x") ", " OBJECT("Secret", "b", "x") "]", -1),
		1);
}

static void one_that_takes_a_place_goes_alone(void **state)
{
	const char *three = "[" OBJECT("ConfigMap", "a", "x") ", " OBJECT(
		"ConfigMap", "b", "x") ", " OBJECT("ConfigMap", "c", "x") "]";

	assert_int_equal(length_of(three, 0), 1);
	assert_int_equal(length_of(three, 1), 1);
	assert_int_equal(length_of(three, 2), 2);
}

/* Otherwise it would be left to chance which of them is there in the end. */
static void what_stands_twice_goes_one_after_the_other(void **state)
{
	assert_int_equal(length_of("[" OBJECT("ConfigMap", "a", "x") ", " OBJECT(
					   "ConfigMap", "b", "x") ", " OBJECT("ConfigMap", "a",
					   "x") ", " OBJECT("ConfigMap", "c", "x") "]",
				 -1),
		2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(those_of_a_kind_and_namespace_go_together),
		cmocka_unit_test(one_that_takes_a_place_goes_alone),
		cmocka_unit_test(what_stands_twice_goes_one_after_the_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
