//! Shell scripts: the first line, the safety switches, and quotes, here-documents and substitutions that are closed.
//! A light lexer, no parser: what it is not sure of it lets pass; shellcheck judges the rest in `tests/conformance`.

use super::Fault;

/// Checks a script.
pub fn check(text: &str) -> Vec<Fault> {
    let mut faults = Vec::new();
    let first = text.lines().next().unwrap_or_default();
    let bash = first.starts_with("#!") && first.ends_with("bash");
    if !first.starts_with("#!/") || !(bash || first.ends_with("sh")) {
        faults.push(Fault::at(1, "the first line names no shell"));
    }
    let mut code = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let safe = |line: &str| {
        line.strip_prefix("set -").is_some_and(|flags| {
            let words: Vec<&str> = flags.split_whitespace().collect();
            let letters = words.first().copied().unwrap_or_default();
            letters.contains('e') && letters.contains('u') && (!bash || words.contains(&"pipefail"))
        })
    };
    if !code.next().is_some_and(safe) {
        let switches = if bash { "set -euo pipefail" } else { "set -eu" };
        faults.push(Fault::at(
            1,
            format!("the first command is not `{switches}`: a failed step would not stop it (R-BK-20)"),
        ));
    }
    if let Err(fault) = tokens(text) {
        faults.push(fault);
    }
    faults
}

/// Checks a script that stands inside of another file. One without a first line of its own is read in by others.
pub fn embedded(text: &str) -> Vec<Fault> {
    if text.starts_with("#!") { check(text) } else { tokens(text).err().into_iter().collect() }
}

/// What a script is made of, for comparing two of them: words, quoted texts, signs, here-documents.
pub fn tokens(text: &str) -> Result<Vec<&'static str>, Fault> {
    let mut lexer = Lexer { text: text.as_bytes(), at: 0, line: 1, tokens: Vec::new(), documents: Vec::new() };
    lexer.run(None)?;
    Ok(lexer.tokens)
}

struct Lexer<'a> {
    text: &'a [u8],
    at: usize,
    line: u32,
    tokens: Vec<&'static str>,
    /// Here-documents that begin on the next line: their end, and whether leading tabs are cut.
    documents: Vec<(Vec<u8>, bool)>,
}

impl Lexer<'_> {
    fn peek(&self, ahead: usize) -> u8 {
        self.text.get(self.at + ahead).copied().unwrap_or(0)
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.text.get(self.at).copied()?;
        self.at += 1;
        self.line += u32::from(byte == b'\n');
        Some(byte)
    }

    /// Reads commands up to `end`, or to the end of the text.
    fn run(&mut self, end: Option<u8>) -> Result<(), Fault> {
        let begun = self.line;
        let mut open = 0usize;
        let mut patterns = false;
        let mut fresh = true;
        while let Some(byte) = self.next() {
            let starts_word =
                std::mem::replace(&mut fresh, matches!(byte, b' ' | b'\t' | b'\n' | b';' | b'&' | b'|' | b'(' | b')'));
            match byte {
                _ if Some(byte) == end && open == 0 && !patterns => return Ok(()),
                b'#' if starts_word => {
                    while !matches!(self.peek(0), b'\n' | 0) {
                        self.at += 1;
                    }
                }
                b'\n' => {
                    self.token("newline");
                    self.here_documents()?;
                }
                b' ' | b'\t' => {}
                b'\\' => {
                    self.next();
                    self.word();
                }
                b'\'' => self.single()?,
                b'"' => self.double()?,
                b'`' => self.backtick()?,
                b'$' => self.dollar()?,
                b'<' if self.peek(0) == b'<' && self.peek(1) == b'<' => {
                    self.at += 2;
                    self.token("<<<");
                }
                b'<' if self.peek(0) == b'<' => self.here()?,
                b'(' => {
                    open += 1;
                    self.token("(");
                }
                b')' => {
                    open = open.saturating_sub(1);
                    self.token(")");
                }
                b';' => self.token(";"),
                b'&' => self.token("&"),
                b'|' => self.token("|"),
                b'<' => self.token("<"),
                b'>' => self.token(">"),
                b'}' if end == Some(b'}') => return Ok(()),
                _ => {
                    // The patterns of a `case` end with lone brackets: in there they are not counted.
                    if starts_word && end == Some(b')') {
                        if self.text[self.at - 1..].starts_with(b"case ") {
                            patterns = true;
                        } else if self.text[self.at - 1..].starts_with(b"esac") {
                            patterns = false;
                        }
                    }
                    self.word();
                }
            }
        }
        match end {
            None => self.here_documents(),
            Some(end) => Err(Fault::at(begun, format!("`{}` is missing for what begins here", end as char))),
        }
    }

    fn token(&mut self, token: &'static str) {
        self.tokens.push(token);
    }

    fn word(&mut self) {
        if self.tokens.last() != Some(&"word") {
            self.tokens.push("word");
        }
    }

    fn single(&mut self) -> Result<(), Fault> {
        let begun = self.line;
        self.word();
        while let Some(byte) = self.next() {
            if byte == b'\'' {
                return Ok(());
            }
        }
        Err(Fault::at(begun, "a single quote is not closed"))
    }

    fn double(&mut self) -> Result<(), Fault> {
        let begun = self.line;
        self.word();
        while let Some(byte) = self.next() {
            match byte {
                b'"' => return Ok(()),
                b'\\' => {
                    self.next();
                }
                b'`' => self.backtick()?,
                b'$' => self.dollar()?,
                _ => {}
            }
        }
        Err(Fault::at(begun, "a double quote is not closed"))
    }

    fn backtick(&mut self) -> Result<(), Fault> {
        let begun = self.line;
        self.word();
        while let Some(byte) = self.next() {
            match byte {
                b'`' => return Ok(()),
                b'\\' => {
                    self.next();
                }
                _ => {}
            }
        }
        Err(Fault::at(begun, "a backtick is not closed"))
    }

    /// What stands behind a `$`.
    fn dollar(&mut self) -> Result<(), Fault> {
        match (self.peek(0), self.peek(1)) {
            (b'(', b'(') => {
                self.at += 2;
                self.token("$((");
                self.run(Some(b')'))?;
                self.next();
                Ok(())
            }
            (b'(', _) => {
                self.at += 1;
                self.token("$(");
                self.run(Some(b')'))
            }
            (b'{', _) => {
                self.at += 1;
                self.token("${");
                self.braces()
            }
            (b'\'', _) => {
                let begun = self.line;
                self.at += 1;
                while let Some(byte) = self.next() {
                    match byte {
                        b'\'' => return Ok(()),
                        b'\\' => {
                            self.next();
                        }
                        _ => {}
                    }
                }
                Err(Fault::at(begun, "a single quote is not closed"))
            }
            _ => {
                self.token("$");
                Ok(())
            }
        }
    }

    fn braces(&mut self) -> Result<(), Fault> {
        let begun = self.line;
        while let Some(byte) = self.next() {
            match byte {
                b'}' => return Ok(()),
                b'\\' => {
                    self.next();
                }
                b'"' => self.double()?,
                b'$' => self.dollar()?,
                _ => {}
            }
        }
        Err(Fault::at(begun, "`}` is missing for what begins here"))
    }

    /// The beginning of a here-document: its end word.
    fn here(&mut self) -> Result<(), Fault> {
        self.at += 1;
        let tabs = self.peek(0) == b'-';
        self.at += usize::from(tabs);
        while matches!(self.peek(0), b' ' | b'\t') {
            self.at += 1;
        }
        let mut word = Vec::new();
        loop {
            match self.peek(0) {
                quote @ (b'\'' | b'"') => {
                    self.at += 1;
                    while !matches!(self.peek(0), 0 | b'\n') && self.peek(0) != quote {
                        word.push(self.peek(0));
                        self.at += 1;
                    }
                    self.at += 1;
                }
                b'\\' => {
                    word.push(self.peek(1));
                    self.at += 2;
                }
                byte if byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-' => {
                    word.push(byte);
                    self.at += 1;
                }
                _ => break,
            }
        }
        if word.is_empty() {
            return Err(Fault::at(self.line, "a here-document has no end word"));
        }
        self.token("here-document");
        self.documents.push((word, tabs));
        Ok(())
    }

    /// The bodies of the here-documents whose beginning stood on the line before.
    fn here_documents(&mut self) -> Result<(), Fault> {
        for (end, tabs) in std::mem::take(&mut self.documents) {
            let begun = self.line;
            loop {
                let rest = &self.text[self.at..];
                if rest.is_empty() {
                    let word = String::from_utf8_lossy(&end).into_owned();
                    return Err(Fault::at(begun, format!("the here-document that ends with {word} does not end")));
                }
                let length = rest.iter().position(|b| *b == b'\n').unwrap_or(rest.len());
                let mut line = &rest[..length];
                while tabs && line.first() == Some(&b'\t') {
                    line = &line[1..];
                }
                let done = line == end.as_slice();
                self.at += (length + 1).min(rest.len());
                self.line += 1;
                if done {
                    break;
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::check;

    const GOOD: &str = "#!/usr/bin/env bash
# it's fine
set -euo pipefail
name=$(printf '%s' \"a $(case $1 in x) echo \"y\" ;; esac)\")
read -r x <<<\"$name\"
cat <<'END' | tee \"${name:-\"z\"}\"
don't look \" here
END
echo $((1 + (2 * 3))) ${#name} $'it\\'s' # isn't code
case $name in
    a | b) echo \"x\" ;;
esac
";

    #[test]
    fn quotes_and_documents_that_are_not_closed_are_found() {
        assert_eq!(check(GOOD), []);
        for (from, to, line) in
            [("echo \"x\"", "echo \"x", 11), ("\nEND\n", "\nEND2\n", 7), ("$(printf", "$( (printf", 4)]
        {
            let faults = check(&GOOD.replace(from, to));
            assert_eq!(faults.first().map(|f| f.line), Some(line), "{to}: {faults:?}");
        }
        assert!(check("#!/bin/sh\necho a\n")[0].message.contains("set -eu"));
        assert!(check("echo a\n")[0].message.contains("names no shell"));
    }
}
