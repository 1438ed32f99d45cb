/*
 * bench_expressions CONTEXT.json SHAPES.txt: nanoseconds of each shape, a line each, by tabs:
 *
 *	shape  parsed before  parsed each time  a text with it, as the engine evaluates it
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/json.h"
#include "engine/internal.h"
#include "expr/eval.h"
#include "expr/node.h"

#define ROUND_US 60000
#define ROUNDS 5

struct bench {
	struct expr_host *host;
	struct world world;
	struct execution *execution;
	size_t stage;
	struct str body;
	char *text; /* "${body}" */
	struct expr *parsed;
	struct eval ev; /* one for all, as a pass over a stage has, and as Spring's has its one context */
};

static void evaluate(struct bench *bench, struct expr *expr)
{
	struct eval *ev = &bench->ev;
	struct value value;
	struct val result;
	eval_next(ev);
	ev->steps = 0;
	if (eval_parsed(ev, expr, &value) < 0 || value_to_val(ev, value, &result) < 0) {
		fprintf(stderr, "%.*s: %s\n", STR_ARG(bench->body), ev->message);
		exit(1);
	}
	val_free(&result);
}

static void parsed_before(struct bench *bench)
{
	evaluate(bench, bench->parsed);
}

static void parsed_each_time(struct bench *bench)
{
	struct expr *expr = expr_parse(bench->body);
	evaluate(bench, expr);
	expr_unref(expr);
}

static void whole_text(struct bench *bench)
{
	struct val value = VAL_NULL;
	_cleanup_err_ struct err err = ERR_INIT;
	const struct task_input in = { .execution = bench->execution,
		.stage_index = bench->stage,
		.world = &bench->world,
		.now_ms = 1 };
	if (task_evaluate(&in, bench->text, &value, &err) != EXPR_OK) {
		fprintf(stderr, "%s: %s\n", bench->text, err_text(&err));
		exit(1);
	}
	val_free(&value);
}

static int64_t cpu_us(void)
{
	struct timespec now;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* The best of some rounds, in ns of CPU time. */
static double measure(void (*run)(struct bench *bench), struct bench *bench)
{
	double best = 1e18;
	for (int round = 0; round < ROUNDS; round++) {
		int64_t start = cpu_us(), took;
		size_t count = 0;
		do {
			for (int i = 0; i < 100; i++)
				run(bench);
			count += 100;
			took = cpu_us() - start;
		} while (took < ROUND_US);
		double each = 1000.0 * (double)took / (double)count;
		if (each < best)
			best = each;
	}
	return best;
}

static struct val read_json(const char *path, struct strbuf *buf)
{
	struct err err = ERR_INIT;
	struct val value = VAL_NULL;
	if (file_read(path, 64 << 20, buf, &err) < 0 ||
		(strstr(path, ".json") && json_parse(strbuf_str(buf), NULL, NULL, &value, &err) < 0)) {
		fprintf(stderr, "%s: %s\n", path, err_text(&err));
		exit(1);
	}
	return value;
}

int main(int argc, char **argv)
{
	if (argc != 3)
		return 2;
	_cleanup_strbuf_ struct strbuf json = STRBUF_INIT(64 << 20), shapes = STRBUF_INIT(1 << 20);
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_(val_free) struct val context = read_json(argv[1], &json);
	read_json(argv[2], &shapes);
	struct bench bench = { .host = expr_host_of_map(context, NULL),
		.world = { .no_fetch = true } };
	if (execution_from_json(val_get(context, "execution"), &bench.execution, &err) < 0) {
		fprintf(stderr, "%s\n", err_text(&err));
		return 1;
	}
	const struct expr_limits limits = { .allow_unknown_keys = true };
	eval_init(&bench.ev, bench.host, &limits);
	bench.stage = stage_count(bench.execution) - 1;
	struct str rest = strbuf_str(&shapes);
	for (struct str line; str_split(&rest, '\n', &line);) {
		if (!line.length)
			continue;
		bench.body = line;
		bench.text = xasprintf("${%.*s}", STR_ARG(line));
		bench.parsed = expr_parse(line);
		printf("%.*s\t%.0f\t%.0f\t%.0f\n", STR_ARG(line), measure(parsed_before, &bench),
			measure(parsed_each_time, &bench), measure(whole_text, &bench));
		fflush(stdout);
		expr_unref(bench.parsed);
		free(bench.text);
	}
	eval_free(&bench.ev);
	expr_host_free(bench.host);
	execution_unref(bench.execution);
	return 0;
}
