# Images: where they come from, and that nobody can change what a tag means. Written for conftest; it runs here unchanged.
package main

import rego.v1

import data.lib.workload

deny_registry contains msg if {
	some container in workload.containers(input)
	not from_known_registry(container.image)
	msg := sprintf("`%s` comes from a registry that is not ours: %s", [container.name, container.image])
}

from_known_registry(image) if {
	some registry in data.registries
	startswith(image, sprintf("%s/", [registry]))
}

violation_digest contains {"msg": msg, "fix": "write `IMAGE:TAG@sha256:DIGEST`", "details": {"image": container.image}} if {
	some container in workload.containers(input)
	not contains(container.image, "@sha256:")
	msg := sprintf("`%s` runs an image without a digest", [container.name])
}

# The pods of data stores have agents of their vendor in them.
exception contains rules if {
	input.metadata.labels["app.kubernetes.io/component"] == "database"
	rules := ["registry"]
}
