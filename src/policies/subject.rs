//! What policies are judged over: values, each with the place in the blueprint that a finding about it belongs to.

use regorus::Value;

use crate::blueprint::{Blueprint, resolved};
use crate::diagnostics::Place;
use crate::document::{Document, Node, Path, Source, plain, yaml};
use crate::render::{ArtifactKind, ArtifactSet};

/// A value that policies are judged over.
#[derive(Debug, Clone)]
pub struct Subject {
    /// The value: `input`.
    pub(super) input: Value,
    /// Where a finding about it belongs.
    pub(super) place: Place,
    /// The object; none for the blueprint itself.
    pub(super) object: Option<Object>,
}

/// An object of Kubernetes.
#[derive(Debug, Clone)]
pub(super) struct Object {
    /// The file that it stands in.
    pub file: String,
    /// Kind, namespace and name: `Deployment shop/api`.
    pub name: String,
}

/// The resolved blueprint, as `validate --resolved --format json` prints it: what packages below `hagen` are judged over.
pub fn model(blueprint: &Blueprint, document: &Document) -> Subject {
    let input = Value::from(resolved::json(blueprint, document));
    Subject { input, place: Place::Key(Path::root()), object: None }
}

/// Every object of Kubernetes among rendered files. A finding about it belongs to the part of the blueprint that its file comes
/// from first.
pub fn objects(files: &ArtifactSet) -> Result<Vec<Subject>, String> {
    let mut subjects = Vec::new();
    for artifact in files.values().filter(|artifact| artifact.kind == ArtifactKind::Kubernetes) {
        let place = Place::Key(artifact.origins.first().cloned().unwrap_or_default());
        let source = Source::new(artifact.path.clone(), artifact.text.clone());
        let (documents, problems) = yaml::parse_foreign(&source, 0);
        if let Some(problem) = problems.first() {
            return Err(format!("{}: {}", artifact.path, problem.title));
        }
        subjects.extend(documents.iter().filter_map(|node| object(plain::json(node), &artifact.path, place.clone())));
    }
    Ok(subjects)
}

/// An object of Kubernetes that somebody wrote, in a file of that name.
pub fn written(node: &Node, file: &str) -> Option<Subject> {
    let name = node.get("metadata").and_then(|metadata| metadata.get("name"));
    object(plain::json(node), file, Place::Span(name.unwrap_or(node).span))
}

/// A document as an object; an empty one is none.
fn object(value: serde_json::Value, file: &str, place: Place) -> Option<Subject> {
    if value.is_null() {
        return None;
    }
    let text = |pointer: &str| value.pointer(pointer).and_then(serde_json::Value::as_str);
    let kind = text("/kind").unwrap_or("document");
    let name =
        [text("/metadata/namespace"), text("/metadata/name")].into_iter().flatten().collect::<Vec<_>>().join("/");
    let name = if name.is_empty() { kind.to_owned() } else { format!("{kind} {name}") };
    Some(Subject { input: Value::from(value), place, object: Some(Object { file: file.to_owned(), name }) })
}

impl Object {
    /// Name and directory of its file, as conftest gives them to policies: `data.conftest.file`.
    pub fn file_data(&self) -> serde_json::Value {
        let (directory, name) = self.file.rsplit_once('/').unwrap_or((".", &self.file));
        serde_json::json!({"conftest": {"file": {"name": name, "dir": directory}}})
    }
}
