//! Waivers: findings that are accepted for a time, in the blueprint's `policy.waive` or as a comment on the line of a field, for
//! that field and all below it.

use super::{find, policy};
use crate::blueprint::raw;
use crate::diagnostics::{Diagnostic, Place, Waived, nearest, registry};
use crate::document::{Document, Node, NodeKind, Path, Source, Span};
use crate::path;

/// How the comment of a waiver begins.
const MARK: &str = "hagen: waive";

/// What a waiver holds for.
#[derive(Debug, Clone)]
enum Scope {
    /// A part of the blueprint, with everything below it.
    Below(Path),
    /// What a comment stands at: the line with all that is indented below it, and the part of the blueprint that begins
    /// there, for what is found in it but stands in another file.
    Lines { file: u32, from: usize, to: usize, path: Option<Path> },
}

/// A waiver, wherever it is written.
#[derive(Debug, Clone)]
pub struct Waiver {
    rule: String,
    scope: Scope,
    waived: Waived,
    /// Where it is written.
    place: Place,
}

/// All waivers of a document: those of `policy.waive`, then those in comments; and what is wrong with the comments.
pub fn all(policy: &raw::Policy, document: &Document) -> (Vec<Waiver>, Vec<Diagnostic>) {
    let (mut waivers, mut problems) = (Vec::new(), Vec::new());
    for (index, written) in policy.waive.iter().enumerate() {
        let Ok(at) = written.path() else { continue };
        waivers.push(Waiver {
            rule: written.rule.clone(),
            scope: Scope::Below(at),
            waived: Waived {
                reason: written.reason.clone(),
                owner: written.owner.clone(),
                until: written.until.clone(),
            },
            place: Place::Value(path!["policy", "waive"].index(index).key("rule")),
        });
    }
    for (file, source) in document.sources.iter().enumerate() {
        comments(document, file as u32, source, &mut waivers, &mut problems);
    }
    (waivers, problems)
}

/// The waivers in the comments of a file.
fn comments(
    document: &Document,
    file: u32,
    source: &Source,
    waivers: &mut Vec<Waiver>,
    problems: &mut Vec<Diagnostic>,
) {
    if !source.text.contains(MARK) {
        return;
    }
    let mut texts = Vec::new();
    scalars(&document.root, file, &mut texts);
    texts.sort_unstable();
    let mut start = 0;
    let lines: Vec<&str> = source.text.split('\n').collect();
    for (at, line) in lines.iter().enumerate() {
        let here = start;
        start += line.len() + 1;
        let Some(mark) = line.find(MARK) else { continue };
        let Some(sign) = line[..mark].rfind('#') else { continue };
        // A `#` inside of a text begins no comment.
        let offset = (here + sign) as u32;
        let next = texts.partition_point(|span| span.start <= offset);
        if next > 0 && offset < texts[next - 1].end {
            continue;
        }
        let span = Span { file, start: offset, end: (here + line.trim_end().len()) as u32 };
        let alone = line[..sign].trim().is_empty();
        // A comment on a line of its own is for the next line that is none.
        let target = if alone {
            let rest = lines.iter().enumerate().skip(at + 1);
            rest.into_iter().find(|(_, l)| !l.trim().is_empty() && !l.trim_start().starts_with('#')).map(|(at, _)| at)
        } else {
            Some(at)
        };
        let read = read(&line[mark + MARK.len()..]);
        match (read, target) {
            (Ok((rule, _)), Some(_)) if !is_known(&rule) => problems.push(unknown(span, &rule)),
            (Ok((rule, waived)), Some(target)) => {
                let path = path_of_line(&document.root, file, source, target + 1);
                let scope = Scope::Lines { file, from: target + 1, to: block_end(&lines, target) + 1, path };
                waivers.push(Waiver { rule, scope, waived, place: Place::Span(span) });
            }
            (Ok((rule, _)), None) => problems.push(broken(span, &rule, "there is nothing behind it")),
            (Err(why), _) => {
                let rule = line[mark + MARK.len()..].split_whitespace().next().unwrap_or_default();
                problems.push(broken(span, rule, &why));
            }
        }
    }
}

/// Whether an id is that of something that can be found.
fn is_known(id: &str) -> bool {
    find(id).is_some_and(|rule| rule.id.eq_ignore_ascii_case(id)) || policy::is_own(id) || registry::find(id).is_some()
}

fn unknown(span: Span, rule: &str) -> Diagnostic {
    let ids = super::all().map(|rule| rule.id).chain(registry::checks().map(|check| check.id));
    let fix = match nearest(rule, ids) {
        Some(near) => format!("did you mean `{near}`? `hagen rules` lists them all"),
        None => "`hagen rules` lists them all".to_owned(),
    };
    Diagnostic::error("BP171", Place::Span(span), format!("there is no rule `{}`", rule.escape_debug())).fix(fix)
}

fn broken(span: Span, rule: &str, why: &str) -> Diagnostic {
    let rule = if is_known(rule) { rule } else { "K8024" };
    Diagnostic::error("BP172", Place::Span(span), format!("this waiver holds for nothing: {why}"))
        .because("a waiver of which a part is missing would be forgotten: nobody would know why, who, or until when")
        .fix(format!(
            "write `# hagen: waive {rule} reason=\"…\" owner=TEAM until=2027-06-30` on the line, or on one of its own above it"
        ))
}

/// The places of all texts of a file.
fn scalars(node: &Node, file: u32, spans: &mut Vec<Span>) {
    match &node.kind {
        NodeKind::Scalar(_) if node.span.file == file => spans.push(node.span),
        NodeKind::Scalar(_) => {}
        NodeKind::List(items) => items.iter().for_each(|item| scalars(item, file, spans)),
        NodeKind::Map(entries) => {
            for entry in entries {
                if entry.key_span.file == file {
                    spans.push(entry.key_span);
                }
                scalars(&entry.value, file, spans);
            }
        }
    }
}

/// The texts of trees that hold what a waiver begins with, as a list: no comment stands in them. One of several lines may be a
/// file of its own with comments, and is left out.
pub fn texts<'a>(trees: impl Iterator<Item = &'a Node>, sources: &[Source]) -> Node {
    fn search(node: &Node, sources: &[Source], found: &mut Vec<Node>) {
        match &node.kind {
            NodeKind::Scalar(scalar) if scalar.text.contains(MARK) => {
                let written = sources
                    .get(node.span.file as usize)
                    .and_then(|source| source.text.get(node.span.start as usize..node.span.end as usize));
                if written.is_some_and(|written| !written.contains('\n')) {
                    found.push(node.clone());
                }
            }
            NodeKind::Scalar(_) => {}
            NodeKind::List(items) => items.iter().for_each(|item| search(item, sources, found)),
            NodeKind::Map(entries) => entries.iter().for_each(|entry| search(&entry.value, sources, found)),
        }
    }
    let mut found = Vec::new();
    trees
        .filter(|tree| sources.get(tree.span.file as usize).is_some_and(|source| source.text.contains(MARK)))
        .for_each(|tree| search(tree, sources, &mut found));
    Node { span: Span::default(), kind: NodeKind::List(found) }
}

/// The last line of what a line begins: those behind it that are indented deeper.
fn block_end(lines: &[&str], first: usize) -> usize {
    let indent = |line: &str| line.len() - line.trim_start().len();
    let own = indent(lines[first]);
    let mut end = first;
    for (at, line) in lines.iter().enumerate().skip(first + 1) {
        if line.trim().is_empty() {
            continue;
        }
        if indent(line) <= own {
            break;
        }
        end = at;
    }
    end
}

/// The outermost part of the tree that begins on a line.
fn path_of_line(root: &Node, file: u32, source: &Source, line: usize) -> Option<Path> {
    fn search(node: &Node, path: &Path, on: &dyn Fn(Span) -> bool) -> Option<Path> {
        match &node.kind {
            NodeKind::Scalar(_) => None,
            NodeKind::List(items) => items.iter().enumerate().find_map(|(index, item)| {
                let path = path.index(index);
                if on(item.span) { Some(path) } else { search(item, &path, on) }
            }),
            NodeKind::Map(entries) => entries.iter().find_map(|entry| {
                let path = path.key(&entry.key);
                if on(entry.key_span) { Some(path) } else { search(&entry.value, &path, on) }
            }),
        }
    }
    search(root, &Path::root(), &|span| span.file == file && source.position(span.start).line == line)
}

/// `ID reason="…" owner=… until=…`, in any order behind the id.
fn read(text: &str) -> Result<(String, Waived), String> {
    let text = text.trim();
    let (rule, mut rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    if rule.is_empty() || rule.contains('=') {
        return Err("it does not say for which rule".to_owned());
    }
    let (mut reason, mut owner, mut until) = (None, None, None);
    // The part that was read last, when it stood without quotes.
    let mut bare: Option<&str> = None;
    loop {
        rest = rest.trim_start();
        if rest.is_empty() {
            break;
        }
        let word = rest.split_whitespace().next().unwrap_or(rest);
        let Some((key, value)) = rest.split_once('=').filter(|_| word.contains('=')) else {
            return Err(match bare {
                Some(key) => format!("`{key}` is more than one word; put it in quotes: `{key}=\"…\"`"),
                None => format!("`{}` is no `name=value`", word.escape_debug()),
            });
        };
        let quoted = value.strip_prefix('"');
        let (value, after) = match quoted {
            Some(quoted) => quoted.split_once('"').ok_or("a quote is not closed")?,
            None => value.split_once(char::is_whitespace).unwrap_or((value, "")),
        };
        let slot = match key {
            "reason" => &mut reason,
            "owner" => &mut owner,
            "until" => &mut until,
            other => return Err(format!("it knows no `{}`", other.escape_debug())),
        };
        if value.trim().is_empty() {
            return Err(format!("`{key}` is empty"));
        }
        if slot.replace(value.to_owned()).is_some() {
            return Err(format!("`{key}` stands twice"));
        }
        bare = quoted.is_none().then_some(key);
        rest = after;
    }
    let part = |value: Option<String>, name: &str| value.ok_or_else(|| format!("`{name}` is missing"));
    let waived = Waived { reason: part(reason, "reason")?, owner: part(owner, "owner")?, until: part(until, "until")? };
    if !is_date(&waived.until) {
        return Err(format!("`{}` is no date such as 2027-06-30", waived.until.escape_debug()));
    }
    Ok((rule.to_owned(), waived))
}

/// Whether a text is a day of the calendar.
pub fn is_date(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let [year, month, day] = parts[..] else { return false };
    let number = |text: &str, digits: usize| {
        (text.len() == digits && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse::<u32>().ok()).flatten()
    };
    let (Some(year), Some(month), Some(day)) = (number(year, 4), number(month, 2), number(day, 2)) else {
        return false;
    };
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        2 => 28 + u32::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => 0,
    };
    (1..=days).contains(&day)
}

impl Waiver {
    /// The id of the rule that it is for.
    pub fn rule(&self) -> &str {
        &self.rule
    }

    fn holds_for(&self, document: &Document, finding: &Diagnostic) -> bool {
        if !self.rule.eq_ignore_ascii_case(&finding.id) {
            return false;
        }
        match &self.scope {
            Scope::Below(path) => below(path, document, finding),
            Scope::Lines { file, from, to, path } => {
                let span = document.span(&finding.primary.place);
                let inside = span.file == *file
                    && document
                        .sources
                        .get(*file as usize)
                        .is_some_and(|source| (*from..=*to).contains(&source.position(span.start).line));
                inside || path.as_ref().is_some_and(|path| below(path, document, finding))
            }
        }
    }
}

/// Whether a finding stands at a part of the blueprint or below it.
fn below(path: &Path, document: &Document, finding: &Diagnostic) -> bool {
    match &finding.primary.place {
        Place::Value(at) | Place::Key(at) => at.starts_with(path),
        Place::Span(_) => {
            let (inside, span) = (document.root.locate(path), document.span(&finding.primary.place));
            let outer = inside.node.span;
            inside.whole && outer.file == span.file && outer.start <= span.start && span.end <= outer.end
        }
    }
}

/// What is to be said of waivers.
#[derive(Debug, Default)]
pub struct Said {
    /// Of those that have ended, and that something falls under.
    pub ended: Vec<Diagnostic>,
    /// Of those that nothing falls under.
    pub unused: Vec<Diagnostic>,
}

/// Marks the findings that are waived on a day, and says of the waivers what is to be said. A finding that is `fixed` keeps
/// the blueprint from being used, and cannot be waived.
pub fn apply(
    waivers: &mut [Waiver],
    document: &Document,
    today: &str,
    fixed: impl Fn(&Diagnostic) -> bool,
    findings: &mut [Diagnostic],
) -> Said {
    let mut said = Said::default();
    for waiver in waivers {
        let Waived { owner, until, .. } = &waiver.waived;
        let ended = until.as_str() < today;
        let mut used = false;
        for finding in findings.iter_mut().filter(|finding| !fixed(finding)) {
            if waiver.holds_for(document, finding) {
                used = true;
                if !ended {
                    finding.waived.get_or_insert_with(|| waiver.waived.clone());
                }
            }
        }
        let warning = |id, title: String| Diagnostic::warning(id, waiver.place.clone(), title);
        if !used {
            said.unused.push(
                warning("BP174", format!("nothing falls under this waiver of {}", waiver.rule))
                    .because("what it was for is mended, or stands elsewhere; left in place it would hide the next one")
                    .fix("remove it"),
            );
        } else if ended {
            said.ended.push(
                warning("BP173", format!("this waiver of {} ended on {until}", waiver.rule))
                    .because(format!("{owner} accepted it until then; the finding counts again"))
                    .fix("mend what it was for, or have it accepted anew with a later day"),
            );
        }
    }
    said
}

#[cfg(test)]
mod tests {
    use super::{is_date, read};

    #[test]
    fn a_comment_has_every_part_or_says_which_is_missing() {
        let (rule, waived) = read(r#" PG007 owner=data reason="a test, with = in it" until=2027-06-30"#).unwrap();
        assert_eq!((rule.as_str(), waived.reason.as_str()), ("PG007", "a test, with = in it"));
        for (text, why) in [
            ("", "which rule"),
            ("PG007", "`reason` is missing"),
            (r#"PG007 reason="x" owner=y"#, "`until` is missing"),
            (r#"PG007 reason="x" owner=y until=tomorrow"#, "no date"),
            (r#"PG007 reason="x owner=y"#, "not closed"),
            (r#"PG007 reason="x" reason="y""#, "twice"),
            (r#"PG007 because="x""#, "`because`"),
            ("PG007 reason=is flat owner=x until=2027-06-30", "`reason` is more than one word; put it in quotes"),
            ("PG007 owner=x until=2027-06-30 reason=it is flat", "put it in quotes: `reason="),
            (r#"PG007 reason="x" owner"#, "`owner` is no `name=value`"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(why), "{text}: {error}");
        }
    }

    #[test]
    fn dates_are_days_of_the_calendar() {
        assert!(is_date("2028-02-29") && !is_date("2027-02-29") && !is_date("2027-13-01") && !is_date("2027-1-1"));
    }
}
