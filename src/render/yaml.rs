//! Composite values as YAML, for templates: maps and lists in block form with every scalar quoted as it needs to be.

mod block;

use serde::Serialize;

use super::quote::push_yaml;

pub use block::Error;

/// A value as YAML in block form, to stand behind a `key:` or `- ` whose content is indented by `indent` blanks.
/// Maps and lists that hold something begin on a new line; everything else stands on the same line after a blank.
pub fn block(value: &impl Serialize, indent: usize) -> Result<String, Error> {
    let mut out = String::new();
    value.serialize(block::Block::at_the_top(&mut out, indent))?;
    Ok(out)
}

/// A whole document: a map or list at the margin, with a line break at its end.
pub fn document(value: &serde_json::Value) -> String {
    // A tree of JSON holds nothing that YAML has no form for.
    let mut text = block(value, 0).unwrap_or_default();
    if text.starts_with(['\n', ' ']) {
        text.remove(0);
    }
    text.push('\n');
    text
}

/// Whether a text of several lines may stand as a literal block: no line with blanks at its end, no control character,
/// no blank or tab at the start of the first line, at most one line break at its end.
fn is_literal(text: &str) -> bool {
    let body = text.strip_suffix('\n').unwrap_or(text);
    if !body.contains('\n') || body.ends_with('\n') || body.starts_with([' ', '\t', '\n']) {
        return false;
    }
    let blank_ends = |line: &str| line.ends_with([' ', '\t']);
    if body.split('\n').any(blank_ends) {
        return false;
    }
    if body.bytes().all(|b| matches!(b, b' '..=b'~' | b'\t' | b'\n')) {
        return true;
    }
    let unfit = |c: char| {
        c.is_control() && c != '\t' && c != '\n'
            || matches!(c, '\u{85}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
    };
    !body.contains(unfit)
}

/// A text as a literal block (`|`) whose lines are indented by `indent` blanks, or as a quoted scalar where that cannot hold it.
pub fn literal(text: &str, indent: usize) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    push_literal(&mut out, text, indent);
    out
}

fn push_literal(out: &mut String, text: &str, indent: usize) {
    if !is_literal(text) {
        return push_yaml(text, out);
    }
    out.push_str(if text.ends_with('\n') { "|" } else { "|-" });
    for line in text.strip_suffix('\n').unwrap_or(text).split('\n') {
        out.push('\n');
        if !line.is_empty() {
            push_blanks(out, indent);
            out.push_str(line);
        }
    }
}

fn push_blanks(out: &mut String, mut count: usize) {
    const BLANKS: &str = "                                ";
    while count > BLANKS.len() {
        out.push_str(BLANKS);
        count -= BLANKS.len();
    }
    out.push_str(&BLANKS[..count]);
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn maps_and_lists_stand_in_block_form() {
        let value = json!({
            "a": 1,
            "b": {},
            "c": [],
            "d": [{"e": "no", "f": [1.5, null]}, [true, ["x"]], "l\nm", "n\n"],
            "g": "h\ni\n",
            "yes": {"k": "blank \nat its end"},
        });
        let expected = "a: 1
b: {}
c: []
d:
  - e: 'no'
    f:
      - 1.5
      - null
  -
    - true
    -
      - x
  - |-
    l
    m
  - \"n\\n\"
g: |
  h
  i
'yes':
  k: \"blank \\nat its end\"
";
        assert_eq!(document(&value), expected);
        assert_eq!(block(&"a\nb", 2).unwrap(), " \"a\\nb\"", "only behind a key or a dash a text may be a block");
        assert_eq!(block(&json!([]), 2).unwrap(), " []");
    }

    #[test]
    fn what_yaml_has_no_form_for_is_refused() {
        assert!(block(&u128::MAX, 0).is_err());
        assert!(block(&std::collections::BTreeMap::from([(vec![1], 1)]), 0).is_err());
        assert_eq!(block(&f64::NAN, 0).unwrap(), " null", "as JSON, which the values come from");
    }
}
