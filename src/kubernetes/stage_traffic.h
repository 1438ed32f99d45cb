/*
 * What the stages that enable and disable a workload share.
 */
#ifndef KUBERNETES_STAGE_TRAFFIC_H
#define KUBERNETES_STAGE_TRAFFIC_H

#include "kubernetes/stage_target.h"

struct traffic_config {
	struct target_config target;
	struct str_list load_balancers;
};

#define TRAFFIC_FIELDS                                                                                 \
	TARGET_FIELDS(struct traffic_config, target_modes),                                            \
		FIELD(struct traffic_config, load_balancers, "loadBalancers",                          \
			.title = { "Services", "Service" },                                            \
			.help = { "Which Services, as \"service web\"; nothing means those that "      \
				  "the object was deployed with.",                                     \
				"指定 Service，例如 `service web`；不填则为部署时关联的 Service。" }), \
		FIELD_KNOWN("targetPercentage", FIELD_NUMBER, .flags = FIELD_UI,                       \
			.title = { "Percentage (ignored)", "百分比（不生效）" })

/*
 * The task: labels of the workload's template and, of a ReplicaSet, of its Pods. Each patch is made from what the object is now, so that
 * a repetition finds nothing left to do.
 */
int traffic_run(const struct task_input *in, struct task_result *out, bool enable, struct err *err);

#endif
