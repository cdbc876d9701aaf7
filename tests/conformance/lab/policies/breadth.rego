# Rules that say something of nearly every object, with the functions that policies use most: two engines must say the same.
# Numbers are printed in forms that both write alike: conftest's reader makes a million `1e+06` under `%v`, and the engines
# round a tie (`%.2f` of 0.125) differently.
package breadth

import rego.v1

path := concat("/", [input.kind, object.get(input.metadata, "namespace", "-"), input.metadata.name])

deny_everything contains sprintf("%s of %s", [path, input.apiVersion])

warn_names contains msg if {
	regex.match(`^[a-z]+-[a-z0-9-]*$`, input.metadata.name)
	msg := sprintf("%s has a name of several words: %v", [path, split(input.metadata.name, "-")])
}

violation_labels contains {"msg": msg, "labels": missing} if {
	wanted := {"app.kubernetes.io/name", "app.kubernetes.io/owner", "app.kubernetes.io/part-of"}
	missing := wanted - {label | some label, _ in object.get(input.metadata, "labels", {})}
	count(missing) > 0
	msg := sprintf("%s lacks %d labels: %s", [path, count(missing), concat(", ", missing)])
}

deny_numbers contains msg if {
	some place, value
	walk(input, [place, value])
	is_number(value)
	value > 1000
	rounded := round(value / 7)
	msg := sprintf("%s: %s is %s, a seventh is %d (%s)", [path, concat(".", [sprintf("%v", [step]) | some step in place]), format_int(value, 10), rounded, format_int(rounded, 16)])
}

deny_memory contains msg if {
	some container in input.spec.template.spec.containers
	bytes := units.parse_bytes(container.resources.requests.memory)
	bytes < units.parse_bytes("1Gi")
	msg := sprintf("%s: %s asks for %d bytes, %.6f of a gigabyte", [path, container.name, bytes, bytes / 1073741824])
}

deny_images contains msg if {
	some container in input.spec.template.spec.containers
	[name, digest] := split(container.image, "@")
	parts := split(name, ":")
	version := parts[count(parts) - 1]
	semver.is_valid(version)
	semver.compare(version, "3.0.0") < 0
	glob.match("registry.*.com/**", [".", "/"], name)
	msg := sprintf("%s: %s is %s, before 3: %s", [path, container.name, upper(version), substring(trim_prefix(digest, "sha256:"), 0, 8)])
}

deny_probes contains msg if {
	some container in input.spec.template.spec.containers
	every probe in ["readinessProbe", "livenessProbe"] {
		container[probe].periodSeconds >= 5
	}
	msg := sprintf("%s: %s is probed every %v", [path, container.name, json.marshal([container.readinessProbe.periodSeconds, container.livenessProbe.periodSeconds])])
}

deny_data contains msg if {
	input.kind == "ConfigMap"
	some key, text in input.data
	lines := [line | some line in split(text, "\n"); not startswith(trim_space(line), "#"); trim_space(line) != ""]
	msg := sprintf("%s: %s has %d lines; encoded it begins with %s", [path, key, count(lines), substring(base64.encode(text), 0, 12)])
}

warn_selectors contains msg if {
	selector := input.spec.selector.matchLabels
	labels := input.spec.template.metadata.labels
	object.subset(labels, selector)
	extra := object.keys(labels) - object.keys(selector)
	msg := sprintf("%s: beyond its selector it has %v", [path, sort(extra)])
}

exception contains rules if {
	input.kind == "ServiceAccount"
	rules := ["labels"]
}
