//! Where things are printed: results to stdout, everything else to stderr. A closed pipe is no failure.

use std::io::{ErrorKind, IsTerminal, Write};

use super::Failure;
use super::args::{Color, Global};
use crate::report::{Format, Look, Section, count, render, said};

/// The two streams.
pub struct Output {
    color: Color,
    quiet: bool,
    verbose: bool,
    failed: bool,
}

impl Output {
    /// The streams of this process.
    pub fn new(global: &Global) -> Self {
        Self { color: global.color, quiet: global.quiet, verbose: global.verbose, failed: false }
    }

    /// Whether something could not be written.
    pub const fn failed(&self) -> bool {
        self.failed
    }

    /// A result.
    pub fn result(&mut self, text: &str) {
        let mut stream = std::io::stdout().lock();
        if let Err(error) = stream.write_all(text.as_bytes()).and_then(|()| stream.flush())
            && error.kind() != ErrorKind::BrokenPipe
        {
            self.failed = true;
        }
    }

    /// What people should know, unless they said `--quiet`.
    pub fn note(&mut self, text: &str) {
        if !self.quiet {
            self.error_stream(&format!("{}\n", said(text)));
        }
    }

    /// What people want to know with `--verbose` only.
    pub fn detail(&mut self, text: &str) {
        if self.verbose {
            self.error_stream(&format!("{}\n", said(text)));
        }
    }

    /// Findings: for people to stderr, for programs to stdout.
    pub fn findings(&mut self, sections: &[Section<'_>], format: Format) {
        let text = render(sections, format, self.look());
        match format {
            Format::Json => self.result(&text),
            Format::Human => {
                self.error_stream(&text);
                let [errors, warnings, _] = count(sections);
                let plural = |n: usize, word: &str| format!("{n} {word}{}", if n == 1 { "" } else { "s" });
                let parts: Vec<String> = [(errors, "error"), (warnings, "warning")]
                    .iter()
                    .filter(|(n, _)| *n > 0)
                    .map(|(n, word)| plural(*n, word))
                    .collect();
                if !parts.is_empty() {
                    self.error_stream(&format!("{}\n", parts.join(", ")));
                }
            }
        }
    }

    /// Why the command could not do its work.
    pub fn failure(&mut self, failure: &Failure) {
        let hint = failure.hint.as_ref().map(|hint| format!("help: {}\n", said(hint))).unwrap_or_default();
        self.error_stream(&format!("hagen could not do its work: {}\n{hint}", said(&failure.message)));
    }

    /// What belongs beside a result, for programs: to stderr, whatever was said of quiet.
    pub fn aside(&mut self, text: &str) {
        self.error_stream(text);
    }

    /// How a report for people looks here.
    pub fn look(&self) -> Look {
        let terminal = std::io::stderr().is_terminal();
        let color = match self.color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => terminal && anstream::AutoStream::choice(&std::io::stderr()) != anstream::ColorChoice::Never,
        };
        Look { color, width: 140 }
    }

    fn error_stream(&mut self, text: &str) {
        let mut stream = std::io::stderr().lock();
        if let Err(error) = stream.write_all(text.as_bytes())
            && error.kind() != ErrorKind::BrokenPipe
        {
            self.failed = true;
        }
    }
}
