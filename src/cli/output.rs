//! Where things are printed: results to stdout, everything else to stderr. A closed pipe is no failure.

use std::io::{ErrorKind, IsTerminal, Write};
use std::process::{Command, Stdio};

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

    /// A long result: through a pager on a terminal, as git does it, with the same defaults.
    pub fn paged(&mut self, text: &str) {
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let pager = variable("HAGEN_PAGER").or_else(|| variable("PAGER")).unwrap_or_else(|| "less".to_owned());
        if !std::io::stdout().is_terminal() || pager == "cat" {
            return self.result(text);
        }
        let mut command = Command::new("sh");
        command.arg("-c").arg(&pager).stdin(Stdio::piped());
        for (name, value) in [("LESS", "FRX"), ("LV", "-c")] {
            if variable(name).is_none() {
                command.env(name, value);
            }
        }
        let Ok(mut child) = command.spawn() else { return self.result(text) };
        // Who leaves the pager has read enough.
        if let Some(mut input) = child.stdin.take() {
            let _ = input.write_all(text.as_bytes());
        }
        // 126, 127: there is no such program.
        let status = child.wait().ok().and_then(|status| status.code());
        if matches!(status, Some(126 | 127)) {
            self.result(text);
        }
    }

    /// Whether results are coloured: on a terminal, unless somebody said otherwise.
    pub fn colors_results(&self) -> bool {
        match self.color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => {
                std::io::stdout().is_terminal()
                    && anstream::AutoStream::choice(&std::io::stdout()) != anstream::ColorChoice::Never
            }
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
