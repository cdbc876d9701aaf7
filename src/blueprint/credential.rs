//! What looks like a credential, and what stands for something that was never filled in.
//!
//! One detector for what is read (BP014, BP150) and for what is rendered (`verify`), so that a value which is accepted at its
//! line is never refused in a file that nobody wrote by hand.

use std::sync::LazyLock;

use aho_corasick::AhoCorasick;

/// How the last word of a name that holds a credential ends: libpq knows `PGPASSWORD`.
const LAST: [&str; 10] = [
    "password",
    "passwd",
    "passphrase",
    "secret",
    "token",
    "credential",
    "credentials",
    "apikey",
    "secretkey",
    "accesskey",
];
/// The last two words of a name that holds a credential. `PWD` alone is the working directory, and `KEY` alone is anything.
const LAST_TWO: [[&str; 2]; 7] = [
    ["api", "key"],
    ["access", "key"],
    ["secret", "key"],
    ["private", "key"],
    ["account", "key"],
    ["service", "key"],
    ["encryption", "key"],
];
/// The last two words of a name that says `token` or `credentials` and means neither: etcd's name for a cluster, and the
/// path of a file of Google's libraries.
const INNOCENT: [[&str; 2]; 2] = [["cluster", "token"], ["application", "credentials"]];

/// The words of a name, in lower case: `DB_PASSWORD`, `dbPassword` and `db-password` have the same two.
fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut before = '_';
    for c in name.chars() {
        if c.is_ascii_alphanumeric() {
            let begins = !before.is_ascii_alphanumeric() || (c.is_ascii_uppercase() && before.is_ascii_lowercase());
            match words.last_mut().filter(|_| !begins) {
                Some(word) => word.push(c.to_ascii_lowercase()),
                None => words.push(c.to_ascii_lowercase().to_string()),
            }
        }
        before = c;
    }
    words
}

/// Whether a name says that it holds a credential: by whole words at its end, for `TOKEN_URL`, `PASSWORD_MIN` and
/// `MAX_TOKENS` hold none.
pub fn names_one(name: &str) -> bool {
    // Most names end in nothing of the kind; those are not taken apart.
    let end = name.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
    let ends = |word: &str| {
        end.len()
            .checked_sub(word.len())
            .and_then(|at| end.get(at..))
            .is_some_and(|tail| tail.eq_ignore_ascii_case(word))
    };
    if !LAST.iter().chain(&["key", "pass", "pwd"]).any(|word| ends(word)) {
        return false;
    }
    let words = words(name);
    if words.first().is_some_and(|first| first == "max" || first == "min") {
        return false;
    }
    let ends_with = |pair: &[&str; 2]| words.len() >= 2 && words[words.len() - 2..] == *pair;
    let Some(last) = words.last() else { return false };
    let short = words.len() >= 2 && matches!(last.as_str(), "pass" | "pwd");
    (LAST.iter().any(|word| last.ends_with(word)) || short || LAST_TWO.iter().any(ends_with))
        && !INNOCENT.iter().any(ends_with)
}

/// Whether a text is the thing itself: no path, no address, no variable, no template, no switch, nothing empty.
pub fn is_literal(text: &str) -> bool {
    let switch = ["true", "false", "yes", "no", "on", "off", "none", "enabled", "disabled", "required", "optional"];
    !text.is_empty()
        && !text.starts_with(['/', '$', '%', '<', '*'])
        && !["$(", "${", "{{", "://"].iter().any(|part| text.contains(part))
        && !switch.contains(&text.to_ascii_lowercase().as_str())
}

/// What every credential that [`key_material`] knows holds: where none of these stands, nothing needs a closer look.
const MARKS: [&str; 23] = [
    "PRIVATE KEY-----",
    "AKIA",
    "ASIA",
    "ghp_",
    "gho_",
    "ghu_",
    "ghs_",
    "ghr_",
    "github_pat_",
    "sk_live_",
    "sk_test_",
    "rk_live_",
    "whsec_",
    "sk-",
    "glpat-",
    "xoxb-",
    "xoxp-",
    "xoxa-",
    "xapp-",
    "AIza",
    "hooks.slack.com/services/T",
    "://",
    "-----BEGIN ",
];

/// One pass over a text for all marks, instead of one for each.
static MARKED: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| AhoCorasick::new(MARKS).ok());

/// The lines of a text that hold key material: their number, from 1, and what it is.
pub fn lines_with_key_material(text: &str) -> Vec<(u32, &'static str)> {
    let Some(marked) = MARKED.as_ref() else { return Vec::new() };
    let (mut found, mut seen, mut counted, mut number) = (Vec::new(), 0, 0, 1u32);
    for mark in marked.find_iter(text) {
        if mark.start() < seen {
            continue;
        }
        let start = text[..mark.start()].rfind('\n').map_or(0, |at| at + 1);
        let end = text[mark.start()..].find('\n').map_or(text.len(), |at| mark.start() + at);
        number += text[counted..start].matches('\n').count() as u32;
        (seen, counted) = (end, start);
        found.extend(key_material(&text[start..end]).map(|what| (number, what)));
    }
    found
}

/// What a line holds that can only be a real key, token or password, if it does.
pub fn key_material(line: &str) -> Option<&'static str> {
    let run = |prefix: &str, least: usize, dashes: bool| {
        line.match_indices(prefix).any(|(at, _)| {
            let before = line[..at].chars().next_back().is_none_or(|c| !c.is_ascii_alphanumeric());
            let rest = line[at + prefix.len()..].bytes();
            let fits = |b: &u8| b.is_ascii_alphanumeric() || *b == b'_' || (dashes && *b == b'-');
            before && rest.take_while(fits).count() >= least
        })
    };
    if line.contains("-----BEGIN ") && line.contains("PRIVATE KEY-----") {
        Some("a private key")
    } else if run("AKIA", 16, false) || run("ASIA", 16, false) {
        Some("an AWS access key")
    } else if ["ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"].iter().any(|prefix| run(prefix, 22, false)) {
        Some("a GitHub token")
    } else if ["sk_live_", "sk_test_", "rk_live_", "whsec_"].iter().any(|prefix| run(prefix, 16, false))
        || ["sk-ant-", "sk-proj-", "sk-svcacct-", "glpat-"].iter().any(|prefix| run(prefix, 16, true))
        || ["xoxb-", "xoxp-", "xoxa-", "xapp-"].iter().any(|prefix| run(prefix, 8, true))
        || run("sk-", 32, false)
        || run("AIza", 35, true)
        || line.contains("hooks.slack.com/services/T")
    {
        Some("a token")
    } else if password_in_url(line) {
        Some("a password in an address")
    } else {
        None
    }
}

/// What a value holds that can only be a credential: key material, or a connection string with a password.
pub fn in_text(text: &str) -> Option<&'static str> {
    let connection = |word: &str| {
        let value = word.strip_prefix("password=").or_else(|| word.strip_prefix("pwd="));
        value.is_some_and(|value| is_literal(value.trim_matches(['"', '\''])))
    };
    key_material(text)
        .or_else(|| text.split([' ', ';', '\n', '\t']).any(connection).then_some("a password in a connection string"))
}

/// Whether an address on a line has a user with a literal password.
fn password_in_url(line: &str) -> bool {
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

/// Whether a whole value stands for something that was never filled in. `todo` in small letters is a name like any other,
/// and `<name>` inside of a sentence is part of it.
pub fn is_placeholder(text: &str) -> bool {
    const WORDS: [&str; 8] =
        ["CHANGE_ME", "CHANGEME", "CHANGE-ME", "REPLACE_ME", "REPLACEME", "REPLACE-ME", "FIXME", "TBD"];
    let angle = text.strip_prefix('<').and_then(|rest| rest.strip_suffix('>')).is_some_and(|inner| {
        inner.starts_with(|c: char| c.is_ascii_alphabetic())
            && inner.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ' '))
    });
    angle
        || (text.len() >= 3 && text.bytes().all(|b| b.eq_ignore_ascii_case(&b'X')))
        || WORDS.iter().any(|word| text.eq_ignore_ascii_case(word))
        || text == "TODO"
        || text.starts_with("Z123456")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_judged_by_whole_words_at_their_end() {
        for name in
            ["PGPASSWORD", "DB_PASSWORD", "dbPassword", "API_KEY", "SMTP_PASS", "SESSION_TOKEN", "CLIENT_SECRET"]
        {
            assert!(names_one(name), "{name}");
        }
        for name in [
            "TOKEN_URL",
            "MAX_TOKENS",
            "MAX_TOKEN",
            "PASSWORD_MIN",
            "PASSWORD_FILE",
            "SECRET_NAME",
            "TOKEN_TTL",
            "ROUTING_KEY",
            "PWD",
            "GOOGLE_APPLICATION_CREDENTIALS",
            "initial-cluster-token",
            "password_encryption",
            "BYPASS",
        ] {
            assert!(!names_one(name), "{name}");
        }
    }

    #[test]
    fn key_material_is_known_by_its_form() {
        for text in [
            "sk_live_abcdefghijklmnop1234",
            "sk-ant-api03-abcdefgh-ijklmnop",
            "AKIAIOSFODNN7EXAMPLE",
            "postgres://app:hunter2@db/app",
            "host=db password=hunter2",
        ] {
            assert!(in_text(text).is_some(), "{text}");
        }
        for text in ["postgres://app:$(PASSWORD)@db/app", "disk-usage", "password=$PASSWORD", "https://a.example/b:c@d"]
        {
            assert!(in_text(text).is_none(), "{text}");
        }
    }

    #[test]
    fn a_placeholder_is_a_whole_value() {
        for text in ["TODO", "TBD", "tbd", "xxx", "CHANGEME", "<primary-ip>", "Z1234567890"] {
            assert!(is_placeholder(text), "{text}");
        }
        for text in ["todo", "hello <name>", "orders.created", "xx", "TODO list"] {
            assert!(!is_placeholder(text), "{text}");
        }
    }
}
