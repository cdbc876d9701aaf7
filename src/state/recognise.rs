//! What a file is that a program printed.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use super::{Deployed, Dump, Dynamic, Layout, Loaded, Node, Unread, content, content_within, layout};
use crate::document::{Source, plain, yaml};

const KNOWN: &str = "hagen knows: what `kubectl get … -o yaml` or `-o json` prints, `aws route53 list-resource-record-sets` and \
                     `list-health-checks`, `patronictl show-config`, `redis-cli CONFIG GET '*'` and `CLUSTER NODES`, `--json CLUSTER SHARDS` or `SENTINEL REPLICAS`, `/api/v1/rules` of Prometheus or rule files, a directory that `hagen render` wrote, `git:REVISION`";

/// All files of a directory that is no rendered tree.
pub fn directory(source: &str, path: &Path, region: Option<String>) -> Vec<Result<Deployed, Unread>> {
    let entries = std::fs::read_dir(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let mut names: Vec<String> = match entries {
        Ok(entries) => entries.iter().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect(),
        Err(error) => return vec![Err(Unread::new(source, error.to_string(), "name a directory that can be read"))],
    };
    names.retain(|name| [".yaml", ".yml", ".json", ".txt"].iter().any(|end| name.ends_with(end)));
    names.sort();
    if names.is_empty() {
        return vec![Err(Unread::new(
            source,
            "nothing in it is YAML, JSON or text, and it has no hagen.lock.json",
            KNOWN,
        ))];
    }
    let one = |name: String| {
        let named = format!("{source}/{name}");
        let bytes = content_within(&path.join(&name)).map_err(|why| Unread::new(&named, why, KNOWN))?;
        of_bytes(&named, bytes, region.clone())
    };
    names.into_iter().map(one).collect()
}

/// A file.
pub fn file(source: &str, path: &Path, region: Option<String>) -> Result<Deployed, Unread> {
    let bytes = content(path).map_err(|why| Unread::new(source, why, KNOWN))?;
    of_bytes(source, bytes, region)
}

fn of_bytes(source: &str, bytes: Vec<u8>, region: Option<String>) -> Result<Deployed, Unread> {
    let text = String::from_utf8(bytes).map_err(|_| Unread::new(source, "it is no UTF-8", KNOWN))?;
    if let Some(settings) = settings(&text) {
        return Ok(Deployed::Redis(Node { source: source.to_owned(), name: region, settings }));
    }
    let layout = |nodes| Deployed::Layout(Layout { source: source.to_owned(), name: region.clone(), nodes });
    if let Some(nodes) = layout::nodes(&text).or_else(|| layout::replicas(&text)) {
        return Ok(layout(nodes));
    }
    let documents = documents(source, text)?;
    if let [one] = &documents[..]
        && let Some(nodes) = layout::shards(one)
    {
        return Ok(layout(nodes));
    }
    if let [one] = &documents[..] {
        let list = |key: &str| one.get(key).and_then(Value::as_array).cloned();
        let is_part =
            one.get("IsTruncated") == Some(&Value::Bool(true)) || one.get("NextToken").is_some_and(Value::is_string);
        if is_part && (list("ResourceRecordSets").is_some() || list("HealthChecks").is_some()) {
            let hint = "print all of it: without --max-items, --page-size alone or --no-paginate";
            return Err(Unread::new(source, "it is only the first part of the answer", hint));
        }
        if let Some(records) = list("ResourceRecordSets") {
            return Ok(Deployed::Records(source.to_owned(), records));
        }
        let told = one.pointer("/data/groups").and_then(Value::as_array).cloned();
        if let Some(groups) = told.or_else(|| list("groups")) {
            return Ok(Deployed::Rules(Loaded { source: source.to_owned(), name: region, groups }));
        }
        if let Some(checks) = list("HealthChecks") {
            return Ok(Deployed::HealthChecks(source.to_owned(), checks));
        }
    }
    if let [config] = &documents[..]
        && config.get("kind").is_none()
        && ["ttl", "loop_wait", "retry_timeout"].iter().filter(|key| config.get(key).is_some()).count() >= 2
    {
        return Ok(Deployed::Patroni(Dynamic { source: source.to_owned(), name: region, config: config.clone() }));
    }
    let mut objects = Vec::new();
    for document in documents {
        match document {
            Value::Null => {}
            Value::Object(map) if map.contains_key("kind") && map.contains_key("apiVersion") => {
                let is_list = map.get("kind").and_then(Value::as_str).is_some_and(|kind| kind.ends_with("List"));
                match (is_list, map.get("items")) {
                    (true, Some(Value::Array(items))) => objects.extend(items.iter().cloned()),
                    (true, _) => {}
                    (false, _) => objects.push(Value::Object(map)),
                }
            }
            _ => return Err(Unread::new(source, "what stands in it is nothing that is known", KNOWN)),
        }
    }
    Ok(Deployed::Kubernetes(Dump { source: source.to_owned(), region, objects, asked: None }))
}

/// What `redis-cli CONFIG GET '*'` prints: a name in a line, its value in the next one; or, to a terminal, numbered and in quotes.
fn settings(text: &str) -> Option<BTreeMap<String, String>> {
    let lines: Vec<&str> = text.lines().map(bare).collect();
    let mut found = BTreeMap::new();
    for pair in lines.chunks(2) {
        // Redis tells them in no order: an empty value may be the last one, and its line is lost where ends are trimmed.
        let (name, value) = (pair[0], pair.get(1).copied().unwrap_or_default());
        found.insert(name.to_owned(), value.to_owned());
    }
    ["maxmemory", "maxmemory-policy", "appendonly"].iter().all(|name| found.contains_key(*name)).then_some(found)
}

/// A line without the number and the quotes that a terminal gets.
fn bare(line: &str) -> &str {
    let numbered =
        line.trim_start().split_once(") \"").filter(|(number, _)| number.bytes().all(|b| b.is_ascii_digit()));
    numbered.and_then(|(_, rest)| rest.strip_suffix('"')).unwrap_or(line)
}

fn documents(source: &str, text: String) -> Result<Vec<Value>, Unread> {
    if text.trim().is_empty() {
        return Err(Unread::new(source, "it is empty", "did the program that was to write it fail?"));
    }
    if text.trim_start().starts_with(['{', '[']) {
        let values = serde_json::Deserializer::from_str(&text).into_iter::<Value>();
        let broken = |error: serde_json::Error| Unread::new(source, format!("no JSON: {error}"), "was it cut off?");
        return values.collect::<Result<_, _>>().map_err(broken);
    }
    let text = Source::new(source.to_owned(), text);
    let (trees, problems) = yaml::parse_foreign(&text, 0);
    if let Some(problem) = problems.first() {
        let crate::diagnostics::Place::Span(span) = problem.primary.place else {
            return Err(Unread::new(source, problem.title.clone(), "was it cut off?"));
        };
        let line = text.position(span.start).line;
        return Err(Unread::new(source, format!("line {line}: {}", problem.title), "was it cut off?"));
    }
    Ok(trees.iter().map(plain::json).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_value_at_the_end_is_one() {
        let text = "maxmemory\n0\nmaxmemory-policy\nnoeviction\nappendonly\nyes\nsave";
        for text in [text.to_owned(), format!("{text}\n"), format!("{text}\n\n")] {
            assert_eq!(settings(&text).unwrap().get("save").map(String::as_str), Some(""), "{text:?}");
        }
    }
}
