//! Back to a point in time: the script that people run, and the job that it looks at a moment with.

use serde::Serialize;
use serde_json::{Value, json};

use super::etcd::etcd_flags;
use super::members::{RUN, own_region};
use super::site::{self, KEYS, Part, Site, mount, read};
use super::{backup, page};
use crate::blueprint::{BackupType, PostgresRole, names};
use crate::render::kubernetes::common::Labels;
use crate::render::patroni::dcs;
use crate::render::{ArtifactKind, File, Jobs};

#[derive(Serialize)]
struct Member {
    pod: String,
    name: String,
}

#[derive(Serialize)]
struct Etcd {
    pods: Vec<String>,
    scheme: &'static str,
    /// What stands behind the pod in its address.
    suffix: String,
    flags: Vec<String>,
    prefix: String,
}

#[derive(Serialize)]
struct Script {
    cluster: String,
    region: String,
    namespace: String,
    context: Option<String>,
    object: String,
    selector: String,
    members: Vec<Member>,
    followers: usize,
    /// What `patronictl list` calls a member that may take over, where not every one may.
    sync_word: Option<&'static str>,
    jobs: Vec<String>,
    full: String,
    look: String,
    stanza: String,
    bin: String,
    run: &'static str,
    port: u16,
    superuser: &'static str,
    rest: String,
    pool: Option<String>,
    pool_replicas: u32,
    etcd: Option<Etcd>,
    keys: Vec<String>,
    /// What the regions that read from this one need afterwards: they hold what was given up.
    others: Vec<String>,
    /// Whose pools lead here, and would write before anybody has looked.
    writers: Vec<String>,
    database: String,
    /// What ends a subscription, in a region that has one.
    disable: Option<String>,
}

#[derive(Serialize)]
struct Look {
    name: String,
    image: String,
    account: String,
    pod_labels: Labels,
    env: Vec<Value>,
    resources: Value,
    mounts: Vec<Value>,
    volumes: Vec<Value>,
}

/// The script and its job, where there are backups. A standby region goes back in time with the primary one, never by itself.
pub(super) fn job(site: &Site<'_>, jobs: &mut Jobs<'_>) {
    if site.cluster.spec.backup.is_none() || site.role == PostgresRole::Standby {
        return;
    }
    look(site, jobs);
    let file = File {
        path: format!("{}/patroni/{}/recover.sh", site.region.name, site.cluster.name),
        kind: ArtifactKind::Shell,
        region: Some(site.region),
        template: "patroni/kubernetes/recover.sh.tera",
        origins: site.origins(),
    };
    jobs.push(file, &script(site));
}

/// The CronJob, suspended, that looks are made of.
fn name(site: &Site<'_>) -> String {
    names::postgres_backup(&site.cluster.name, "look")
}

fn script(site: &Site<'_>) -> Script {
    let (cluster, spec) = (site.cluster, &site.cluster.spec);
    let member = |(pod, _): (String, String)| Member { name: names::patroni_member(&pod, own_region(site)), pod };
    Script {
        cluster: cluster.name.clone(),
        region: site.region.name.clone(),
        namespace: site.blueprint.namespace.clone(),
        context: site.region.spec.kube_context.clone(),
        object: site.object.clone(),
        selector: page::selector(site, Part::Database),
        members: site.members().into_iter().map(member).collect(),
        followers: site.members().len().saturating_sub(1),
        sync_word: page::sync_word(site),
        jobs: cluster.backup_jobs(),
        full: names::postgres_backup(&cluster.name, BackupType::Full.field()),
        look: name(site),
        stanza: names::stanza(&cluster.name),
        bin: site.bin(),
        run: RUN,
        port: spec.ports.postgres,
        superuser: dcs::SUPERUSER,
        rest: format!("{}://127.0.0.1:{}", site.scheme(), spec.ports.rest),
        // In a region that subscribes it leads to the publisher, whose clients have nothing to do with this.
        pool: (site.cluster.has_pool() && site.role == PostgresRole::Primary)
            .then(|| names::postgres_pool(&cluster.name)),
        pool_replicas: spec.pool.replicas,
        etcd: site.has_etcd().then(|| Etcd {
            pods: site.etcd().into_iter().map(|(pod, _)| pod).collect(),
            scheme: site.scheme(),
            suffix: format!("{}:{}", site.host("", &names::postgres_etcd(&cluster.name)), spec.consensus.ports.client),
            flags: etcd_flags(site),
            prefix: format!("{}{}/", dcs::namespace(&site.blueprint.name), cluster.scope()),
        }),
        keys: names::patroni_config_maps(&cluster.scope()),
        others: readers(site),
        writers: writers(site),
        database: cluster.database.clone(),
        disable: (site.role == PostgresRole::Subscriber)
            .then(|| format!("ALTER SUBSCRIPTION {} DISABLE", dcs::PUBLICATION)),
    }
}

/// The other regions whose pools lead to this one's primary.
fn writers(site: &Site<'_>) -> Vec<String> {
    if site.role != PostgresRole::Primary || !site.cluster.has_pool() {
        return Vec::new();
    }
    let pool = names::postgres_pool(&site.cluster.name);
    let others = site.blueprint.regions.iter().filter(|r| r.name != site.region.name && site.cluster.role(r).is_some());
    let said = |region: &crate::blueprint::Region| {
        format!(
            "{}: its pool leads here and would write before you have looked. There kubectl scale deployment/{pool} --replicas=0 now, and up again after --go-on",
            region.name
        )
    };
    others.map(said).collect()
}

/// What each region that reads from this one needs once its history is another one.
fn readers(site: &Site<'_>) -> Vec<String> {
    let others = site.blueprint.regions.iter().filter(|r| r.name != site.region.name);
    let step = |region: &crate::blueprint::Region| match site.cluster.role(region)? {
        PostgresRole::Standby => Some(format!(
            "{}: it holds what was given up. There \"Start over\" of its page, then apply with --force-conflicts",
            region.name
        )),
        PostgresRole::Subscriber => Some(format!(
            "{}: it holds rows that were given up, and would miss new ones. Its copy is made anew: \"{} subscribes\" of the page here",
            region.name, region.name
        )),
        PostgresRole::Primary => None,
    };
    if site.role == PostgresRole::Primary { others.filter_map(step).collect() } else { Vec::new() }
}

fn look(site: &Site<'_>, jobs: &mut Jobs<'_>) {
    let (Some(image), Some(storage)) = (&site.cluster.spec.image, &site.cluster.spec.storage) else { return };
    let account = names::postgres_backups(&site.cluster.name);
    let mut pod_labels = site.labels(Part::Backup);
    pod_labels.extend(backup::identity_labels(site));
    let mut mounts = vec![
        read("config", "/etc/pgbackrest/job"),
        read("look", "/etc/pgbackrest/look"),
        mount("tmp", "/tmp"),
        mount("restore", backup::RESTORED),
    ];
    let mut volumes = vec![
        json!({"name": "config", "configMap": {"name": account, "defaultMode": 0o555}}),
        json!({"name": "look", "configMap": {"name": name(site), "defaultMode": 0o555}}),
        json!({"name": "tmp", "emptyDir": {}}),
        // A volume of its own, as large as a member's, that goes with the pod.
        json!({"name": "restore", "ephemeral": {"volumeClaimTemplate": {"spec": site::claim(storage)}}}),
    ];
    if backup::has_keys(site) {
        mounts.push(read("keys", KEYS));
        volumes.extend(backup::keys(site));
    }
    let context = Look {
        name: name(site),
        image: image.to_string(),
        account,
        pod_labels,
        env: backup::verify_env(site),
        resources: json!({"requests": {"cpu": "1", "memory": "2Gi"}, "limits": {"memory": "4Gi"}}),
        mounts,
        volumes,
    };
    site.push_as(jobs, Part::Backup, "-look", "patroni/kubernetes/look.yaml.tera", context);
}
