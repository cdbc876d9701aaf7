//! Reads the rendered bytes as an outsider would, before anybody else sees them: one reader a format, then what lies
//! between the files. A problem here is a fault of hagen or of a template override, never of the blueprint; it says
//! which file and line, which template, and which parts of the blueprint it came from.
//!
//! Nothing here trusts what the renderer meant: only its bytes count. Nothing here touches the world.

mod alertmanager;
mod cross;
mod haproxy;
mod ini;
mod json;
mod known;
mod kubernetes;
mod leaks;
mod patroni;
mod prometheus;
mod redis;
mod route53;
mod schema;
mod shell;
mod skeleton;
mod systemd;
mod tree;
pub mod yaml;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::LazyLock;

use rayon::prelude::*;

pub use skeleton::skeleton;
pub use tree::{Key, Node, Step, Value};

use crate::blueprint::Blueprint;
use crate::document::Path;
use crate::render::{Artifact, ArtifactKind, ArtifactSet, Object, Selection};
use schema::Schemas;

/// The strict schemas of Kubernetes kinds, from a real API server.
const KUBERNETES: &str = include_str!("../../schemas/kubernetes.json");
/// The strict schemas of all other files that are trees.
const FILES: &str = include_str!("../../schemas/files.json");

static KUBERNETES_SCHEMAS: LazyLock<Schemas> = LazyLock::new(|| Schemas::parse(KUBERNETES));
static FILE_SCHEMAS: LazyLock<Schemas> = LazyLock::new(|| Schemas::parse(FILES));

/// The kinds of objects of Kubernetes that hagen renders or reads: `group/version/Kind`, without a group for the core.
pub fn kinds() -> impl Iterator<Item = &'static str> {
    KUBERNETES_SCHEMAS.kinds()
}

/// Writes the defaults that the schema of a custom resource has into an object (`group/version/Kind`).
pub fn fill_defaults(kind: &str, object: &mut serde_json::Value) {
    KUBERNETES_SCHEMAS.fill(kind, object);
}

/// What is wrong at a line of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The line, from 1; 0 where it is not known.
    pub line: u32,
    /// What is wrong, in a phrase.
    pub message: String,
}

impl Fault {
    /// A fault at a line.
    pub fn at(line: u32, message: impl Into<String>) -> Self {
        Self { line, message: message.into() }
    }
}

/// A file that the system which reads it would not accept, or that contradicts another one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct VerifyProblem {
    /// The file's path below the output directory.
    pub path: String,
    /// The line, where it is known.
    pub line: Option<u32>,
    /// What is wrong, in a phrase.
    pub message: String,
    /// The template that the file was made from.
    pub template: String,
    /// The parts of the blueprint that it comes from.
    pub origins: Vec<Path>,
}

impl fmt::Display for VerifyProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = self.line.map(|line| format!(":{line}")).unwrap_or_default();
        write!(f, "{}{line}: {}\n  template {}", self.path, self.message, self.template)?;
        if !self.origins.is_empty() {
            let from: Vec<String> = self.origins.iter().take(4).map(ToString::to_string).collect();
            write!(f, ", from {}", from.join(", "))?;
        }
        write!(f, "\n  this is a fault of hagen or of your template override")
    }
}

/// What was read.
#[derive(Debug, Clone, Default)]
pub struct Verified {
    /// What is wrong, by file and line; empty when everything is accepted.
    pub problems: Vec<VerifyProblem>,
    /// The Kubernetes objects in each file, for the lock file.
    pub objects: BTreeMap<String, Vec<Object>>,
}

/// What a reader makes of a file.
#[derive(Default)]
struct Read<'a> {
    faults: Vec<Fault>,
    /// What other files are held against: the documents of a file of Kubernetes objects, of a kustomization, or of
    /// promtool's tests.
    documents: Vec<Node<'a>>,
}

/// Reads every file, and then what lies between them. `selection` is what was rendered: what lies between files is
/// judged only where no part of the output was left out.
pub fn verify(blueprint: &Blueprint, set: &ArtifactSet, selection: &Selection) -> Verified {
    let artifacts: Vec<&Artifact> = set.values().collect();
    let reads: Vec<Read<'_>> = artifacts.par_iter().map(|artifact| read(artifact)).collect();
    let mut verified = Verified::default();
    let mut problems: Vec<(&Artifact, Fault)> = Vec::new();
    for (artifact, read) in artifacts.iter().zip(&reads) {
        problems.extend(read.faults.iter().map(|fault| (*artifact, fault.clone())));
        if artifact.kind == ArtifactKind::Kubernetes {
            verified.objects.insert(artifact.path.clone(), kubernetes::objects(&read.documents));
        }
    }
    if selection.only.is_empty() && selection.skip.is_empty() {
        let files: Vec<cross::File<'_, '_>> = artifacts
            .iter()
            .zip(&reads)
            .map(|(artifact, read)| cross::File { artifact, documents: &read.documents })
            .collect();
        problems.extend(cross::check(blueprint, &files));
    }
    verified.problems = problems
        .into_iter()
        .map(|(artifact, fault)| VerifyProblem {
            path: artifact.path.clone(),
            line: (fault.line > 0).then_some(fault.line),
            message: fault.message,
            template: artifact.template.to_owned(),
            origins: artifact.origins.clone(),
        })
        .collect();
    verified.problems.sort();
    verified.problems.dedup();
    verified
}

/// Reads one file as the system that it is for.
fn read(artifact: &Artifact) -> Read<'_> {
    let text = artifact.text.as_str();
    if let Some(at) = text.find('\0') {
        let line = text[..at].matches('\n').count() as u32 + 1;
        return Read { faults: vec![Fault::at(line, "a NUL character stands in the file")], documents: Vec::new() };
    }
    let mut read = match artifact.kind {
        ArtifactKind::Kubernetes => trees(text, kubernetes::check),
        ArtifactKind::Kustomization => tree(text, "kustomization", |_, _| {}),
        ArtifactKind::PrometheusRules => tree(text, "prometheus-rules", prometheus::rules),
        ArtifactKind::PrometheusTests => tree(text, "prometheus-tests", prometheus::tests),
        ArtifactKind::PrometheusConfig => tree(text, "prometheus-config", prometheus::config),
        ArtifactKind::Alertmanager => tree(text, "alertmanager", alertmanager::check),
        ArtifactKind::Blackbox => tree(text, "blackbox", |_, _| {}),
        ArtifactKind::Patroni => tree(text, "patroni", patroni::check),
        ArtifactKind::Etcd => tree(text, "etcd", patroni::etcd),
        ArtifactKind::Haproxy => lines(haproxy::check(text)),
        ArtifactKind::Pgbouncer => lines(ini::pgbouncer(text)),
        ArtifactKind::Pgbackrest => lines(ini::pgbackrest(text)),
        ArtifactKind::Redis => lines(redis::check(text, artifact.path.ends_with("sentinel.conf"))),
        ArtifactKind::Route53Changes => json_tree(text, "route53-changes", route53::changes),
        ArtifactKind::Route53HealthCheck => json_tree(text, "route53-health-check", route53::health_check),
        ArtifactKind::Systemd => lines(systemd::check(text)),
        ArtifactKind::Shell => lines(shell::check(text)),
        ArtifactKind::Json => json_tree(text, "", |_, _| {}),
        ArtifactKind::Markdown | ArtifactKind::Text => Read::default(),
    };
    leaks::check(artifact, &mut read);
    let_go(artifact.kind, &mut read.documents);
    read
}

/// Drops what no other file is held against: it is many times the text, and all files are read before one is compared.
fn let_go(kind: ArtifactKind, documents: &mut Vec<Node<'_>>) {
    match kind {
        ArtifactKind::Kubernetes => {
            // Rules name nothing that another file has, and are most of what is read.
            for rules in documents.iter_mut().filter(|document| document.text_at(&["kind"]) == Some("PrometheusRule")) {
                rules.remove("spec");
            }
        }
        ArtifactKind::Kustomization => {}
        ArtifactKind::PrometheusTests => documents.iter_mut().for_each(|document| document.remove("tests")),
        _ => documents.clear(),
    }
}

const fn lines<'a>(faults: Vec<Fault>) -> Read<'a> {
    Read { faults, documents: Vec::new() }
}

/// Reads a file of several YAML documents.
fn trees<'a>(text: &'a str, check: fn(&Node<'a>, &mut Vec<Fault>)) -> Read<'a> {
    match yaml::read(text) {
        Err(fault) => lines(vec![fault]),
        Ok(documents) => {
            let mut faults = Vec::new();
            documents.iter().for_each(|document| check(document, &mut faults));
            Read { faults, documents }
        }
    }
}

/// Reads a file of one YAML document with a schema.
fn tree<'a>(text: &'a str, schema: &str, check: fn(&Node<'_>, &mut Vec<Fault>)) -> Read<'a> {
    match yaml::read(text) {
        Err(fault) => lines(vec![fault]),
        Ok(documents) if documents.len() != 1 => {
            lines(vec![Fault::at(1, format!("one document belongs into this file, and it has {}", documents.len()))])
        }
        Ok(documents) => {
            let mut faults = Vec::new();
            held_against(schema, &documents[0], check, &mut faults);
            Read { faults, documents }
        }
    }
}

/// Reads a JSON file, with a schema where it has one.
fn json_tree<'a>(text: &'a str, schema: &str, check: fn(&Node<'_>, &mut Vec<Fault>)) -> Read<'a> {
    match json::read(text) {
        Err(fault) => lines(vec![fault]),
        Ok(document) => {
            let mut faults = Vec::new();
            held_against(schema, &document, check, &mut faults);
            Read { faults, documents: vec![document] }
        }
    }
}

/// Holds a tree against its schema, and against what a schema cannot say once that is right.
fn held_against(schema: &str, node: &Node<'_>, check: fn(&Node<'_>, &mut Vec<Fault>), faults: &mut Vec<Fault>) {
    if !schema.is_empty() && !FILE_SCHEMAS.check(schema, node, faults) {
        faults.push(Fault::at(0, format!("there is no schema `{schema}`")));
    }
    if faults.is_empty() {
        check(node, faults);
    }
}
