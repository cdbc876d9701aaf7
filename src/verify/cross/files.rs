//! Files that name other files: kustomizations their resources, tests their rules.

use std::collections::{BTreeMap, BTreeSet};

use super::File;
use super::world::Found;
use crate::render::ArtifactKind;
use crate::verify::Fault;
use crate::verify::tree::Node;

/// What names a file that is not there, or leaves one out.
pub fn check<'a>(files: &[File<'a, '_>]) -> Vec<Found<'a>> {
    let mut found = Vec::new();
    let paths: BTreeSet<&str> = files.iter().map(|file| file.artifact.path.as_str()).collect();
    let mut applied: BTreeMap<&str, bool> = files
        .iter()
        .filter(|file| file.artifact.kind == ArtifactKind::Kubernetes)
        .map(|file| (file.artifact.path.as_str(), false))
        .collect();
    for file in files {
        let directory = file.artifact.path.rsplit_once('/').map_or("", |(directory, _)| directory);
        let Some(document) = file.documents.first() else { continue };
        match file.artifact.kind {
            ArtifactKind::Kustomization => {
                let resources = document.list("resources");
                let names: Vec<&str> = resources.iter().filter_map(Node::text).collect();
                if !names.is_sorted() || names.windows(2).any(|pair| pair[0] == pair[1]) {
                    found.push((
                        file.artifact,
                        Fault::at(document.line, "the resources are not sorted, or one stands twice"),
                    ));
                }
                for resource in resources {
                    let path = join(directory, resource.text().unwrap_or_default());
                    match applied.get_mut(path.as_str()) {
                        Some(seen) => *seen = true,
                        None if paths.contains(format!("{path}/kustomization.yaml").as_str()) => {}
                        None => {
                            found.push((file.artifact, Fault::at(resource.line, format!("there is no file {path}"))))
                        }
                    }
                }
            }
            ArtifactKind::PrometheusTests => {
                for rules in document.list("rule_files") {
                    let path = join(directory, rules.text().unwrap_or_default());
                    if !paths.contains(path.as_str()) {
                        found.push((file.artifact, Fault::at(rules.line, format!("there is no rule file {path}"))));
                    }
                }
            }
            _ => {}
        }
    }
    for file in files {
        if applied.get(file.artifact.path.as_str()) == Some(&false) {
            found.push((file.artifact, Fault::at(0, "no kustomization lists this file: it would never be applied")));
        }
    }
    found
}

/// A relative path, from a directory.
fn join(directory: &str, path: &str) -> String {
    let mut parts: Vec<&str> = if directory.is_empty() { Vec::new() } else { directory.split('/').collect() };
    for part in path.split('/') {
        match part {
            "." | "" => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}
