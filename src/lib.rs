//! hagen: one high-availability and disaster-recovery blueprint in, everything that it promises out.
//!
//! The flow, one module a stage; each is a function from values to values:
//!
//! ```text
//! text ─document→ tree ─blueprint→ model ─render→ files ─verify→ accepted files ─write→ directory
//! ```
//!
//! In the order of the flow; `tests/architecture.rs` holds the last column against the imports:
//!
//! | module | what it holds | may use |
//! |---|---|---|
//! | [`document`] | the text of a blueprint as a tree in which every key and value knows its place; overlays | `diagnostics` |
//! | [`diagnostics`] | the one type of finding; what each check, fact, formula and rule means | `document` |
//! | [`blueprint`] | what may be written (`raw`), its schema, and the resolved model that every later stage reads | `document`, `diagnostics` |
//! | [`loading`] | what every command does first: texts to a blueprint that can be rendered, with all its problems, also those that only renderers and rules know | `blueprint`, `render`, `rules` |
//! | [`estate`] | files that hagen did not write, read: what each is, and what stands in it | `document`, `diagnostics` |
//! | [`rules`] | one file a rule; what they find in the blueprint and in files; levels and waivers | `blueprint`, `document`, `diagnostics`, `estate`, `render` |
//! | [`policies`] | the users' own rules in Rego, judged over rendered objects and the resolved blueprint | `blueprint`, `document`, `diagnostics`, `env`, `render`, `rules` |
//! | [`render`] | the resolved model as files: one module a family, the template engine and its escaping | `blueprint`, `document`, `diagnostics` |
//! | [`verify`] | the rendered bytes read back as an outsider would: one reader a format, then what lies between files | `render`, `blueprint`, `document`, `diagnostics` |
//! | [`mod@write`] | accepted files to a directory, as a whole or not at all | `render`, `env` |
//! | [`state`] | what is deployed, as sources show it: files that programs printed, trees that were rendered before, revisions of git; with the feature `live`, what runs, asked | `document`, `diagnostics`, `write` |
//! | [`diff`] | what is rendered against what is deployed: which difference is one, how dangerous it is, how it is carried out | `blueprint`, `document`, `render`, `state`, `verify` |
//! | [`report`] | findings as people and programs read them, and what there is to say of rules | `diagnostics`, `diff`, `document`, `blueprint`, `rules` |
//! | [`mod@env`] | all contact with the output directory; the clock; work that may have to be given up | nothing |
//! | [`cli`] | arguments in, one function called, an exit status out; it reads the files that it is given | everything |
//!
//! Beside the sources: `templates/` (what the files look like, embedded), `schemas/` (the strict schemas that `verify` walks),
//! `tests/` (one integration binary; `tests/conformance/` runs the real programs), `benches/`, `examples/` (blueprints with the
//! trees that they must render to).

pub mod blueprint;
pub mod cli;
pub mod diagnostics;
pub mod diff;
pub mod document;
pub mod env;
pub mod estate;
pub mod loading;
#[cfg(feature = "rego")]
pub mod policies;
pub mod render;
pub mod report;
pub mod rules;
pub mod state;
pub mod verify;
pub mod write;
