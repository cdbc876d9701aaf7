//! haproxy.cfg: sections and keywords that exist, names that are used once, quotes that are closed.

use std::collections::BTreeMap;

use super::Fault;
use super::known::{self, HAPROXY_GLOBAL, HAPROXY_OTHER, HAPROXY_PROXY, HAPROXY_TIMEOUTS};

/// Checks a file.
pub fn check(text: &str) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut section = "";
    let mut names: BTreeMap<(&str, String), u32> = BTreeMap::new();
    let mut servers: BTreeMap<String, u32> = BTreeMap::new();
    let mut backends: Vec<String> = Vec::new();
    let mut wanted: Vec<(u32, String)> = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let number = number as u32 + 1;
        let Some(words) = split(line) else {
            faults.push(Fault::at(number, "a quote is not closed"));
            continue;
        };
        let Some(word) = words.first().map(String::as_str) else { continue };
        let second = words.get(1).cloned().unwrap_or_default();
        if let Some(kind) = section_of(word).filter(|_| !line.starts_with([' ', '\t'])) {
            section = kind;
            servers.clear();
            let proxy = matches!(kind, "listen" | "frontend" | "backend");
            if proxy && words.len() < 2 {
                faults.push(Fault::at(number, format!("`{kind}` needs a name")));
            }
            if proxy && let Some(first) = names.insert((kind, second.clone()), number) {
                faults.push(Fault::at(number, format!("`{kind} {second}` stands twice, first on line {first}")));
            }
            if matches!(kind, "listen" | "backend") {
                backends.push(second);
            }
            continue;
        }
        let keyword = if word == "no" { second.as_str() } else { word };
        let list = match section {
            "" => {
                faults.push(Fault::at(number, format!("`{word}` stands before the first section")));
                continue;
            }
            "global" => HAPROXY_GLOBAL,
            "defaults" | "listen" | "frontend" | "backend" => HAPROXY_PROXY,
            _ => continue,
        };
        let tuned = section == "global" && keyword.starts_with("tune.");
        if !known::has(list, keyword) && !tuned {
            let hint = known::hint(&[list], keyword);
            faults.push(Fault::at(number, format!("`{section}` knows no keyword `{keyword}`{hint}")));
        }
        match keyword {
            "timeout" if section != "global" && (words.len() != 3 || !known::has(HAPROXY_TIMEOUTS, &second)) => {
                faults.push(Fault::at(number, format!("no timeout: {}", line.trim())));
            }
            "timeout" if section != "global" && !duration(&words[2]) => {
                faults.push(Fault::at(number, format!("no time: {}", words[2])));
            }
            "server" => {
                if words.len() < 3 {
                    faults.push(Fault::at(number, "`server` needs a name and an address"));
                }
                if let Some(first) = servers.insert(second, number) {
                    faults.push(Fault::at(number, format!("this server stands twice, first on line {first}")));
                }
            }
            "default_backend" | "use_backend" => wanted.push((number, second)),
            _ => {}
        }
    }
    for (line, name) in wanted {
        if !backends.contains(&name) && !name.contains('%') {
            faults.push(Fault::at(line, format!("there is no backend `{name}`")));
        }
    }
    faults
}

fn section_of(word: &str) -> Option<&'static str> {
    ["global", "defaults", "listen", "frontend", "backend"]
        .into_iter()
        .chain(HAPROXY_OTHER.split_ascii_whitespace())
        .find(|section| *section == word)
}

fn duration(text: &str) -> bool {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    digits > 0 && matches!(&text[digits..], "" | "us" | "ms" | "s" | "m" | "h" | "d")
}

/// The words of a line without its comment; `None` when a quote is not closed.
pub fn split(line: &str) -> Option<Vec<String>> {
    let mut words: Vec<String> = Vec::new();
    let mut word: Option<String> = None;
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match c {
            '#' => break,
            c if c.is_whitespace() => words.extend(word.take()),
            '\\' => word.get_or_insert_default().extend(chars.next()),
            '"' | '\'' => {
                let word = word.get_or_insert_default();
                loop {
                    match chars.next()? {
                        end if end == c => break,
                        '\\' if c == '"' => word.extend(chars.next()),
                        inner => word.push(inner),
                    }
                }
            }
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    Some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_haproxy_would_not_start_with_is_refused() {
        let good = "global\n    maxconn 10\ndefaults\n    timeout client 30m\nlisten a\n    bind :1\n    server x 1.2.3.4:5 check\n";
        assert_eq!(check(good), []);
        for (from, to, expected) in [
            ("timeout client 30m", "timeout klient 30m", "no timeout"),
            ("timeout client 30m", "timeout client 30x", "no time"),
            ("maxconn", "maxcon", "did you mean `maxconn`?"),
            ("    bind :1", "    server x 1.1.1.1:1", "stands twice"),
            ("    bind :1", "    default_backend b", "there is no backend `b`"),
            ("global\n", "", "before the first section"),
        ] {
            let faults = check(&good.replace(from, to));
            assert!(faults.iter().any(|f| f.message.contains(expected)), "{to}: {faults:?}");
        }
    }
}
