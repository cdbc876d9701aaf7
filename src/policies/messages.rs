//! What the engine says of a policy, as a finding at a place in that policy.

use crate::diagnostics::{Diagnostic, Place};
use crate::document::{Source, Span};

/// A policy that cannot be read.
pub const BROKEN: &str = "BP175";
/// A policy that calls a function that is refused.
pub const REFUSES: &str = "BP176";
/// A policy that was given up, or whose result cannot be reported.
pub const FAILED: &str = "BP177";

/// An error of the engine: its message, and where it points if it does.
pub struct Said {
    /// The message alone.
    pub text: String,
    /// File, line and column, from 1.
    at: Option<(String, usize, usize)>,
    /// Whether it is about time.
    pub late: bool,
}

/// Reads what the engine says: `--> FILE:LINE:COLUMN`, an excerpt, `error: MESSAGE`.
pub fn read(error: &anyhow::Error) -> Said {
    let whole = error.to_string();
    let late = matches!(error.downcast_ref(), Some(regorus::LimitError::TimeLimitExceeded { .. }));
    let at = whole.lines().find_map(|line| {
        let mut parts = line.trim().strip_prefix("--> ")?.rsplitn(3, ':');
        let column = parts.next()?.parse().ok()?;
        let line = parts.next()?.parse().ok()?;
        Some((parts.next()?.to_owned(), line, column))
    });
    let said = |line: &str| line.strip_prefix("error: ").map(str::to_owned);
    let text = whole.lines().rev().find_map(said).unwrap_or_else(|| whole.trim().to_owned());
    Said { text, at, late }
}

impl Said {
    /// Where it points, or the place that is given.
    pub fn place(&self, sources: &[Source], otherwise: Span) -> Place {
        Place::Span(self.span(sources).unwrap_or(otherwise))
    }

    /// The line that it is about; 0 for none.
    pub fn line(&self) -> usize {
        self.at.as_ref().map_or(0, |(_, line, _)| *line)
    }

    fn span(&self, sources: &[Source]) -> Option<Span> {
        let (file, line, column) = self.at.as_ref()?;
        let index = sources.iter().position(|source| source.name == *file)?;
        let text = &sources.get(index)?.text;
        let mut start = 0;
        for (at, here) in text.split('\n').enumerate() {
            if at + 1 == *line {
                let within = here.char_indices().nth(column.saturating_sub(1)).map_or(here.len(), |(at, _)| at);
                let rest = here.get(within..).unwrap_or_default();
                let word = rest.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_').count().max(1);
                return Some(span(index, start + within, (start + within + word).min(text.len())));
            }
            start += here.len() + 1;
        }
        Some(span(index, text.len(), text.len()))
    }
}

/// A span of bytes in a file.
pub fn span(file: usize, start: usize, end: usize) -> Span {
    let small = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    Span { file: small(file), start: small(start), end: small(end) }
}

/// The file cannot be read as Rego.
pub fn broken(said: &Said, place: Place, version: &str) -> Diagnostic {
    Diagnostic::error(BROKEN, place, format!("this is no policy: {}", said.text))
        .because(format!("it was read as {version}"))
        .fix("`opa check` or `conftest verify` say the same at more length; docs/policies.md has what differs here")
}

/// A rule could not be judged to its end.
pub fn failed(said: &Said, place: Place, of: &str) -> Diagnostic {
    if said.late {
        let limit = super::limits::ONE.as_secs();
        return Diagnostic::error(FAILED, place, format!("{of} runs longer than {limit}s over one input"))
            .because("a policy that does not end would keep the gate closed for ever")
            .fix("look for a comprehension over a comprehension, and bind what both have in common first");
    }
    let unknown = said.text.strip_prefix("could not find function ");
    let title = match unknown {
        Some(name) => format!("the function `{name}` does not exist here"),
        None => format!("{of} cannot be judged: {}", said.text),
    };
    let fix = match unknown {
        Some(_) => "docs/policies.md lists the functions of OPA that are left out, and why",
        None => "mend the policy; `hagen policy test` runs its tests",
    };
    Diagnostic::error(FAILED, place, title).fix(fix)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_of_the_engine_is_taken_apart() {
        let said = read(&anyhow::anyhow!("\n--> C:/a.rego:2:3\n  |\n2 | x é y\n  |   ^\nerror: expecting :: here"));
        assert_eq!(said.text, "expecting :: here");
        let sources = [Source::new("C:/a.rego", "one\nx é y\n")];
        assert_eq!(said.span(&sources), Some(Span { file: 0, start: 6, end: 7 }));
        let said = read(&anyhow::anyhow!("something else"));
        assert!(said.text == "something else" && said.span(&sources).is_none());
        let said = read(&anyhow::anyhow!("--> C:/a.rego:99:99\nerror: x"));
        assert_eq!(said.span(&sources), Some(Span { file: 0, start: 11, end: 11 }));
    }
}
