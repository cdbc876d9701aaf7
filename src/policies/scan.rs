//! The text of a policy as words with their places: enough to know which rules a file has and which functions it calls,
//! without understanding it. What stands in comments and texts is left out.

/// A word: a name, or several with dots between them, such as `http.send`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word<'a> {
    /// Its text.
    pub text: &'a str,
    /// Its first byte.
    pub start: usize,
    /// How many brackets are open around it; 0 for the head of a rule.
    pub depth: usize,
    /// Whether a `(` follows: it is called, or it is a function's own head.
    pub called: bool,
    /// Whether it begins its line, blanks aside.
    pub first: bool,
}

/// What a policy is made of.
#[derive(Debug, Default)]
pub struct Scan<'a> {
    /// Its words.
    pub words: Vec<Word<'a>>,
    /// How deep brackets and minus signs stand in each other, at most, and the first byte where they do.
    pub deepest: (usize, usize),
}

/// The words of a policy.
pub fn words(text: &str) -> Vec<Word<'_>> {
    scan(text).words
}

/// Goes through a policy.
pub fn scan(text: &str) -> Scan<'_> {
    let bytes = text.as_bytes();
    let (mut words, mut at, mut depth, mut first) = (Vec::new(), 0, 0usize, true);
    let mut deepest = (0, 0);
    // How many minus signs stand in a row: each is an expression in an expression.
    let mut signs = 0usize;
    while let Some(byte) = bytes.get(at) {
        if *byte == b'-' {
            signs += 1;
            if depth + signs > deepest.0 {
                deepest = (depth + signs, at);
            }
        } else if !byte.is_ascii_whitespace() {
            signs = 0;
        }
        match byte {
            b'\n' => {
                first = true;
                at += 1;
            }
            b'#' => at = until(bytes, at, b'\n'),
            b'"' => {
                at = behind_text(bytes, at);
                first = false;
            }
            b'`' => {
                at = until(bytes, at + 1, b'`') + 1;
                first = false;
            }
            b'{' | b'[' | b'(' => {
                depth += 1;
                if depth > deepest.0 {
                    deepest = (depth, at);
                }
                at += 1;
                first = false;
            }
            b'}' | b']' | b')' => {
                depth = depth.saturating_sub(1);
                at += 1;
                first = false;
            }
            _ if is_name(*byte) && !byte.is_ascii_digit() => {
                let end = behind_word(bytes, at);
                let called = bytes.get(end) == Some(&b'(');
                words.push(Word { text: &text[at..end], start: at, depth, called, first });
                at = end;
                first = false;
            }
            _ => {
                first &= byte.is_ascii_whitespace();
                // A number is no name, and neither is what stands right behind it (`1e3`).
                at += 1;
                if byte.is_ascii_digit() {
                    while bytes.get(at).is_some_and(|byte| is_name(*byte)) {
                        at += 1;
                    }
                }
            }
        }
    }
    Scan { words, deepest }
}

const fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// The place of the next such byte, or the end.
fn until(bytes: &[u8], from: usize, wanted: u8) -> usize {
    bytes.iter().skip(from).position(|byte| *byte == wanted).map_or(bytes.len(), |at| from + at)
}

/// The place behind a text in double quotes; one that is not closed ends with its line.
fn behind_text(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'\\' => at += 2,
            b'"' => return at + 1,
            b'\n' => return at,
            _ => at += 1,
        }
    }
    bytes.len()
}

/// The place behind a word with its dots.
fn behind_word(bytes: &[u8], start: usize) -> usize {
    let mut at = start;
    while let Some(byte) = bytes.get(at) {
        let dot = *byte == b'.' && bytes.get(at + 1).is_some_and(|next| is_name(*next) && !next.is_ascii_digit());
        if !(is_name(*byte) || dot) {
            break;
        }
        at += 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::words;

    fn texts(text: &str) -> Vec<(&str, usize, bool)> {
        words(text).iter().map(|word| (word.text, word.depth, word.called)).collect()
    }

    #[test]
    fn words_are_what_stands_outside_of_comments_and_texts() {
        let text = "package main\n# http.send(x)\ndeny[msg] {\n  msg := sprintf(\"http.send(%d) \\\" x\", [1e3]) # y\n  `raw\nhttp.send(` == a.b[0].c\n}\n";
        let expected = [
            ("package", 0, false),
            ("main", 0, false),
            ("deny", 0, false),
            ("msg", 1, false),
            ("msg", 1, false),
            ("sprintf", 1, true),
            ("a.b", 1, false),
            ("c", 1, false),
        ];
        assert_eq!(texts(text), expected);
        assert_eq!(super::scan(text).deepest, (3, text.find("[1e3").unwrap()));
    }

    #[test]
    fn what_is_cut_off_or_no_ascii_is_no_fault() {
        for text in ["\"", "\"\\", "`", "}}}", "é.x(", "a.", ".a", "1.5x", "\"é\\é"] {
            let _ = words(text);
        }
        assert_eq!(texts("é.x("), [("x", 0, true)]);
        assert_eq!(texts("\"a\nb"), [("b", 0, false)]);
    }
}
