//! pgbackrest.conf, the scripts that run backups and restore one for a test, and when they run.

use serde::Serialize;

use super::Output;
use super::site::{Host, Site};
use crate::blueprint::raw::Cron;
use crate::blueprint::{BackupType, Member, names};
use crate::render::ArtifactKind;
use crate::render::address::host_port;
use crate::render::calendar::on_calendar;
use crate::render::patroni::dcs;
use crate::render::patroni::repository::Setting;

#[derive(Serialize)]
struct Pgbackrest {
    stanza: String,
    repositories: Vec<Group>,
    spool: String,
    lock: String,
    log: String,
    data: String,
    port: u16,
    run: String,
    superuser: &'static str,
    environment: String,
    server: Option<Server>,
}

/// pgBackRest's own server, where standbys are read through it.
#[derive(Serialize)]
struct Server {
    address: String,
    port: u16,
    certificates: String,
    common_name: String,
}

/// Another member, as the backup of the primary reads it.
#[derive(Serialize)]
struct Peer {
    name: String,
    address: String,
    backup_port: u16,
    config: String,
    data: String,
    port: u16,
    run: String,
}

#[derive(Serialize)]
struct ServerScript {
    config: String,
    common_name: String,
}

#[derive(Serialize)]
struct Group {
    name: String,
    needs: Option<&'static str>,
    settings: Vec<Setting>,
}

#[derive(Serialize)]
struct Script {
    stanza: String,
    config: String,
    primary_url: String,
    ca: Option<String>,
    repositories: Vec<usize>,
    data: String,
    bin: String,
    run: String,
    /// Where the member's own PostgreSQL listens.
    socket: String,
    port: u16,
    superuser: &'static str,
    /// Whose files may be read instead of the primary's; nobody's where backups read the primary.
    peers: Vec<Peer>,
    certificates: Option<String>,
    push: Option<String>,
    metric_backup: &'static str,
    metric_standby: &'static str,
    metric_restore: &'static str,
}

#[derive(Serialize)]
struct Service {
    cluster: String,
    what: String,
    account: String,
    environment: String,
    command: String,
    patroni: String,
}

#[derive(Serialize)]
struct Timer {
    cluster: String,
    what: String,
    written: String,
    calendar: Vec<String>,
}

/// Where the archive's queue lies: beside the data, on a disk that keeps it.
pub fn spool(member: &Member) -> String {
    format!("{}-spool", member.data)
}

/// Where a backup is restored for a test.
pub fn scratch(member: &Member) -> String {
    format!("{}-verify", member.data)
}

/// Where a backup is restored to look at a point in time.
pub fn look(member: &Member) -> String {
    format!("{}-look", member.data)
}

/// The file with a member's locks.
pub fn lock(site: &Site<'_>, member: &Member) -> String {
    format!("{}/pgbackrest-{}", member.run, site.cluster.name)
}

/// The files of a member's backups.
pub fn files(out: &mut Output<'_, '_, '_>, host: &Host, member: &Member) {
    let site = out.site;
    let Some(backup) = &site.cluster.spec.backup else {
        return;
    };
    let repositories = site.repositories(&member.config);
    let numbers = repositories.iter().map(|r| r.number).collect();
    let groups = repositories.into_iter().map(|r| Group { name: r.name, needs: r.needs, settings: r.settings });
    let conf = Pgbackrest {
        stanza: names::stanza(&site.cluster.name),
        repositories: groups.collect(),
        spool: spool(member),
        lock: lock(site, member),
        log: member.log.clone(),
        data: member.data.clone(),
        port: member.ports.postgres,
        run: member.run.clone(),
        superuser: dcs::SUPERUSER,
        environment: site.environment(host),
        server: server(site, member),
    };
    out.host(host, "pgbackrest.conf", ArtifactKind::Pgbackrest, "patroni/hosts/pgbackrest.conf.tera", &conf);
    let certificates = site.certificates();
    let scheme = if certificates.is_some() { "https" } else { "http" };
    let gateway = site.blueprint.spec.monitoring.as_ref().and_then(|m| m.exporters.pushgateway.as_ref());
    let script = Script {
        stanza: names::stanza(&site.cluster.name),
        config: format!("{}/pgbackrest.conf", member.config),
        primary_url: format!("{scheme}://{}/primary", host_port(&member.address, member.ports.rest)),
        ca: certificates.as_ref().map(|c| format!("{c}/ca.crt")),
        repositories: numbers,
        data: scratch(member),
        bin: member.bin.clone(),
        run: format!("{}/verify-{}", member.run, site.cluster.name),
        socket: member.run.clone(),
        port: member.ports.postgres,
        superuser: dcs::SUPERUSER,
        peers: peers(site, member),
        certificates,
        push: gateway
            .map(|address| names::push_url(address, "postgres-backup", &site.blueprint.namespace, &site.cluster.name)),
        metric_backup: names::METRIC_BACKUP,
        metric_standby: names::METRIC_BACKUP_STANDBY,
        metric_restore: names::METRIC_RESTORE,
    };
    out.host(host, "backup.sh", ArtifactKind::Shell, "patroni/hosts/backup.sh.tera", &script);
    if reads_standby(site) {
        let script =
            ServerScript { config: format!("{}/pgbackrest.conf", member.config), common_name: site.cluster.object() };
        out.host(host, "backup-server.sh", ArtifactKind::Shell, "patroni/hosts/backup-server.sh.tera", &script);
    }
    if verifies(site, member) && backup.verify.is_some() {
        out.host(host, "verify-backup.sh", ArtifactKind::Shell, "patroni/hosts/verify-backup.sh.tera", &script);
    }
    timers(out, host, member);
}

/// Whether backups here read a standby, so that every member has pgBackRest's server.
pub fn reads_standby(site: &Site<'_>) -> bool {
    site.cluster.backs_up_from_standby(site.region)
}

fn server(site: &Site<'_>, member: &Member) -> Option<Server> {
    let certificates = site.certificates().filter(|_| reads_standby(site))?;
    Some(Server {
        address: member.address.clone(),
        port: member.ports.backup,
        certificates,
        common_name: site.cluster.object(),
    })
}

/// The other members, where a backup may read them.
fn peers(site: &Site<'_>, member: &Member) -> Vec<Peer> {
    let others = site.members.iter().filter(|m| reads_standby(site) && m.name != member.name);
    let peer = |m: &Member| Peer {
        name: m.name.clone(),
        address: m.address.clone(),
        backup_port: m.ports.backup,
        config: format!("{}/pgbackrest.conf", m.config),
        data: m.data.clone(),
        port: m.ports.postgres,
        run: m.run.clone(),
    };
    others.map(peer).collect()
}

/// A timer.
pub struct Timed<'a> {
    /// What its units are called by.
    pub what: String,
    time: &'a Cron,
    /// When others run in its place.
    replaced_by: Vec<&'a Cron>,
    command: String,
}

/// The timers of a member.
pub fn timed<'a>(site: &Site<'a>, member: &Member) -> Vec<Timed<'a>> {
    let Some(backup) = &site.cluster.spec.backup else { return Vec::new() };
    let of = |(kind, time): (BackupType, &'a Cron)| Timed {
        what: format!("backup-{}", kind.word()),
        time,
        replaced_by: kind.larger(backup),
        command: format!("{}/backup.sh {}", member.config, kind.word()),
    };
    let verify = backup.verify.as_ref().filter(|_| verifies(site, member)).map(|time| Timed {
        what: "backup-verify".to_owned(),
        time,
        replaced_by: Vec::new(),
        command: format!("{}/verify-backup.sh", member.config),
    });
    BackupType::made(backup).map(of).chain(verify).collect()
}

/// Whether a member restores for a test: one does, or each would.
fn verifies(site: &Site<'_>, member: &Member) -> bool {
    site.members.last().is_some_and(|last| last.name == member.name)
}

fn timers(out: &mut Output<'_, '_, '_>, host: &Host, member: &Member) {
    let site = out.site;
    for Timed { what, time, replaced_by, command } in timed(site, member) {
        let unit = site.unit(&what);
        let service = Service {
            cluster: site.cluster.name.clone(),
            what: what.clone(),
            account: site.cluster.spec.account.clone(),
            environment: site.environment(host),
            command,
            patroni: format!("{}.service", site.unit("patroni")),
        };
        out.host(
            host,
            &format!("{unit}.service"),
            ArtifactKind::Systemd,
            "patroni/hosts/backup.service.tera",
            &service,
        );
        let timer = Timer {
            cluster: site.cluster.name.clone(),
            what,
            written: time.to_string(),
            calendar: on_calendar(time, &replaced_by),
        };
        out.host(host, &format!("{unit}.timer"), ArtifactKind::Systemd, "patroni/hosts/backup.timer.tera", &timer);
    }
}
