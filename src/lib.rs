//! hagen: one high-availability and disaster-recovery blueprint in, everything that it promises out.
//!
//! The flow, one module a stage; each is a function from values to values:
//!
//! ```text
//! text ─document→ tree ─blueprint→ model ─render→ files ─verify→ accepted files ─write→ directory
//! ```

pub mod blueprint;
pub mod cli;
pub mod diagnostics;
pub mod document;
pub mod env;
pub mod loading;
pub mod render;
pub mod report;
pub mod verify;
pub mod write;
