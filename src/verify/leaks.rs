//! What must never be written: placeholders (R-RD-03) and anything that looks like a credential (R-PG-22).
//!
//! Texts for people (descriptions, annotations, comments, pages) may say what they like, except a real key.

use super::tree::{Node, Value};
use super::{Fault, Read, haproxy, ini, redis};
use crate::blueprint::credential;
use crate::render::{Artifact, ArtifactKind};

/// Keys of Alertmanager that hold a credential, though nothing in their name says so.
const ALERTMANAGER: [&str; 2] = ["routing_key", "service_key"];
/// Keys of texts that are for people.
const FOR_PEOPLE: [&str; 8] = ["annotations", "description", "summary", "title", "text", "html", "details", "Comment"];

/// Looks through a file that was read.
pub fn check(artifact: &Artifact, read: &mut Read<'_>) {
    let text = artifact.text.as_str();
    for (line, what) in credential::lines_with_key_material(text) {
        read.faults.push(Fault::at(line, format!("{what} stands here: secrets are named, never written")));
    }
    match artifact.kind {
        ArtifactKind::Markdown | ArtifactKind::Text | ArtifactKind::Shell => {}
        ArtifactKind::Haproxy | ArtifactKind::Redis | ArtifactKind::Systemd => lines(artifact, &mut read.faults),
        ArtifactKind::Pgbouncer | ArtifactKind::Pgbackrest => {
            for entry in ini::entries(text).0 {
                word(entry.value, entry.line, &mut read.faults);
                if credential::names_one(entry.key) && credential::is_literal(entry.value) {
                    read.faults.push(Fault::at(
                        entry.line,
                        format!("`{}` holds a credential: it is named, never written", entry.key),
                    ));
                }
            }
        }
        _ => {
            let mut faults = Vec::new();
            for document in &read.documents {
                scalars(document, "", false, &mut faults);
                environment(document, &mut faults);
            }
            read.faults.extend(faults);
        }
    }
}

/// Looks at the scalars of a tree; `last` is the nearest key above, and `for_people` whether one above says so.
fn scalars(node: &Node<'_>, last: &str, for_people: bool, faults: &mut Vec<Fault>) {
    match &node.value {
        Value::Text(text) if !for_people => scalar(text, last, node.line, faults),
        Value::List(items) => items.iter().for_each(|item| scalars(item, last, for_people, faults)),
        Value::Map(entries) => {
            for (key, value) in entries {
                scalars(value, &key.text, for_people || FOR_PEOPLE.contains(&key.text.as_ref()), faults);
            }
        }
        _ => {}
    }
}

fn scalar(text: &str, last: &str, line: u32, faults: &mut Vec<Fault>) {
    if !text.contains('\n') {
        word(text, line, faults);
    }
    // An ExternalSecret's `secretKey` is the name of a key, not a key.
    let named = credential::names_one(last) || ALERTMANAGER.contains(&last);
    if named && last != "secretKey" && credential::is_literal(text) {
        faults.push(Fault::at(line, format!("`{last}` holds a literal: secrets are named, never written")));
    }
}

/// Looks at the variables of containers.
fn environment(node: &Node<'_>, faults: &mut Vec<Fault>) {
    if let (Some(name), Some(value)) = (node.text_at(&["name"]), node.get("value"))
        && credential::names_one(name)
        && value.text().is_some_and(credential::is_literal)
    {
        faults.push(Fault::at(
            value.line,
            format!("the variable `{name}` holds a literal: secrets are named, never written"),
        ));
    }
    node.items().iter().for_each(|item| environment(item, faults));
    node.entries().iter().for_each(|(_, value)| environment(value, faults));
}

/// Looks at the lines of a file without a tree.
fn lines(artifact: &Artifact, faults: &mut Vec<Fault>) {
    for (number, line) in artifact.text.lines().enumerate() {
        let number = number as u32 + 1;
        if line.trim_start().starts_with(['#', ';']) {
            continue;
        }
        let words = match artifact.kind {
            ArtifactKind::Redis => redis::split(line.trim()),
            ArtifactKind::Haproxy => haproxy::split(line),
            // A description is for people.
            _ if line.starts_with("Description=") => None,
            _ => Some(line.split(['=', ' ']).map(str::to_owned).collect()),
        };
        let words = words.unwrap_or_default();
        words.iter().for_each(|text| word(text, number, faults));
        if artifact.kind == ArtifactKind::Haproxy
            && (words.iter().any(|w| w == "insecure-password")
                || words.windows(2).any(|pair| pair == ["stats", "auth"]))
        {
            faults.push(Fault::at(number, "a password stands here: secrets are named, never written"));
        }
    }
}

/// A word that stands for something that was never filled in.
fn word(text: &str, line: u32, faults: &mut Vec<Fault>) {
    if credential::is_placeholder(text) {
        faults.push(Fault::at(line, format!("a placeholder was never filled in: {text} (R-RD-03)")));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verify::yaml;

    fn found(text: &str) -> usize {
        let mut faults = Vec::new();
        for document in &yaml::read(text).unwrap_or_default() {
            scalars(document, "", false, &mut faults);
            environment(document, &mut faults);
        }
        faults.len() + text.lines().filter(|line| credential::key_material(line).is_some()).count()
    }

    #[test]
    fn credentials_and_placeholders_are_seen_and_references_are_not() {
        for bad in [
            "password: hunter2",
            "data: {SESSIONS_PASSWORD: x}",
            "env: [{name: PGPASSWORD, value: hunter2}]",
            "host: <primary-ip>",
            "zone: Z1234567890",
            "dsn: postgres://a:b@c/d",
            "args: [CHANGE_ME]",
            "a: AKIAIOSFODNN7EXAMPLE",
        ] {
            assert_eq!(found(bad), 1, "{bad}");
        }
        for good in [
            "password_file: /etc/x",
            "password: /etc/x",
            "env: [{name: PGPASSWORD, value: '$(OTHER)'}]",
            "data: [{secretKey: api-key}]",
            "password_encryption: scram-sha-256",
            "initial-cluster-token: hagen-a",
            "annotations: {note: <region> is xxx}",
            "dsn: postgres://a:${PASSWORD}@c/d",
            "automountServiceAccountToken: false",
        ] {
            assert_eq!(found(good), 0, "{good}");
        }
    }
}
