package requests

object(requests, limits) = {
	"metadata": {"name": "web"},
	"spec": {"template": {"spec": {"containers": [{"name": "web", "resources": {"requests": requests, "limits": limits}}]}}},
}

test_no_request_is_a_warning {
	warn["`web` of web asks for no memory"] with input as object({}, {})
}

test_twice_the_request_is_enough {
	count(deny_half) == 0 with input as object({"memory": "1Gi"}, {"memory": "2Gi"})
	count(deny_half) == 1 with input as object({"memory": "1Gi"}, {"memory": "3Gi"})
}
