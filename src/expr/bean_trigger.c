/* The trigger, artifacts and builds as typed objects. Private to expr. */
#include "expr/bean.h"

const struct bean_class bean_artifact_class = {
	.name = "com.netflix.spinnaker.kork.artifacts.model.Artifact",
	.title = "Artifact",
	.example = "execution.trigger.artifacts[0]",
	.properties =
		(const struct bean_property[]){
			{ .name = "type", .help = "its type" },
			{ .name = "name", .help = "its name" },
			{ .name = "version", .help = "its version" },
			{ .name = "location", .help = "where it is" },
			{ .name = "reference", .help = "how to get it" },
			{ .name = "metadata", .read = READ_MAP, .help = "what else is known" },
			{ .name = "artifactAccount", .help = "the account that reads it" },
			{ .name = "provenance", .help = "where it came from" },
			{ .name = "uuid", .help = "its id" },
			{ .name = "customKind", .read = READ_FLAG, .help = "whether its type is custom" },
			{ 0 },
		},
};

const struct bean_class bean_expected_artifact_class = {
	.name = "com.netflix.spinnaker.kork.artifacts.model.ExpectedArtifact",
	.title = "Expected artifact",
	.example = "execution.trigger.resolvedExpectedArtifacts[0]",
	.properties =
		(const struct bean_property[]){
			{ .name = "id", .help = "its id" },
			{ .name = "matchArtifact",
				.read = READ_BEAN,
				.class = &bean_artifact_class,
				.help = "what it must look like" },
			{ .name = "usePriorArtifact",
				.read = READ_FLAG,
				.help = "whether the last run's may be taken" },
			{ .name = "useDefaultArtifact",
				.read = READ_FLAG,
				.help = "whether the default may be taken" },
			{ .name = "defaultArtifact",
				.read = READ_BEAN,
				.class = &bean_artifact_class,
				.help = "the default" },
			{ .name = "boundArtifact",
				.read = READ_BEAN,
				.class = &bean_artifact_class,
				.help = "what was found" },
			{ 0 },
		},
};

const struct bean_class bean_scm_class = {
	.name = "com.netflix.spinnaker.orca.pipeline.model.SourceControl",
	.title = "Source control",
	.example = "execution.trigger.buildInfo.scm[0]",
	.properties =
		(const struct bean_property[]){
			{ .name = "name", .help = "the remote's name" },
			{ .name = "branch", .help = "the branch" },
			{ .name = "sha1", .help = "the commit" },
			{ 0 },
		},
};

const struct bean_class bean_build_info_class = {
	.name = "com.netflix.spinnaker.orca.pipeline.model.JenkinsBuildInfo",
	.title = "Build",
	.example = "execution.trigger.buildInfo",
	.properties =
		(const struct bean_property[]){
			{ .name = "name", .help = "the job" },
			{ .name = "number", .read = READ_COUNT, .help = "the build's number" },
			{ .name = "url", .help = "the build's page" },
			{ .name = "result", .help = "how it ended" },
			{ .name = "artifacts", .read = READ_LIST, .help = "what it made" },
			{ .name = "scm",
				.read = READ_BEANS,
				.class = &bean_scm_class,
				.help = "commits it was made of" },
			{ .name = "building", .read = READ_FLAG, .help = "whether it still runs" },
			{ .name = "fullDisplayName", .help = "how Jenkins calls it" },
			{ 0 },
		},
};

#define CI_TYPES "jenkins travis wercker concourse"

/* Keys of the trigger that have no property of their own. */
static int trigger_other(struct eval *ev, const struct bean *bean, struct value *ret)
{
	struct table *table = table_new(ev, 4);
	for (size_t i = 0; i < val_count(bean->json); i++) {
		struct str key = val_key_at(bean->json, i);
		if (!bean_find_property(bean, key))
			table_put(ev, table, value_string(key),
				value_of_val(ev, val_value_at(bean->json, i)));
	}
	*ret = value_of_table(table);
	return 0;
}

static int trigger_parent_execution(struct eval *ev, const struct bean *bean, struct value *ret)
{
	struct val json = val_get(bean->json, "parentExecution");
	*ret = val_is_null(json) ? NULL_VALUE : bean_new(ev, &bean_execution_class, json, -1);
	return 0;
}

const struct bean_class bean_trigger_class = {
	.name = "com.netflix.spinnaker.orca.pipeline.model.DefaultTrigger",
	.title = "Trigger",
	.example = "execution.trigger",
	.properties =
		(const struct bean_property[]){
			{ .name = "type",
				.read = READ_TEXT,
				.otherwise = "none",
				.help = "its type, or none" },
			{ .name = "correlationId", .help = "what makes a start unique" },
			{ .name = "user",
				.read = READ_TEXT,
				.otherwise = "[anonymous]",
				.help = "who started it, or [anonymous]" },
			{ .name = "parameters", .read = READ_MAP, .help = "parameters as given" },
			{ .name = "artifacts",
				.read = READ_BEANS,
				.class = &bean_artifact_class,
				.help = "artifacts it brought" },
			{ .name = "notifications",
				.read = READ_LIST,
				.help = "notifications it asks for" },
			{ .name = "rebake", .read = READ_FLAG, .help = "whether images are made anew" },
			{ .name = "dryRun", .read = READ_FLAG, .help = "whether it only plays" },
			{ .name = "strategy",
				.read = READ_FLAG,
				.help = "whether it is a deployment strategy" },
			{ .name = "resolvedExpectedArtifacts",
				.read = READ_BEANS,
				.class = &bean_expected_artifact_class,
				.help = "expected artifacts, bound" },
			{ .name = "other",
				.read = READ_CALL,
				.call = trigger_other,
				.result = "Map",
				.help = "all other keys" },
			{ .name = "master", .only = CI_TYPES, .help = "the CI server" },
			{ .name = "job", .only = CI_TYPES, .help = "the CI job" },
			{ .name = "buildNumber",
				.read = READ_COUNT,
				.only = CI_TYPES,
				.help = "the build's number" },
			{ .name = "propertyFile", .only = CI_TYPES, .help = "the file of properties" },
			{ .name = "buildInfo",
				.read = READ_BEAN,
				.class = &bean_build_info_class,
				.only = CI_TYPES,
				.help = "the build" },
			{ .name = "properties",
				.read = READ_MAP,
				.only = CI_TYPES,
				.help = "the build's properties" },
			{ .name = "hash", .only = "git", .help = "the commit" },
			{ .name = "source", .only = "git", .help = "github, gitlab …" },
			{ .name = "project", .only = "git", .help = "the project" },
			{ .name = "branch", .only = "git", .help = "the branch" },
			{ .name = "slug", .only = "git", .help = "the repository" },
			{ .name = "action", .only = "git", .help = "what happened" },
			{ .name = "account", .only = "docker", .help = "the registry's account" },
			{ .name = "repository", .only = "docker helm", .help = "the repository" },
			{ .name = "tag", .only = "docker", .help = "the tag" },
			{ .name = "parentExecution",
				.read = READ_CALL,
				.call = trigger_parent_execution,
				.only = "pipeline",
				.result = "execution",
				.help = "the run that started this one" },
			{ .name = "parentPipelineStageId",
				.only = "pipeline",
				.help = "the stage that started it" },
			{ 0 },
		},
};
