//! Escaping, by file kind: no value can change the structure of the file that it is written into.
//!
//! Each function writes one value. What a syntax cannot express (a line break in `redis.conf`) is an error that
//! stops the render; nothing is dropped or replaced in silence.

use std::io::{Error, Result, Write};

pub use crate::document::quote::{push_yaml, yaml_plain, yaml_string};

fn refuse<T>(syntax: &str, value: &str) -> Result<T> {
    Err(Error::other(format!("{value:?} cannot be written into {syntax}: it would change the file's structure")))
}

/// A YAML scalar.
pub fn yaml(text: &str, out: &mut dyn Write) -> Result<()> {
    out.write_all(yaml_string(text).as_bytes())
}

/// A JSON string, with its quotes.
pub fn json(text: &str, out: &mut dyn Write) -> Result<()> {
    serde_json::to_writer(out, text).map_err(Error::from)
}

/// A value that stands to the end of its line: no line break, no control character, no blank at its ends.
fn line(syntax: &str, text: &str, out: &mut dyn Write) -> Result<()> {
    if text.is_empty()
        || text.chars().any(char::is_control)
        || text.trim() != text
        || text.starts_with(['#', ';', '"', '\''])
    {
        return refuse(syntax, text);
    }
    out.write_all(text.as_bytes())
}

/// A value of an INI file (pgbouncer.ini, pgbackrest.conf).
pub fn ini(text: &str, out: &mut dyn Write) -> Result<()> {
    line("an INI file", text, out)
}

/// A word of redis.conf: in quotes where a blank or a quote demands it; Redis knows no comment behind a value.
pub fn redis(text: &str, out: &mut dyn Write) -> Result<()> {
    if text.is_empty() {
        return out.write_all(b"\"\"");
    }
    if text.chars().any(char::is_control) {
        return refuse("redis.conf", text);
    }
    if text.chars().any(|c| c.is_whitespace() || matches!(c, '"' | '\'' | '\\' | '#')) {
        let escaped = text.replace('\\', "\\\\").replace('"', "\\\"");
        return write!(out, "\"{escaped}\"");
    }
    out.write_all(text.as_bytes())
}

/// A word of haproxy.cfg.
pub fn haproxy(text: &str, out: &mut dyn Write) -> Result<()> {
    if text.is_empty()
        || text.chars().any(|c| c.is_control() || c.is_whitespace() || matches!(c, '#' | '\\' | '"' | '\'' | '$'))
    {
        return refuse("haproxy.cfg", text);
    }
    out.write_all(text.as_bytes())
}

/// A word of a systemd unit.
pub fn systemd(text: &str, out: &mut dyn Write) -> Result<()> {
    if text.is_empty()
        || text.chars().any(|c| c.is_control() || matches!(c, '\\' | '"' | '\'' | '$'))
        || text.trim() != text
    {
        return refuse("a systemd unit", text);
    }
    out.write_all(text.replace('%', "%%").as_bytes())
}

/// One word of a shell script, in single quotes where it needs them.
pub fn shell(text: &str, out: &mut dyn Write) -> Result<()> {
    if text.contains('\0') {
        return refuse("a shell script", text);
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@%+=,".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return out.write_all(text.as_bytes());
    }
    write!(out, "'{}'", text.replace('\'', "'\\''"))
}

/// Text of a Markdown page: on one line, with everything escaped that could open markup.
pub fn markdown(text: &str, out: &mut dyn Write) -> Result<()> {
    // At the head of a line these begin an item or a numbered one, or turn the line above into a heading.
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let sign = if digits > 0 { ['.', ')'].as_slice() } else { ['-', '+', '='].as_slice() };
    let ends = |at: usize| text[at + 1..].chars().next().is_none_or(|c| c.is_whitespace() || sign.contains(&c));
    for (at, c) in text.char_indices() {
        match c {
            c if at == digits && sign.contains(&c) && ends(at) => write!(out, "\\{c}")?,
            '\n' | '\r' | '\t' => out.write_all(b" ")?,
            c if c.is_control() => {}
            '<' => out.write_all(b"&lt;")?,
            '>' => out.write_all(b"&gt;")?,
            '&' => out.write_all(b"&amp;")?,
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '#' | '!' | '~' => write!(out, "\\{c}")?,
            c => write!(out, "{c}")?,
        }
    }
    Ok(())
}

/// Plain text: no control characters.
pub fn text(text: &str, out: &mut dyn Write) -> Result<()> {
    if text.chars().any(char::is_control) {
        return refuse("a text file", text);
    }
    out.write_all(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn yaml_quotes_what_some_reader_would_change() {
        for text in [
            "no", "y", "1.10", "25%", "500m", "012", "a: b", "a #b", "~", "", "- a", "null", "12:30", "<<", "a\nb",
            "é", "{{ x }}",
        ] {
            assert!(!yaml_plain(text), "{text}");
        }
        for text in ["api", "registry.example.com/a:1.2@sha256:ab", "http://a/b", "ANY 1 (a)"] {
            assert!(yaml_plain(text), "{text}");
        }
        assert_eq!(yaml_string("it's"), "\"it's\"");
        assert_eq!(yaml_string("a\u{2028}"), "\"a\\u2028\"");
    }

    #[test]
    fn what_a_syntax_cannot_hold_is_refused() {
        let refused = |f: fn(&str, &mut dyn Write) -> Result<()>, text: &str| f(text, &mut Vec::new()).is_err();
        assert!(refused(redis, "a\nreplicaof x 1"));
        assert!(refused(ini, "a\nb=c"));
        assert!(refused(haproxy, "a b"));
        assert!(refused(systemd, "a\nExecStart=/bin/sh"));
        let mut quoted = Vec::new();
        assert!(shell("it's; rm -rf /", &mut quoted).is_ok());
        assert_eq!(quoted, b"'it'\\''s; rm -rf /'");
    }
}
