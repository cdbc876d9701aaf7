//! What was meant by a word that is not known: another system's word for the same, the beginning of the right one, or a slip.

use serde_json::Value;

use super::example::quoted;
use crate::blueprint::schema::follow;
use crate::diagnostics::nearest;
use crate::document::node::Node;
use crate::document::{Path, Step};

/// What others call it, and what it is called here. A word counts only where its other name may stand.
const SYNONYMS: [(&str, &str); 39] = [
    ("amazon", "aws"),
    ("auto", "automatic"),
    ("bucketname", "bucket"),
    ("caching", "cache"),
    ("concurrency", "bulkhead"),
    ("cron", "full"),
    ("cron", "snapshot"),
    ("database", "postgres"),
    ("databases", "postgres"),
    ("dependencies", "needs"),
    ("dependson", "needs"),
    ("environment", "env"),
    ("external", "public"),
    ("failurethreshold", "failures"),
    ("google", "gcp"),
    ("host", "address"),
    ("hostname", "address"),
    ("hostname", "host"),
    ("hpa", "autoscale"),
    ("initialdelayseconds", "initialDelay"),
    ("instances", "members"),
    ("instances", "replicas"),
    ("ip", "address"),
    ("manual", "gated"),
    ("maxreplicas", "max"),
    ("minreplicas", "min"),
    ("nodes", "members"),
    ("path", "http"),
    ("periodseconds", "period"),
    ("private", "internal"),
    ("replicas", "members"),
    ("replicas", "shards"),
    ("schedule", "full"),
    ("schedule", "snapshot"),
    ("self-hosted", "other"),
    ("size", "memory"),
    ("timeoutseconds", "timeout"),
    ("usage", "use"),
    ("variables", "env"),
];

/// The candidate that a word stands for, if one is likely.
pub fn meant<'a>(word: &str, candidates: impl Iterator<Item = &'a str> + Clone) -> Option<&'a str> {
    let folded = word.to_lowercase();
    let synonym = || {
        let named = SYNONYMS.iter().filter(|(other, _)| *other == folded);
        named.flat_map(|(_, here)| candidates.clone().find(|candidate| candidate == here)).next()
    };
    // The shortest that begins so: `sync` is `synchronous` before it is `synchronous-strict`.
    let begins = || {
        let long =
            candidates.clone().filter(|candidate| folded.len() >= 3 && candidate.to_lowercase().starts_with(&folded));
        long.min_by_key(|candidate| candidate.len())
    };
    synonym().or_else(|| nearest(word, candidates.clone())).or_else(begins)
}

/// What to write instead of a value of the wrong kind, where what was meant can be seen in it.
pub fn instead(node: &Node, outer: &Value, path: &Path) -> Option<String> {
    let Some(Step::Key(name)) = path.steps().last() else { return None };
    let schema = follow(outer);
    let get = |key: &str| outer.get(key).or_else(|| schema.get(key));
    // One of a list, without the brackets.
    if let Some(text) = node.scalar().map(|scalar| &*scalar.text).filter(|text| !text.is_empty() && text.len() <= 60)
        && get("type").and_then(Value::as_str) == Some("array")
        && get("items").is_some_and(|items| follow(items).get("type").and_then(Value::as_str) == Some("string"))
    {
        return Some(format!("write `{name}: [{}]`", quoted(text)));
    }
    // A secret where plain values stand.
    let in_env = path.steps().iter().rev().nth(1) == Some(&Step::Key("env".to_owned()));
    if in_env && let Some(entries) = node.map() {
        let of = |key: &str, other: &str| {
            let found = entries.iter().find(|entry| &*entry.key == key).and_then(|entry| entry.value.scalar());
            found.map_or_else(|| other.to_owned(), |scalar| quoted(&scalar.text))
        };
        let (secret, key) = (of("secret", "NAME"), of("key", "KEY"));
        return Some(format!(
            "`env` has plain values; write it beside, as `secrets: {{{name}: {{secret: {secret}, key: {key}}}}}`"
        ));
    }
    None
}

/// The reference that a key of `needs` without its second half stands for: `postgres: main` is `postgres.main: {}`.
pub fn reference(section: &str, value: &Node) -> Option<String> {
    if !matches!(section, "services" | "postgres" | "redis" | "external") {
        return None;
    }
    let name = match (value.scalar(), value.map()) {
        (Some(scalar), _) if !scalar.text.is_empty() && scalar.text.len() <= 60 => scalar.text.to_string(),
        (_, Some([entry])) => return Some(format!("{section}.{}: {{…}}", entry.key)),
        _ => "NAME".to_owned(),
    };
    Some(format!("{section}.{name}: {{}}"))
}

#[cfg(test)]
mod tests {
    use super::meant;

    #[test]
    fn other_words_for_the_same_are_known() {
        let of = |word: &str, list: &[&'static str]| meant(word, list.iter().copied());
        assert_eq!(of("external", &["internal", "public"]), Some("public"));
        assert_eq!(of("google", &["aws", "gcp"]), Some("gcp"));
        assert_eq!(of("geo", &["geolocation", "failover"]), Some("geolocation"));
        assert_eq!(of("sync", &["synchronous-strict", "synchronous"]), Some("synchronous"));
        assert_eq!(of("replicas", &["members", "image"]), Some("members"));
        assert_eq!(of("zebra", &["members", "image"]), None);
    }
}
