//! Texts as YAML scalars, so that every reader gets them back as they were.

/// The signs that may stand in a plain scalar, beside letters and digits.
const PLAIN_SIGNS: &[u8] = b"-_./+@=()$<>;~^ :";

/// Which bytes may stand in a plain scalar: most of what is written is asked this, byte by byte.
const PLAIN: [bool; 256] = {
    let mut plain = [false; 256];
    let mut byte = 0;
    while byte < 128 {
        plain[byte] = (byte as u8).is_ascii_alphanumeric();
        byte += 1;
    }
    let mut sign = 0;
    while sign < PLAIN_SIGNS.len() {
        plain[PLAIN_SIGNS[sign] as usize] = true;
        sign += 1;
    }
    plain
};

/// Whether a string may stand plain in YAML for every reader, of YAML 1.1 and 1.2 alike.
pub fn yaml_plain(text: &str) -> bool {
    let bytes = text.as_bytes();
    let begins = bytes.first().is_some_and(|b| b.is_ascii_alphabetic() || *b == b'/');
    if !begins || bytes.len() > 1024 || bytes.ends_with(b" ") || bytes.ends_with(b":") {
        return false;
    }
    let mut before = 0;
    for &byte in bytes {
        // Neither two blanks, nor a blank at either side of a colon.
        if !PLAIN[byte as usize] || matches!((before, byte), (b' ', b' ' | b':') | (b':', b' ')) {
            return false;
        }
        before = byte;
    }
    // The longest word that some reader takes for something else has five letters.
    bytes.len() > 5
        || !matches!(
            text.to_ascii_lowercase().as_str(),
            "y" | "n" | "yes" | "no" | "on" | "off" | "true" | "false" | "null" | "nan" | "inf"
        )
}

/// A string as a YAML scalar: plain where every reader agrees, else in quotes.
pub fn yaml_string(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    push_yaml(text, &mut quoted);
    quoted
}

/// Writes a string as a YAML scalar behind what is there.
pub fn push_yaml(text: &str, out: &mut String) {
    if yaml_plain(text) {
        return out.push_str(text);
    }
    let special = |c: char| {
        c.is_control() || matches!(c, '\u{85}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
    };
    if !text.contains(|c: char| matches!(c, '\'' | '\\') || special(c)) {
        out.push('\'');
        out.push_str(text);
        return out.push('\'');
    }
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            c if special(c) && (c as u32) < 0x100 => out.push_str(&format!("\\x{:02X}", c as u32)),
            c if special(c) => out.push_str(&format!("\\u{:04X}", c as u32)),
            c => out.push(c),
        }
    }
    out.push('"');
}
