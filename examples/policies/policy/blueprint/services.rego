# The blueprint itself: what no single rendered object shows. Packages below `hagen` are judged over the resolved blueprint.
package hagen.services

import rego.v1

services := object.get(input.blueprint, "services", {})

# A service that is public has somebody who is called at night.
deny_contact contains {"msg": msg, "path": ["services", name, "exposure"], "fix": fix} if {
	some name, service in services
	service.exposure == "public"
	not input.blueprint.operations.contacts
	msg := sprintf("`%s` is public, and nobody is called when it fails", [name])
	fix := "write `operations.contacts`"
}

warn_replicas contains {"msg": msg, "path": sprintf("services.%s.replicas.max", [name])} if {
	some name, service in services
	service.replicas.max > 8
	msg := sprintf("`%s` may grow to %d pods; our clusters have room for 8", [name, service.replicas.max])
}
