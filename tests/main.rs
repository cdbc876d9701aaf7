//! The one integration test binary.

#![allow(missing_docs, clippy::unwrap_used, clippy::print_stderr, reason = "tests")]

mod architecture;
mod attacks;
mod broken;
mod brownfield;
mod check;
mod cli;
mod contexts;
mod diff;
mod examples;
mod hostile;
mod invariants;
mod language;
#[cfg(feature = "rego")]
mod policies;
mod readme;
mod reports;
mod rules;
mod support;
mod verify;
mod write;
