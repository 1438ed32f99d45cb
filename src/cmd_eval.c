/*
 * gennaker eval: an expression, or a text with ${…}, against a context or an execution; many of them, a line each; a prompt.
 */
#include "commands.h"
#include "eval.h"

/* -1 after a complaint: what does not go together. */
static int check_options(const struct options *options)
{
	bool lines = options_has(options, "jsonl"), prompt = options_has(options, "interactive");
	static const char *const of_one[] = { "context", "execution", "stage", "evaluator", "raw" };
	if (lines && prompt)
		return complain(-1, "--jsonl and --interactive do not go together");
	if (!lines && !prompt && options->arguments.count == 0)
		return complain(-1, "eval: expected an expression, --jsonl or --interactive");
	if (prompt && options->arguments.count > 0)
		return complain(-1, "--interactive asks for the expressions itself");
	for (size_t i = 0; lines && i < sizeof(of_one) / sizeof(of_one[0]); i++)
		if (options_has(options, of_one[i]))
			return complain(-1,
				"--%s is not for --jsonl, where each line says what it is about",
				of_one[i]);
	return 0;
}

static int eval_run(const struct options *options)
{
	_cleanup_err_ struct err err = ERR_INIT;
	struct eval_session session;
	const char *argument = options->arguments.count ? options->arguments.items[0] : NULL;
	int status;
	if (check_options(options) < 0)
		return EXIT_USAGE;
	if (eval_session_open(options, &session, &err) < 0)
		status = complain(EXIT_USAGE, "%s", err_text(&err));
	else if (options_has(options, "jsonl"))
		status = eval_lines(&session, argument);
	else if (options_has(options, "interactive"))
		status = eval_prompt(&session);
	else
		status = eval_print(&session, argument);
	eval_session_close(&session);
	return status;
}

const struct command eval_command = {
	.name = "eval",
	.arguments = "[EXPRESSION|FILE]",
	.min_arguments = 0,
	.max_arguments = 1,
	.summary = "Evaluate an expression, or a text with ${…}, and print the value as JSON.",
	.details =
		"gennaker eval '${ 1 + 1 }'\n"
		"gennaker eval \"#stage('Bake').status\" --execution run.json --stage Deploy\n"
		"gennaker eval --jsonl lines.jsonl\n"
		"gennaker eval -i --execution run.json\n"
		"\n"
		"With --jsonl each line of FILE (standard input without one) is a JSON object {\"id\", \"context\", and \"expr\" (a text)\n"
		"or \"source\" (any value), \"allowUnknownKeys\", \"currentStageId\"}; for each a line {\"id\", \"value\", \"evaluated\",\n"
		"\"failures\"} is printed, or {\"error\"}.\n"
		"At the prompt of -i, help explains, quit or exit ends; the lines are kept in ~/.local/state/gennaker/eval-history.\n"
		"A key that is missing is null, as in stages; on a line of --jsonl only with \"allowUnknownKeys\": true.\n"
		"URLs are fetched as the settings here allow it (user-configured-url-restrictions, expression.fetch).\n"
		"Exit status: 0 evaluated, 1 not, 2 bad usage.",
	.options = ROWS(struct option_row,
		{ "context", 'c', "FILE", "The root object: a map in JSON or YAML." },
		{ "execution", 'e', "FILE", "An execution, as GET /pipelines/ID gives it." },
		{ "stage", 0, "NAME|REFID", "See it as this stage of the execution does." },
		{ "evaluator", 0, "v2|v3|v4", "As with this spelEvaluator; default the execution's." },
		{ "raw", 'r', NULL, "A text without its quotes." },
		{ "jsonl", 0, NULL, "Evaluate a JSON object on each line of FILE." },
		{ "interactive", 'i', NULL, "Ask for expressions; Tab completes." },
		{ "config", 0, "FILE", "Settings; default gennaker.yml if there is one." }),
	.run = eval_run,
};
