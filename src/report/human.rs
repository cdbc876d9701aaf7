//! For people: each finding with its excerpt, carets, cause and fix.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

use super::place::{acts, one_line, said};
use super::{Look, Section};
use crate::blueprint::secrets;
use crate::diagnostics::{self, Diagnostic, Label};
use crate::document::{Document, Span};

/// What finds credentials: the text that it marks is never shown.
const CREDENTIALS: [&str; 2] = ["BP014", "PG022"];

/// The findings, one after the other, a blank line between them.
pub fn render(sections: &[Section<'_>], look: Look) -> String {
    let renderer = if look.color { Renderer::styled() } else { Renderer::plain() };
    let renderer = renderer.decor_style(DecorStyle::Ascii).term_width(look.width);
    let mut out = String::new();
    for section in sections {
        let hidden = Hidden::of(section);
        for finding in section.findings.iter().filter(|finding| finding.waived.is_none()) {
            // In excerpts the library shows what is below U+0020, and leaves what acts as well beyond it.
            let shown = one(&renderer, section, finding, &hidden);
            out.extend(shown.chars().map(|c| if c >= '\u{7f}' && acts(c) { '\u{fffd}' } else { c }));
            out.push_str("\n\n");
        }
    }
    out
}

/// What no excerpt may show.
struct Hidden {
    /// The credentials that were refused as such, in order.
    refused: Vec<Span>,
    /// The data of Secrets in the files that excerpts are taken from.
    data: BTreeMap<u32, Vec<Range<usize>>>,
}

impl Hidden {
    fn of(section: &Section<'_>) -> Self {
        let span = |label: &Label| section.document.span(&label.place);
        let found = section.findings.iter().filter(|finding| CREDENTIALS.contains(&&*finding.id));
        let mut refused: Vec<Span> = found.map(|finding| span(&finding.primary)).collect();
        refused.sort_unstable();
        let labels = section.findings.iter().flat_map(|finding| finding.related.iter().chain([&finding.primary]));
        let files: BTreeSet<u32> = labels.map(|label| span(label).file).collect();
        let sources = files.into_iter().filter_map(|file| Some((file, section.document.sources.get(file as usize)?)));
        Self { refused, data: sources.map(|(file, source)| (file, secrets::of_secrets(&source.text))).collect() }
    }
}

fn one(renderer: &Renderer, section: &Section<'_>, finding: &Diagnostic, hidden: &Hidden) -> String {
    let level = match finding.level {
        diagnostics::Level::Error => Level::ERROR,
        diagnostics::Level::Warning => Level::WARNING,
        diagnostics::Level::Info => Level::INFO,
    };
    let (title, id) = (one_line(&finding.title), one_line(&finding.id));
    let environment = section.environment.map(|name| format!("in the environment `{}`", one_line(name)));
    let mut group: Group<'_> =
        level.primary_title(title.as_str()).id(id.as_str()).elements(snippets(section.document, finding, hidden));
    if let Some(environment) = &environment {
        group = group.element(Level::NOTE.message(environment.as_str()));
    }
    if let Some(why) = &finding.why {
        group = group.element(Level::NOTE.message(said(why)));
    }
    if let Some(decided) = &finding.decided {
        group = group.element(Level::NOTE.message(said(decided)));
    }
    if let Some(fix) = &finding.fix {
        group = group.element(Level::HELP.message(said(fix)));
    }
    renderer.render(&[group])
}

/// A place that is marked, and whether it is the primary one.
type Marked<'a> = (Span, &'a Label, bool);

/// An excerpt: its bytes, its first line, what is marked in it.
type Window<'a> = (Range<usize>, usize, Vec<&'a Marked<'a>>);

/// An excerpt without the credentials in it: what is printed may end up in a log that others read.
fn masked<'a>(hidden: &Hidden, file: u32, whole: &'a str, range: Range<usize>) -> Cow<'a, str> {
    let (text, start) = (whole.get(range.clone()).unwrap_or(""), range.start);
    // A window begins with a line; a value of several lines may begin before it.
    let secrets = &hidden.refused;
    let first = secrets.partition_point(|span| (span.file, span.start as usize) < (file, start)).saturating_sub(1);
    let inside = |span: &&Span| (span.file, span.start as usize) < (file, start + text.len());
    let spans = secrets[first..].iter().take_while(inside).filter(|span| span.file == file);
    let spans = spans.map(|span| span.start as usize..span.end as usize);
    let data = hidden.data.get(&file).map(Vec::as_slice).unwrap_or_default();
    let mut out = Cow::Borrowed(text);
    for span in spans.chain(secrets::find(whole, range, data)) {
        let (from, to) = (span.start.max(start) - start, span.end.max(start) - start);
        let Some(secret) = out.get(from..to.min(text.len())) else { continue };
        // As many bytes and lines as before, so that every place stays where it is.
        let stars: String = secret.bytes().map(|b| if b == b'\n' { '\n' } else { '*' }).collect();
        out.to_mut().replace_range(from..from + stars.len(), &stars);
    }
    out
}

/// One excerpt for each file that takes part, the primary place's first: only the lines around the labels.
fn snippets<'a>(
    document: &'a Document,
    finding: &Diagnostic,
    hidden: &Hidden,
) -> Vec<Snippet<'a, annotate_snippets::Annotation<'a>>> {
    let primary = (document.span(&finding.primary.place), &finding.primary, true);
    let related = finding.related.iter().map(|label| (document.span(&label.place), label, false));
    let labels: Vec<Marked<'_>> = std::iter::once(primary).chain(related).collect();
    let mut files: Vec<u32> = Vec::new();
    for (span, ..) in &labels {
        if !files.contains(&span.file) {
            files.push(span.file);
        }
    }
    let mut snippets = Vec::new();
    for file in files {
        let Some(source) = document.sources.get(file as usize) else { continue };
        // Labels that are near each other share one window; far ones get their own, so that a large file stays cheap.
        let mut here: Vec<&Marked<'_>> = labels.iter().filter(|(span, ..)| span.file == file).collect();
        here.sort_by_key(|(span, _, primary)| (!primary, span.start));
        let mut windows: Vec<Window<'_>> = Vec::new();
        for label in here {
            let (range, line) = source.window(label.0, 1);
            match windows
                .iter_mut()
                .find(|(known, ..)| range.start <= known.end + 400 && known.start <= range.end + 400)
            {
                Some((known, first, inside)) => {
                    *first = (*first).min(line);
                    *known = known.start.min(range.start)..known.end.max(range.end);
                    inside.push(label);
                }
                None => windows.push((range, line, vec![label])),
            }
        }
        for (range, line, inside) in windows {
            let text = source.text.get(range.clone()).unwrap_or("");
            let mut snippet = Snippet::source(masked(hidden, file, &source.text, range.clone()))
                .line_start(line)
                .path(one_line(&source.name))
                .fold(true);
            for (span, label, primary) in inside {
                let start = (span.start as usize).clamp(range.start, range.end) - range.start;
                let end = (span.end as usize).clamp(range.start + start, range.end) - range.start;
                // A long value is marked on its first line only.
                let end =
                    text.get(start..end).and_then(|marked| marked.find('\n')).map_or(end, |line_end| start + line_end);
                let kind = if *primary { AnnotationKind::Primary } else { AnnotationKind::Context };
                let mut annotation = kind.span(start..end);
                if !label.text.is_empty() {
                    annotation = annotation.label(one_line(&label.text));
                }
                snippet = snippet.annotation(annotation);
            }
            snippets.push(snippet);
        }
    }
    snippets
}

#[cfg(test)]
mod tests {
    use super::{Hidden, masked};
    use crate::document::Span;

    #[test]
    fn a_credential_is_not_shown_and_every_place_stays_where_it_is() {
        let text = "a: sécret\nb: |\n  x\n  y\nc: 1\n";
        let refused = vec![Span { file: 0, start: 3, end: 10 }, Span { file: 0, start: 14, end: 24 }];
        let hidden = Hidden { refused, data: [].into() };
        assert_eq!(masked(&hidden, 0, text, 0..text.len()), "a: *******\nb: *\n***\n***\nc: 1\n");
        // A window that begins inside of the second one, and another file.
        assert_eq!(masked(&hidden, 0, text, 20..text.len()), "***\nc: 1\n");
        assert_eq!(masked(&hidden, 1, text, 0..text.len()), text);
    }
}
