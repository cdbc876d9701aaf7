//! PostgreSQL parameters as a blueprint writes them: they win over what hagen sets, and PostgreSQL reads them by its own rules.

use crate::blueprint::Postgres;
use crate::blueprint::units::Duration;
use crate::document::Path;
use crate::path;

/// The text of a parameter, where it is written.
pub fn parameter<'a>(cluster: &'a Postgres, name: &str) -> Option<&'a str> {
    let found = cluster.spec.parameters.iter().find(|(parameter, _)| parameter.as_str() == name)?;
    Some(found.1.0.trim())
}

/// Where a parameter stands.
pub fn place(cluster: &Postgres, name: &str) -> Path {
    path!["postgres", cluster.name, "parameters", name]
}

/// A truth value in any of the forms that PostgreSQL takes; `None` for anything else.
pub fn boolean(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "on" | "true" | "yes" | "1" | "t" | "y" => Some(true),
        "off" | "of" | "false" | "no" | "0" | "f" | "n" => Some(false),
        _ => None,
    }
}

fn number(text: &str) -> Option<(f64, &str)> {
    let end = text.find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | '-' | '+'))).unwrap_or(text.len());
    Some((text[..end].parse().ok()?, text[end..].trim_start()))
}

/// A time that PostgreSQL understands; a number alone counts `unit` milliseconds. Below zero it is `Err`: no limit.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a time of a parameter fits, and is not negative"
)]
pub fn time(text: &str, unit: u64) -> Option<Result<Duration, Unlimited>> {
    let (number, written) = number(text)?;
    if number < 0.0 {
        return Some(Err(Unlimited));
    }
    let millis = match written {
        "" => number * unit as f64,
        "us" => number / 1000.0,
        "ms" => number,
        "s" => number * 1000.0,
        "min" => number * 60_000.0,
        "h" => number * 3_600_000.0,
        "d" => number * 86_400_000.0,
        _ => return None,
    };
    Some(Ok(Duration::from_millis(millis as u64)))
}

/// A size in bytes that PostgreSQL understands; a number alone counts `unit` bytes. Below zero it is `Err`: no limit.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a size of a parameter fits, and is not negative"
)]
pub fn size(text: &str, unit: u64) -> Option<Result<u64, Unlimited>> {
    let (number, written) = number(text)?;
    if number < 0.0 {
        return Some(Err(Unlimited));
    }
    let bytes = match written {
        "" => unit,
        "B" => 1,
        "kB" => 1 << 10,
        "MB" => 1 << 20,
        "GB" => 1 << 30,
        "TB" => 1 << 40,
        _ => return None,
    };
    Some(Ok((number * bytes as f64) as u64))
}

/// A parameter that is below zero, which means no limit where PostgreSQL takes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unlimited;

/// What an `archive_command` does with a segment, as far as its words tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Archiver<'a> {
    /// Nothing: the segment counts as archived and is gone.
    Nothing,
    /// pgBackRest, with the stanza that it names.
    Pgbackrest(Option<&'a str>),
    /// Another archiver that checks what it writes.
    Other(&'a str),
    /// A plain copy that overwrites; one that looks before it copies is `Unknown`.
    Copy(&'a str),
    /// A script, or something that hagen does not know.
    Unknown,
}

/// Reads an `archive_command`.
pub fn archiver(command: &str) -> Archiver<'_> {
    let words = command.split(|c: char| c.is_whitespace() || ";&|\"'".contains(c)).filter(|w| !w.is_empty());
    let words: Vec<&str> = words.collect();
    // Programs without their directories.
    let programs: Vec<&str> = words.iter().map(|word| word.rsplit('/').next().unwrap_or(word)).collect();
    let called = |names: &[&str]| programs.iter().copied().find(|program| names.contains(program));
    let archivers = ["wal-g", "wal-e", "barman-wal-archive", "barman-cloud-wal-archive", "pgmoneta"];
    if programs.iter().all(|word| matches!(*word, "true" | ":" | "exit" | "0" | "(disabled)")) {
        return Archiver::Nothing;
    }
    if called(&["pgbackrest"]).is_some() {
        let after = words.iter().skip_while(|word| **word != "--stanza").nth(1);
        let stanza = words.iter().find_map(|word| word.strip_prefix("--stanza="));
        return Archiver::Pgbackrest(stanza.or(after.copied()));
    }
    if let Some(other) = called(&archivers) {
        return Archiver::Other(other);
    }
    let looks = ["!", "--ignore-existing", "--no-clobber", "-n"];
    match called(&["cp", "scp", "rsync", "mv", "az"]) {
        Some(copy) if !words.iter().any(|word| looks.contains(word)) => Archiver::Copy(copy),
        _ => Archiver::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_as_postgresql_reads_them() {
        assert_eq!(time("30", 1000), Some(Ok(Duration::from_secs(30))));
        assert_eq!(time("5min", 1), Some(Ok(Duration::from_secs(300))));
        assert_eq!(time("-1", 1), Some(Err(Unlimited)));
        assert_eq!(time("5 minutes", 1), None);
        assert_eq!(size("64", 1 << 20), Some(Ok(64 << 20)));
        assert_eq!(size("1.5GB", 1 << 20), Some(Ok(3 << 29)));
        assert_eq!((boolean("OFF"), boolean("maybe")), (Some(false), None));
    }

    #[test]
    fn commands_are_known_by_their_programs() {
        for (command, expected) in [
            ("", Archiver::Nothing),
            ("/bin/true", Archiver::Nothing),
            ("exit 0", Archiver::Nothing),
            ("pgbackrest --stanza=main archive-push %p", Archiver::Pgbackrest(Some("main"))),
            ("/usr/bin/pgbackrest --stanza main archive-push %p", Archiver::Pgbackrest(Some("main"))),
            ("pgbackrest archive-push %p", Archiver::Pgbackrest(None)),
            ("envdir /etc/wal-g wal-g wal-push \"%p\"", Archiver::Other("wal-g")),
            ("cp %p /archive/%f", Archiver::Copy("cp")),
            ("aws s3 cp %p s3://bucket/%f", Archiver::Copy("cp")),
            ("test ! -f /archive/%f && cp %p /archive/%f", Archiver::Unknown),
            ("rsync --ignore-existing %p backup:/archive/%f", Archiver::Unknown),
            ("/opt/archive.sh %p", Archiver::Unknown),
        ] {
            assert_eq!(archiver(command), expected, "{command}");
        }
    }
}
