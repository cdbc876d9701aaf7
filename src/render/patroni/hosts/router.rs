//! haproxy.cfg and pgbouncer.ini: what leads clients to the primary, and the pool in front of it.

use serde::Serialize;

use super::site::{Host, Site};
use super::{Output, procedures};
use crate::blueprint::{PostgresRole, Router, raw};
use crate::render::ArtifactKind;
use crate::render::address::host_port;
use crate::render::patroni::dcs;
use crate::render::patroni::router::{Detection, RISE, detection};

#[derive(Serialize)]
struct Server {
    name: String,
    address: String,
    rest: u16,
}

/// Where the standbys that confirm commits are found, and how they are told from the others.
#[derive(Serialize)]
struct Sync {
    bind: String,
    check: String,
}

#[derive(Serialize)]
struct Haproxy {
    source: String,
    primary_bind: String,
    replica_bind: String,
    sync: Option<Sync>,
    metrics_bind: String,
    primary_check: &'static str,
    replica_check: String,
    standby: bool,
    servers: Vec<Server>,
    interval: String,
    fast: String,
    rise: u64,
    fall: u64,
    check_timeout: String,
    budget: String,
    max_connections: u32,
    ca: Option<String>,
    socket: String,
}

#[derive(Serialize)]
struct Hold {
    socket: String,
    fall: u64,
    rests: Vec<String>,
    unit: String,
}

#[derive(Serialize)]
struct Pgbouncer {
    cluster: String,
    database: String,
    address: String,
    primary_port: u16,
    replica_port: u16,
    sync_port: Option<u16>,
    port: u16,
    mode: &'static str,
    size: u32,
    clients: u32,
    monitoring: &'static str,
    config: String,
    run: String,
    log: String,
    certificates: Option<String>,
}

/// The files of a router.
pub fn files(out: &mut Output<'_, '_, '_>, host: &Host, router: &Router) {
    let site = out.site;
    let context = haproxy(site, host, router);
    out.host(host, "haproxy.cfg", ArtifactKind::Haproxy, "patroni/hosts/haproxy.cfg.tera", &context);
    let context = Hold {
        socket: context.socket,
        fall: context.fall,
        rests: site.members.iter().map(|m| procedures::rest(site, m)).collect(),
        unit: site.unit("haproxy"),
    };
    out.host(host, "hold.sh", ArtifactKind::Shell, "patroni/hosts/hold.sh.tera", &context);
    if site.cluster.has_pool() {
        let context = pgbouncer(site, router);
        out.host(host, "pgbouncer.ini", ArtifactKind::Pgbouncer, "patroni/hosts/pgbouncer.ini.tera", &context);
    }
}

/// The address that router and pool listen on.
pub fn bind(site: &Site<'_>, router: &Router) -> String {
    site.cluster.spec.router.bind.as_ref().map_or_else(|| router.address.clone(), ToString::to_string)
}

/// The directory of HAProxy's own socket: beside the other run-time directories, of its account, since that of the pool belongs
/// to another one.
pub fn socket_directory(site: &Site<'_>, host: &Host) -> String {
    let above = host.run.rsplit_once('/').map_or("", |(above, _)| above);
    format!("{above}/{}", site.unit("haproxy"))
}

fn haproxy(site: &Site<'_>, host: &Host, router: &Router) -> Haproxy {
    let spec = &site.cluster.spec;
    let bind = bind(site, router);
    let Detection { fall, timeout, budget } = detection(spec);
    let server = |m: &crate::blueprint::Member| Server {
        name: m.name.clone(),
        address: host_port(&m.address, m.ports.postgres),
        rest: m.ports.rest,
    };
    let standby = site.role == PostgresRole::Standby;
    // The leader of a standby cluster is a replica too: there it may be the only one.
    let (leader, path) = if standby { ("/leader", "read-only") } else { ("/primary", "replica") };
    Haproxy {
        // In brackets: HAProxy reads what is behind the last colon as a port.
        source: if router.address.contains(':') { format!("[{}]", router.address) } else { router.address.clone() },
        primary_bind: host_port(&bind, spec.router.port),
        replica_bind: host_port(&bind, spec.router.replica_port),
        sync: sync_check(site).map(|check| Sync {
            bind: host_port(&bind, spec.router.sync_port),
            check: format!("{check}?lag={}", spec.failover.maximum_lag.get()),
        }),
        metrics_bind: host_port(&bind, spec.router.metrics_port),
        primary_check: leader,
        replica_check: format!("/{path}?lag={}", spec.failover.maximum_lag.get()),
        standby,
        servers: site.members.iter().map(server).collect(),
        interval: format!("{}ms", spec.router.interval.millis()),
        fast: format!("{}ms", spec.router.interval.millis().min(1000)),
        rise: RISE,
        fall,
        check_timeout: format!("{timeout}ms"),
        budget: format!("{}s", budget / 1000),
        max_connections: (2 * spec.pool.clients).max(1000),
        ca: site.certificates().map(|c| format!("{c}/ca.crt")),
        socket: format!("{}/admin.sock", socket_directory(site, host)),
    }
}

/// What Patroni answers 200 to on a standby that confirms commits (F-PT-10); a standby cluster has none (F-PT-17).
pub fn sync_check(site: &Site<'_>) -> Option<&'static str> {
    match site.cluster.spec.replication {
        _ if site.role == PostgresRole::Standby => None,
        raw::Replication::Asynchronous => None,
        raw::Replication::Synchronous | raw::Replication::SynchronousStrict => Some("/sync"),
        raw::Replication::Quorum => Some("/quorum"),
    }
}

fn pgbouncer(site: &Site<'_>, router: &Router) -> Pgbouncer {
    let spec = &site.cluster.spec;
    Pgbouncer {
        cluster: site.cluster.name.clone(),
        database: site.cluster.database.clone(),
        address: bind(site, router),
        primary_port: spec.router.port,
        replica_port: spec.router.replica_port,
        sync_port: sync_check(site).map(|_| spec.router.sync_port),
        port: spec.pool.port,
        mode: match spec.pool.mode {
            raw::PoolMode::Transaction => "transaction",
            raw::PoolMode::Session => "session",
        },
        size: spec.pool.size,
        clients: spec.pool.clients,
        monitoring: dcs::MONITORING,
        config: router.config.clone(),
        run: router.run.clone(),
        log: router.log.clone(),
        certificates: site.certificates(),
    }
}
