//! The structure of a file without its texts: what must not change when a text does. Two files that differ in what people
//! wrote in free text have the same skeleton; a text that breaks out of its place changes it.

use super::tree::{Node, Value};
use super::{Fault, haproxy, ini, json, redis, shell, yaml};
use crate::render::{Artifact, ArtifactKind};

/// The skeleton of a file, a line for each part.
pub fn skeleton(artifact: &Artifact) -> Result<Vec<String>, Fault> {
    let text = artifact.text.as_str();
    let mut parts = Vec::new();
    match artifact.kind {
        ArtifactKind::Kubernetes
        | ArtifactKind::Kustomization
        | ArtifactKind::PrometheusRules
        | ArtifactKind::PrometheusTests
        | ArtifactKind::PrometheusConfig
        | ArtifactKind::Alertmanager
        | ArtifactKind::Blackbox
        | ArtifactKind::Patroni
        | ArtifactKind::Etcd => {
            // Both readers must see the same: a text that only one of them keeps in its place has broken out.
            let documents = yaml::read(text)?;
            documents.iter().for_each(|document| tree(document, "", &mut parts));
            let mut others = Vec::new();
            yaml::full(text)?.iter().for_each(|document| tree(document, "", &mut others));
            if parts != others {
                return Err(Fault::at(0, "two YAML readers see two different trees"));
            }
        }
        ArtifactKind::Route53Changes | ArtifactKind::Route53HealthCheck | ArtifactKind::Json => {
            tree(&json::read(text)?, "", &mut parts);
        }
        ArtifactKind::Pgbouncer | ArtifactKind::Pgbackrest => {
            let (entries, faults) = ini::entries(text);
            if let Some(fault) = faults.into_iter().next() {
                return Err(fault);
            }
            parts.extend(entries.iter().map(|entry| format!("[{}] {}", entry.section, entry.key)));
        }
        ArtifactKind::Systemd => {
            let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with(['#', ';']));
            parts.extend(lines.map(|line| line.split('=').next().unwrap_or_default().to_owned()));
        }
        ArtifactKind::Redis => words(text, redis::split, &mut parts)?,
        ArtifactKind::Haproxy => words(text, haproxy::split, &mut parts)?,
        ArtifactKind::Shell => parts.extend(shell::tokens(text)?.into_iter().map(str::to_owned)),
        ArtifactKind::Markdown => page(text, &mut parts),
        ArtifactKind::Text => parts.push(format!("{} lines", text.lines().count())),
    }
    Ok(parts)
}

fn tree(node: &Node<'_>, path: &str, parts: &mut Vec<String>) {
    match &node.value {
        Value::List(items) => {
            parts.push(format!("{path}[{}]", items.len()));
            items.iter().for_each(|item| tree(item, &format!("{path}[]"), parts));
        }
        Value::Map(entries) => {
            parts.push(format!("{path}{{{}}}", entries.len()));
            entries.iter().for_each(|(key, value)| tree(value, &format!("{path}.{}", key.text), parts));
        }
        _ => parts.push(format!("{path}: {}", node.kind())),
    }
}

fn words(text: &str, split: fn(&str) -> Option<Vec<String>>, parts: &mut Vec<String>) -> Result<(), Fault> {
    for (number, line) in text.lines().enumerate() {
        let content = line.trim();
        if content.is_empty() || content.starts_with('#') {
            continue;
        }
        let words = split(content).ok_or_else(|| Fault::at(number as u32 + 1, "a quote is not closed"))?;
        parts.extend(words.first().map(|first| format!("{first} {}", words.len() - 1)));
    }
    Ok(())
}

/// The lines of a page. Inside a code block no sign means anything but the end of the block.
fn page(text: &str, parts: &mut Vec<String>) {
    let mut inside = false;
    for line in text.lines() {
        let fence = line.trim_start().starts_with("```");
        parts.push(if inside && !fence { "code".to_owned() } else { markdown(line) });
        inside ^= fence;
    }
}

/// What a line of a page is: heading, item, row with its cells, code fence, quote, text.
fn markdown(line: &str) -> String {
    let content = line.trim_start();
    let unescaped = |sign: char| {
        let mut count = 0;
        let mut escaped = false;
        for c in content.chars() {
            if !escaped && c == sign {
                count += 1;
            }
            escaped = c == '\\' && !escaped;
        }
        count
    };
    let marks = |rest: &str| rest.chars().next().is_none_or(char::is_whitespace);
    let kind = match content.chars().next() {
        None => "nothing",
        Some('#') => "heading",
        Some('|') => "row",
        Some('>') => "quote",
        Some('-' | '*' | '+') if marks(&content[1..]) => "item",
        Some('`') if content.starts_with("```") => "fence",
        Some(c) if c.is_ascii_digit() => {
            let rest = content.trim_start_matches(|c: char| c.is_ascii_digit());
            if rest.starts_with(['.', ')']) && marks(&rest[1..]) { "number" } else { "text" }
        }
        Some(_) => "text",
    };
    let signs: Vec<String> =
        ['|', '`', '[', ']', '<', '*', '!'].iter().map(|sign| unescaped(*sign).to_string()).collect();
    format!("{kind} {}", signs.join(" "))
}
