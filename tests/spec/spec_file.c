#include "spec_file.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/file.h"

bool spec_next_line(struct spec_file *file, struct str *ret)
{
	if (!file->rest.bytes || !str_split(&file->rest, '\n', ret))
		return false;
	file->line++;
	if (file->trims)
		*ret = str_trim(*ret);
	return true;
}

bool spec_next_text(struct spec_file *file, struct str *ret)
{
	while (spec_next_line(file, ret)) {
		bool comment = str_starts(*ret, "# ") || str_is(*ret, "#");
		if (str_trim(*ret).length && !comment)
			return true;
	}
	return false;
}

void spec_count(struct spec_file *file, unsigned line, struct str title, bool good)
{
	file->passed += good;
	file->failed += !good;
	if (!good || file->verbose)
		printf("# %s %s:%u: %.*s\n", good ? "passed" : "FAILED", file->path, line,
			STR_ARG(title));
}

int spec_main(
	int argc, char **argv, size_t max_bytes, bool trims, void (*run)(struct spec_file *file))
{
	bool verbose = argc > 1 && strcmp(argv[1], "-v") == 0;
	unsigned passed = 0, failed = 0;
	int first = verbose ? 2 : 1;
	printf("1..%d\n", argc - first);
	for (int i = first; i < argc; i++) {
		_cleanup_err_ struct err err = ERR_INIT;
		_cleanup_strbuf_ struct strbuf text = STRBUF_INIT(max_bytes);
		struct spec_file file = { .path = argv[i], .trims = trims, .verbose = verbose };
		if (file_read(argv[i], max_bytes, &text, &err) < 0) {
			printf("# %s\n", err_text(&err));
			file.failed++;
		}
		file.rest = strbuf_str(&text);
		run(&file);
		val_free(&file.names);
		printf("%sok %d - %s: %u passed, %u failed\n", file.failed ? "not " : "",
			i - first + 1, strrchr(argv[i], '/') ? strrchr(argv[i], '/') + 1 : argv[i],
			file.passed, file.failed);
		passed += file.passed;
		failed += file.failed;
	}
	printf("# %u passed, %u failed\n", passed, failed);
	return failed ? 1 : 0;
}
