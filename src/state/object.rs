//! What an object of Kubernetes is known by.

use serde_json::Value;

/// The field manager that hagen's objects are applied with.
pub const HAGEN: &str = "hagen";

/// What an object is known by. The version of its API is no part of it: the server serves each object in all of them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ObjectId {
    /// The group of its API; empty for the core.
    pub group: String,
    /// Its kind: `Deployment`.
    pub kind: String,
    /// Its namespace; empty where none is written.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl ObjectId {
    /// That of an object; none where it has no kind or no name.
    pub fn of(object: &Value) -> Option<Self> {
        let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
        let version = text("/apiVersion");
        let group = version.split_once('/').map_or("", |(group, _)| group).to_owned();
        let id =
            Self { group, kind: text("/kind"), namespace: text("/metadata/namespace"), name: text("/metadata/name") };
        (!id.kind.is_empty() && !id.name.is_empty()).then_some(id)
    }

    /// `Deployment shop/api`.
    pub fn shown(&self) -> String {
        match &*self.namespace {
            "" => format!("{} {}", self.kind, self.name),
            namespace => format!("{} {namespace}/{}", self.kind, self.name),
        }
    }
}
