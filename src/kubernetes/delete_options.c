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

/* Whole seconds, as a number or text; nothing: as the object says. 0 is 1: to kill at once was never what people asked for. */
static int grace_period(const struct delete_options *options, struct val *body, struct err *err)
{
	struct val value = options->grace_period;
	struct str text = str_trim(val_as_str(&value));
	int64_t number;

	if (val_is_null(value) || (val_is_string(value) && !text.length))
		return 0;
	if ((!val_as_int(value, &number) && !str_to_int(text, &number)) || number < 0)
		return err_set(err, ERR_INVALID,
			"options.gracePeriodSeconds: expected a whole number of seconds, 0 or more");
	val_set(body, "gracePeriodSeconds", val_int(number == 0 ? 1 : number));
	return 0;
}

int delete_options_body(
	const struct delete_options *options, struct val uid, struct val *ret, struct err *err)
{
	const char *policy = propagation(options);
	_cleanup_(val_free) struct val body = val_map();
	struct val preconditions = VAL_NULL;

	if (!policy)
		return err_set(err, ERR_INVALID,
			"options.cascading: expected true, false, background, foreground or "
			"orphan, got \"%s\"",
			options->cascading);
	if (grace_period(options, &body, err) < 0)
		return -1;
	val_set(&body, "propagationPolicy", val_string(policy));
	val_set(&preconditions, "uid", val_ref(uid));
	val_set(&body, "preconditions", preconditions);
	*ret = take(&body);
	return 0;
}
