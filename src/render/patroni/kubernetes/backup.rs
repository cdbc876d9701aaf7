//! Backups: pgBackRest's configuration for members and jobs, the CronJobs, and the restore that proves them.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};

use super::members::RUN;
use super::site::{self, BACKUP_TLS, KEYS, Part, Site, mount, plain, read};
use crate::blueprint::cron::{self, Schedule};
use crate::blueprint::{BackupType, PostgresRole, names, raw};
use crate::render::Jobs;
use crate::render::kubernetes::common::{self, Labels};
use crate::render::patroni::dcs;

/// Where a restored copy lies while it is looked at.
pub(super) const RESTORED: &str = "/restore";

#[derive(Serialize)]
struct Context {
    name: String,
    certificate: Option<Certificate>,
    annotations: BTreeMap<String, String>,
    job_conf: String,
    verify_conf: String,
    image: String,
    pod_labels: Labels,
    schedules: Vec<Cron>,
    verify: Option<Cron>,
    suspended: bool,
    mounts: Vec<Value>,
    verify_mounts: Vec<Value>,
    volumes: Vec<Value>,
    verify_volumes: Vec<Value>,
    policy: Value,
}

/// The certificate that members and jobs show each other, where cert-manager makes it.
#[derive(Serialize)]
struct Certificate {
    secret: String,
    common_name: String,
    hosts: Vec<String>,
}

#[derive(Serialize)]
struct Cron {
    name: String,
    schedule: String,
    deadline: u64,
    env: Vec<Value>,
}

/// The file of the backups, where there are any.
pub(super) fn job(site: &Site<'_>, jobs: &mut Jobs<'_>) {
    let spec = &site.cluster.spec;
    let (Some(backup), Some(image), Some(storage)) = (&spec.backup, &spec.image, &spec.storage) else { return };
    let name = names::postgres_backups(&site.cluster.name);
    let mut pod_labels = site.labels(Part::Backup);
    pod_labels.extend(identity_labels(site));
    let verify = backup.verify.as_ref().map(|schedule| Cron {
        name: names::postgres_backup(&site.cluster.name, "verify"),
        schedule: schedule.to_string(),
        deadline: 24 * 3600,
        env: verify_env(site),
    });
    let common_mounts = |config: &str| {
        let mut mounts = vec![read("config", config), mount("tmp", "/tmp")];
        mounts.extend(has_keys(site).then(|| read("keys", KEYS)));
        mounts
    };
    let mut mounts = common_mounts("/etc/pgbackrest/job");
    mounts.push(read("tls", BACKUP_TLS));
    let mut verify_mounts = common_mounts("/etc/pgbackrest/job");
    verify_mounts.push(mount("restore", RESTORED));
    let mut shared = vec![
        json!({"name": "config", "configMap": {"name": name, "defaultMode": 0o555}}),
        json!({"name": "tmp", "emptyDir": {}}),
    ];
    shared.extend(keys(site));
    let mut volumes = shared.clone();
    volumes.push(site::secret_volume("tls", &names::postgres_backup_tls(&site.cluster.name)));
    // A volume of its own, as large as a member's, that goes with the pod.
    shared.push(json!({"name": "restore", "ephemeral": {"volumeClaimTemplate": {"spec": site::claim(storage)}}}));
    let context = Context {
        annotations: annotations(site),
        certificate: common::has_cert_manager(site.blueprint).then(|| Certificate {
            secret: names::postgres_backup_tls(&site.cluster.name),
            common_name: site.object.clone(),
            hosts: site.members().into_iter().map(|(_, host)| host).collect(),
        }),
        job_conf: job_conf(site),
        verify_conf: verify_conf(site),
        image: image.to_string(),
        pod_labels,
        schedules: schedules(site, backup),
        suspended: site.role == PostgresRole::Standby,
        verify,
        mounts,
        verify_mounts,
        volumes,
        verify_volumes: shared,
        policy: policy(site, &name),
        name,
    };
    site.push(jobs, Part::Backup, "patroni/kubernetes/backup.yaml.tera", context);
}

/// Full, differential, incremental; the shorter ones leave out the times of the longer ones where cron can say so. Where it
/// cannot, the script lets the longer one go first.
fn schedules(site: &Site<'_>, backup: &raw::PostgresBackup) -> Vec<Cron> {
    let hours = |kind| match kind {
        BackupType::Full => 12,
        BackupType::Differential => 6,
        BackupType::Incremental => 3,
    };
    let new = |(kind, own): (BackupType, &raw::Cron)| {
        let mut env = environment(site, "/etc/pgbackrest/job/pgbackrest.conf");
        env.extend(job_env(site));
        env.push(plain("TYPE", kind.word()));
        Cron {
            name: names::postgres_backup(&site.cluster.name, kind.field()),
            schedule: less(own, &kind.larger(backup)),
            deadline: hours(kind) * 3600,
            env,
        }
    };
    BackupType::made(backup).map(new).collect()
}

/// A cron time without the times of others, where one cron time can say that.
fn less(own: &raw::Cron, others: &[&raw::Cron]) -> String {
    if others.is_empty() {
        return own.to_string();
    }
    let parse = |cron: &raw::Cron| Schedule::parse(cron.as_str()).ok();
    let shorter = || {
        let mut left = parse(own)?;
        for other in others {
            left = left.without(&parse(other)?);
        }
        match left.boxes.as_slice() {
            [only] => cron_time(only),
            _ => None,
        }
    };
    shorter().unwrap_or_else(|| own.to_string())
}

/// A set of times as one cron time; cron takes either where both kinds of day are limited, so that has none.
fn cron_time(times: &cron::TimeBox) -> Option<String> {
    let is_full = |at: usize| times[at] == cron::full(at);
    if !is_full(2) && !is_full(4) {
        return None;
    }
    let field = |at: usize| {
        if is_full(at) {
            return "*".to_owned();
        }
        let mut ranges: Vec<(u8, u8)> = Vec::new();
        for value in &times[at] {
            match ranges.last_mut() {
                Some((_, last)) if *last + 1 == *value => *last = *value,
                _ => ranges.push((*value, *value)),
            }
        }
        let text = |(first, last): &(u8, u8)| if first == last { first.to_string() } else { format!("{first}-{last}") };
        ranges.iter().map(text).collect::<Vec<_>>().join(",")
    };
    Some((0..times.len()).map(field).collect::<Vec<_>>().join(" "))
}

/// What pgBackRest reads from its environment: where its file is, keys and passphrases.
pub(super) fn environment(site: &Site<'_>, config: &str) -> Vec<Value> {
    let mut env = vec![plain("PGBACKREST_CONFIG", config)];
    let repositories = site.repositories();
    env.extend(repositories.iter().flat_map(|r| &r.secrets).map(|s| site::secret(&s.variable, &s.reference)));
    env
}

/// What the scripts of jobs are told.
fn job_env(site: &Site<'_>) -> Vec<Value> {
    let numbers: Vec<String> = site.repositories().iter().map(|r| r.number.to_string()).collect();
    let mut env = vec![
        plain("STANZA", names::stanza(&site.cluster.name)),
        plain("CLUSTER", &site.cluster.name),
        plain("REPOSITORIES", numbers.join(" ")),
        plain("SOURCES", if site.cluster.backs_up_from_standby(site.region) { "standby primary" } else { "primary" }),
        plain("METRIC_BACKUP", names::METRIC_BACKUP),
        plain("METRIC_STANDBY", names::METRIC_BACKUP_STANDBY),
        plain("METRIC_RESTORE", names::METRIC_RESTORE),
    ];
    if let Some(address) = site.exporters().and_then(|e| e.pushgateway.as_ref()) {
        env.push(plain(
            "PUSH",
            names::push_url(address, "postgres-backup", &site.blueprint.namespace, &site.cluster.name),
        ));
    }
    env
}

/// What a job that restores is told.
pub(super) fn verify_env(site: &Site<'_>) -> Vec<Value> {
    let mut env = environment(site, "/etc/pgbackrest/job/verify.conf");
    env.extend(job_env(site));
    env.push(plain("BIN", site.bin()));
    env.push(site::secret("PGPASSWORD", &site.cluster.credentials.superuser));
    env
}

/// Annotations of ServiceAccounts: who the pods are to the object stores.
pub(super) fn annotations(site: &Site<'_>) -> BTreeMap<String, String> {
    let key = |kind| match kind {
        raw::DestinationKind::S3 => Some("eks.amazonaws.com/role-arn"),
        raw::DestinationKind::Gcs => Some("iam.gke.io/gcp-service-account"),
        raw::DestinationKind::AzureBlob => Some("azure.workload.identity/client-id"),
        raw::DestinationKind::Directory => None,
    };
    site.destinations().filter_map(|d| Some((key(d.kind)?.to_owned(), d.workload_identity.clone()?))).collect()
}

/// Labels of pods that get a token for Azure.
pub(super) fn identity_labels(site: &Site<'_>) -> Labels {
    let azure = |d: &raw::Destination| d.kind == raw::DestinationKind::AzureBlob && d.workload_identity.is_some();
    site.destinations()
        .filter(|d| azure(d))
        .map(|_| ("azure.workload.identity/use".to_owned(), "true".to_owned()))
        .collect()
}

/// Whether an object store wants a service key as a file.
pub(super) fn has_keys(site: &Site<'_>) -> bool {
    site.repositories().iter().any(|r| r.key_file.is_some())
}

/// The volume with service keys; named here and written by nobody.
pub(super) fn keys(site: &Site<'_>) -> Option<Value> {
    let source = |r: &crate::render::patroni::repository::Repository| {
        let key = r.key_file.as_ref()?;
        let item = json!([{"key": key.key, "path": format!("repo{}-gcs-key.json", r.number)}]);
        Some(json!({"secret": {"name": key.secret.as_str(), "items": item}}))
    };
    let sources: Vec<Value> = site.repositories().iter().filter_map(source).collect();
    (!sources.is_empty()).then(|| json!({"name": "keys", "projected": {"defaultMode": 0o440, "sources": sources}}))
}

/// The options of all repositories. Every value was checked where it was written: no line break, no comment sign.
fn repository_lines(site: &Site<'_>) -> String {
    let mut text = String::new();
    for repository in site.repositories() {
        text.push_str(&format!("# {}\n", repository.name));
        for setting in repository.settings {
            text.push_str(&format!("{}={}\n", setting.name, setting.value));
        }
    }
    text
}

/// pgbackrest.conf beside a member: it archives, restores, and answers the jobs.
pub(super) fn member_conf(site: &Site<'_>) -> String {
    let (stanza, repositories) = (names::stanza(&site.cluster.name), repository_lines(site));
    format!(
        "# Keys and passphrases come from PGBACKREST_REPO… in the environment.
[global]
{repositories}process-max=2
compress-type=zst
compress-level=3
# Segments are pushed in batches. There is no archive-push-queue-max: it would throw WAL away, and with it the recovery to any
# point in time; an alert tells when archiving fails.
archive-async=y
archive-timeout=60
spool-path=/var/lib/postgresql/spool
lock-path=/tmp/pgbackrest
log-level-console=info
log-level-file=off
log-level-stderr=warn
# Backup jobs show a certificate whose common name is this.
tls-server-address=*
tls-server-port={}
tls-server-cert-file={BACKUP_TLS}/tls.crt
tls-server-key-file={BACKUP_TLS}/tls.key
tls-server-ca-file={BACKUP_TLS}/ca.crt
tls-server-auth={}={stanza}

[{stanza}]
pg1-path={}
pg1-port={}
pg1-socket-path={RUN}
pg1-user={}
",
        site.cluster.spec.ports.backup,
        site.object,
        site.data(),
        site.cluster.spec.ports.postgres,
        dcs::SUPERUSER,
    )
}

/// pgbackrest.conf of a job: all members; pgBackRest asks them who is primary and who is a standby.
fn job_conf(site: &Site<'_>) -> String {
    let (stanza, repositories) = (names::stanza(&site.cluster.name), repository_lines(site));
    let mut members = String::new();
    for (at, (_, host)) in site.members().iter().enumerate() {
        let n = at + 1;
        members.push_str(&format!(
            "pg{n}-host={host}
pg{n}-host-type=tls
pg{n}-host-port={}
pg{n}-host-cert-file={BACKUP_TLS}/tls.crt
pg{n}-host-key-file={BACKUP_TLS}/tls.key
pg{n}-host-ca-file={BACKUP_TLS}/ca.crt
pg{n}-host-config=/etc/patroni/pgbackrest.conf
pg{n}-path={}
pg{n}-port={}
pg{n}-socket-path={RUN}
pg{n}-user={}
",
            site.cluster.spec.ports.backup,
            site.data(),
            site.cluster.spec.ports.postgres,
            dcs::SUPERUSER,
        ));
    }
    format!(
        "[global]
{repositories}# The default of one process is almost never enough (F-PG-14).
process-max=4
compress-type=zst
compress-level=3
# A checkpoint at once, instead of waiting for the next one.
start-fast=y
lock-path=/tmp/pgbackrest
log-level-console=info
log-level-file=off

# All members: whoever is primary starts and ends a backup, and the script says whose files are read. The lock lies with the
# members: no two jobs at once.
[{stanza}]
{members}"
    )
}

/// pgbackrest.conf of the verification: the repositories, and a directory of its own.
fn verify_conf(site: &Site<'_>) -> String {
    let (stanza, repositories) = (names::stanza(&site.cluster.name), repository_lines(site));
    format!(
        "[global]
{repositories}process-max=4
lock-path=/tmp/pgbackrest
spool-path=/tmp/spool
log-level-console=info
log-level-file=off

[{stanza}]
pg1-path={RESTORED}/data
"
    )
}

fn policy(site: &Site<'_>, name: &str) -> Value {
    let mut egress = vec![common::allow_to(vec![site.peer(Part::Database)], [site.cluster.spec.ports.backup])];
    egress.extend(common::to_stores(site.destinations()).into_iter().map(Some));
    egress.push(common::to_pushgateway(site.blueprint));
    site.policy(name, Part::Backup, Vec::new(), egress)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left(own: &str, others: &[&str]) -> String {
        let others: Vec<raw::Cron> = others.iter().map(|o| raw::Cron::new(*o)).collect();
        less(&raw::Cron::new(own), &others.iter().collect::<Vec<_>>())
    }

    #[test]
    fn the_full_backup_takes_the_place_of_the_incremental_one() {
        assert_eq!(left("0 * * * *", &["0 2 * * *"]), "0 0-1,3-23 * * *");
        assert_eq!(left("30 * * * *", &["0 2 * * *"]), "30 * * * *");
        // Not one cron time: the script has to see to it.
        assert_eq!(left("0 * * * *", &["0 2 * * 0"]), "0 * * * *");
    }
}
