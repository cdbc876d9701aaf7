//! The repositories of pgBackRest: one for each destination, in order. Keys and passphrases come from the environment.

use serde::Serialize;

use crate::blueprint::raw::{Destination, DestinationKind, Encryption, Near, SecretRef};
use crate::blueprint::{Blueprint, Postgres, Region};

/// How a host or pod proves to an object store who it is, where no access key is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Identity {
    /// The instance's own role.
    Instance,
    /// A token that is mounted into the pod.
    WebToken,
}

/// An option of a configuration file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Setting {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
}

/// An environment variable that must hold a secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SecretVariable {
    /// The variable.
    pub variable: String,
    /// What it holds, for readers.
    pub meaning: String,
    /// Where it comes from.
    pub reference: SecretRef,
}

/// A repository of pgBackRest.
#[derive(Debug, Clone)]
pub struct Repository {
    /// Its number, from 1.
    pub number: usize,
    /// The destination's name.
    pub name: String,
    /// The options of `pgbackrest.conf`, with the number in their names.
    pub settings: Vec<Setting>,
    /// What pgBackRest reads from its environment.
    pub secrets: Vec<SecretVariable>,
    /// The directory, where the repository is one; it must be shared by all members.
    pub directory: Option<String>,
    /// What an older pgBackRest lacks for it: such a one refuses the whole configuration, all repositories with it.
    pub needs: Option<&'static str>,
    /// A file with a service key, where `gcs` has no identity.
    pub key_file: Option<SecretRef>,
}

/// The repositories of a cluster; none without a backup.
pub fn repositories(
    blueprint: &Blueprint,
    cluster: &Postgres,
    region: &Region,
    identity: Identity,
    key_directory: &str,
) -> Vec<Repository> {
    let Some(backup) = &cluster.spec.backup else {
        return Vec::new();
    };
    let mut repositories = Vec::new();
    for reference in &backup.to {
        let (_, name) = reference.parts();
        let Some(destination) = blueprint.spec.backup.get(name) else {
            continue; // `resolve` has refused it.
        };
        let number = repositories.len() + 1;
        let mut builder = Builder { number, settings: Vec::new(), secrets: Vec::new(), key_file: None };
        let path = cluster.repository(&blueprint.name, region, destination);
        let directory = (destination.kind == DestinationKind::Directory).then(|| path.clone());
        builder.set("path", path);
        builder.store(destination, destination.near(&region.name), identity, key_directory);
        builder.set("retention-full-type", "time".to_owned());
        builder.set("retention-full", backup.retention.days().max(1).to_string());
        builder.set("bundle", "y".to_owned());
        if destination.encryption == Encryption::Aes256Cbc {
            builder.set("cipher-type", "aes-256-cbc".to_owned());
            builder.secret("CIPHER_PASS", "the passphrase of the repository", destination.passphrase.as_ref());
        }
        let Builder { settings, secrets, key_file, .. } = builder;
        let managed = destination.kind == DestinationKind::AzureBlob && destination.access_key.is_none();
        let needs = managed.then_some("pgBackRest 2.58 or newer, the first with Azure's managed identities");
        repositories.push(Repository { number, name: name.to_owned(), settings, secrets, directory, needs, key_file });
    }
    repositories
}

struct Builder {
    number: usize,
    settings: Vec<Setting>,
    secrets: Vec<SecretVariable>,
    key_file: Option<SecretRef>,
}

impl Builder {
    fn set(&mut self, name: &str, value: String) {
        self.settings.push(Setting { name: format!("repo{}-{name}", self.number), value });
    }

    fn secret(&mut self, name: &str, meaning: &str, reference: Option<&SecretRef>) {
        if let Some(reference) = reference {
            self.secrets.push(SecretVariable {
                variable: format!("PGBACKREST_REPO{}_{name}", self.number),
                meaning: meaning.to_owned(),
                reference: reference.clone(),
            });
        }
    }

    fn store(&mut self, destination: &Destination, near: Near<'_>, identity: Identity, key_directory: &str) {
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        let endpoint = destination.endpoint.as_ref().map(ToString::to_string);
        let keyed = destination.access_key.is_some();
        match destination.kind {
            DestinationKind::Directory => self.set("type", "posix".to_owned()),
            DestinationKind::S3 => {
                let region = near.region.unwrap_or_default().to_owned();
                self.set("type", "s3".to_owned());
                self.set("s3-bucket", near.bucket.unwrap_or_default().to_owned());
                if endpoint.is_some() {
                    // A store of one's own rarely has a name for each bucket.
                    self.set("s3-uri-style", "path".to_owned());
                }
                self.set("s3-endpoint", endpoint.unwrap_or_else(|| format!("s3.{region}.amazonaws.com")));
                self.set("s3-region", region);
                let key_type = match identity {
                    _ if keyed => "shared",
                    Identity::Instance => "auto",
                    Identity::WebToken => "web-id",
                };
                self.set("s3-key-type", key_type.to_owned());
                self.secret("S3_KEY", "the id of the access key", destination.access_key.as_ref());
                self.secret("S3_KEY_SECRET", "the secret half of the access key", destination.secret_key.as_ref());
            }
            DestinationKind::AzureBlob => {
                self.set("type", "azure".to_owned());
                self.set("azure-account", text(&destination.account));
                self.set("azure-container", text(&destination.container));
                if let Some(endpoint) = endpoint {
                    self.set("azure-endpoint", endpoint);
                }
                self.set("azure-key-type", if keyed { "shared" } else { "auto" }.to_owned());
                self.secret("AZURE_KEY", "the shared key of the storage account", destination.access_key.as_ref());
            }
            DestinationKind::Gcs => {
                self.set("type", "gcs".to_owned());
                self.set("gcs-bucket", near.bucket.unwrap_or_default().to_owned());
                if let Some(endpoint) = endpoint {
                    self.set("gcs-endpoint", endpoint);
                }
                self.set("gcs-key-type", if keyed { "service" } else { "auto" }.to_owned());
                if keyed {
                    // pgBackRest takes a service key as a file only: it is named here and written by nobody.
                    self.set("gcs-key", format!("{key_directory}/repo{}-gcs-key.json", self.number));
                    self.key_file.clone_from(&destination.access_key);
                }
            }
        }
    }
}
