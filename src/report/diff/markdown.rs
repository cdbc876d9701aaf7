//! A comparison for a pull request.

use std::fmt::Write as _;

use super::human::{Paint, changes};
use super::{Shown, sign_of, was};
use crate::report::place::one_line;

/// For a pull request: a table, and the values behind a click.
pub fn markdown(shown: &Shown<'_>) -> String {
    let cell = |text: &str| escaped(text).replace('`', "'");
    let mut out = format!("### hagen diff: {}\n", shown.summary());
    for said in shown.said() {
        let _ = write!(out, "\n> {}\n", cell(said));
    }
    for (region, differences) in shown.by_region() {
        let _ = write!(out, "\n**{}**\n\n| | what | risk | from |\n|---|---|---|---|\n", cell(region));
        for difference in &differences {
            let from = shown.origin(difference).map(|(path, file, line)| format!("`{}` {file}:{line}", cell(&path)));
            let _ = writeln!(
                out,
                "| {} | `{}` | {} | {} |",
                sign_of(difference),
                cell(&format!("{}{}", difference.subject, was(difference))),
                difference.risk().name(),
                escaped(&from.unwrap_or_default())
            );
        }
        for difference in differences {
            let mut body = String::new();
            changes(difference, false, Paint(false), &mut body);
            // No line of a value ends the block.
            let body = body.replace("```", "'''");
            let _ = write!(
                out,
                "\n<details><summary><code>{}</code></summary>\n\n```text\n{}```\n\n</details>\n",
                cell(&difference.subject),
                body
            );
        }
    }
    out
}

/// A text in a cell: nothing in it ends the cell, the line or the text.
fn escaped(text: &str) -> String {
    one_line(text).replace('\\', "\\\\").replace('|', "\\|").replace('<', "&lt;")
}
