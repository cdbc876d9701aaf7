//! redis.conf and sentinel.conf: directives that exist with as many values as they take. Redis knows no comment behind a
//! value (F-RD-12), so a `#` there is one value too many.

use std::collections::BTreeMap;

use super::Fault;
use super::known::{self, REDIS_MANY, REDIS_ONE, SENTINEL};

/// The directives that may stand several times.
const REPEATED: [&str; 8] = [
    "save",
    "client-output-buffer-limit",
    "include",
    "loadmodule",
    "rename-command",
    "user",
    "sentinel",
    "oom-score-adj-values",
];

/// Checks a file.
pub fn check(text: &str, sentinel: bool) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut seen: BTreeMap<String, (u32, Vec<String>)> = BTreeMap::new();
    for (number, line) in text.lines().enumerate() {
        let number = number as u32 + 1;
        let content = line.trim();
        if content.is_empty() || content.starts_with('#') {
            continue;
        }
        let Some(words) = split(content) else {
            faults.push(Fault::at(number, format!("the quotes are not closed: {content}")));
            continue;
        };
        let (name, values) = words.split_first().map_or((String::new(), &[][..]), |(n, v)| (n.to_ascii_lowercase(), v));
        if let Some(message) = directive(&name, values, sentinel) {
            faults.push(Fault::at(number, message));
            continue;
        }
        if let Some((first, _)) = seen.get(&name)
            && !REPEATED.contains(&name.as_str())
        {
            faults.push(Fault::at(number, format!("`{name}` stands twice, first on line {first}")));
        }
        seen.insert(name, (number, values.to_vec()));
    }
    let value = |name: &str| seen.get(name).and_then(|(_, values)| values.first()).map(String::as_str);
    if value("cluster-enabled") == Some("yes")
        && let Some((line, _)) = seen.get("replicaof")
    {
        faults.push(Fault::at(*line, "`replicaof` is not allowed in cluster mode (R-RD-01)"));
    }
    faults
}

/// What is wrong with a directive.
fn directive(name: &str, values: &[String], sentinel: bool) -> Option<String> {
    let count = values.len();
    if let Some(at) = values.iter().position(|value| value == "#" || (value.starts_with('#') && at_most_one(name))) {
        return Some(format!(
            "a comment stands behind the value of `{name}`: Redis takes `{}` for a value (R-RD-02)",
            values[at]
        ));
    }
    if matches!(name, "requirepass" | "masterauth" | "tls-key-file-pass" | "tls-client-key-file-pass") {
        return Some(format!(
            "`{name}` holds a secret: it belongs into a file that is included or loaded, never written here"
        ));
    }
    if sentinel && name == "sentinel" {
        let command = values.first().map(String::as_str).unwrap_or_default();
        return match SENTINEL.iter().find(|(known, _, _)| *known == command) {
            None => Some(format!("sentinel knows no `{command}`")),
            Some((_, least, most)) if (*least..=*most).contains(&(count - 1)) => None,
            Some((_, least, _)) => {
                Some(format!("`sentinel {command}` takes {least} values, and {} stand here", count - 1))
            }
        };
    }
    if let Some((_, least, most)) = REDIS_MANY.iter().find(|(known, _, _)| *known == name) {
        if name == "save" && !(count.is_multiple_of(2) || values == [""]) {
            return Some("`save` takes pairs of seconds and changes".to_owned());
        }
        return (!(*least..=*most).contains(&count))
            .then(|| format!("`{name}` takes {least} to {most} values, and {count} stand here"));
    }
    if !known::has(REDIS_ONE, name) {
        return Some(format!("Redis knows no directive `{name}`{}", known::hint(&[REDIS_ONE], name)));
    }
    (count != 1).then(|| format!("`{name}` takes one value, and {count} stand here"))
}

fn at_most_one(name: &str) -> bool {
    known::has(REDIS_ONE, name) && !matches!(name, "logfile" | "proc-title-template")
}

/// The words of a line as Redis splits it; `None` when a quote is not closed.
pub fn split(line: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut chars = line.chars().peekable();
    loop {
        while chars.peek().is_some_and(|c| c.is_whitespace()) {
            chars.next();
        }
        let Some(first) = chars.next() else { return Some(words) };
        let mut word = String::new();
        match first {
            '"' => loop {
                match chars.next()? {
                    '"' => break,
                    '\\' => word.push(chars.next()?),
                    c => word.push(c),
                }
            },
            '\'' => loop {
                match chars.next()? {
                    '\'' => break,
                    '\\' if chars.peek() == Some(&'\'') => word.extend(chars.next()),
                    c => word.push(c),
                }
            },
            c => {
                word.push(c);
                while let Some(c) = chars.next_if(|c| !c.is_whitespace()) {
                    word.push(c);
                }
                words.push(word);
                continue;
            }
        }
        if chars.peek().is_some_and(|c| !c.is_whitespace()) {
            return None;
        }
        words.push(word);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_redis_would_not_start_with_is_refused() {
        let good = "port 6379\nsave 900 1\nsave \"\"\nlogfile \"\"\nclient-output-buffer-limit replica 1 2 3\n";
        assert_eq!(check(good, false), []);
        for (line, expected) in [
            ("cluster-require-full-coverage no # partial", "a comment stands behind"),
            ("cluster-node-timout 5", "did you mean `cluster-node-timeout`?"),
            ("maxmemory 2 gb", "takes one value, and 2 stand here"),
            ("save 900", "pairs"),
            ("port 1", "stands twice"),
            ("requirepass x", "holds a secret"),
            ("logfile \"x", "not closed"),
        ] {
            let faults = check(&format!("{good}{line}\n"), false);
            assert!(faults.iter().any(|f| f.message.contains(expected) && f.line == 6), "{line}: {faults:?}");
        }
        assert!(!check("cluster-enabled yes\nreplicaof 1.2.3.4 6379\n", false).is_empty());
        assert_eq!(check("sentinel monitor m h 1 2\n", true), []);
    }
}
