//! The one integration binary: a module for each thing that a user notices.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod hostile;
mod verify;
mod write;
