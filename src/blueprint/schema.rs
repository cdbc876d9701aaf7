//! The JSON Schema of the language, derived from the types in [`super::raw`]: for editors, for `explain`, for the check.

use std::sync::LazyLock;

use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use super::raw;

/// The schema of a base blueprint, JSON Schema 2020-12.
pub static SCHEMA: LazyLock<Value> = LazyLock::new(|| build(false));

/// The schema of an overlay: nothing is required, and everything may be `null` to delete it.
pub fn overlay() -> Value {
    build(true)
}

fn build(overlay: bool) -> Value {
    let generator = SchemaSettings::draft2020_12().into_generator();
    let mut schema = generator.into_root_schema_for::<raw::Blueprint>().to_value();
    tidy(&mut schema);
    if overlay {
        loosen(&mut schema);
    }
    if let Value::Object(root) = &mut schema {
        let title = if overlay { "hagen overlay" } else { "hagen blueprint" };
        root.insert("title".to_owned(), json!(title));
        if overlay {
            root.insert("required".to_owned(), json!(["apiVersion", "kind"]));
        }
    }
    schema
}

/// Brings what the generator writes into the form that editors and messages can use: no `null` (it deletes, and only in
/// overlays), an `enum` instead of a `oneOf` of constants, with the meaning of each value beside it.
fn tidy(node: &mut Value) {
    match node {
        Value::Array(items) => items.iter_mut().for_each(tidy),
        Value::Object(map) => {
            without_null(map);
            fold_constants(map);
            map.remove("format");
            share_examples(map);
            map.values_mut().for_each(tidy);
        }
        _ => {}
    }
}

fn without_null(map: &mut Map<String, Value>) {
    if let Some(Value::Array(types)) = map.get_mut("type") {
        types.retain(|t| t != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            map.insert("type".to_owned(), only);
        }
    }
    let Some(Value::Array(options)) = map.get_mut("anyOf") else { return };
    options.retain(|option| option.get("type") != Some(&json!("null")));
    if let [Value::Object(only)] = options.as_slice() {
        let only = only.clone();
        map.remove("anyOf");
        for (key, value) in only {
            map.entry(key).or_insert(value);
        }
    }
    if map.get("default") == Some(&Value::Null) {
        map.remove("default");
    }
}

fn fold_constants(map: &mut Map<String, Value>) {
    let Some(Value::Array(options)) = map.get("oneOf") else { return };
    let mut values = Vec::new();
    let mut meanings = Map::new();
    for option in options {
        if let Some(constant) = option.get("const") {
            if let (Some(name), Some(text)) = (constant.as_str(), option.get("description").and_then(Value::as_str)) {
                meanings.insert(name.to_owned(), json!(text));
            }
            values.push(constant.clone());
        } else if let Some(Value::Array(several)) = option.get("enum") {
            values.extend(several.iter().cloned());
        } else {
            return;
        }
    }
    map.remove("oneOf");
    map.insert("type".to_owned(), json!("string"));
    map.insert("enum".to_owned(), Value::Array(values));
    map.insert("x-hagen-values".to_owned(), Value::Object(meanings));
}

/// The example of a list or of a map shows what stands in it, too.
fn share_examples(map: &mut Map<String, Value>) {
    let Some(example) = map.get("examples").and_then(|examples| examples.get(0)).cloned() else { return };
    let share = |inner: &mut Value, examples: Vec<Value>| {
        if let Some(inner) =
            inner.as_object_mut().filter(|inner| !inner.contains_key("examples") && !examples.is_empty())
        {
            inner.insert("examples".to_owned(), Value::Array(examples));
        }
    };
    match example {
        Value::Array(items) => {
            if let Some(inner) = map.get_mut("items") {
                share(inner, items);
            }
        }
        Value::Object(fields) if !map.contains_key("properties") => {
            let examples: Vec<Value> = fields.into_iter().map(|(_, value)| value).collect();
            if let Some(Value::Object(patterns)) = map.get_mut("patternProperties") {
                for inner in patterns.values_mut() {
                    share(inner, examples.clone());
                }
            } else if let Some(inner) = map.get_mut("additionalProperties").filter(|inner| inner.is_object()) {
                share(inner, examples);
            }
        }
        _ => {}
    }
}

/// For overlays: nothing is required, and `null` is allowed wherever something is.
fn loosen(node: &mut Value) {
    match node {
        Value::Array(items) => items.iter_mut().for_each(loosen),
        Value::Object(map) => {
            map.remove("required");
            for of in ["properties", "$defs"] {
                if let Some(Value::Object(children)) = map.get_mut(of) {
                    for child in children.values_mut() {
                        loosen(child);
                        if of == "properties" {
                            let inner = child.take();
                            *child = json!({"anyOf": [inner, {"type": "null"}]});
                        }
                    }
                }
            }
            if let Some(extra) = map.get_mut("additionalProperties").filter(|extra| extra.is_object()) {
                loosen(extra);
                let inner = extra.take();
                *extra = json!({"anyOf": [inner, {"type": "null"}]});
            }
            if let Some(items) = map.get_mut("items") {
                loosen(items);
            }
        }
        _ => {}
    }
}

/// A schema with its `$ref` followed; what stands beside the `$ref` (a description, a default) is in `outer`.
pub fn follow(schema: &Value) -> &Value {
    let mut at = schema;
    // A chain of references is short and has no circle: the types have none.
    for _ in 0..8 {
        let Some(name) = at.get("$ref").and_then(Value::as_str).and_then(|r| r.strip_prefix("#/$defs/")) else { break };
        match SCHEMA.get("$defs").and_then(|defs| defs.get(name)) {
            Some(next) => at = next,
            None => break,
        }
    }
    at
}

/// What a part of the blueprint renders into, for `explain`: the files, by the first steps of the path.
pub fn renders_into(path: &[String]) -> Option<&'static str> {
    let step = |at: usize| path.get(at).map_or("", String::as_str);
    Some(match (step(0), step(2)) {
        ("services", "autoscale") => "REGION/kubernetes/SERVICE.yaml: HorizontalPodAutoscaler",
        ("services", "replicas") => {
            "REGION/kubernetes/SERVICE.yaml: Deployment, or HorizontalPodAutoscaler where it is autoscaled"
        }
        ("services", "disruption") => "REGION/kubernetes/SERVICE.yaml: PodDisruptionBudget",
        ("services", "needs") => {
            "REGION/kubernetes/SERVICE.yaml: NetworkPolicy, ConfigMap, secret references; mesh.yaml"
        }
        ("services", "route" | "exposure") => "REGION/kubernetes/: routes and the NetworkPolicy of the service",
        ("services", "load") => "nothing: `hagen check` computes with it",
        ("services", "metrics") => "REGION/kubernetes/SERVICE.yaml: ServiceMonitor; REGION/alerts/: SLO rules",
        ("services", "secrets") => "REGION/kubernetes/SERVICE.yaml: references; secrets.yaml: ExternalSecret",
        ("services", _) => "REGION/kubernetes/SERVICE.yaml: Deployment",
        ("postgres", "backup") => "pgBackRest configuration, CronJobs or timers; REGION/alerts/: backup rules",
        ("postgres", "hosts" | "router" | "directories") => "REGION/patroni/CLUSTER/",
        ("postgres", _) => {
            "REGION/kubernetes/postgres-CLUSTER*.yaml, or REGION/patroni/CLUSTER/ on hosts; REGION/alerts/"
        }
        ("redis", _) => "REGION/kubernetes/redis-CLUSTER.yaml, or REGION/redis/CLUSTER/ on hosts; REGION/alerts/",
        ("dns", _) => "global/dns/",
        ("edge", _) => "REGION/kubernetes/: gateway, routes, mesh",
        ("monitoring", _) => "REGION/alerts/, global/alerts/, REGION/kubernetes/40-alerts.yaml",
        ("operations", _) => "global/alerts/alertmanager.yaml: receivers and routes",
        ("regions", "nodes") => "nothing: `hagen check` computes with it",
        ("regions", _) => "REGION/ and every DNS record",
        ("backup", _) => "repositories of pgBackRest and destinations of Redis snapshots",
        ("objectives", _) => "thresholds of alerts, tolerations, priorities",
        ("platform", _) => "everything below REGION/kubernetes/",
        _ => return None,
    })
}
