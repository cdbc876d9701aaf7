# What the other policies share. It has no rule of its own.
package lib.workload

import rego.v1

kinds := {"Deployment", "StatefulSet", "DaemonSet", "Job"}

pod_spec(object) := object.spec.template.spec if object.kind in kinds

pod_spec(object) := object.spec.jobTemplate.spec.template.spec if object.kind == "CronJob"

containers(object) := array.concat(
	object_list(pod_spec(object), "initContainers"),
	object_list(pod_spec(object), "containers"),
)

object_list(spec, key) := object.get(spec, key, [])
