//! The systemd units of a host. They have names of their own, so that those of the distribution's packages are left alone.

use serde::Serialize;

use super::site::{Host, Site};
use super::{Output, backup, router};
use crate::blueprint::names;
use crate::blueprint::raw::Watchdog;
use crate::render::ArtifactKind;
use crate::render::address::host_port;
use crate::render::patroni::dcs;

/// The account that etcd runs as: the one of its package.
pub const ETCD_ACCOUNT: &str = "etcd";
/// The account that HAProxy runs as: the one of its package.
pub const HAPROXY_ACCOUNT: &str = "haproxy";

#[derive(Serialize)]
struct Unit {
    cluster: String,
    account: String,
    environment: String,
    config: String,
    run: String,
    /// What systemd makes anew below `/run` after a boot.
    runtime_directory: Option<String>,
    /// The same for HAProxy's own socket.
    socket_runtime: Option<String>,
    patroni: String,
    after: Vec<String>,
    watchdog: bool,
    stop_timeout: u64,
    exporter: String,
    postgres_port: u16,
    monitoring: &'static str,
    stanza: String,
    pgbackrest_exporter: String,
    pgbouncer: String,
    pool_environment: String,
    pool_port: u16,
    pgbouncer_exporter: String,
}

/// The units of a host.
pub fn files(out: &mut Output<'_, '_, '_>, host: &Host) {
    let site = out.site;
    let mut units: Vec<(&str, &'static str, String)> = Vec::new();
    let account = site.cluster.spec.account.clone();
    if host.etcd.is_some() {
        units.push(("etcd", "patroni/hosts/etcd.service.tera", ETCD_ACCOUNT.to_owned()));
    }
    if host.member.is_some() {
        units.push(("patroni", "patroni/hosts/patroni.service.tera", account.clone()));
        units.push(("exporter", "patroni/hosts/exporter.service.tera", account.clone()));
        if site.cluster.spec.backup.is_some() {
            units.push(("pgbackrest-exporter", "patroni/hosts/pgbackrest-exporter.service.tera", account.clone()));
        }
        if backup::reads_standby(site) {
            units.push(("backup-server", "patroni/hosts/backup-server.service.tera", account.clone()));
        }
    }
    if host.router.is_some() {
        units.push(("haproxy", "patroni/hosts/haproxy.service.tera", HAPROXY_ACCOUNT.to_owned()));
        if site.cluster.has_pool() {
            units.push(("pgbouncer", "patroni/hosts/pgbouncer.service.tera", account.clone()));
            units.push(("pgbouncer-exporter", "patroni/hosts/pgbouncer-exporter.service.tera", account));
        }
    }
    for (what, template, account) in units {
        let context = unit(site, host, account);
        out.host(host, &format!("{}.service", site.unit(what)), ArtifactKind::Systemd, template, &context);
    }
}

fn unit(site: &Site<'_>, host: &Host, account: String) -> Unit {
    let spec = &site.cluster.spec;
    let of_etcd = host.etcd.as_ref().map(|_| format!("{}.service", site.unit("etcd")));
    let ports = host.member.as_ref().map_or(spec.ports, |m| m.ports);
    Unit {
        cluster: site.cluster.name.clone(),
        account,
        environment: site.environment(host),
        config: host.config.clone(),
        run: host.run.clone(),
        runtime_directory: runtime_directory(&host.run),
        socket_runtime: runtime_directory(&router::socket_directory(site, host)),
        patroni: format!("{}.service", site.unit("patroni")),
        after: of_etcd.into_iter().collect(),
        watchdog: spec.failover.watchdog != Watchdog::Disabled,
        // A shutdown checkpoint writes what shared_buffers hold; killed before its end, the next start is a recovery.
        stop_timeout: spec.failover.primary_start_timeout.secs().max(300),
        exporter: host_port(&host.address, ports.exporter),
        postgres_port: ports.postgres,
        monitoring: dcs::MONITORING,
        stanza: names::stanza(&site.cluster.name),
        pgbackrest_exporter: host_port(&host.address, names::PORT_PGBACKREST_EXPORTER),
        pgbouncer: format!("{}.service", site.unit("pgbouncer")),
        pool_environment: site.pool_environment(host),
        pool_port: spec.pool.port,
        pgbouncer_exporter: host_port(&host.address, names::PORT_PGBOUNCER_EXPORTER),
    }
}

/// The directory below `/run`, which is empty after a boot; `None` where it lies elsewhere.
fn runtime_directory(run: &str) -> Option<String> {
    let below = run.strip_prefix("/run/").or_else(|| run.strip_prefix("/var/run/"))?;
    let below = below.trim_matches('/');
    (!below.is_empty()).then(|| below.to_owned())
}
