//! Files inside of files: the entries of a ConfigMap are what a program finds in its directory.

use super::{File, Kind, directives, kind};
use crate::document::{Node, NodeKind, Source, Span, yaml};

/// The files in an object; none for anything but a ConfigMap. What is wrong with them as YAML is not said: nobody knows what
/// reads an entry of an unknown form.
pub(super) fn files(source: &Source, index: u32, object: &Node) -> Vec<File> {
    let kind = object.get("kind").and_then(Node::scalar).map(|kind| &*kind.text);
    let data = object.get("data").and_then(Node::map).filter(|_| kind == Some("ConfigMap")).unwrap_or_default();
    let mut files = Vec::new();
    for entry in data {
        let Some((start, text)) = entry.value.scalar().and_then(|value| block(source, entry.value.span, &value.text))
        else {
            continue;
        };
        let inside = Source::new(entry.key.to_string(), text.to_owned());
        let (kind, documents) = match kind::of(&inside) {
            kind::Form::Lines(kind) => (kind, vec![directives::read(&inside, index, kind)]),
            kind::Form::Yaml => {
                let (documents, _) = yaml::parse_foreign(&inside, index);
                let Some(kind) = documents.first().and_then(kind::of_tree) else { continue };
                (kind, documents)
            }
            kind::Form::Unknown => continue,
        };
        // Objects in a ConfigMap are data for some controller, and not applied as they stand.
        if kind == Kind::Kubernetes {
            continue;
        }
        let documents = documents.into_iter().map(|mut document| {
            shift(&mut document, start);
            document
        });
        files.push(File { index, kind, documents: documents.collect() });
    }
    files
}

/// The lines of a literal block (`|`) as they stand in the file, indentation included, and where they begin: a place in them is
/// a place in the file. None for a text in another form, whose places would be others.
fn block<'a>(source: &'a Source, span: Span, value: &str) -> Option<(u32, &'a str)> {
    let text = source.text.as_str();
    let from = span.start as usize;
    let rest = text.get(from..)?;
    let begin = if rest.starts_with('|') { from + rest.find('\n')? + 1 } else { text.get(..from)?.rfind('\n')? + 1 };
    let lines = value.lines().count();
    let length: usize = text.get(begin..)?.split_inclusive('\n').take(lines).map(str::len).sum();
    let raw = text.get(begin..begin + length)?;
    let same = raw.lines().map(str::trim).eq(value.lines().map(str::trim));
    (lines > 1 && same).then_some((begin as u32, raw))
}

/// Moves all places of a tree to where its text begins in the file.
fn shift(node: &mut Node, by: u32) {
    let moved = |span: &mut Span| {
        span.start += by;
        span.end += by;
    };
    moved(&mut node.span);
    match &mut node.kind {
        NodeKind::Scalar(_) => {}
        NodeKind::List(items) => items.iter_mut().for_each(|item| shift(item, by)),
        NodeKind::Map(entries) => {
            for entry in entries {
                moved(&mut entry.key_span);
                shift(&mut entry.value, by);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::estate::{Estate, Kind};

    #[test]
    fn what_stands_in_a_config_map_is_read_at_its_place() {
        let text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata:\n  redis.conf: |\n    # first\n    port 6379\n\n    \
                    appendonly no\n  note: one line\n  patroni.yml: |-\n    scope: main\n    postgresql:\n      listen: all\n";
        let estate = Estate::read([("a.yaml".to_owned(), text.to_owned())]);
        let redis = estate.of(Kind::Redis).next().unwrap();
        let span = redis.get("appendonly").unwrap().span;
        assert_eq!(&text[span.start as usize..span.end as usize], "no");
        let patroni = estate.of(Kind::Patroni).next().unwrap();
        let span = patroni.get("postgresql").and_then(|node| node.get("listen")).unwrap().span;
        assert_eq!(&text[span.start as usize..span.end as usize], "all");
        assert_eq!(estate.files.len(), 3);
    }
}
