package hagen.services

import rego.v1

test_a_public_service_needs_a_contact if {
	public := {"services": {"web": {"exposure": "public", "replicas": {"max": 3}}}}
	count(deny_contact) == 1 with input.blueprint as public
	count(deny_contact) == 0 with input.blueprint as object.union(public, {"operations": {"contacts": {"web": {}}}})
}
