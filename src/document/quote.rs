//! Texts as YAML scalars, so that every reader gets them back as they were.

/// Whether a string may stand plain in YAML for every reader, of YAML 1.1 and 1.2 alike.
pub fn yaml_plain(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-_./+@=()$<>;~^ :".contains(c);
    let first = text.chars().next();
    if !first.is_some_and(|c| c.is_ascii_alphabetic() || c == '/') || text.len() > 1024 || !text.chars().all(allowed) {
        return false;
    }
    if text.ends_with([' ', ':'])
        || text.contains("  ")
        || text.contains(": ")
        || text.contains(" :")
        || text.contains(" #")
    {
        return false;
    }
    !matches!(
        text.to_ascii_lowercase().as_str(),
        "y" | "n" | "yes" | "no" | "on" | "off" | "true" | "false" | "null" | "nan" | "inf"
    )
}

/// A string as a YAML scalar: plain where every reader agrees, else in quotes.
pub fn yaml_string(text: &str) -> String {
    if yaml_plain(text) {
        return text.to_owned();
    }
    let special = |c: char| {
        c.is_control() || matches!(c, '\u{85}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
    };
    if !text.contains(['\'', '\\']) && !text.chars().any(special) {
        return format!("'{text}'");
    }
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            '\r' => quoted.push_str("\\r"),
            c if special(c) && (c as u32) < 0x100 => quoted.push_str(&format!("\\x{:02X}", c as u32)),
            c if special(c) => quoted.push_str(&format!("\\u{:04X}", c as u32)),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}
