//! Credentials in excerpts: what is printed may end up in a log that others read, whatever the finding is about.
//!
//! Goes by lines, for a file may be of any kind and need not even be readable: `name: value`, `name = value`, `name value` of
//! Redis, a password in an address, the value of a variable whose name stands above it, all values of a Secret.

use std::ops::Range;
use std::sync::LazyLock;

use regex_lite::Regex;

use crate::blueprint::credential::{is_literal, names_one};

/// A name with a value behind a colon or a sign of equality.
static PAIR: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r#"([A-Za-z_][A-Za-z0-9_.-]*)["']?[ \t]*[:=][ \t]*("[^"\n]*"?|'[^'\n]*'?|[^\s,}\]\[{"'][^\s,}\]]*)"#)
        .ok()
});
/// The same inside of other text: of a connection string, a command, a query.
static INNER: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r#"([A-Za-z_][A-Za-z0-9_-]*)=([^\s"'&,}\]]+)"#).ok());
/// What stands in a header, or behind the switch of a client of Redis.
static BEHIND: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?:\b(?:Bearer|Basic)|redis-cli\b[^|;&]*?[ \t](?:-a|--pass))[ \t]+([^\s\x22'\x5d}]+)").ok()
});
/// Directives of Redis and Sentinel whose last word is a password.
static REDIS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?i)^[ \t]*(?:requirepass|masterauth|sentinel[ \t]+(?:auth-pass[ \t]+\S+|sentinel-pass))[ \t]+(\S.*)$")
        .ok()
});
/// A password of a user of Redis: `>secret`.
static ACL: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"(?i)^[ \t]*user[ \t].*?[ \t][><](\S+)").ok());
/// The password in an address.
static ADDRESS: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"://[^/\s:@]*:([^@\s]+)@").ok());

/// Names that hold a credential in the files of one program only.
const OWN: [&str; 6] = ["routing_key", "s3-key", "gcs-key", "azure-key", "auth-pass", "cipher-pass"];

fn is_credential(name: &str) -> bool {
    // `{secret: NAME, key: KEY}` names a Secret, and holds none.
    !name.eq_ignore_ascii_case("secret") && (names_one(name) || OWN.iter().any(|own| name.ends_with(own)))
}

/// Where credentials stand in a part of a text, which begins and ends with a line: ranges of bytes of the whole text, in order.
/// `data` is what lies in Secrets there: [`of_secrets`].
pub fn find(text: &str, part: Range<usize>, data: &[Range<usize>]) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let Some(lines) = text.get(part.clone()) else { return found };
    let mut start = part.start;
    // The line above may name what the first one holds.
    let above = text.get(..part.start).and_then(|before| before.trim_end_matches('\n').rsplit('\n').next());
    let mut before = above.unwrap_or_default();
    for line in lines.split_inclusive('\n') {
        let bare = line.trim_end_matches(['\n', '\r']);
        of_line(bare, before, start, &mut found);
        if data.iter().any(|range| range.contains(&start)) {
            values(bare, start, &mut found);
        }
        before = bare;
        start += line.len();
    }
    found.sort_by_key(|range| (range.start, range.end));
    found
}

fn of_line(line: &str, before: &str, start: usize, found: &mut Vec<Range<usize>>) {
    let mut push = |range: Range<usize>| found.push(start + range.start..start + range.end);
    for captures in PAIR.iter().flat_map(|regex| regex.captures_iter(line)) {
        let (Some(name), Some(value)) = (captures.get(1), captures.get(2)) else { continue };
        let of_variable = name.as_str() == "value" && (is_named(before) || is_named(line));
        let bare = value.as_str().trim_matches(['"', '\'']);
        if (is_credential(name.as_str()) || of_variable) && is_literal(bare) && !bare.starts_with(['{', '[', '|', '>'])
        {
            push(value.range());
        }
    }
    for captures in INNER.iter().flat_map(|regex| regex.captures_iter(line)) {
        if let (Some(name), Some(value)) = (captures.get(1), captures.get(2))
            && is_credential(name.as_str())
            && is_literal(value.as_str())
        {
            push(value.range());
        }
    }
    for regex in [&REDIS, &ACL, &ADDRESS, &BEHIND] {
        for captures in regex.iter().flat_map(|regex| regex.captures_iter(line)) {
            if let Some(value) = captures.get(1) {
                push(value.range());
            }
        }
    }
}

/// Whether a line gives a variable the name of a credential: `- name: DB_PASSWORD`.
fn is_named(line: &str) -> bool {
    let mut pairs = PAIR.iter().flat_map(|regex| regex.captures_iter(line));
    pairs.any(|captures| {
        let part = |number| captures.get(number).map_or("", |part| part.as_str());
        part(1) == "name" && names_one(part(2).trim_matches(['"', '\'']))
    })
}

/// Where the data of Secrets of Kubernetes lie in a text: the lines of `data` and `stringData`.
pub fn of_secrets(text: &str) -> Vec<Range<usize>> {
    const KIND: &str = "kind: Secret";
    let mut found = Vec::new();
    if !text.contains(KIND) {
        return found;
    }
    let (mut is_secret, mut of_document, mut open) = (false, Vec::new(), None);
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let ends = line.starts_with("---");
        if ends || line.starts_with(|c: char| c.is_alphabetic()) {
            of_document.extend(open.take().map(|from| from..start));
        }
        if ends {
            found.extend(std::mem::take(&mut of_document).into_iter().filter(|_| is_secret));
            is_secret = false;
        }
        is_secret |= line.trim_end() == KIND;
        if line.starts_with("data:") || line.starts_with("stringData:") {
            open = Some(start);
        }
        start += line.len();
    }
    of_document.extend(open.map(|from| from..start));
    found.extend(of_document.into_iter().filter(|_| is_secret));
    found
}

/// The value of a line that is indented, whatever its name is; a line of a text of several is all value.
fn values(line: &str, start: usize, found: &mut Vec<Range<usize>>) {
    if !line.starts_with([' ', '\t']) {
        return;
    }
    let content = line.len() - line.trim_start().len();
    let from = match line.split_once(": ") {
        Some((name, _)) if !name.trim().contains(' ') => name.len() + 2,
        _ if line.trim_end().ends_with(':') => return,
        _ => content,
    };
    if !matches!(line.get(from..).map(str::trim), None | Some("" | "|" | "|-" | ">" | ">-")) {
        found.push(start + from..start + line.len());
    }
}

#[cfg(test)]
mod tests {
    use super::{find, of_secrets};

    fn masked(text: &str) -> String {
        let mut out = text.to_owned();
        for range in find(text, 0..text.len(), &of_secrets(text)) {
            let stars = "*".repeat(range.len());
            out.replace_range(range, &stars);
        }
        out
    }

    #[test]
    fn no_credential_is_left() {
        for text in [
            "superuser: {username: postgres, password: S3CRET}",
            "password: S3CRET",
            "  \"password\": \"S3CRET\",",
            "password = 'S3CRET'",
            "  DB_PASSWORD: S3CRET",
            "requirepass S3CRET",
            "  masterauth S3CRET # why",
            "sentinel auth-pass main S3CRET",
            "user app on >S3CRET ~* +@all",
            "repo1-s3-key=S3CRET",
            "repo1-cipher-pass=S3CRET",
            "url: postgresql://app:S3CRET@db:5432/x",
            "args: [--password=S3CRET]",
            "archive_command = 'PGPASSWORD=S3CRET cp %p /x'",
            "- name: DB_PASSWORD\n  value: S3CRET",
            "- {name: DB_PASSWORD, value: S3CRET}",
            "routing_key: S3CRET",
            "primary_conninfo = 'host=a user=r password=S3CRET'",
            "probe: {path: \"/health?token=S3CRET\", headers: [{name: Authorization, value: Bearer S3CRET}]}",
            "command: [sh, -c, \"redis-cli -a S3CRET ping\"]",
            "kind: Secret\nmetadata: {name: x}\nstringData:\n  anything: S3CRET\n  text: |\n    S3CRET\n",
        ] {
            let said = masked(text);
            assert!(!said.contains("S3CRET"), "{text}: {said}");
            assert_eq!(said.len(), text.len());
        }
    }

    #[test]
    fn references_and_other_values_stay() {
        for text in [
            "replicas: 3",
            "passwordSecret: {secret: shop-db, key: password}",
            "- name: REPLICAS\n  value: \"3\"",
            "password: ${PGPASSWORD}",
            "tokenRef: shop",
            "kind: Secret\nmetadata:\n  name: shop\ntype: Opaque",
        ] {
            assert_eq!(masked(text), text);
        }
    }
}
