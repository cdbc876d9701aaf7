# Requests: what the scheduler places by. In the syntax of Rego v0, as many policies still are.
package requests

containers[container] {
	container := input.spec.template.spec.containers[_]
}

warn[msg] {
	container := containers[_]
	not container.resources.requests.memory
	msg := sprintf("`%s` of %s asks for no memory", [container.name, input.metadata.name])
}

deny_half[msg] {
	container := containers[_]
	limit := units.parse_bytes(container.resources.limits.memory)
	request := units.parse_bytes(container.resources.requests.memory)
	limit > 2 * request
	msg := sprintf("`%s` may use more than twice the memory that it asks for", [container.name])
}
