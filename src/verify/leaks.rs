//! What must never be written: placeholders (R-RD-03) and anything that looks like a credential (R-PG-22).
//!
//! Texts for people (descriptions, annotations, comments, pages) may say what they like, except a real key.

use super::tree::{Node, Step, Value};
use super::{Fault, Read, haproxy, ini, redis};
use crate::render::{Artifact, ArtifactKind};

/// Keys, in letters and digits alone, that hold a credential when they hold a text.
const CREDENTIALS: [&str; 14] = [
    "password",
    "passwd",
    "passphrase",
    "apikey",
    "accesskey",
    "secretkey",
    "accesskeyid",
    "privatekey",
    "authtoken",
    "bearertoken",
    "clientsecret",
    "routingkey",
    "servicekey",
    "credentials",
];

/// Keys of texts that are for people.
const FOR_PEOPLE: [&str; 8] = ["annotations", "description", "summary", "title", "text", "html", "details", "Comment"];

/// Looks through a file that was read.
pub fn check(artifact: &Artifact, read: &mut Read<'_>) {
    let text = artifact.text.as_str();
    for (number, line) in text.lines().enumerate() {
        if let Some(what) = key_material(line) {
            read.faults
                .push(Fault::at(number as u32 + 1, format!("{what} stands here: secrets are named, never written")));
        }
    }
    match artifact.kind {
        ArtifactKind::Markdown | ArtifactKind::Text | ArtifactKind::Shell => {}
        ArtifactKind::Haproxy | ArtifactKind::Redis | ArtifactKind::Systemd => lines(artifact, &mut read.faults),
        ArtifactKind::Pgbouncer | ArtifactKind::Pgbackrest => {
            for entry in ini::entries(text).0 {
                word(entry.value, entry.line, &mut read.faults);
                if credential(entry.key) {
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
                document.walk(&mut Vec::new(), &mut |path, node| scalar(path, node, &mut faults));
                environment(document, &mut faults);
            }
            read.faults.extend(faults);
        }
    }
}

/// What a line holds that can only be a real key.
fn key_material(line: &str) -> Option<&'static str> {
    let run = |prefix: &str, least: usize| {
        line.match_indices(prefix).any(|(at, _)| {
            let before = line[..at].chars().next_back().is_none_or(|c| !c.is_ascii_alphanumeric());
            let rest = &line[at + prefix.len()..];
            before && rest.bytes().take_while(|b| b.is_ascii_alphanumeric() || *b == b'_').count() >= least
        })
    };
    if line.contains("-----BEGIN ") && line.contains("PRIVATE KEY-----") {
        Some("a private key")
    } else if run("AKIA", 16) || run("ASIA", 16) {
        Some("an AWS access key")
    } else if ["ghp_", "gho_", "ghs_", "ghr_", "github_pat_"].iter().any(|p| run(p, 30)) {
        Some("a GitHub token")
    } else if run("sk-ant-", 20)
        || run("sk-proj-", 20)
        || run("sk_live_", 16)
        || line.contains("hooks.slack.com/services/T")
        || run("xoxb-", 8)
    {
        Some("a token")
    } else if url_password(line) {
        Some("a password in an address")
    } else {
        None
    }
}

/// Whether an address on the line has a user with a literal password.
fn url_password(line: &str) -> bool {
    line.match_indices("://").any(|(at, _)| {
        let rest = &line[at + 3..];
        let end =
            rest.find(|c: char| c.is_whitespace() || matches!(c, '/' | '"' | '\'' | '?' | ',')).unwrap_or(rest.len());
        rest[..end]
            .rsplit_once('@')
            .and_then(|(user, _)| user.split_once(':'))
            .is_some_and(|(_, password)| !password.is_empty() && !password.contains(['$', '{', '<', '*', '%', '(']))
    })
}

/// Looks at a scalar of a tree.
fn scalar(path: &[Step<'_>], node: &Node<'_>, faults: &mut Vec<Fault>) {
    let Value::Text(text) = &node.value else { return };
    let mut keys = path.iter().filter_map(|step| if let Step::Key(key) = step { Some(key.as_ref()) } else { None });
    if keys.clone().any(|key| FOR_PEOPLE.contains(&key)) {
        return;
    }
    if !text.contains('\n') {
        word(text, node.line, faults);
    }
    // An ExternalSecret's `secretKey` is the name of a key, not a key.
    let last = keys.next_back().unwrap_or_default();
    if credential(last) && last != "secretKey" && literal(text) {
        faults.push(Fault::at(node.line, format!("`{last}` holds a literal: secrets are named, never written")));
    }
}

/// Looks at the variables of containers.
fn environment(node: &Node<'_>, faults: &mut Vec<Fault>) {
    node.walk(&mut Vec::new(), &mut |_, node| {
        if let (Some(name), Some(value)) = (node.text_at(&["name"]), node.get("value"))
            && credential(name)
            && value.text().is_some_and(literal)
        {
            faults.push(Fault::at(
                value.line,
                format!("the variable `{name}` holds a literal: secrets are named, never written"),
            ));
        }
    });
}

fn credential(key: &str) -> bool {
    let letters: String = key.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    CREDENTIALS.iter().any(|word| letters.ends_with(word))
}

/// Whether a text is the thing itself: no path to a file, no variable, no template, nothing empty.
fn literal(text: &str) -> bool {
    !text.is_empty()
        && !text.starts_with('/')
        && !text.contains("$(")
        && !text.contains("${")
        && !text.contains("{{")
        && !text.starts_with('$')
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
    let placeholder = |word: &str| {
        let upper = word.to_ascii_uppercase();
        let angle = word.strip_prefix('<').and_then(|rest| rest.strip_suffix('>')).is_some_and(|inner| {
            inner.starts_with(|c: char| c.is_ascii_alphabetic())
                && inner.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ' '))
        });
        angle
            || (upper.len() >= 3 && upper.bytes().all(|b| b == b'X'))
            || matches!(
                upper.as_str(),
                "CHANGE_ME" | "CHANGEME" | "CHANGE-ME" | "REPLACE_ME" | "REPLACEME" | "TODO" | "FIXME" | "TBD"
            )
            || word.starts_with("Z123456")
    };
    if placeholder(text) || text.split_whitespace().any(placeholder) {
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
            document.walk(&mut Vec::new(), &mut |path, node| scalar(path, node, &mut faults));
            environment(document, &mut faults);
        }
        faults.len() + text.lines().filter(|line| key_material(line).is_some()).count()
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
