//! What the items of lists are known by, so that their order is no difference.

use serde_json::Value;

/// What an item of a list at a path is known by; none where its place counts.
pub fn identity(keys: &[&str], item: &Value) -> Option<String> {
    let text = |key: &str| match item.get(key) {
        Some(Value::String(text)) => Some(text.clone()),
        Some(Value::Number(number)) => Some(number.to_string()),
        _ => None,
    };
    let last = *keys.last()?;
    match last {
        "containers"
        | "initContainers"
        | "ephemeralContainers"
        | "volumes"
        | "env"
        | "imagePullSecrets"
        | "listeners"
        | "groups"
        | "receivers"
        | "subsets" => text("name"),
        "volumeMounts" => Some(match text("subPath") {
            Some(sub) => format!("{}:{sub}", text("mountPath")?),
            None => text("mountPath")?,
        }),
        "volumeDevices" => text("devicePath"),
        "ports" => {
            let port = text("containerPort").or_else(|| text("port").filter(|_| !keys.contains(&"ingress")))?;
            Some(format!("{port}/{}", text("protocol").unwrap_or_else(|| "TCP".to_owned())))
        }
        "volumeClaimTemplates" => Some(item.pointer("/metadata/name")?.as_str()?.to_owned()),
        "topologySpreadConstraints" => Some(format!("{}/{}", text("topologyKey")?, text("whenUnsatisfiable")?)),
        "hostAliases" => text("ip"),
        "metrics" => {
            let kind = text("type")?;
            let body = item.get(&*lower_first(&kind))?;
            let name = body.get("name").or_else(|| body.pointer("/metric/name"))?;
            Some(format!("{kind}/{}", name.as_str()?))
        }
        // Known by all that it says, in any order.
        "tolerations" | "subjects" => {
            let map = item.as_object()?;
            let sorted: std::collections::BTreeMap<&String, &Value> = map.iter().collect();
            let parts: Vec<String> = sorted.into_iter().map(|(key, value)| format!("{key}={}", plain(value))).collect();
            Some(parts.join(","))
        }
        _ => None,
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn lower_first(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_ascii_lowercase().to_string() + chars.as_str())
}
