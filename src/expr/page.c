#include "expr/page.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/json.h"
#include "base/limits.h"
#include "expr/bean.h"
#include "expr/functions.h"
#include "expr/syntax.h"
#include "expr/template.h"

#define GENERATED "<!-- Made by scripts/generate-docs from the tables of src/expr. -->\n"
#define NOW_MS 1706697000000 /* 2024-01-31T10:30:00Z */

/* What all examples see. `triggers` has one of each type: what only some have is shown on a run of such a one. */
static const char sample[] =
	"{\"replicas\": 3, \"hosts\": [\"a\", \"b\"], \"labels\": {\"app\": \"shop\", \"tier\": \"web\"}, \"nothing\": null,"
	" \"parameters\": {\"version\": \"1.4.2\"},"
	" \"trigger\": {\"type\": \"manual\", \"user\": \"ann\", \"parameters\": {\"version\": \"1.4.2\"}},"
	" \"execution\": {\"id\": \"01HN\", \"application\": \"shop\", \"name\": \"Release\", \"status\": \"RUNNING\","
	"  \"startTime\": 1706697000000, \"pipelineConfigId\": \"p-1\", \"authentication\": {\"user\": \"ann\"},"
	"  \"paused\": {\"pausedBy\": \"bob\", \"pauseTime\": 1000, \"resumeTime\": 4000},"
	"  \"trigger\": {\"type\": \"manual\", \"user\": \"ann\", \"note\": \"by hand\", \"parameters\": {\"version\": \"1.4.2\"},"
	"   \"artifacts\": [{\"type\": \"docker/image\", \"name\": \"shop\", \"version\": \"1.4.2\", \"reference\": \"shop:1.4.2\"}],"
	"   \"resolvedExpectedArtifacts\": [{\"id\": \"image\", \"matchArtifact\": {\"type\": \"docker/image\"},"
	"    \"boundArtifact\": {\"type\": \"docker/image\", \"name\": \"shop\", \"reference\": \"shop:1.4.2\"}}]},"
	"  \"stages\": ["
	"   {\"id\": \"s1\", \"refId\": \"1\", \"type\": \"bake\", \"name\": \"Bake\", \"status\": \"SUCCEEDED\","
	"    \"context\": {\"package\": \"shop\"}, \"outputs\": {\"imageId\": \"ami-1\","
	"     \"artifacts\": [{\"type\": \"image\", \"name\": \"ami-1\"}]}},"
	"   {\"id\": \"s2\", \"refId\": \"2\", \"requisiteStageRefIds\": [\"1\"], \"type\": \"manualJudgment\", \"name\": \"Go?\","
	"    \"status\": \"SUCCEEDED\", \"context\": {\"judgmentInput\": \"yes\"}, \"outputs\": {}},"
	"   {\"id\": \"s3\", \"refId\": \"3\", \"requisiteStageRefIds\": [\"2\"], \"type\": \"deployManifest\", \"name\": \"Deploy\","
	"    \"status\": \"SUCCEEDED\", \"startTime\": 1706697000000, \"context\": {\"account\": \"prod\", \"outputs.manifests\":"
	"     [{\"kind\": \"Deployment\", \"spec\": {\"template\": {\"metadata\": {\"labels\": {\"app\": \"shop\"}}}}}]},"
	"    \"outputs\": {}, \"tasks\": [{\"id\": \"1\", \"name\": \"deploy\", \"status\": \"SUCCEEDED\", \"stageStart\": true}]},"
	"   {\"id\": \"s4\", \"refId\": \"4\", \"requisiteStageRefIds\": [\"3\"], \"type\": \"deploy\", \"name\": \"Servers\","
	"    \"status\": \"SUCCEEDED\", \"context\": {\"account\": \"prod\", \"region\": \"eu\","
	"     \"deploy.server.groups\": {\"eu\": [\"shop-v001\"]}}, \"outputs\": {}},"
	"   {\"id\": \"s5\", \"refId\": \"5\", \"requisiteStageRefIds\": [\"4\"], \"type\": \"createServiceKey\", \"name\": \"Key\","
	"    \"status\": \"SUCCEEDED\", \"context\": {\"kato.tasks\": [{\"resultObjects\": [{\"serviceKey\": {\"user\": \"u\"}}]}]},"
	"    \"outputs\": {}}]}}";

static const char triggers[] =
	"{\"jenkins\": {\"type\": \"jenkins\", \"master\": \"ci\", \"job\": \"shop\", \"buildNumber\": 42, \"propertyFile\": \"b.properties\","
	"  \"properties\": {\"branch\": \"main\"}, \"buildInfo\": {\"name\": \"shop\", \"number\": 42, \"result\": \"SUCCESS\","
	"   \"url\": \"https://ci.example.com/42\", \"scm\": [{\"name\": \"origin\", \"branch\": \"main\", \"sha1\": \"ab12\"}]}},"
	" \"git\": {\"type\": \"git\", \"source\": \"github\", \"project\": \"acme\", \"slug\": \"shop\", \"branch\": \"main\","
	"  \"hash\": \"ab12\", \"action\": \"push\"},"
	" \"docker\": {\"type\": \"docker\", \"account\": \"hub\", \"repository\": \"acme/shop\", \"tag\": \"1.4.2\"},"
	" \"pipeline\": {\"type\": \"pipeline\", \"parentPipelineStageId\": \"s9\", \"parentExecution\": {\"id\": \"01HM\"}}}";

static int sample_fetch(void *data, struct str url, struct strbuf *ret_body, struct err *err)
{
	strbuf_add_text(ret_body,
		str_ends(url, ".json")               ? "{\"a\": 1}" :
			str_ends(url, ".yml")        ? "a: 1" :
			str_ends(url, ".properties") ? "a=1" :
						       "hello");
	return 0;
}

static struct val sample_pipeline_id(
	void *data, struct str name, const char *application, struct err *err)
{
	(void)err;
	return str_is(name, "Release") ? val_string("p-1") : VAL_NULL;
}

static struct val sample_application(void *data, struct str name, struct err *err)
{
	(void)err;
	struct val attributes = val_map();
	val_set(&attributes, "name", val_str(name));
	val_set(&attributes, "email", val_string("team@example.com"));
	return attributes;
}

/* Goes through all tables; `page` is written, or `seen` called, or both. */
struct walk {
	struct strbuf *page;
	void (*seen)(void *data, const struct page_example *example);
	void *data;
	struct val context, triggers;
};

static void print(struct walk *walk, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void print(struct walk *walk, const char *format, ...)
{
	if (!walk->page)
		return;
	va_list args;
	va_start(args, format);
	_cleanup_free_ char *text = NULL;
	if (vasprintf(&text, format, args) >= 0)
		strbuf_add_text(walk->page, text);
	va_end(args);
}

/* TEXT where a table's bars would be misread. */
static void add_cell(struct walk *walk, const char *text)
{
	if (walk->page)
		strbuf_add_cell(walk->page, text);
}

/* What TEXT gives, as JSON, owned; or the description of its failure with *RET_FAILED. */
static char *outcome(struct walk *walk, struct val context, const char *text, bool *ret_failed)
{
	struct expr_host *host = expr_host_of_map(context, "s3");
	host->now_ms = NOW_MS;
	host->fetch = sample_fetch;
	host->pipeline_id = sample_pipeline_id;
	host->application = sample_application;
	struct expr_limits limits = { .allow_unknown_keys = true };
	struct template_result result = { 0 };
	_cleanup_free_ char *wrapped = xasprintf(strstr(text, "${") ? "%s" : "${%s}", text);
	_cleanup_(val_free) struct val source = val_string(wrapped), value = VAL_NULL;
	template_evaluate(source, NULL, host, &limits, NOW_MS, &value, &result);
	struct val failure = val_at(result.failure_list, 0);
	/* A null alone is no failure here: it is what the example gives. */
	bool is_null = strcmp(val_get_text(failure, "level", ""), "INFO") == 0;
	*ret_failed = result.failures && !is_null;
	char *shown = *ret_failed              ? xstrdup(val_get_text(failure, "description", "")) :
		is_null && !strstr(text, "${") ? xstrdup("null") :
						 json_text(value, JSON_COMPACT);
	template_result_free(&result);
	expr_host_free(host);
	return shown;
}

/* The last two cells of a row: the example, and what it gives. NAME must be seen in it. */
static void add_example(struct walk *walk, struct val context, const char *subject,
	const char *name, const char *help, const char *text)
{
	bool failed = false;
	_cleanup_free_ char *result = text ? outcome(walk, context, text, &failed) : NULL;
	struct page_example example = { subject, name, text, help, failed, result };
	if (walk->seen)
		walk->seen(walk->data, &example);
	if (!text)
		return;
	print(walk, " | `");
	add_cell(walk, text);
	print(walk, failed ? "` | stays as it is |\n" : "` | `");
	if (failed)
		return;
	add_cell(walk, result);
	print(walk, "` |\n");
}

static void walk_syntax(struct walk *walk)
{
	for (const struct syntax_section *section = syntax_sections(); section->title; section++) {
		print(walk, "\n## %s\n\n", section->title);
		if (section->text)
			print(walk, "%s\n\n", section->text);
		print(walk, "| form | what it means | example | gives |\n|---|---|---|---|\n");
		for (const struct syntax_row *row = section->rows; row->form; row++) {
			print(walk, "| `");
			add_cell(walk, row->form);
			print(walk, "` | ");
			add_cell(walk, row->help);
			add_example(walk, walk->context, row->form, NULL, row->help, row->example);
		}
	}
}

/* "name(String, int)", owned. */
static char *signature(const char *name, const char *args)
{
	struct strbuf buf = STRBUF_INIT(400);
	java_add_signature(&buf, name, args);
	return strbuf_detach(&buf);
}

static void walk_methods(
	struct walk *walk, const char *class, const char *prefix, const struct java_method *rows)
{
	for (const struct java_method *row = rows; row && row->name; row++) {
		_cleanup_free_ char *call = signature(row->name, row->args);
		_cleanup_free_ char *subject = xasprintf("%s.%s", class, call);
		print(walk, "| `%s%s` | %s | ", prefix, call, row->result);
		add_cell(walk, row->help);
		add_example(walk, walk->context, subject, row->name, row->help, row->example);
	}
}

#define METHODS_HEAD "| call | result | what it is | example | gives |\n|---|---|---|---|---|\n"

static void walk_helpers(struct walk *walk)
{
	print(walk,
		"\n## Helpers\n\nArguments are converted to text where text is wanted; a failure inside fails the text.\n\n" METHODS_HEAD);
	for (const struct function *row = functions(); row->name; row++) {
		_cleanup_free_ char *call = signature(row->name, row->args);
		print(walk, "| `#%s` | %s | ", call, row->result);
		add_cell(walk, row->help);
		add_example(walk, walk->context, call, row->name, row->help, row->example);
	}
}

static const char *property_type(const struct bean_property *row)
{
	static const char *const words[] = {
		[READ_ANY] = "String",
		[READ_LONG] = "long",
		[READ_FLAG] = "boolean",
		[READ_COUNT] = "int",
		[READ_STATUS] = "status",
		[READ_STAGE_TEXT] = "String",
		[READ_STAGE_STATUS] = "status",
		[READ_TEXT] = "String",
		[READ_LIST] = "List",
		[READ_MAP] = "Map",
	};
	return row->result ? row->result : row->class ? row->class->title : words[row->read];
}

/* Behind a property whose value would be long by itself. */
static const char *shortened(const struct bean_property *row)
{
	if (row->read == READ_BEANS || (row->result && strstr(row->result, "list")))
		return ".size()";
	if (row->result &&
		(strcmp(row->result, "execution") == 0 || strcmp(row->result, "stage") == 0))
		return "?.id";
	return row->class ? " != null" : "";
}

/* The context with a trigger of the first of TYPES; owned. */
static struct val with_trigger(struct walk *walk, const char *types)
{
	_cleanup_free_ char *type = xstrndup(types, strcspn(types, " "));
	struct val context = val_ref(walk->context);
	struct val *execution = val_edit(&context, "execution");
	val_set(execution, "trigger", val_ref(val_get(walk->triggers, type)));
	return context;
}

static void walk_properties(struct walk *walk, const struct bean_class *class)
{
	print(walk,
		"\n### %s\n\n`%s`\n\n| property | type | what it is | example | gives |\n|---|---|---|---|---|\n",
		class->title, class->example);
	bool of_build = strstr(class->example, "buildInfo") != NULL;
	for (const struct bean_property *row = class->properties; row->name; row++) {
		const char *only = row->only ? row->only : of_build ? "jenkins" : NULL;
		_cleanup_(val_free) struct val context = only ? with_trigger(walk, only) :
								val_ref(walk->context);
		_cleanup_free_ char *subject = xasprintf("%s.%s", class->name, row->name);
		_cleanup_free_ char *text = xasprintf(
			"%s.%s%s", class->example, row->name, shortened(row));
		print(walk, "| `%s` | %s%s | ", row->name,
			row->read == READ_BEANS ? "list of: " : "", property_type(row));
		add_cell(walk, row->help);
		if (row->only)
			print(walk, " (%s)", row->only);
		add_example(walk, context, subject, row->name, row->help, text);
	}
	if (class->methods)
		print(walk, "\n" METHODS_HEAD);
	walk_methods(walk, class->name, ".", class->methods);
}

static void walk_beans(struct walk *walk)
{
	print(walk,
		"\n## The run and what hangs on it\n\nThese are typed: a name that has no row here fails.\n");
	for (const struct bean_class *const *class = bean_classes(); *class; class ++)
		walk_properties(walk, *class);
}

static void walk_classes(struct walk *walk)
{
	print(walk,
		"\n## Java classes\n\nThere is no reflection: what has no row does not exist. `getX()` and `isX()` without arguments may be read as the property `x`.\n"
		"\n### any value\n\n" METHODS_HEAD);
	walk_methods(walk, "java.lang.Object", ".", java_object_methods());
	for (const struct java_class *const *at = java_classes(); *at; at++) {
		const struct java_class *class = *at;
		if (!class->methods && !class->statics && !class->constructors)
			continue;
		_cleanup_free_ char *statics = xasprintf("T(%s).",
			strncmp(class->name, "java.lang.", 10) == 0 ? class->name + 10 : class->name);
		print(walk, "\n### %s\n\n%s" METHODS_HEAD, class->name,
			class->nameable ? "" :
					  "Cannot be named by `T(…)`, `new` or `instanceof`.\n\n");
		walk_methods(walk, class->name, "new ", class->constructors);
		walk_methods(walk, class->name, statics, class->statics);
		walk_methods(walk, class->name, ".", class->methods);
	}
}

static void print_limits(struct walk *walk)
{
	print(walk,
		"\n## Limits\n\nWhat passes one of these fails; the text stays as it was.\n\n| what | at most |\n|---|---|\n"
		"| one expression | %d bytes |\n| nesting | %d |\n| steps of one text | %d |\n| steps of one pass | %d |\n"
		"| memory of one text | %u MB |\n| one text that arises | %u MB |\n| a list or array that arises | %d elements |\n",
		LIMIT_EXPR_BODY_BYTES, LIMIT_EXPR_DEPTH, LIMIT_EXPR_STEPS, LIMIT_EXPR_PASS_STEPS,
		LIMIT_EXPR_BYTES >> 20, LIMIT_EXPR_STRING_BYTES >> 20, LIMIT_EXPR_LIST);
}

static void walk_all(struct walk *walk)
{
	_cleanup_err_ struct err err = ERR_INIT;
	if (json_parse(str_of(sample), NULL, NULL, &walk->context, &err) < 0 ||
		json_parse(str_of(triggers), NULL, NULL, &walk->triggers, &err) < 0)
		abort();
	_cleanup_free_ char *shown = json_text(walk->context, JSON_PRETTY);
	print(walk,
		"# Expressions\n\n" GENERATED
		"\nWhat stands between `${` and `}`: Spinnaker's expression language (SpEL), closed. Try any of it:"
		"\n\n    gennaker eval '1 + 2'\n    gennaker eval --execution run.json --stage Deploy '#stage(\"Bake\").outputs.imageId'\n"
		"\nThe examples below are evaluated when this page is made, at 2024-01-31T10:30:00Z, zone UTC, at the stage `Deploy`,"
		" over the context at the end of the page.\n");
	walk_syntax(walk);
	walk_helpers(walk);
	walk_beans(walk);
	walk_classes(walk);
	print_limits(walk);
	print(walk, "\n## The context of the examples\n\n```json\n%s```\n", shown);
	val_free(&walk->context);
	val_free(&walk->triggers);
}

char *expr_page(void)
{
	struct strbuf page = STRBUF_INIT(1 << 20);
	struct walk walk = { .page = &page };
	walk_all(&walk);
	return strbuf_detach(&page);
}

void expr_page_examples(void (*seen)(void *data, const struct page_example *example), void *data)
{
	struct walk walk = { .seen = seen, .data = data };
	walk_all(&walk);
}
