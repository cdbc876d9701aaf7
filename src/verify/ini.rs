//! INI files: sections, options that the program knows, none twice. PgBouncer refuses an unknown option, pgBackRest only
//! warns and goes on without it.

use std::collections::BTreeMap;

use super::Fault;
use super::known::{self, PGBACKREST, PGBOUNCER, PGBOUNCER_DATABASE};

/// An option: line, section, name, value.
pub struct Entry<'a> {
    /// The line.
    pub line: u32,
    /// The section that it stands in.
    pub section: &'a str,
    /// Its name.
    pub key: &'a str,
    /// Its value.
    pub value: &'a str,
}

/// The options of a file, in order, with what is wrong about its form.
pub fn entries(text: &str) -> (Vec<Entry<'_>>, Vec<Fault>) {
    let (mut entries, mut faults) = (Vec::new(), Vec::new());
    let mut section = "";
    let mut seen: BTreeMap<(&str, &str), u32> = BTreeMap::new();
    let mut sections: BTreeMap<&str, u32> = BTreeMap::new();
    for (number, line) in text.lines().enumerate() {
        let number = number as u32 + 1;
        let content = line.trim();
        if content.is_empty() || content.starts_with(['#', ';']) {
            continue;
        }
        if let Some(name) = content.strip_prefix('[') {
            match name.strip_suffix(']') {
                Some(name) if !name.is_empty() && !name.contains(['[', ']']) => section = name,
                _ => faults.push(Fault::at(number, format!("no section: {content}"))),
            }
            if let Some(first) = sections.insert(section, number) {
                faults.push(Fault::at(number, format!("the section [{section}] stands twice, first on line {first}")));
            }
            continue;
        }
        let Some((key, value)) = content.split_once('=') else {
            faults.push(Fault::at(number, format!("neither a section nor an option: {content}")));
            continue;
        };
        let (key, value) = (key.trim(), value.trim());
        if section.is_empty() {
            faults.push(Fault::at(number, format!("`{key}` stands before the first section")));
        }
        if let Some(first) = seen.insert((section, key), number)
            && !repeatable(key)
        {
            faults.push(Fault::at(number, format!("`{key}` stands twice in [{section}], first on line {first}")));
        }
        entries.push(Entry { line: number, section, key, value });
    }
    (entries, faults)
}

/// Options of pgBackRest that may be given several times.
fn repeatable(key: &str) -> bool {
    let lists = [
        "annotation",
        "db-exclude",
        "db-include",
        "exclude",
        "link-map",
        "recovery-option",
        "tablespace-map",
        "tls-server-auth",
    ];
    lists.contains(&key) || key.ends_with("-storage-tag")
}

/// Checks pgbouncer.ini.
pub fn pgbouncer(text: &str) -> Vec<Fault> {
    let (entries, mut faults) = entries(text);
    let value = |key: &str| entries.iter().find(|e| e.section == "pgbouncer" && e.key == key).map(|e| e.value);
    for entry in &entries {
        let mut wrong = |message: String| faults.push(Fault::at(entry.line, message));
        match entry.section {
            "pgbouncer" if !known::has(PGBOUNCER, entry.key) => {
                wrong(format!("PgBouncer knows no option `{}`{}", entry.key, known::hint(&[PGBOUNCER], entry.key)));
            }
            "pgbouncer"
                if entry.value.is_empty()
                    && !matches!(entry.key, "server_reset_query" | "server_check_query" | "unix_socket_dir") =>
            {
                wrong(format!("`{}` has no value", entry.key));
            }
            "databases" => {
                for word in words(entry.value) {
                    let key = word.split('=').next().unwrap_or_default();
                    if !word.contains('=') || !known::has(PGBOUNCER_DATABASE, key) {
                        wrong(format!("`{key}` is no part of a connection{}", known::hint(&[PGBOUNCER_DATABASE], key)));
                    }
                }
            }
            "pgbouncer" | "users" | "peers" => {}
            other => wrong(format!("PgBouncer knows no section [{other}]")),
        }
    }
    if !entries.iter().any(|entry| entry.section == "databases") {
        faults.push(Fault::at(1, "[databases] is empty: nobody could connect anywhere"));
    }
    if value("auth_type").is_some_and(|kind| kind == "any" || kind == "trust") {
        faults.push(Fault::at(1, "auth_type lets anybody in without a password"));
    }
    faults
}

/// The words of a connection string; quotes hold blanks together.
fn words(text: &str) -> Vec<&str> {
    let (mut words, mut start, mut quoted) = (Vec::new(), None, false);
    for (at, c) in text.char_indices() {
        match c {
            '\'' => {
                quoted = !quoted;
                start = start.or(Some(at));
            }
            c if c.is_whitespace() && !quoted => words.extend(start.take().map(|from: usize| &text[from..at])),
            _ => start = start.or(Some(at)),
        }
    }
    words.extend(start.map(|from| &text[from..]));
    words
}

/// Checks pgbackrest.conf.
pub fn pgbackrest(text: &str) -> Vec<Fault> {
    let (entries, mut faults) = entries(text);
    let mut stanzas = 0;
    for entry in &entries {
        let generic = numbered(entry.key);
        if !known::has(PGBACKREST, &generic) {
            let hint = known::hint(&[PGBACKREST], &generic);
            faults.push(Fault::at(
                entry.line,
                format!("pgBackRest knows no option `{}`, and would go on without it{hint}", entry.key),
            ));
        }
        if entry.value.is_empty() {
            faults.push(Fault::at(entry.line, format!("`{}` has no value", entry.key)));
        }
        stanzas += usize::from(entry.section.split(':').next() != Some("global") && generic == "pg#-path");
    }
    let repository = entries.iter().any(|e| e.section == "global" && numbered(e.key).starts_with("repo#-"));
    if !repository {
        faults.push(Fault::at(1, "no repository: backups would go nowhere"));
    }
    if stanzas == 0 {
        faults.push(Fault::at(1, "no stanza names the data directory of a server"));
    }
    faults
}

/// An option with `#` for its number: `repo2-path` is `repo#-path`.
fn numbered(key: &str) -> String {
    for prefix in ["repo", "pg"] {
        if let Some(rest) = key.strip_prefix(prefix) {
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            if digits > 0 && rest[digits..].starts_with('-') {
                return format!("{prefix}#{}", &rest[digits..]);
            }
        }
    }
    key.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(faults: Vec<Fault>) -> String {
        faults.into_iter().next().map(|f| format!("{}: {}", f.line, f.message)).unwrap_or_default()
    }

    #[test]
    fn what_pgbouncer_would_not_start_with_is_refused() {
        let good =
            "[databases]\na = host=h port=5432 connect_query='select 1'\n[pgbouncer]\nauth_type = scram-sha-256\n";
        assert_eq!(first(pgbouncer(good)), "");
        assert_eq!(
            first(pgbouncer(&good.replace("auth_type", "auth_typ"))),
            "4: PgBouncer knows no option `auth_typ`; did you mean `auth_type`?"
        );
        assert_eq!(
            first(pgbouncer(&format!("{good}auth_type = md5\n"))),
            "5: `auth_type` stands twice in [pgbouncer], first on line 4"
        );
        assert!(first(pgbouncer(&good.replace("port=", "password="))).starts_with("2: `password` is no part"));
    }

    #[test]
    fn what_pgbackrest_would_skip_with_a_warning_is_refused() {
        let good = "[global]\nrepo1-path=/b\nrepo2-s3-bucket=x\n[main]\npg1-path=/d\n";
        assert_eq!(first(pgbackrest(good)), "");
        assert!(first(pgbackrest(&good.replace("repo1-path", "repo1-pth"))).contains("did you mean `repo#-path`?"));
        assert!(
            first(pgbackrest(&good.replace("repo2-s3-bucket", "repo1-s3-key"))).contains("no option `repo1-s3-key`")
        );
    }
}
