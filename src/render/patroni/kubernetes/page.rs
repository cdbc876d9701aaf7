//! `README.md` of a cluster on Kubernetes: what people type, with the names that are rendered.

use serde::Serialize;

use super::etcd::etcd_flags;
use super::members::{RUN, own_region};
use super::site::{Part, Site};
use crate::blueprint::placement::majority;
use crate::blueprint::raw::{Replication, Scenario};
use crate::blueprint::{BackupType, PostgresRole, names};
use crate::render::alerts::of_postgres;
use crate::render::kubernetes::common;
use crate::render::patroni::{dcs, login};
use crate::render::{ArtifactKind, File, Jobs};

#[derive(Serialize)]
struct Page {
    cluster: String,
    region: String,
    role: &'static str,
    object: String,
    scope: String,
    database: String,
    members: usize,
    followers: usize,
    last: usize,
    suffixed: bool,
    example_member: String,
    no_context: bool,
    kubectl: String,
    apply: String,
    run: &'static str,
    port: u16,
    superuser: &'static str,
    selector: String,
    etcd_selector: String,
    leader_word: &'static str,
    sync_word: Option<&'static str>,
    sync_rule: &'static str,
    candidate_word: &'static str,
    alerts: Vec<Row>,
    rpo: Option<Wanted>,
    scenarios: Vec<Loss>,
    loss: String,
    region_losses: Vec<Loss>,
    archive_timeout: String,
    loop_wait: String,
    slot_wal: String,
    etcd: Option<String>,
    etcd_members: usize,
    majority: usize,
    etcd_flags: String,
    etcd_peer: String,
    router: Option<String>,
    pool: Option<String>,
    application_secret: String,
    user: String,
    second: String,
    pool_selector: String,
    deployments: Vec<String>,
    backup: bool,
    suspended: bool,
    full: String,
    look: String,
    verify: Option<String>,
    jobs: Vec<String>,
    pgbackrest: String,
    forget: String,
    primary_region: String,
    standbys: Vec<String>,
    subscribers: Vec<Reader>,
    old_subscriber: String,
    old_slot: String,
    fence: String,
    fenced: String,
    fence_undo: String,
    old_endpoint: Option<String>,
    new_endpoint: Option<String>,
    drop_endpoint: String,
}

/// A region that subscribes to this one.
#[derive(Serialize)]
struct Reader {
    region: String,
    slot: String,
}

#[derive(Serialize)]
struct Row {
    name: &'static str,
    section: &'static str,
}

/// A target, and the field of the blueprint that it is written for.
#[derive(Serialize)]
struct Wanted {
    value: String,
    field: String,
}

#[derive(Serialize)]
struct Loss {
    what: String,
    gone: String,
}

/// The page of a cluster in a region.
pub(super) fn job(site: &Site<'_>, jobs: &mut Jobs) {
    let path = format!("{}/patroni/{}/README.md", site.region.name, site.cluster.name);
    let template = "patroni/kubernetes/README.md.tera";
    let file =
        File { path, kind: ArtifactKind::Markdown, region: Some(site.region), template, origins: site.origins() };
    jobs.push(file, &page(site));
}

/// What `patronictl list` calls a member that may take over without a loss, where not every one may.
pub(super) fn sync_word(site: &Site<'_>) -> Option<&'static str> {
    let word = match site.cluster.spec.replication {
        Replication::Asynchronous => return None,
        Replication::Synchronous | Replication::SynchronousStrict => "Sync Standby",
        Replication::Quorum => "Quorum Standby",
    };
    (site.role != PostgresRole::Standby && site.cluster.member_count(site.region) > 1).then_some(word)
}

/// What the loss of the primary costs.
fn loss(site: &Site<'_>) -> String {
    let failover = &site.cluster.spec.failover;
    match site.cluster.spec.replication {
        _ if site.role == PostgresRole::Standby => {
            "what had not been streamed when this region was promoted; before that nothing is written here".to_owned()
        }
        Replication::Asynchronous => format!(
            "what was written in the last {} and up to {} that no replica had (X-PT-10)",
            failover.ttl, failover.maximum_lag
        ),
        Replication::Synchronous => {
            "nothing that was acknowledged while a synchronous standby was there (X-PT-11, X-PT-14)".to_owned()
        }
        Replication::SynchronousStrict => {
            "nothing that was acknowledged; without a standby nothing is (X-PT-12)".to_owned()
        }
        Replication::Quorum => "nothing that was acknowledged while the quorum held (X-PT-13)".to_owned(),
    }
}

/// The section of the page that tells what to do about an alert.
fn section(alert: &str) -> &'static str {
    match alert {
        "PostgresLeaderMissing" | "PostgresWriterCount" | "HaproxyPrimaryMissing" | "PatroniFailsafeActive" => {
            "No leader"
        }
        "PatroniPaused" => "Look first",
        "PostgresFailoverHappened" => "What may be lost",
        "PostgresArchiveFailing"
        | "PostgresArchiveStopped"
        | "PostgresBackupRepositoryBad"
        | "PostgresFullBackupOverdue"
        | "PostgresDifferentialBackupOverdue"
        | "PostgresIncrementalBackupOverdue"
        | "BackupRepositoryStale"
        | "RestoreVerificationOverdue" => "Backups and the archive",
        "PgbouncerClientsWait"
        | "PgbouncerDown"
        | "PgbouncerMissing"
        | "PgbouncerPoolSaturated"
        | "PostgresConnectionsHigh" => "Connections",
        "StoreCertificateExpiresSoon" | "StoreCertificateUnknown" => "New passwords and certificates",
        "StoreDiskFilling" | "StoreDiskNearlyFull" | "StoreDiskUnknown" => "A volume fills",
        name if name.starts_with("Etcd") => "No leader, etcd",
        _ => "A member is lost or behind",
    }
}

/// What selects the pods of a part, as kubectl is told it.
pub(super) fn selector(site: &Site<'_>, part: Part) -> String {
    let pairs: Vec<String> = site.selector(part).into_iter().map(|(key, value)| format!("{key}={value}")).collect();
    pairs.join(",")
}

fn page(site: &Site<'_>) -> Page {
    let (cluster, spec, region, object) = (site.cluster, &site.cluster.spec, site.region, &site.object);
    let standby = site.role == PostgresRole::Standby;
    let members = cluster.member_count(region);
    let selector = |part| selector(site, part);
    let sync_word = sync_word(site);
    let router = site.cluster.has_router().then(|| names::postgres_router(&cluster.name));
    let pool = cluster.has_pool().then(|| names::postgres_pool(&cluster.name));
    let (etcd_flags, etcd_peer) = etcd(site);
    let apply = format!("{} apply --server-side --field-manager=hagen", common::kubectl(region));
    let old = site.blueprint.region(&cluster.primary_region).unwrap_or(region);
    let old_k = common::kubectl_inside(site.blueprint, old);
    let old_members = cluster.member_count(old);
    let cross = spec.cross_region.as_ref().filter(|_| site.role == PostgresRole::Primary);
    let reads = |other: &&String, role| site.blueprint.region(other).and_then(|r| cluster.role(r)) == Some(role);
    let others = |role| cross.iter().flat_map(|c| &c.to).filter(move |other| reads(other, role)).cloned();
    Page {
        cluster: cluster.name.clone(),
        region: region.name.clone(),
        role: site.role.word(),
        scope: cluster.scope(),
        database: cluster.database.clone(),
        members,
        followers: members.saturating_sub(1),
        last: members.saturating_sub(1),
        suffixed: own_region(site).is_some(),
        example_member: names::patroni_member(&names::pod(object, 0), own_region(site)),
        no_context: region.spec.kube_context.is_none(),
        kubectl: common::kubectl_inside(site.blueprint, region),
        apply: format!("{apply} --validate=strict -k {}/kubernetes", region.name),
        run: RUN,
        port: spec.ports.postgres,
        superuser: dcs::SUPERUSER,
        selector: selector(Part::Database),
        etcd_selector: selector(Part::Consensus),
        leader_word: if standby { "Standby Leader" } else { "Leader" },
        sync_word,
        sync_rule: match spec.replication {
            Replication::SynchronousStrict => "replication: synchronous-strict: they wait",
            _ => "they go on alone after a few seconds",
        },
        candidate_word: sync_word.unwrap_or("Replica"),
        alerts: of_postgres(site.blueprint, region, &cluster.name)
            .into_iter()
            .map(|name| Row { name, section: section(name) })
            .collect(),
        rpo: cluster.targets.rpo.map(|rpo| Wanted { value: rpo.to_string(), field: rpo_field(site) }),
        scenarios: scenarios(site),
        loss: loss(site),
        region_losses: region_losses(site, &cluster.primary_region),
        archive_timeout: spec.backup.as_ref().map(|b| b.archive_timeout.to_string()).unwrap_or_default(),
        loop_wait: spec.failover.loop_wait.to_string(),
        slot_wal: dcs::slot_wal(cluster).to_string(),
        etcd: site.has_etcd().then(|| names::postgres_etcd(&cluster.name)),
        etcd_members: cluster.etcd_count(region),
        majority: majority(cluster.etcd_count(region)),
        etcd_flags,
        etcd_peer,
        deployments: [&router, &pool].into_iter().flatten().cloned().collect(),
        router,
        pool,
        application_secret: cluster.credentials.application.secret.to_string(),
        user: cluster.user.clone(),
        second: login::second(&cluster.user),
        pool_selector: selector(Part::Pool),
        backup: spec.backup.is_some(),
        suspended: standby,
        full: names::postgres_backup(&cluster.name, BackupType::Full.field()),
        look: names::postgres_backup(&cluster.name, "look"),
        verify: spec
            .backup
            .as_ref()
            .and_then(|b| b.verify.as_ref())
            .map(|_| names::postgres_backup(&cluster.name, "verify")),
        jobs: cluster.backup_jobs(),
        pgbackrest: dcs::pgbackrest(cluster, None),
        forget: forget(site),
        primary_region: cluster.primary_region.clone(),
        standbys: others(PostgresRole::Standby).collect(),
        subscribers: others(PostgresRole::Subscriber)
            .map(|region| Reader { slot: names::subscriber_slot(&region), region })
            .collect(),
        old_subscriber: names::subscriber_slot(&cluster.primary_region),
        old_slot: names::standby_slot(&cluster.primary_region),
        fence: format!("{old_k} scale statefulset/{object} --replicas=0"),
        fenced: format!("{old_k} wait --for=delete pod --selector={} --timeout=10m", selector(Part::Database)),
        fence_undo: format!("{old_k} scale statefulset/{object} --replicas={old_members}"),
        old_endpoint: cluster.endpoint(&cluster.primary_region),
        new_endpoint: cluster.endpoint(&region.name),
        drop_endpoint: format!("{old_k} delete service/{}", names::postgres_endpoint(&cluster.name)),
        object: object.clone(),
    }
}

/// The losses for which another RPO is wanted than in general.
fn scenarios(site: &Site<'_>) -> Vec<Loss> {
    let spec = &site.cluster.spec;
    let all = [
        (Scenario::ZoneLoss, "when a zone is lost"),
        (Scenario::RegionLoss, "when the region is lost"),
        (Scenario::DataCorruption, "when data is wrong or deleted"),
    ];
    let other = |(scenario, what): (Scenario, &str)| {
        let rpo = site.blueprint.targets(&spec.objectives, spec.tier.as_ref(), Some(scenario)).rpo?;
        (Some(rpo) != site.cluster.targets.rpo).then(|| Loss { what: what.to_owned(), gone: rpo.to_string() })
    };
    all.into_iter().filter_map(other).collect()
}

/// The field that the RPO is written in: the first of those that count.
fn rpo_field(site: &Site<'_>) -> String {
    let (spec, objectives) = (&site.cluster.spec, &site.blueprint.spec.objectives);
    let tier = spec.tier.as_ref().filter(|tier| objectives.tiers.get(*tier).is_some_and(|t| t.rpo.is_some()));
    match (spec.objectives.rpo, tier) {
        (Some(_), _) => format!("postgres.{}.objectives.rpo", site.cluster.name),
        (None, Some(tier)) => format!("objectives.tiers.{tier}.rpo"),
        (None, None) => "objectives.rpo".to_owned(),
    }
}

/// What the loss of a region costs, where another one stands by.
fn region_losses(site: &Site<'_>, primary: &str) -> Vec<Loss> {
    let one = |region: &crate::blueprint::Region| {
        match site.cluster.role(region)? {
        PostgresRole::Standby => Some(Loss {
            what: format!("the whole of {primary}, and {} is promoted", region.name),
            gone: "what had not been streamed there: the Lag that was last seen; a standby region is always asynchronous (F-PT-17, R-PG-38)".to_owned(),
        }),
        PostgresRole::Subscriber => Some(Loss {
            what: format!("the whole of {primary}, and {} is taken over", region.name),
            gone: "what had not arrived there, and all that a subscription does not carry (R-PG-28, F-PG-07)".to_owned(),
        }),
        PostgresRole::Primary => None,
    }
    };
    site.blueprint.regions.iter().filter_map(one).collect()
}

/// How etcdctl is told where etcd is, and the address that other members reach POD by.
fn etcd(site: &Site<'_>) -> (String, String) {
    let ports = site.cluster.spec.consensus.ports;
    let Some((_, host)) = site.etcd().into_iter().next().filter(|_| site.has_etcd()) else { return Default::default() };
    let scheme = site.scheme();
    let mut flags = vec![format!("--endpoints={scheme}://{host}:{}", ports.client)];
    flags.extend(etcd_flags(site));
    let service = names::postgres_etcd(&site.cluster.name);
    (flags.join(" "), format!("{scheme}://{}:{}", site.host("POD", &service), ports.peer))
}

/// How Patroni's store forgets the cluster, when no member runs.
fn forget(site: &Site<'_>) -> String {
    let scope = site.cluster.scope();
    if site.has_etcd() {
        let etcd_pod = names::pod(&names::postgres_etcd(&site.cluster.name), 0);
        let (flags, _) = etcd(site);
        return format!(
            "k exec {etcd_pod} -- etcdctl {flags} del --prefix {}{scope}/",
            dcs::namespace(&site.blueprint.name)
        );
    }
    let keys = names::patroni_config_maps(&scope).into_iter().map(|key| format!("configmap/{key}"));
    format!("k delete {} --ignore-not-found", keys.collect::<Vec<_>>().join(" "))
}

#[cfg(test)]
mod tests {
    use super::section;

    #[test]
    fn an_alert_leads_to_the_section_that_is_about_it() {
        assert_eq!(section("PostgresLeaderMissing"), "No leader");
        assert_eq!(section("EtcdQuorumLost"), "No leader, etcd");
        assert_eq!(section("PostgresSlotInactive"), "A member is lost or behind");
    }
}
