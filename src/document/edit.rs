//! Changing values in the text of a blueprint: everything else, comments and layout, stays as it is.

use super::{Document, Node, NodeKind, Path, Span, Step};

/// A piece of text to be put in the place of another.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Replacement {
    /// What goes; empty where something is only added.
    pub span: Span,
    /// What comes.
    pub text: String,
}

/// How a value is set at a path; `None` where the text leaves no safe place for it: a list or map stands there, an alias
/// brings it from elsewhere, or nothing above it is a map.
pub fn set(document: &Document, path: &Path, value: &str) -> Option<Replacement> {
    let located = document.root.locate(path);
    if located.whole {
        let empty = located.key.is_some_and(|key| key == located.node.span);
        return match &located.node.kind {
            // An empty value has the place of its key: it is added behind the colon.
            NodeKind::Scalar(_) if empty => None,
            NodeKind::Scalar(_) => Some(Replacement { span: located.node.span, text: value.to_owned() }),
            NodeKind::List(_) | NodeKind::Map(_) => None,
        };
    }
    let (parent, missing) = nearest(&document.root, path)?;
    let mut text = value.to_owned();
    for (at, step) in missing.iter().enumerate().rev() {
        let Step::Key(key) = step else { return None };
        let key = if plain(key) { key.clone() } else { format!("{key:?}") };
        text = if at == 0 { format!("{key}: {text}") } else { format!("{{{key}: {text}}}") };
    }
    insert(document, parent, &text)
}

/// The deepest map on the way to a path, and the steps that are missing below it.
fn nearest<'a, 'b>(root: &'a Node, path: &'b Path) -> Option<(&'a Node, &'b [Step])> {
    let (mut node, mut steps) = (root, path.steps());
    while let [Step::Key(key), rest @ ..] = steps {
        let Some(next) = node.get(key) else { break };
        (node, steps) = (next, rest);
    }
    // A list on the way has items to step over, which `get` does not.
    node.map().map(|_| (node, steps)).filter(|(_, steps)| !steps.is_empty())
}

/// Adds an entry at the end of a map, in the way in which the map is written.
fn insert(document: &Document, map: &Node, text: &str) -> Option<Replacement> {
    let source = document.sources.get(map.span.file as usize)?;
    let at = |offset: usize| Span { file: map.span.file, start: offset as u32, end: offset as u32 };
    // Overlays may have added entries of their own; only those of this file tell where the map ends in it.
    let last = map.map()?.iter().rfind(|entry| entry.key_span.file == map.span.file)?;
    let end = last.value.span.end.max(last.key_span.end) as usize;
    if source.text.get(map.span.start as usize..)?.starts_with('{') {
        return Some(Replacement { span: at(end), text: format!(", {text}") });
    }
    // The line that the last entry ends on, its comment included. A block text ends with its own line.
    let rest = source.text.get(end..)?;
    let line_end = if source.text[..end].ends_with('\n') { end } else { end + rest.find('\n').unwrap_or(rest.len()) };
    let start = source.text[..last.key_span.start as usize].rfind('\n').map_or(0, |line| line + 1);
    let indent = source.text.get(start..last.key_span.start as usize)?;
    if !indent.bytes().all(|b| b == b' ') {
        return None;
    }
    let text = match source.text[..line_end].ends_with('\n') {
        true => format!("{indent}{text}\n"),
        false => format!("\n{indent}{text}"),
    };
    Some(Replacement { span: at(line_end), text })
}

fn plain(key: &str) -> bool {
    key.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
        && key.starts_with(|c: char| c.is_ascii_alphabetic())
}

/// The text of a file with replacements made; of two that touch each other the first counts.
pub fn apply(document: &Document, file: u32, replacements: &[Replacement]) -> Option<String> {
    let source = document.sources.get(file as usize)?;
    let mut mine: Vec<&Replacement> = replacements.iter().filter(|r| r.span.file == file).collect();
    mine.sort();
    mine.dedup();
    let (mut out, mut done) = (String::with_capacity(source.text.len()), 0);
    for replacement in mine {
        let (start, end) = (replacement.span.start as usize, replacement.span.end as usize);
        if start < done {
            continue;
        }
        out.push_str(source.text.get(done..start)?);
        out.push_str(&replacement.text);
        done = end;
    }
    out.push_str(source.text.get(done..)?);
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::{apply, set};
    use crate::document::{Document, Path, Source, yaml};

    fn edited(text: &str, edits: &[(&str, &str)]) -> String {
        let source = Source::new("x.yaml", text);
        let (root, problems) = yaml::parse(&source, 0);
        assert!(problems.is_empty(), "{problems:?}");
        let document = Document { sources: vec![source], root: root.unwrap() };
        let replacements: Vec<_> =
            edits.iter().filter_map(|(path, value)| set(&document, &path.parse::<Path>().unwrap(), value)).collect();
        apply(&document, 0, &replacements).unwrap()
    }

    #[test]
    fn a_value_is_replaced_where_it_stands_and_nothing_else_moves() {
        let text = "# head\na:\n  b: 70%   # why\n  c: {d: \"1\", e: 2}\n";
        assert_eq!(
            edited(text, &[("a.b", "66%"), ("a.c.d", "3")]),
            "# head\na:\n  b: 66%   # why\n  c: {d: 3, e: 2}\n"
        );
    }

    #[test]
    fn what_is_missing_is_added_in_the_way_in_which_its_map_is_written() {
        assert_eq!(edited("a:\n  b: 1  # one\nz: 2\n", &[("a.c", "3")]), "a:\n  b: 1  # one\n  c: 3\nz: 2\n");
        assert_eq!(edited("a: {b: 1}\n", &[("a.c", "3")]), "a: {b: 1, c: 3}\n");
        assert_eq!(edited("a:\n  b: 1", &[("a.c.d", "3")]), "a:\n  b: 1\n  c: {d: 3}");
        assert_eq!(
            edited("a:\n  b: |\n    x\n    y\nz: 1\n", &[("a.c", "3")]),
            "a:\n  b: |\n    x\n    y\n  c: 3\nz: 1\n"
        );
        assert_eq!(edited("a:\n  b:\n    c: 1\n", &[("a.\"x.y\"", "3")]), "a:\n  b:\n    c: 1\n  \"x.y\": 3\n");
    }

    #[test]
    fn what_has_no_safe_place_is_left_alone() {
        for (text, path) in [("a: [1]\n", "a"), ("a:\nb: 1\n", "a.c"), ("a: 1\n", "a.c"), ("a: [{b: 1}]\n", "a[0].c")] {
            assert_eq!(edited(text, &[(path, "3")]), text);
        }
    }
}
