//! Where backups go, and how PostgreSQL's are made.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::postgres::seconds;
use super::{AbsolutePath, Cron, Host, Reference, SecretRef};
use crate::blueprint::units::Duration;

/// What a destination is for one region: the bucket and the provider's region that a cluster there uses.
#[derive(Debug, Clone, Copy)]
pub struct Near<'a> {
    /// The bucket, or the container.
    pub bucket: Option<&'a str>,
    /// The provider's region.
    pub region: Option<&'a str>,
}

impl Destination {
    /// What a cluster in a region uses: the copy there, if there is one, else the store itself.
    pub fn near(&self, region: &str) -> Near<'_> {
        match (&self.replica_bucket, &self.replicate_to) {
            (Some(bucket), Some(to)) if to == region => Near { bucket: Some(bucket), region: Some(to) },
            _ => Near { bucket: self.bucket.as_deref().or(self.container.as_deref()), region: self.region.as_deref() },
        }
    }
}

/// What tells one place from another: kind, address of the store, account, bucket, path.
type Spot<'a> = (DestinationKind, Option<&'a str>, Option<&'a str>, Option<&'a str>, &'a str);

impl Destination {
    /// Where it is for a cluster in a region: two destinations with one of these are one. Without what it needs it is nowhere.
    pub(in crate::blueprint) fn place(&self, region: &str) -> Option<Spot<'_>> {
        let path = self.path.as_ref().map(|path| path.as_str().trim_end_matches('/'));
        if self.kind == DestinationKind::Directory {
            return Some((self.kind, None, None, None, path?));
        }
        let bucket = Some(self.near(region).bucket?);
        Some((self.kind, self.endpoint.as_ref().map(Host::as_str), self.account.as_deref(), bucket, path.unwrap_or("")))
    }
}

/// A place that backups go to.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("examples" = [{"kind": "s3", "bucket": "my-backups", "region": "us-east-1"}]))]
pub struct Destination {
    /// What it is.
    pub kind: DestinationKind,
    /// The bucket, with `s3` and `gcs`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^[a-z0-9][-a-z0-9.]{1,61}[a-z0-9]$"))]
    #[schemars(extend("examples" = ["my-backups"]))]
    pub bucket: Option<String>,
    /// The container, with `azure-blob`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^[a-z0-9][-a-z0-9]{1,61}[a-z0-9]$"))]
    #[schemars(extend("examples" = ["my-backups"]))]
    pub container: Option<String>,
    /// The storage account, with `azure-blob`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^[a-z0-9]{3,24}$"))]
    #[schemars(extend("examples" = ["mybackups"]))]
    pub account: Option<String>,
    /// The provider's region that it lies in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^[a-z0-9-]+$"))]
    #[schemars(extend("examples" = ["us-east-1"]))]
    pub region: Option<String>,
    /// The address of the store, where it is not the provider's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = ["s3.internal.example.com"]))]
    pub endpoint: Option<Host>,
    /// The directory, with `directory`; in a bucket, the path below which everything lies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = ["/shop"]))]
    pub path: Option<AbsolutePath>,
    /// The region that the provider copies it to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = super::text::FOREIGN_NAME))]
    #[schemars(extend("examples" = ["eu-west-1"]))]
    pub replicate_to: Option<String>,
    /// The bucket there. Clusters in that region read and write it, so that the loss of the other region costs no archive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^[a-z0-9][-a-z0-9.]{1,61}[a-z0-9]$"))]
    #[schemars(extend("examples" = ["my-backups-eu-west-1"]))]
    pub replica_bucket: Option<String>,
    /// How it is encrypted at rest.
    #[serde(default)]
    pub encryption: Encryption,
    /// The passphrase, with `encryption: aes-256-cbc`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = [{"secret": "backup", "key": "passphrase"}]))]
    pub passphrase: Option<SecretRef>,
    /// For how long what is written can be neither changed nor deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = ["30d"]))]
    pub immutable: Option<Duration>,
    /// The identity that jobs get on Kubernetes (an AWS role ARN or the like), as the annotation of their ServiceAccount.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = super::text::FOREIGN_NAME))]
    #[schemars(extend("examples" = ["arn:aws:iam::123456789012:role/shop-backup"]))]
    pub workload_identity: Option<String>,
    /// The access key, where there is no workload identity: its id, or the account's shared key with `azure-blob`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = [{"secret": "backup", "key": "access-key"}]))]
    pub access_key: Option<SecretRef>,
    /// The secret half of the access key, with `s3`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = [{"secret": "backup", "key": "secret-key"}]))]
    pub secret_key: Option<SecretRef>,
}

/// What kind of place a destination is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DestinationKind {
    /// Amazon S3 or something that speaks its protocol.
    S3,
    /// Azure Blob Storage.
    AzureBlob,
    /// Google Cloud Storage.
    Gcs,
    /// A directory, such as a mounted file system.
    Directory,
}

/// How a destination is encrypted at rest.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Encryption {
    /// By the provider, with a managed key.
    #[default]
    Kms,
    /// By the backup tool itself, with a passphrase.
    #[serde(rename = "aes-256-cbc")]
    Aes256Cbc,
    /// Not at all.
    None,
}

/// How PostgreSQL is backed up.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("examples" = [{"full": "0 2 * * *", "to": ["backup.store"]}]))]
pub struct PostgresBackup {
    /// pgBackRest.
    #[serde(default)]
    pub tool: BackupTool,
    /// When a full backup is made.
    pub full: Cron,
    /// When a differential backup is made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = ["0 14 * * *"]))]
    pub differential: Option<Cron>,
    /// When an incremental backup is made; where it meets a full one, the full one replaces it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = ["0 * * * *"]))]
    pub incremental: Option<Cron>,
    /// The longest that written data waits to be archived: the loss when everything but the archive is gone (X-PG-1).
    #[serde(default = "seconds::<60>")]
    pub archive_timeout: Duration,
    /// How long backups and their WAL are kept.
    #[serde(default = "default_retention")]
    pub retention: Duration,
    /// The destinations, in order: the first is repository 1.
    #[schemars(length(min = 1))]
    #[schemars(extend("examples" = [["backup.store"]]))]
    pub to: Vec<Reference>,
    /// When a backup is restored for a test.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = ["0 4 1 * *"]))]
    pub verify: Option<Cron>,
    /// Whose files are read. Not given: a standby's, where the cluster has one; on hosts also with `tls` only, since members read
    /// each other's files through pgBackRest's server, which takes nobody without a certificate. Without any of this: the primary's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<BackupSource>,
}

fn default_retention() -> Duration {
    Duration::from_secs(30 * 86_400)
}

/// Whose files a backup reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum BackupSource {
    /// A standby that streams; the primary only starts and ends the backup. While no standby can be read, the primary's own
    /// files: a backup that is there comes first.
    Standby,
    /// The primary.
    Primary,
}

/// What makes backups of PostgreSQL.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum BackupTool {
    /// pgBackRest.
    #[default]
    Pgbackrest,
}
