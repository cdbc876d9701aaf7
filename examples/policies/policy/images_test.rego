package main_test

import rego.v1

import data.main

deployment(image) := {"kind": "Deployment", "spec": {"template": {"spec": {"containers": [{"name": "web", "image": image}]}}}}

registries := ["registry.example.com"]

test_our_registry_passes if {
	count(main.deny_registry) == 0 with input as deployment("registry.example.com/web:1") with data.registries as registries
}

test_another_registry_is_refused if {
	main.deny_registry["`web` comes from a registry that is not ours: docker.io/web:1"] with input as deployment("docker.io/web:1")
		with data.registries as registries
}

test_a_digest_is_wanted if {
	count(main.violation_digest) == 1 with input as deployment("registry.example.com/web:1")
	count(main.violation_digest) == 0 with input as deployment("registry.example.com/web@sha256:00")
}
