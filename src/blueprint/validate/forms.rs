//! The forms of texts in words: a regular expression is no help to anybody who writes a blueprint.

use crate::blueprint::raw::{FOREIGN_NAME, LINE};

/// Forms by a part of their pattern that none before has: what they are, and what to write.
const FORMS: [(&str, &str, &str); 25] = [
    ("|[0-9A-Fa-f:]+)$", "it is a host name or an address, without a port", "use the name or the address alone"),
    ("^https?://", "it is a whole address", "use `https://` or `http://` in front"),
    ("\\.)+[a-z]", "it is a domain name, in small letters, and no address", "use the name"),
    ("^[a-z0-9-]+$", "it is a region, as its provider writes it", "write something like `us-east-1`"),
    (
        "^1\\.(2[89]",
        "a version of Kubernetes is its major and minor number, from 1.28 on",
        "write it in quotes: \"1.36\"",
    ),
    (
        "^0\\.(2[5-9]",
        "a version of Alertmanager is its major and minor number, from 0.25 on",
        "write it in quotes: \"0.35\"",
    ),
    (
        "^Z[A-Z0-9]",
        "the id of a hosted zone is a `Z` with capital letters and digits behind it",
        "copy it from Route 53; it looks like `Z0931127EXAMPLE`",
    ),
    ("^[A-Z]{2}$", "a country is its ISO 3166-1 code of two capital letters", "write something like `DE`"),
    ("K8", "a rule is named by its id", "write something like `RD006`"),
    ("[0-9]{4}-[0-9]{2}-[0-9]{2}", "a day is year, month and day", "write something like `2027-06-30`"),
    ("|6553[0-5])$", "it is a host and a port", "write something like `prometheus.monitoring:9090`"),
    (")*@[A-Za-z0-9]", "it is a mail address", "write something like `on-call@example.com`"),
    ("^#[a-z0-9_-]", "a channel begins with `#`, in small letters", "write it in quotes: \"#incidents\""),
    ("^[1-9][0-9]{0,8} ", "a snapshot is a number of seconds and a number of changes", "write it in quotes: \"900 1\""),
    ("weekly|monthly", "it is how often", "write `weekly`, `monthly`, `quarterly`, `yearly` or `every 2 months`"),
    (
        "^[a-z_][-a-z0-9_]{0,31}$",
        "it is an account of the operating system",
        "use small letters, digits, `-` and `_`: `postgres`",
    ),
    ("^[a-zA-Z_:]", "it is the name of a metric", "write something like `http_requests_total`"),
    ("^[a-zA-Z_][a-zA-Z0-9_]*$", "it is the name of a label", "write something like `code`"),
    (
        "[-a-z0-9.]{1,61}",
        "a bucket has 3 to 63 small letters, digits, `-` and `.`",
        "write something like `my-backups`",
    ),
    ("[-a-z0-9]{1,61}", "a container has 3 to 63 small letters, digits and `-`", "write something like `my-backups`"),
    ("{3,24}", "a storage account has 3 to 24 small letters and digits", "write something like `mybackups`"),
    ("^(@|", "it is the label in front of the zone's name", "write something like `api`, or `@` for the zone itself"),
    ("[-._a-zA-Z0-9]{0,251}$", "it is a key of a Secret", "use letters, digits, `-`, `_` and `.`, not `..` in front"),
    (
        "[-A-Za-z0-9_.]",
        "it is a label of Kubernetes",
        "use letters, digits, `-`, `_` and `.`, at most 63, beginning and ending with a letter or digit",
    ),
    (
        "^[a-z0-9]",
        "it is a name of Kubernetes or of a provider",
        "use small letters, digits, `-` and `.`, beginning and ending with a letter or digit",
    ),
];

/// What a pattern wants, in words, and an example, for the patterns that stand on keys.
pub fn form(pattern: &str) -> (String, String) {
    let say = |what: &str, fix: &str| (what.to_owned(), fix.to_owned());
    if pattern.starts_with("^[a-z]([-a-z0-9]{0,38}") || pattern.starts_with("^[a-z0-9]([-a-z0-9]{0,38}") {
        return say(
            "a name is a DNS label: it names Kubernetes objects",
            "use lower-case letters, digits and `-`, at most 40, beginning with a letter",
        );
    }
    if pattern.starts_with("^[A-Z_][A-Z0-9_]") {
        return say("it names an environment variable", "use capital letters, digits and `_`");
    }
    if pattern.starts_with("^(services|postgres") {
        return say(
            "a reference is the path of what it names",
            "write something like `postgres.main`, `redis.sessions`, `services.api` or `external.openai`",
        );
    }
    if pattern.starts_with("^[0-9*,/-]+ ") {
        return say("a cron time has five fields", "write it in quotes: \"0 2 * * *\"");
    }
    if pattern.starts_with("^[A-Z][A-Za-z0-9]*$") {
        return say("alerts are called like `ServiceDown`", "use letters and digits, beginning with a capital");
    }
    if pattern == LINE {
        return say(
            "it is one line of text that says something",
            "leave out line breaks and control characters; leave the key out where there is nothing to say",
        );
    }
    if pattern == FOREIGN_NAME {
        return say("it is a name that another system gave", "use letters, digits and -._:/@+=,~");
    }
    if pattern.contains("@sha256") || pattern.is_empty() {
        return say("", if pattern.is_empty() { "write a shorter text" } else { "" });
    }
    let known = FORMS.iter().find(|(part, ..)| pattern.contains(part));
    // For any other form the example and the description of its field say the rest.
    known.map_or_else(|| say("", "write it as its description says"), |(_, what, fix)| say(what, fix))
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::form;
    use crate::blueprint::schema::SCHEMA;

    /// Every pattern of the schema has words, or an example that stands beside it.
    #[test]
    fn every_form_is_said_in_words() {
        fn walk(node: &Value, silent: &mut Vec<String>) {
            match node {
                Value::Object(map) => {
                    let pattern = map.get("pattern").and_then(Value::as_str);
                    if let Some(pattern) = pattern.filter(|_| !map.contains_key("examples")) {
                        let (what, fix) = form(pattern);
                        if what.is_empty() || fix.contains("description") {
                            silent.push(pattern.to_owned());
                        }
                    }
                    map.values().for_each(|value| walk(value, silent));
                }
                Value::Array(items) => items.iter().for_each(|item| walk(item, silent)),
                _ => {}
            }
        }
        let mut silent = Vec::new();
        walk(&SCHEMA, &mut silent);
        assert!(silent.is_empty(), "{silent:?}");
    }
}
