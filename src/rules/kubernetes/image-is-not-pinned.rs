//! An image is named so that it may be another one tomorrow.
//!
//! # What it finds
//! An image with the tag `latest`, or with neither tag nor digest, in a container or init container of a workload, a pod or a
//! job. Any other tag is taken for one that stays. Names with placeholders (`${TAG}`, `{{ .Values.image }}`) are not judged, nor
//! what a Kustomization of these files pins under `images`. A blueprint with such an image is refused (BP019).
//!
//! # Why it matters
//! A node that starts the pod next week, or a cluster that is built anew after a disaster, gets what the tag means by then. A
//! rollback to the same manifest does not bring the former image back.
//!
//! # Example
//! ```yaml
//! containers:
//!   - name: api
//!     image: registry.example.com/shop/api:latest
//! ```
//!
//! # Fix
//! The tag of a release and the digest of what it means: `registry.example.com/shop/api:1.8.2@sha256:…`.
//!
//! # Source
//! facts.md R-K8-02: kube-linter has the same check, `latest-tag`.

use super::objects::{Object, list_at, objects, of_kind, text_at};
use super::workloads::shown;
use crate::document::Node;
use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "K8002",
    name: "image-is-not-pinned",
    group: Group::Kubernetes,
    level: Level::Error,
    security: false,
    fields: &[],
    check: Check::Files(check),
};

fn check(estate: &View<'_>, findings: &mut Vec<Diagnostic>) {
    let pinned = pinned(estate);
    for object in objects(estate) {
        let Some(template) = object.template() else { continue };
        let all = ["initContainers", "containers"].into_iter().flat_map(|key| list_at(template, &["spec", key]));
        for image in all.filter_map(|container| container.get("image")) {
            findings.extend(fault(object, image, &pinned));
        }
    }
}

/// The names of images that a Kustomization gives a tag or a digest.
fn pinned(estate: &Estate) -> Vec<&str> {
    let all = of_kind(estate, "Kustomization").flat_map(|object| list_at(object.node, &["images"]));
    let pins = |image: &&Node| {
        let tag = text_at(image, &["newTag"]);
        image.get("digest").is_some_and(|digest| !digest.is_null()) || tag.is_some_and(|tag| tag != "latest")
    };
    all.filter(pins).filter_map(|image| text_at(image, &["name"])).collect()
}

fn fault(object: Object<'_>, image: &Node, pinned: &[&str]) -> Option<Diagnostic> {
    let text = &*image.scalar()?.text;
    let open = |c: char| c.is_whitespace() || matches!(c, '{' | '}' | '$' | '<' | '>' | '%');
    if image.is_null() || text.is_empty() || text.contains(open) || text.contains('@') {
        return None;
    }
    let after = text.rfind('/').map_or(0, |slash| slash + 1);
    let colon = text.get(after..).and_then(|name| name.rfind(':')).map(|colon| after + colon);
    let (name, tag) = match colon {
        Some(colon) => (text.get(..colon)?, text.get(colon + 1..)),
        None => (text, None),
    };
    if tag.is_some_and(|tag| tag != "latest") || pinned.contains(&name) {
        return None;
    }
    let (label, why) = match tag {
        Some(_) => ("moves with every build", "`latest` is what was pushed last, not a release"),
        None => ("no tag: `latest`", "without tag and digest `latest` is meant, which is what was pushed last"),
    };
    Some(
        RULE.finding(
            Place::Span(image.span),
            format!("`{}` runs whatever `{}` is on the day it starts", shown(object), name.escape_debug()),
        )
        .label(label)
        .because(format!("{why}: neither a rollback nor a rebuild brings back what ran before (R-K8-02)"))
        .fix("write the tag of a release and its digest"),
    )
}
