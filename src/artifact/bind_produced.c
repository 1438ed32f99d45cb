#include "artifact/bind_produced.h"

#include "model/artifact.h"

bool has_expected_artifacts(const struct task_input *in)
{
	return val_count(val_get(in->stage->context, "expectedArtifacts")) > 0;
}

int bind_produced_artifacts(const struct task_input *in, struct task_result *out, struct err *err)
{
	_cleanup_(val_free) struct val seen = artifacts_visible(in->execution, in->stage_index);
	const struct artifact_sources sources = { .current = seen };
	struct artifact_binding binding;
	if (artifacts_resolve(
		    val_get(in->stage->context, "expectedArtifacts"), &sources, &binding, err) < 0)
		return -1;
	task_context(out, "artifacts", val_ref(binding.artifacts));
	task_context(out, "resolvedExpectedArtifacts", val_ref(binding.expected));
	task_output(out, "artifacts", val_ref(binding.artifacts));
	task_output(out, "resolvedExpectedArtifacts", val_ref(binding.expected));
	artifact_binding_free(&binding);
	return task_done(out);
}
