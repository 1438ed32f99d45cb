#include "bindings.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/json.h"
#include "base/limits.h"

/* The map of names to contexts in PATH, empty when there is none. Owned. */
static int read_kept(const char *path, struct val *ret, struct err *err)
{
	_cleanup_strbuf_ struct strbuf text = STRBUF_INIT(LIMIT_BODY_BYTES);
	*ret = val_map();
	if (file_read(path, LIMIT_BODY_BYTES, &text, err) < 0) {
		if (err->kind != ERR_NOT_FOUND)
			return -1;
		err_clear(err);
		return 0;
	}
	struct val kept = VAL_NULL;
	if (json_parse(strbuf_str(&text), NULL, NULL, &kept, err) < 0)
		return err_wrap(err, "%s", path);
	val_replace(ret, kept);
	return 0;
}

static int cannot_write(const char *path, struct err *err)
{
	return err_set(err, ERR_UNAVAILABLE, "cannot write %s: %s", path, strerror(errno));
}

static int write_kept(const char *path, struct val kept, struct err *err)
{
	_cleanup_free_ char *partial = xasprintf("%s.new", path);
	_cleanup_free_ char *text = json_text(kept, JSON_PRETTY);
	int file = open(partial, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (file < 0)
		return cannot_write(partial, err);
	ssize_t length = (ssize_t)strlen(text);
	bool failed = write(file, text, (size_t)length) != length || fsync(file) < 0;
	if (close(file) < 0 || failed || rename(partial, path) < 0)
		return cannot_write(path, err);
	return 0;
}

/* NAME=CONTEXT of each --account into MAP; setup_bind_accounts has looked at them. True when there is one. */
static bool add_given(const struct options *options, struct val *map)
{
	bool any = false;
	for (size_t i = 0; i < options->values.count; i++) {
		const struct option_value *value = &options->values.items[i];
		const char *equals = strchr(value->text, '=');
		if (strcmp(value->row->name, "account") != 0 || !equals)
			continue;
		val_set_str(map, (struct str){ value->text, (size_t)(equals - value->text) },
			val_string(equals + 1));
		any = true;
	}
	return any;
}

int bindings_restore(
	struct setup *setup, const struct options *options, const char *directory, struct err *err)
{
	_cleanup_(val_free) struct val kept = VAL_NULL, given = val_map();
	_cleanup_free_ char *path = xasprintf("%s/accounts.json", directory);
	if (read_kept(path, &kept, err) < 0)
		return -1;
	add_given(options, &given);
	for (size_t i = 0; i < val_count(kept); i++) {
		_cleanup_err_ struct err gone = ERR_INIT;
		struct val context = val_value_at(kept, i);
		const char *name = val_key_at(kept, i).bytes;
		if (!val_has(given, name) &&
			kubernetes_bind_account(setup->kubernetes, name, val_text(&context), &gone) <
				0)
			fprintf(stderr, "--account %s=%s, which an earlier process was given: %s\n",
				name, val_text(&context), err_text(&gone));
	}
	if (setup_bind_accounts(setup, options, err) < 0)
		return -1;
	return add_given(options, &kept) ? write_kept(path, kept, err) : 0;
}
