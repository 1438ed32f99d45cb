#include "kubernetes/delete_options.h"

static const char *policy_of(const char *word)
{
	static const char *const rows[][2] = { { "true", "Background" }, { "false", "Orphan" },
		{ "background", "Background" }, { "foreground", "Foreground" },
		{ "orphan", "Orphan" } };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (str_equal_nocase(str_trim(str_of(word)), str_of(rows[i][0])))
			return rows[i][1];
	}
	return NULL;
}

/* NULL: a word that is none. */
static const char *propagation(const struct delete_options *options)
{
	const char *orphan = options->orphan_dependents, *cascading = options->cascading;

	if (orphan && *orphan)
		return str_equal_nocase(str_of(orphan), STR("true")) ? "Orphan" : "Background";
	return cascading && *cascading ? policy_of(cascading) : "Background";
}

/* Whole seconds; what is none is ignored. 0 is 1: to kill at once was never what people asked for. */
static bool grace_period(const struct delete_options *options, int64_t *ret)
{
	struct val value = options->grace_period;
	int64_t number;

	if (!val_as_int(value, &number) && !str_to_int(str_trim(val_as_str(&value)), &number))
		return false;
	*ret = number == 0 ? 1 : number;
	return number >= 0;
}

int delete_options_body(
	const struct delete_options *options, struct val uid, struct val *ret, struct err *err)
{
	const char *policy = propagation(options);
	struct val body = VAL_NULL, preconditions = val_map();
	int64_t seconds;

	if (!policy) {
		val_free(&preconditions);
		return err_set(err, ERR_INVALID,
			"options.cascading: expected true, false, background, foreground or "
			"orphan, got \"%s\"",
			options->cascading);
	}
	val_set(&body, "propagationPolicy", val_string(policy));
	if (grace_period(options, &seconds))
		val_set(&body, "gracePeriodSeconds", val_int(seconds));
	val_set(&preconditions, "uid", val_ref(uid));
	val_set(&body, "preconditions", preconditions);
	*ret = body;
	return 0;
}
