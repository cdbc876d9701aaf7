//! hagen: one high-availability and disaster-recovery blueprint in, everything that it promises out.
//!
//! The flow, one module a stage; each is a function from values to values:
//!
//! ```text
//! text ─document→ tree ─blueprint→ model ─render→ files ─verify→ accepted files ─write→ directory
//! ```
//!
//! | module | what it holds | may know |
//! |---|---|---|
//! | [`document`] | the text of a blueprint as a tree in which every key and value knows its place; overlays | `diagnostics` |
//! | [`diagnostics`] | the one type of finding, and what each check means | `document`'s paths |
//! | [`blueprint`] | what may be written (`raw`), its schema, and the resolved model that every later stage reads | `document`, `diagnostics` |
//! | [`render`] | the resolved model as files: one module a family, the template engine and its escaping | `blueprint` |
//! | [`verify`] | the rendered bytes read back as an outsider would: one reader a format, then what lies between files | `render`'s artifacts |
//! | [`estate`] | files that hagen did not write, read: what each is, and what stands in it | `document`, `diagnostics` |
//! | [`rules`] | one file a rule; what they find in the blueprint and in files; levels and waivers | `blueprint`, `verify`'s readers |
//! | [`mod@write`] | accepted files to a directory, as a whole or not at all | `render`'s artifacts, `env` |
//! | [`loading`] | what every command does first: texts to a blueprint that can be rendered, with all its problems | the stages before `render`'s engine |
//! | [`report`] | findings as people and programs read them | `diagnostics`, `document` |
//! | [`mod@env`] | all contact with files | nothing |
//! | [`cli`] | arguments in, one function called, an exit status out | everything |
//!
//! Beside the sources: `templates/` (what the files look like, embedded), `schemas/` (the strict schemas that `verify` walks),
//! `tests/` (one integration binary; `tests/conformance/` runs the real programs), `benches/`, `examples/` (blueprints with the
//! trees that they must render to).

pub mod blueprint;
pub mod cli;
pub mod diagnostics;
pub mod document;
pub mod env;
pub mod estate;
pub mod loading;
pub mod render;
pub mod report;
pub mod rules;
pub mod verify;
pub mod write;
