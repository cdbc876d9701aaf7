//! The words and marks of a PromQL expression.

/// A word or a mark.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Token<'a> {
    /// A name or a keyword.
    Word(&'a str),
    /// A number; a duration is its text's first number, for nobody asks.
    Number(f64),
    /// What stands between quotes, escapes as they are written.
    Text(&'a str),
    /// Anything else.
    Mark(&'a str),
}

/// All tokens of a text; none when something in it is no PromQL.
pub fn tokens(text: &str) -> Option<Vec<Token<'_>>> {
    let mut all = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let end = match first {
            '#' => {
                rest = rest.split_once('\n').map_or("", |(_, next)| next).trim_start();
                continue;
            }
            '"' | '\'' | '`' => {
                let inside = closed(&rest[1..], first)?;
                all.push(Token::Text(&rest[1..1 + inside]));
                inside + 2
            }
            '0'..='9' | '.' => {
                let (number, end) = number(rest);
                all.push(Token::Number(number));
                end
            }
            c if c.is_ascii_alphabetic() || c == '_' || c == ':' => {
                let part = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
                let end = rest.find(|c| !part(c)).unwrap_or(rest.len());
                all.push(Token::Word(&rest[..end]));
                end
            }
            _ => {
                const MARKS: [&str; 23] = [
                    "==", "!=", ">=", "<=", "=~", "!~", "(", ")", "{", "}", "[", "]", ",", "+", "-", "*", "/", "%",
                    "^", "<", ">", "=", "@",
                ];
                let mark = MARKS.into_iter().find(|mark| rest.starts_with(mark))?;
                all.push(Token::Mark(mark));
                mark.len()
            }
        };
        rest = rest[end..].trim_start();
    }
    Some(all)
}

/// How far a text goes until the quote that ends it.
fn closed(text: &str, quote: char) -> Option<usize> {
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quote != '`' => escaped = true,
            c if c == quote => return Some(at),
            _ => {}
        }
    }
    None
}

/// A number, or a duration such as `1h30m`, and how far it goes.
fn number(text: &str) -> (f64, usize) {
    let mut end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '.' && c != '_').unwrap_or(text.len());
    // The sign of an exponent belongs to it.
    if text[..end].ends_with(['e', 'E']) && !text.starts_with("0x") && text[end..].starts_with(['+', '-']) {
        let more = text[end + 1..].find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len() - end - 1);
        end += 1 + more;
    }
    (text[..end].replace('_', "").parse().unwrap_or(f64::NAN), end)
}
