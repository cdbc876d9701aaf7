//! The users' own rules, in Rego: the language of conftest and the Open Policy Agent.
//!
//! A policy is judged over values: each object of Kubernetes by itself, as conftest does it, or the resolved blueprint, for
//! packages below `hagen`. What it finds becomes a [`Diagnostic`](crate::diagnostics::Diagnostic) at the line of the blueprint
//! that the object comes from. Texts and values in, findings out: nothing here opens a file, and a policy cannot either.
//!
//! Only this module knows the engine. What a policy may take is in [`limits`]; the thread that can be given up is the caller's.

mod evaluate;
mod finding;
mod guards;
pub mod limits;
mod load;
mod messages;
mod recursion;
mod refused;
mod scan;
mod subject;
mod unit;

pub use evaluate::{Outcome, evaluate};
pub use load::{Policies, Problems, load};
pub use subject::{Subject, model, objects, written};
pub use unit::{Test, Verdict, test};
