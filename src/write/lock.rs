//! `hagen.lock.json`: what a run wrote, so that the next one knows its own files from those of people.

use std::fmt::Write as _;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::render::{Artifact, ArtifactKind, Family, Object};

/// The name of the lock file.
pub const LOCK: &str = "hagen.lock.json";

/// The version of its form.
pub const FORMAT: u32 = 1;

/// A file that was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LockedFile {
    /// Its path below the directory, with `/`.
    pub path: String,
    /// What reads it.
    pub kind: String,
    /// The part of the output that it belongs to.
    pub family: String,
    /// Its region; none for what is global.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// The digest of its content.
    pub sha256: String,
    /// Whether it may be run.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub executable: bool,
    /// The Kubernetes objects in it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub objects: Vec<Object>,
    /// The parts of the blueprint that it comes from.
    pub from: Vec<String>,
    /// The digest of the model that it was rendered from, where that is not the lock's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
}

/// The lock file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Lock {
    /// The version of its form.
    pub format: u32,
    /// The version of hagen that wrote it.
    pub hagen: String,
    /// The blueprint's name.
    pub blueprint: String,
    /// The environment, if one was chosen.
    pub environment: Option<String>,
    /// The digest of the resolved model.
    pub model: String,
    /// The files, by path.
    pub files: Vec<LockedFile>,
}

impl LockedFile {
    /// The entry of a rendered file.
    pub fn of(artifact: &Artifact, objects: Vec<Object>) -> Self {
        Self {
            path: artifact.path.clone(),
            kind: artifact.kind.name().to_owned(),
            family: family_name(artifact.family),
            region: artifact.region.clone(),
            sha256: digest(artifact.text.as_bytes()),
            executable: artifact.kind == ArtifactKind::Shell,
            objects,
            from: artifact.origins.iter().map(ToString::to_string).collect(),
            model: None,
        }
    }

    /// The part of the output that it belongs to; `None` for one that this version does not know.
    pub fn family(&self) -> Option<Family> {
        Family::from_str(&self.family, false).ok()
    }
}

impl Lock {
    /// Whose the directory is, in words.
    pub fn owner(blueprint: &str, environment: Option<&str>) -> String {
        match environment {
            Some(environment) => format!("blueprint `{blueprint}`, environment `{environment}`"),
            None => format!("blueprint `{blueprint}`"),
        }
    }

    /// Reads a lock file.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        let lock: Self = match serde_json::from_slice(bytes) {
            Ok(lock) => lock,
            Err(error) => {
                #[derive(Deserialize)]
                struct Form {
                    format: u32,
                }
                return Err(match serde_json::from_slice::<Form>(bytes) {
                    Ok(form) if form.format > FORMAT => format!("a newer hagen wrote it (form {})", form.format),
                    _ => error.to_string(),
                });
            }
        };
        if lock.format != FORMAT {
            return Err(format!("it has form {}, and this hagen reads form {FORMAT}", lock.format));
        }
        Ok(lock)
    }

    /// Its text: one line a file, so that a diff of two locks shows files.
    pub fn text(&self) -> String {
        let mut text = String::with_capacity(128 + self.files.len() * 256);
        let _ = writeln!(text, "{{");
        let _ = writeln!(text, "  \"format\": {},", self.format);
        let _ = writeln!(text, "  \"hagen\": {},", json(&self.hagen));
        let _ = writeln!(text, "  \"blueprint\": {},", json(&self.blueprint));
        let _ = writeln!(text, "  \"environment\": {},", json(&self.environment));
        let _ = writeln!(text, "  \"model\": {},", json(&self.model));
        let _ = write!(text, "  \"files\": [");
        for (at, file) in self.files.iter().enumerate() {
            let _ = write!(text, "{}\n    {}", if at == 0 { "" } else { "," }, json(file));
        }
        text.push_str("\n  ]\n}\n");
        text
    }
}

/// JSON of a value; none of those here can fail to be written.
fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// The name of a part of the output, as `--only` takes it.
fn family_name(family: Family) -> String {
    family.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
}

/// The SHA-256 of a text, in hexadecimal digits.
pub fn digest(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(64);
    for byte in Sha256::digest(bytes) {
        let _ = write!(text, "{byte:02x}");
    }
    text
}
