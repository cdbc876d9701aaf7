//! Scalars of YAML, and lists and maps on one line. A plain scalar that readers of YAML 1.1 and 1.2 take for different
//! things is a fault: the file would mean one thing to one program and another to the next.

use std::borrow::Cow;

use super::{DEPTH, Stop};
use crate::verify::Fault;
use crate::verify::tree::{Key, Node, Value, twice};

/// The value at the beginning of a text, and what stands behind it. `flow` is true between brackets.
pub fn value(text: &str, line: u32, flow: bool, depth: usize) -> Result<(Value<'_>, &str), Stop> {
    if depth > DEPTH {
        return Err(Stop::Fault(Fault::at(line, "values stand too deep in each other")));
    }
    match text.as_bytes().first() {
        None => Err(Stop::Unknown),
        Some(b'"') => double(text),
        Some(b'\'') => single(text),
        Some(b'[') => list(&text[1..], line, depth),
        Some(b'{') => map(&text[1..], line, depth),
        Some(_) => {
            let end = plain_end(text, flow);
            let rest = &text[end..];
            Ok((
                plain(text[..end].trim_end_matches(' '), line)?,
                if rest.starts_with('#') { &text[end - 1..] } else { rest },
            ))
        }
    }
}

/// Where a plain scalar ends.
fn plain_end(text: &str, flow: bool) -> usize {
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let blank_follows = bytes.get(at + 1).is_none_or(|next| *next == b' ');
        match bytes[at] {
            b'#' if at > 0 && bytes[at - 1] == b' ' => return at,
            b',' | b'[' | b']' | b'{' | b'}' if flow => return at,
            b':' if flow && (blank_follows || bytes.get(at + 1).is_some_and(|next| b",[]{}".contains(next))) => {
                return at;
            }
            _ => at += 1,
        }
    }
    at
}

/// What a plain scalar means.
pub fn plain(text: &str, line: u32) -> Result<Value<'_>, Stop> {
    let first = text.as_bytes().first().copied().unwrap_or(b' ');
    let special = b"&*!|>%@`\"'#,[]{}".contains(&first);
    let dash = matches!(first, b'-' | b'?' | b':') && text.as_bytes().get(1).is_none_or(|next| *next == b' ');
    if special || dash || (text.contains(':') && text.contains(": ")) || text.ends_with(':') || text.contains('\t') {
        return Err(Stop::Unknown);
    }
    match text {
        "null" | "Null" | "NULL" | "~" => return Ok(Value::Null),
        "true" | "True" | "TRUE" => return Ok(Value::Bool(true)),
        "false" | "False" | "FALSE" => return Ok(Value::Bool(false)),
        _ => {}
    }
    if first.is_ascii_alphabetic() || first == b'/' {
        let word =
            text.len() <= 3 && matches!(text.to_ascii_lowercase().as_str(), "y" | "n" | "yes" | "no" | "on" | "off");
        return if word { Err(two_readings(text, line)) } else { Ok(Value::Text(Cow::Borrowed(text))) };
    }
    number(text, line)
}

/// What a plain scalar means that begins like a number.
fn number(text: &str, line: u32) -> Result<Value<'_>, Stop> {
    let body = text.strip_prefix(['-', '+']).unwrap_or(text);
    let bytes = body.as_bytes();
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if digits(body) {
        if (body.len() > 1 && bytes[0] == b'0') || text.starts_with('+') {
            return Err(two_readings(text, line));
        }
        return text.parse().map(Value::Int).map_err(|_| two_readings(text, line));
    }
    if let Some((whole, part)) = body.split_once('.')
        && digits(whole)
        && digits(part)
        && (whole.len() == 1 || !whole.starts_with('0'))
        && !text.starts_with('+')
    {
        return text.parse().map(Value::Float).map_err(|_| two_readings(text, line));
    }
    let lower = body.to_ascii_lowercase();
    let dates = bytes.len() >= 8 && bytes[..4].iter().all(u8::is_ascii_digit) && bytes[4] == b'-' && {
        let rest: Vec<&str> = body.splitn(3, '-').collect();
        rest.len() == 3 && digits(rest[1]) && rest[2].as_bytes().first().is_some_and(u8::is_ascii_digit)
    };
    let begins = bytes.first().is_some_and(|b| b.is_ascii_digit() || *b == b'.');
    let odd = begins
        && (dates
            || lower.starts_with("0x")
            || lower.starts_with("0o")
            || lower.starts_with("0b")
            || matches!(lower.as_str(), ".inf" | ".nan")
            || old_number(body)
            || exponent(&lower));
    if odd || text == "=" || text == "<<" {
        return Err(two_readings(text, line));
    }
    Ok(Value::Text(Cow::Borrowed(text)))
}

/// Whether a text is a number for a reader of YAML 1.1: `1_000`, `22:22`, `.5`, `012.5`. An address is none.
fn old_number(text: &str) -> bool {
    let form = text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'_' | b':' | b'.'));
    let first = text.split(':').next().unwrap_or(text);
    form && if first.len() < text.len() {
        !first.contains('.')
    } else {
        text.contains('_') || text.matches('.').count() == 1
    }
}

/// Whether a text is a number with an exponent, for some reader.
fn exponent(text: &str) -> bool {
    text.split_once('e').is_some_and(|(mantissa, power)| {
        let power = power.strip_prefix(['+', '-']).unwrap_or(power);
        !mantissa.is_empty()
            && mantissa.bytes().all(|b| b.is_ascii_digit() || b == b'.' || b == b'_')
            && !power.is_empty()
            && power.bytes().all(|b| b.is_ascii_digit())
    })
}

fn two_readings(text: &str, line: u32) -> Stop {
    Stop::Fault(Fault::at(
        line,
        format!("`{text}` stands without quotes, and not every YAML reader takes it for the same"),
    ))
}

fn single(text: &str) -> Result<(Value<'_>, &str), Stop> {
    let body = &text[1..];
    let mut from = 0;
    while let Some(at) = body[from..].find('\'').map(|at| at + from) {
        if body[at + 1..].starts_with('\'') {
            from = at + 2;
            continue;
        }
        let inner = &body[..at];
        let value = if inner.contains("''") { Cow::Owned(inner.replace("''", "'")) } else { Cow::Borrowed(inner) };
        return Ok((Value::Text(value), &body[at + 1..]));
    }
    Err(Stop::Unknown)
}

fn double(text: &str) -> Result<(Value<'_>, &str), Stop> {
    let body = &text[1..];
    let end = body.find(['"', '\\']).ok_or(Stop::Unknown)?;
    if body.as_bytes()[end] == b'"' {
        return Ok((Value::Text(Cow::Borrowed(&body[..end])), &body[end + 1..]));
    }
    let mut value = String::from(&body[..end]);
    let mut chars = body[end..].char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Ok((Value::Text(Cow::Owned(value)), &body[end + at + 1..])),
            '\\' => {
                let (_, escape) = chars.next().ok_or(Stop::Unknown)?;
                let length = match escape {
                    'x' => 2,
                    'u' => 4,
                    'U' => 8,
                    _ => 0,
                };
                if length == 0 {
                    value.push(escaped(escape)?);
                } else {
                    let digits: String = chars.by_ref().take(length).map(|(_, digit)| digit).collect();
                    let code = u32::from_str_radix(&digits, 16).ok().filter(|_| digits.len() == length);
                    value.push(code.and_then(char::from_u32).ok_or(Stop::Unknown)?);
                }
            }
            c => value.push(c),
        }
    }
    Err(Stop::Unknown)
}

fn escaped(c: char) -> Result<char, Stop> {
    Ok(match c {
        '0' => '\0',
        'a' => '\x07',
        'b' => '\x08',
        't' | '\t' => '\t',
        'n' => '\n',
        'v' => '\x0b',
        'f' => '\x0c',
        'r' => '\r',
        'e' => '\x1b',
        ' ' => ' ',
        '"' => '"',
        '/' => '/',
        '\\' => '\\',
        'N' => '\u{85}',
        '_' => '\u{a0}',
        'L' => '\u{2028}',
        'P' => '\u{2029}',
        _ => return Err(Stop::Unknown),
    })
}

fn list(text: &str, line: u32, depth: usize) -> Result<(Value<'_>, &str), Stop> {
    let mut items = Vec::new();
    let mut rest = text.trim_start_matches(' ');
    if let Some(rest) = rest.strip_prefix(']') {
        return Ok((Value::List(items), rest));
    }
    loop {
        let (item, behind) = value(rest, line, true, depth + 1)?;
        items.push(Node { line, value: item });
        rest = behind.trim_start_matches(' ');
        if let Some(rest) = rest.strip_prefix(']') {
            return Ok((Value::List(items), rest));
        }
        rest = rest.strip_prefix(',').ok_or(Stop::Unknown)?.trim_start_matches(' ');
    }
}

fn map(text: &str, line: u32, depth: usize) -> Result<(Value<'_>, &str), Stop> {
    let mut entries = Vec::new();
    let mut rest = text.trim_start_matches(' ');
    while !rest.starts_with('}') {
        let (key, behind) = value(rest, line, true, depth + 1)?;
        let Value::Text(key) = key else {
            return Err(Stop::Unknown);
        };
        let behind = behind.trim_start_matches(' ').strip_prefix(": ").ok_or(Stop::Unknown)?.trim_start_matches(' ');
        let (item, behind) = value(behind, line, true, depth + 1)?;
        entries.push((Key { line, text: key }, Node { line, value: item }));
        rest = behind.trim_start_matches(' ');
        match rest.strip_prefix(',') {
            Some(more) => rest = more.trim_start_matches(' '),
            None if rest.starts_with('}') => {}
            None => return Err(Stop::Unknown),
        }
    }
    if let Some(fault) = twice(&entries) {
        return Err(Stop::Fault(fault));
    }
    Ok((Value::Map(entries), &rest[1..]))
}
