//! What the API server fills in where nothing is written, for the kinds of Kubernetes itself (1.36, `SetDefaults_*` in
//! `pkg/apis/*/v*/defaults.go`; held against a real server in `tests/conformance/kubernetes`). Only what is always the same;
//! what depends on the cluster, such as the address of a Service, is [`is_given`].

use serde_json::{Map, Value, json};

/// Fills in the defaults of an object.
pub fn fill(kind: &str, object: &mut Value) {
    match kind {
        "Deployment" => {
            let strategy = json!({"type": "RollingUpdate"});
            put(
                object,
                &["spec"],
                &[
                    ("replicas", json!(1)),
                    ("revisionHistoryLimit", json!(10)),
                    ("progressDeadlineSeconds", json!(600)),
                    ("strategy", strategy),
                ],
            );
            if is(object, "/spec/strategy/type", "RollingUpdate") {
                let share = || json!("25%");
                put(object, &["spec", "strategy"], &[("rollingUpdate", json!({}))]);
                put(
                    object,
                    &["spec", "strategy", "rollingUpdate"],
                    &[("maxSurge", share()), ("maxUnavailable", share())],
                );
            }
        }
        "StatefulSet" => {
            put(
                object,
                &["spec"],
                &[
                    ("replicas", json!(1)),
                    ("revisionHistoryLimit", json!(10)),
                    ("podManagementPolicy", json!("OrderedReady")),
                    ("updateStrategy", json!({"type": "RollingUpdate"})),
                    ("persistentVolumeClaimRetentionPolicy", json!({"whenDeleted": "Retain", "whenScaled": "Retain"})),
                ],
            );
            if is(object, "/spec/updateStrategy/type", "RollingUpdate") {
                put(object, &["spec", "updateStrategy"], &[("rollingUpdate", json!({"partition": 0}))]);
            }
            for claim in items(object, "/spec/volumeClaimTemplates") {
                put(claim, &[], &[("apiVersion", json!("v1")), ("kind", json!("PersistentVolumeClaim"))]);
                put(claim, &["spec"], &[("volumeMode", json!("Filesystem"))]);
            }
        }
        "DaemonSet" => put(
            object,
            &["spec"],
            &[
                ("revisionHistoryLimit", json!(10)),
                (
                    "updateStrategy",
                    json!({"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}}),
                ),
            ],
        ),
        "Job" => job(object.get_mut("spec")),
        "CronJob" => put(
            object,
            &["spec"],
            &[
                ("concurrencyPolicy", json!("Allow")),
                ("suspend", json!(false)),
                ("failedJobsHistoryLimit", json!(1)),
                ("successfulJobsHistoryLimit", json!(3)),
            ],
        ),
        "Service" => service(object),
        "HorizontalPodAutoscaler" => autoscaler(object),
        "NetworkPolicy" => {
            for direction in ["/spec/ingress", "/spec/egress"] {
                for rule in items(object, direction) {
                    for port in items(rule, "/ports") {
                        put(port, &[], &[("protocol", json!("TCP"))]);
                    }
                }
            }
        }
        "PersistentVolumeClaim" => put(object, &["spec"], &[("volumeMode", json!("Filesystem"))]),
        "PriorityClass" => {
            put(object, &[], &[("preemptionPolicy", json!("PreemptLowerPriority")), ("globalDefault", json!(false))])
        }
        "Namespace" => {
            let name = object.pointer("/metadata/name").cloned().unwrap_or_default();
            put(object, &["metadata", "labels"], &[("kubernetes.io/metadata.name", name)]);
            put(object, &["spec"], &[("finalizers", json!(["kubernetes"]))]);
        }
        _ => {}
    }
    if let Some(template) = template(kind, object) {
        pod(template);
    }
}

/// The template of the pods of an object.
fn template<'a>(kind: &str, object: &'a mut Value) -> Option<&'a mut Value> {
    match kind {
        "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet" | "Job" => object.pointer_mut("/spec/template/spec"),
        "CronJob" => object.pointer_mut("/spec/jobTemplate/spec/template/spec"),
        "Pod" => object.pointer_mut("/spec"),
        _ => None,
    }
}

/// Whether a field that is deployed only is the cluster's own.
pub fn is_given(kind: &str, keys: &[&str]) -> bool {
    match (kind, keys) {
        (_, ["status", ..]) => true,
        (
            "Service",
            ["spec", "clusterIP" | "clusterIPs" | "healthCheckNodePort" | "ipFamilies" | "ipFamilyPolicy", ..],
        )
        | ("Service", ["spec", "ports", "nodePort"])
        | ("PersistentVolumeClaim", ["spec", "volumeName" | "storageClassName"])
        | ("PersistentVolumeClaim" | "Namespace" | "PersistentVolume", ["metadata", "finalizers"])
        | ("ServiceAccount", ["secrets" | "imagePullSecrets"])
        | ("StatefulSet", ["spec", "volumeClaimTemplates", "status", ..])
        | ("StatefulSet", ["spec", "volumeClaimTemplates", "metadata", "creationTimestamp"])
        | ("Pod", ["spec", "nodeName"]) => true,
        // What the controller of Jobs and the server put on each Job.
        ("Job", ["spec", "selector", ..]) => true,
        ("Job", ["spec" | "metadata", rest @ ..]) => {
            rest.last().is_some_and(|key| key.ends_with("controller-uid") || key.ends_with("job-name"))
                || matches!(rest, ["finalizers"])
        }
        _ => keys.last() == Some(&"creationTimestamp"),
    }
}

fn job(spec: Option<&mut Value>) {
    let Some(spec) = spec else { return };
    put(
        spec,
        &[],
        &[
            ("backoffLimit", json!(6)),
            ("completions", json!(1)),
            ("parallelism", json!(1)),
            ("completionMode", json!("NonIndexed")),
            ("podReplacementPolicy", json!("TerminatingOrFailed")),
            ("manualSelector", json!(false)),
            ("suspend", json!(false)),
        ],
    );
}

fn service(object: &mut Value) {
    put(
        object,
        &["spec"],
        &[
            ("type", json!("ClusterIP")),
            ("sessionAffinity", json!("None")),
            ("internalTrafficPolicy", json!("Cluster")),
        ],
    );
    let outside = is(object, "/spec/type", "LoadBalancer") || is(object, "/spec/type", "NodePort");
    if outside {
        put(object, &["spec"], &[("externalTrafficPolicy", json!("Cluster"))]);
    }
    if is(object, "/spec/type", "LoadBalancer") {
        put(object, &["spec"], &[("allocateLoadBalancerNodePorts", json!(true))]);
    }
    for port in items(object, "/spec/ports") {
        let same = port.get("port").cloned().unwrap_or_default();
        put(port, &[], &[("protocol", json!("TCP")), ("targetPort", same)]);
    }
}

fn autoscaler(object: &mut Value) {
    put(object, &["spec"], &[("minReplicas", json!(1))]);
    for (direction, window) in [("scaleUp", Some(0)), ("scaleDown", None)] {
        let Some(rules) = object.pointer_mut("/spec/behavior").and_then(Value::as_object_mut) else { return };
        let rules = rules.entry(direction).or_insert_with(|| json!({}));
        put(rules, &[], &[("selectPolicy", json!("Max"))]);
        if let Some(window) = window {
            put(rules, &[], &[("stabilizationWindowSeconds", json!(window))]);
        }
        let percent = json!({"type": "Percent", "value": 100, "periodSeconds": 15});
        let policies = match direction {
            "scaleUp" => json!([{"type": "Pods", "value": 4, "periodSeconds": 15}, percent]),
            _ => json!([percent]),
        };
        put(rules, &[], &[("policies", policies)]);
    }
}

fn pod(spec: &mut Value) {
    put(
        spec,
        &[],
        &[
            ("restartPolicy", json!("Always")),
            ("terminationGracePeriodSeconds", json!(30)),
            ("dnsPolicy", json!("ClusterFirst")),
            ("schedulerName", json!("default-scheduler")),
            ("securityContext", json!({})),
        ],
    );
    // The old name of the field says the same.
    if let Some(account) = spec.get("serviceAccountName").cloned() {
        put(spec, &[], &[("serviceAccount", account)]);
    }
    for list in ["/containers", "/initContainers"] {
        items(spec, list).for_each(container);
    }
    items(spec, "/volumes").for_each(volume);
}

fn container(container: &mut Value) {
    let image = container.get("image").and_then(Value::as_str).unwrap_or_default();
    let (name, digest) = image.split_once('@').map_or((image, false), |(name, _)| (name, true));
    let tag = name.rsplit('/').next().and_then(|last| last.split_once(':')).map(|(_, tag)| tag);
    let always = tag == Some("latest") || tag.is_none() && !digest;
    put(
        container,
        &[],
        &[
            ("imagePullPolicy", json!(if always { "Always" } else { "IfNotPresent" })),
            ("terminationMessagePath", json!("/dev/termination-log")),
            ("terminationMessagePolicy", json!("File")),
            ("resources", json!({})),
        ],
    );
    for port in items(container, "/ports") {
        put(port, &[], &[("protocol", json!("TCP"))]);
    }
    for variable in items(container, "/env") {
        if let Some(field) = variable.pointer_mut("/valueFrom/fieldRef") {
            put(field, &[], &[("apiVersion", json!("v1"))]);
        }
        if let Some(field) = variable.pointer_mut("/valueFrom/resourceFieldRef") {
            put(field, &[], &[("divisor", json!("0"))]);
        }
    }
    for probe in ["livenessProbe", "readinessProbe", "startupProbe"] {
        let Some(probe) = container.get_mut(probe).filter(|probe| probe.is_object()) else { continue };
        put(
            probe,
            &[],
            &[
                ("timeoutSeconds", json!(1)),
                ("periodSeconds", json!(10)),
                ("successThreshold", json!(1)),
                ("failureThreshold", json!(3)),
            ],
        );
        handler(probe);
    }
    for hook in ["/lifecycle/preStop", "/lifecycle/postStart"] {
        if let Some(hook) = container.pointer_mut(hook) {
            handler(hook);
        }
    }
}

fn handler(handler: &mut Value) {
    if let Some(http) = handler.get_mut("httpGet") {
        put(http, &[], &[("scheme", json!("HTTP")), ("path", json!("/"))]);
    }
}

fn volume(volume: &mut Value) {
    const MODE: i32 = 0o644;
    for kind in ["configMap", "secret", "projected", "downwardAPI"] {
        if let Some(source) = volume.get_mut(kind) {
            put(source, &[], &[("defaultMode", json!(MODE))]);
        }
    }
    for source in items(volume, "/projected/sources") {
        if let Some(token) = source.get_mut("serviceAccountToken") {
            put(token, &[], &[("expirationSeconds", json!(3600))]);
        }
        for item in items(source, "/downwardAPI/items") {
            if let Some(field) = item.get_mut("fieldRef") {
                put(field, &[], &[("apiVersion", json!("v1"))]);
            }
        }
    }
    for item in items(volume, "/downwardAPI/items") {
        if let Some(field) = item.get_mut("fieldRef") {
            put(field, &[], &[("apiVersion", json!("v1"))]);
        }
    }
    if let Some(claim) = volume.pointer_mut("/ephemeral/volumeClaimTemplate/spec") {
        put(claim, &[], &[("volumeMode", json!("Filesystem"))]);
    }
}

/// Writes values that are not there, below a path whose maps are made.
fn put(object: &mut Value, path: &[&str], values: &[(&str, Value)]) {
    let mut here = object;
    for key in path {
        let Some(map) = here.as_object_mut() else { return };
        here = map.entry(*key).or_insert_with(|| Value::Object(Map::new()));
    }
    let Some(map) = here.as_object_mut() else { return };
    for (key, value) in values {
        if map.get(*key).is_none_or(Value::is_null) {
            map.insert((*key).to_owned(), value.clone());
        }
    }
}

fn is(object: &Value, pointer: &str, text: &str) -> bool {
    object.pointer(pointer).and_then(Value::as_str) == Some(text)
}

fn items<'a>(object: &'a mut Value, pointer: &str) -> impl Iterator<Item = &'a mut Value> {
    object.pointer_mut(pointer).and_then(Value::as_array_mut).into_iter().flatten()
}
