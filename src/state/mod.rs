//! What is deployed, as sources show it: files that programs printed, trees that were rendered before. What a source is follows
//! from its content.

mod git;
mod layout;
#[cfg(feature = "live")]
pub mod live;
mod object;
mod recognise;
mod tree;
mod wanted;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use std::path::{Path, PathBuf};

use serde_json::Value;

pub use crate::write::LockedFile;
pub use layout::{Layout, Member};
pub use object::{HAGEN, ObjectId};
pub use tree::Tree;
pub use wanted::{Cluster, LiveKind, Manner, Server, Wanted, Zone};

/// Objects of a cluster, as `kubectl get -o yaml` or `-o json` prints them.
#[derive(Debug, Clone)]
pub struct Dump {
    /// Where they come from: what people named.
    pub source: String,
    /// The region, where people said which.
    pub region: Option<String>,
    /// The objects.
    pub objects: Vec<Value>,
    /// What the API server itself said of the rendered objects, where it was asked.
    pub asked: Option<Asked>,
}

/// What an API server said of rendered objects.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    /// What an object that is there would be after applying it, or why it is refused: dry runs.
    pub outcomes: BTreeMap<ObjectId, Result<Value, String>>,
    /// The objects that could not be looked at.
    pub hidden: BTreeSet<ObjectId>,
    /// What it was not allowed to say, so that less is known, in sentences.
    pub unsure: Vec<String>,
}

/// The dynamic configuration of a Patroni cluster, as `patronictl show-config` or `/config` of its REST API prints it.
#[derive(Debug, Clone)]
pub struct Dynamic {
    /// Where it comes from: what people named.
    pub source: String,
    /// The cluster, where people said which: `REGION`, `SCOPE`, `REGION/SCOPE`.
    pub name: Option<String>,
    /// What it holds.
    pub config: Value,
}

/// What a node of Redis says of its settings: `redis-cli CONFIG GET '*'`.
#[derive(Debug, Clone)]
pub struct Node {
    /// Where it comes from: what people named.
    pub source: String,
    /// The region, where people said which.
    pub name: Option<String>,
    /// The settings.
    pub settings: BTreeMap<String, String>,
}

/// The rules that a Prometheus has loaded: `/api/v1/rules`, or rule files.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// Where they come from: what people named.
    pub source: String,
    /// The region, or `global`, where people said which.
    pub name: Option<String>,
    /// The groups.
    pub groups: Vec<Value>,
}

/// What a source shows.
#[derive(Debug, Clone)]
pub enum Deployed {
    /// A tree that was rendered before.
    Tree(Tree),
    /// Objects of Kubernetes.
    Kubernetes(Dump),
    /// The dynamic configuration of Patroni.
    Patroni(Dynamic),
    /// The settings of a node of Redis.
    Redis(Node),
    /// The layout of a Redis Cluster.
    Layout(Layout),
    /// The rules of a Prometheus.
    Rules(Loaded),
    /// Record sets of Route 53, and the source.
    Records(String, Vec<Value>),
    /// Health checks of Route 53, and the source.
    HealthChecks(String, Vec<Value>),
}

impl Deployed {
    /// The objects of a cluster, where it shows any.
    pub const fn dump(&self) -> Option<&Dump> {
        match self {
            Self::Kubernetes(dump) => Some(dump),
            _ => None,
        }
    }

    /// The rules of a Prometheus, where it shows any.
    pub const fn rules(&self) -> Option<&Loaded> {
        match self {
            Self::Rules(loaded) => Some(loaded),
            _ => None,
        }
    }
}

/// What is deployed.
#[derive(Debug, Clone, Default)]
pub struct State {
    /// What each source shows.
    pub deployed: Vec<Deployed>,
}

/// A source that cannot be read: its name, what is wrong, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unread {
    /// The source as people named it.
    pub source: String,
    /// What is wrong.
    pub why: String,
    /// What to do.
    pub hint: String,
}

impl Unread {
    fn new(source: &str, why: impl Into<String>, hint: impl Into<String>) -> Self {
        // What a server says may be long.
        const MOST: usize = 2000;
        let why: String = why.into();
        let cut = why.chars().count() > MOST;
        let why = if cut { why.chars().take(MOST).chain([' ', '…']).collect() } else { why };
        Self { source: source.to_owned(), why, hint: hint.into() }
    }
}

/// Reads sources: `PATH`, `NAME=PATH` with the name of a region or of a cluster, `git:REVISION[:DIRECTORY]`. What can be read is
/// returned beside what cannot.
pub fn read(sources: &[String], blueprint: &str) -> (State, Vec<Unread>) {
    let (mut state, mut unread) = (State::default(), Vec::new());
    for found in sources.iter().flat_map(|source| one(source, blueprint)) {
        match found {
            Ok(deployed) => state.deployed.push(deployed),
            Err(problem) => unread.push(problem),
        }
    }
    (state, unread)
}

/// The content of a file. One that has no end, such as a device, is refused.
fn content(path: &Path) -> Result<Vec<u8>, String> {
    const MOST: u64 = 1 << 30;
    let mut bytes = Vec::new();
    let read = std::fs::File::open(path).and_then(|file| file.take(MOST + 1).read_to_end(&mut bytes));
    read.map_err(|error| error.to_string())?;
    if bytes.len() as u64 > MOST { Err("it is larger than 1 GiB".to_owned()) } else { Ok(bytes) }
}

/// The content of a file that was not named itself: a link in a directory may lead anywhere, and a pipe never ends.
fn content_within(path: &Path) -> Result<Vec<u8>, String> {
    let kind = std::fs::symlink_metadata(path).map_err(|error| error.to_string())?.file_type();
    if kind.is_file() { content(path) } else { Err("it is no regular file".to_owned()) }
}

/// Reads the tree that was rendered before: a directory, or `git:REVISION[:DIRECTORY]`.
pub fn tree(source: &str, blueprint: &str) -> Result<Tree, Unread> {
    if let Some(revision) = source.strip_prefix("git:") {
        return git::tree(source, revision, blueprint);
    }
    Tree::read(source, Path::new(source))
}

/// A source; a directory of files is one for each of them.
fn one(source: &str, blueprint: &str) -> Vec<Result<Deployed, Unread>> {
    if source.starts_with("git:") {
        return vec![tree(source, blueprint).map(Deployed::Tree)];
    }
    // `NAME=PATH`, unless a file is called like that.
    let is_name = |name: &str| !name.is_empty() && !name.starts_with(['.', '/']) && !Path::new(source).exists();
    let named = source.split_once('=').filter(|(name, _)| is_name(name));
    let (region, path) = named.map_or((None, source), |(name, path)| (Some(name.to_owned()), path));
    let path = PathBuf::from(path);
    if path.is_dir() {
        if path.join(crate::write::LOCK).is_file() {
            if let Some(name) = region {
                let hint = "name it alone; `--region` compares the files of one region";
                return vec![Err(Unread::new(
                    source,
                    format!("a rendered tree has all regions, and `{name}=` before it says nothing"),
                    hint,
                ))];
            }
            return vec![Tree::read(source, &path).map(Deployed::Tree)];
        }
        return recognise::directory(source, &path, region);
    }
    vec![recognise::file(source, &path, region)]
}
