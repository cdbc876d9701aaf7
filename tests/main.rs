//! The one integration test binary.

#![allow(missing_docs, clippy::unwrap_used, clippy::print_stderr, reason = "tests")]

mod architecture;
mod broken;
mod cli;
mod examples;
mod hostile;
mod language;
mod readme;
mod support;
mod verify;
mod write;
