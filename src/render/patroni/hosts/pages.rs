//! The page of a cluster's directory, and the script that prepares a host for its first boot.

use serde::Serialize;

use super::site::{Host, Site};
use super::units::{ETCD_ACCOUNT, HAPROXY_ACCOUNT};
use super::{Output, backup, router};
use crate::blueprint::raw::{BackupSource, CrossRegionMode, SecretRef, Watchdog};
use crate::blueprint::{PostgresRole, names};
use crate::render::ArtifactKind;
use crate::render::patroni::{dcs, login};

/// An environment variable of a host.
#[derive(Serialize)]
struct Variable {
    name: String,
    meaning: String,
    secret: String,
    key: String,
}

#[derive(Serialize)]
struct Directory {
    path: String,
    owner: String,
    mode: &'static str,
}

#[derive(Serialize)]
struct FirstBoot {
    cluster: String,
    host: String,
    account: String,
    config: String,
    directories: Vec<Directory>,
    /// Where backups are tried and old data is moved to: beside the data.
    beside: Option<String>,
    programs: Vec<String>,
    files: Vec<String>,
    environment: String,
    variables: Vec<String>,
    is_member: bool,
    has_pool: bool,
    pool_environment: String,
    certificates: Option<String>,
    /// The common name that the host's certificate must have, where members read each other's files.
    common_name: Option<String>,
    address: String,
    data: String,
    port: u16,
    /// Whether its sockets lie where those of the distribution's packages do.
    shared_socket: bool,
    shared: Vec<String>,
    watchdog: bool,
    /// What a subscription logs in by.
    passfile: Option<String>,
}

#[derive(Serialize)]
struct Machine {
    name: String,
    address: String,
    config: String,
    units: Vec<String>,
    timers: Vec<String>,
}

/// Whom a firewall lets in, and where.
#[derive(Serialize)]
struct Open {
    from: &'static str,
    ports: Vec<u16>,
}

#[derive(Serialize)]
struct Readme {
    cluster: String,
    region: String,
    scope: String,
    account: String,
    role: &'static str,
    machines: Vec<Machine>,
    variables: Vec<Variable>,
    key_files: Vec<Variable>,
    names: Vec<String>,
    certificates: Option<String>,
    /// What stands before `patroni`, `etcd` … in the names of the units.
    unit: String,
    /// The command by which etcd is asked, on a host of it.
    etcdctl: String,
    /// What a firewall must let through: from whom, and the ports.
    open: Vec<Open>,
    has_pool: bool,
    user: String,
    second: String,
    database: String,
    monitoring: &'static str,
    application_secret: SecretRef,
    monitoring_secret: SecretRef,
    backup: bool,
    shared: Vec<String>,
    needs: Vec<&'static str>,
    ttl: String,
    slot: String,
    old_slot: String,
    example_config: String,
    config_directory: String,
    environment_file: String,
    pool_port: u16,
    router_port: u16,
    replica_port: u16,
    sync_port: Option<u16>,
    /// Where backups of the primary read the standbys.
    backup_port: Option<u16>,
    common_name: String,
    /// Whether the blueprint wants the primary to be read.
    asked_primary: bool,
    primary_region: String,
    first: String,
    synchronous: bool,
    subscriber_script: bool,
    standby_regions: Vec<String>,
    /// Whether they hold everything, roles and their passwords too.
    streams: bool,
    /// The line of the file that a subscription logs in by.
    passfile: Option<String>,
}

/// The script that prepares a host.
pub fn first_boot(out: &mut Output<'_, '_, '_>, host: &Host) {
    let site = out.site;
    let account = &site.cluster.spec.account;
    let context = FirstBoot {
        cluster: site.cluster.name.clone(),
        host: host.name.clone(),
        account: account.clone(),
        config: host.config.clone(),
        directories: directories(site, host),
        beside: host.member.as_ref().and_then(|m| m.data.rsplit_once('/')).map(|(above, _)| above.to_owned()),
        programs: programs(site, host),
        files: needed_files(site, host),
        environment: site.environment(host),
        variables: if host.member.is_some() {
            variables(site).into_iter().map(|v| v.name).collect()
        } else {
            Vec::new()
        },
        is_member: host.member.is_some(),
        has_pool: host.router.is_some() && site.cluster.has_pool(),
        pool_environment: site.pool_environment(host),
        certificates: site.certificates(),
        common_name: (host.member.is_some() && backup::reads_standby(site)).then(|| site.cluster.object()),
        address: host.address.clone(),
        data: host.member.as_ref().map(|m| m.data.clone()).unwrap_or_default(),
        port: host.member.as_ref().map_or(0, |m| m.ports.postgres),
        shared_socket: matches!(host.run.trim_end_matches('/'), "/run/postgresql" | "/var/run/postgresql"),
        passfile: host.member.as_ref().filter(|_| site.role == PostgresRole::Subscriber).map(super::member::passfile),
        shared: host.member.as_ref().map_or_else(Vec::new, |m| shared(site, &m.config)),
        watchdog: host.member.is_some() && site.cluster.spec.failover.watchdog == Watchdog::Required,
    };
    out.host(host, "first-boot.sh", ArtifactKind::Shell, "patroni/hosts/first-boot.sh.tera", &context);
}

/// The line of a subscriber's password file, but for the password.
fn subscription_line(site: &Site<'_>) -> Option<String> {
    let endpoint =
        site.cluster.endpoint(&site.cluster.primary_region).filter(|_| site.role == PostgresRole::Subscriber)?;
    let endpoint = endpoint.replace(':', "\\:");
    Some(format!("{endpoint}:{}:*:{}:PASSWORD", site.cluster.spec.router.port, dcs::REPLICATION))
}

fn directories(site: &Site<'_>, host: &Host) -> Vec<Directory> {
    let account = &site.cluster.spec.account;
    let own = |path: &str, mode| Directory { path: path.to_owned(), owner: account.clone(), mode };
    let mut all = Vec::new();
    if let Some(etcd) = &host.etcd {
        all.push(Directory { path: etcd.data.clone(), owner: ETCD_ACCOUNT.to_owned(), mode: "0700" });
    }
    if host.member.is_some() || (host.router.is_some() && site.cluster.has_pool()) {
        all.push(own(&host.run, "2775"));
        all.push(own(&host.log, "2750"));
    }
    if host.router.is_some() {
        all.push(Directory {
            path: router::socket_directory(site, host),
            owner: HAPROXY_ACCOUNT.to_owned(),
            mode: "0750",
        });
    }
    if let Some(member) = &host.member {
        all.push(own(&member.data, "0700"));
        if site.cluster.spec.backup.is_some() {
            all.push(own(&backup::spool(member), "0700"));
            all.push(own(&backup::lock(site, member), "0770"));
        }
    }
    all
}

fn programs(site: &Site<'_>, host: &Host) -> Vec<String> {
    let mut all = Vec::new();
    if host.etcd.is_some() {
        all.push("etcd".to_owned());
    }
    if let Some(member) = &host.member {
        all.push("patroni".to_owned());
        all.push(format!("{}/postgres", member.bin));
        all.push(format!("{}/pg_rewind", member.bin));
        all.push(format!("{}/psql", member.bin));
        all.push("curl".to_owned());
        if site.cluster.spec.backup.is_some() {
            all.push("pgbackrest".to_owned());
        }
    }
    if host.router.is_some() {
        all.push("haproxy".to_owned());
        if host.member.is_none() {
            all.push("curl".to_owned());
        }
        if site.cluster.has_pool() {
            all.push("pgbouncer".to_owned());
        }
    }
    all
}

/// The rendered files that must have been copied to a host.
fn needed_files(site: &Site<'_>, host: &Host) -> Vec<String> {
    let mut all = Vec::new();
    let mut need = |wanted: bool, name: &str| {
        if wanted {
            all.push(format!("{}/{name}", host.config));
        }
    };
    let backs_up = host.member.is_some() && site.cluster.spec.backup.is_some();
    need(host.etcd.is_some(), "etcd.yml");
    need(host.member.is_some(), "patroni.yml");
    need(host.member.is_some(), "post-init.sh");
    need(backs_up, "pgbackrest.conf");
    need(backs_up, "backup.sh");
    need(host.member.is_some() && backup::reads_standby(site), "backup-server.sh");
    need(backs_up && site.role != PostgresRole::Standby, "recover.sh");
    need(host.member.is_some(), "start-over.sh");
    need(host.member.is_some(), "login.sh");
    need(host.member.is_some() && site.role == PostgresRole::Subscriber, "subscribe.sh");
    need(host.member.is_some() && site.role == PostgresRole::Subscriber, "subscriber.sh");
    need(host.member.is_some() && site.role == PostgresRole::Standby, "promote.sh");
    need(host.router.is_some(), "haproxy.cfg");
    need(host.router.is_some(), "hold.sh");
    need(host.router.is_some() && site.cluster.has_pool(), "pgbouncer.ini");
    all
}

/// The directories that are a repository: the same ones on all members.
fn shared(site: &Site<'_>, config: &str) -> Vec<String> {
    site.repositories(config).into_iter().filter_map(|r| r.directory).collect()
}

/// What the environment file of a member must hold.
fn variables(site: &Site<'_>) -> Vec<Variable> {
    let credentials = &site.cluster.credentials;
    let variable = |name: &str, meaning: &str, reference: &SecretRef| Variable {
        name: name.to_owned(),
        meaning: meaning.to_owned(),
        secret: reference.secret.to_string(),
        key: reference.key.clone(),
    };
    let mut all = vec![
        variable("PATRONI_SUPERUSER_PASSWORD", "of postgres, the superuser", &credentials.superuser),
        variable("PATRONI_REPLICATION_PASSWORD", "of replicator, which standbys stream as", &credentials.replication),
        variable("PATRONI_REWIND_PASSWORD", "of rewinder, which pg_rewind uses", &credentials.rewind),
        variable("PATRONI_RESTAPI_PASSWORD", "of the REST API's user, patroni", &credentials.rest),
        variable("HAGEN_APPLICATION_PASSWORD", "of the services' role", &credentials.application),
        variable("DATA_SOURCE_PASS", "of monitor, the exporter's role", &credentials.monitoring),
    ];
    for repository in site.repositories("") {
        for secret in repository.secrets {
            all.push(variable(&secret.variable, &secret.meaning, &secret.reference));
        }
    }
    all
}

/// The page of the cluster.
pub fn readme(out: &mut Output<'_, '_, '_>) {
    let context = page(out.site);
    out.push("README.md", ArtifactKind::Markdown, "patroni/hosts/README.md.tera", &context);
}

fn page(site: &Site<'_>) -> Readme {
    let spec = &site.cluster.spec;
    let config = site.members.first().map(|m| m.config.clone()).unwrap_or_default();
    let key_file = |r: crate::render::patroni::repository::Repository| {
        let number = r.number;
        r.key_file.map(|reference| Variable {
            name: format!("repo{number}-gcs-key.json"),
            meaning: format!("the service key of {}", r.name),
            secret: reference.secret.to_string(),
            key: reference.key,
        })
    };
    let standby_regions = spec.cross_region.as_ref().filter(|_| site.region.is_primary());
    Readme {
        cluster: site.cluster.name.clone(),
        region: site.region.name.clone(),
        scope: site.cluster.scope(),
        account: spec.account.clone(),
        role: site.role.word(),
        machines: site.hosts.iter().map(|host| machine(site, host)).collect(),
        variables: variables(site),
        key_files: site.repositories(&config).into_iter().filter_map(key_file).collect(),
        names: certificate_names(site),
        certificates: site.certificates(),
        has_pool: site.cluster.has_pool(),
        user: site.cluster.user.clone(),
        second: login::second(&site.cluster.user),
        database: site.cluster.database.clone(),
        monitoring: dcs::MONITORING,
        application_secret: site.cluster.credentials.application.clone(),
        monitoring_secret: site.cluster.credentials.monitoring.clone(),
        backup: spec.backup.is_some(),
        shared: shared(site, &config),
        needs: site.repositories(&config).iter().filter_map(|r| r.needs).take(1).collect(),
        ttl: spec.failover.ttl.to_string(),
        slot: names::standby_slot(&site.region.name),
        old_slot: names::standby_slot(&site.cluster.primary_region),
        unit: site.unit(""),
        etcdctl: etcdctl(site),
        open: open(site),
        example_config: format!("{config}/patroni.yml"),
        config_directory: config.clone(),
        environment_file: format!("{config}/{}.env", site.cluster.name),
        pool_port: spec.pool.port,
        router_port: spec.router.port,
        replica_port: spec.router.replica_port,
        sync_port: router::sync_check(site).map(|_| spec.router.sync_port),
        backup_port: backup::reads_standby(site).then_some(spec.ports.backup),
        common_name: site.cluster.object(),
        asked_primary: spec.backup.as_ref().is_some_and(|b| b.from == Some(BackupSource::Primary)),
        primary_region: site.cluster.primary_region.clone(),
        first: site.members.first().map(|m| m.name.clone()).unwrap_or_default(),
        synchronous: spec.replication.is_synchronous(),
        subscriber_script: site.role == PostgresRole::Subscriber,
        passfile: subscription_line(site),
        streams: standby_regions.is_some_and(|c| c.mode == CrossRegionMode::StreamingStandby),
        standby_regions: standby_regions.map(|c| c.to.clone()).unwrap_or_default(),
    }
}

/// What certificates must be valid for: every address that is connected to, and the endpoints between regions.
fn certificate_names(site: &Site<'_>) -> Vec<String> {
    let mut names: Vec<String> = site.hosts.iter().map(|h| h.address.clone()).collect();
    names.extend(site.cluster.endpoint(&site.region.name));
    names.sort_unstable();
    names.dedup();
    names
}

/// The ports on which something listens here, by whom it is asked. Those of one host may differ: all are named.
fn open(site: &Site<'_>) -> Vec<Open> {
    let spec = &site.cluster.spec;
    let (members, etcd) = (site.members.iter().map(|m| m.ports), site.etcd.iter().map(|m| m.ports));
    let mut between: Vec<u16> = members.clone().flat_map(|ports| [ports.postgres, ports.rest]).collect();
    between.extend(etcd.clone().flat_map(|ports| [ports.client, ports.peer]));
    between.extend(backup::reads_standby(site).then_some(spec.ports.backup));
    let mut services = vec![spec.router.port, spec.router.replica_port];
    services.extend(router::sync_check(site).map(|_| spec.router.sync_port));
    let mut watched: Vec<u16> = members.flat_map(|ports| [ports.rest, ports.exporter]).collect();
    watched.extend(etcd.map(|ports| ports.client));
    watched.push(spec.router.metrics_port);
    watched.extend(spec.backup.as_ref().map(|_| names::PORT_PGBACKREST_EXPORTER));
    if site.cluster.has_pool() {
        services.push(spec.pool.port);
        watched.push(names::PORT_PGBOUNCER_EXPORTER);
    }
    let mut all = vec![("each other", between), ("the services", services)];
    if spec.cross_region.is_some() {
        all.push(("the hosts of the other regions", vec![spec.router.port]));
    }
    all.push(("Prometheus", watched));
    let sorted = |(from, mut ports): (&'static str, Vec<u16>)| {
        ports.sort_unstable();
        ports.dedup();
        Open { from, ports }
    };
    all.into_iter().map(sorted).collect()
}

/// etcd listens at the address of its host alone, and with certificates it asks for one.
fn etcdctl(site: &Site<'_>) -> String {
    let address = site.etcd.first().map(|m| format!("{}:{}", m.address, m.ports.client)).unwrap_or_default();
    site.certificates().map_or_else(
        || format!("etcdctl --endpoints=http://{address}"),
        |at| {
            format!("etcdctl --endpoints=https://{address} --cacert={at}/ca.crt --cert={at}/tls.crt --key={at}/tls.key")
        },
    )
}

fn machine(site: &Site<'_>, host: &Host) -> Machine {
    let mut units = Vec::new();
    let mut timers = Vec::new();
    let service = |what: &str| format!("{}.service", site.unit(what));
    if host.etcd.is_some() {
        units.push(service("etcd"));
    }
    if host.member.is_some() {
        units.push(service("patroni"));
        units.push(service("exporter"));
        if site.cluster.spec.backup.is_some() {
            units.push(service("pgbackrest-exporter"));
        }
        if backup::reads_standby(site) {
            units.push(service("backup-server"));
        }
    }
    if host.router.is_some() {
        units.push(service("haproxy"));
        if site.cluster.has_pool() {
            units.push(service("pgbouncer"));
            units.push(service("pgbouncer-exporter"));
        }
    }
    if let Some(member) = &host.member {
        let timer = |timed: backup::Timed<'_>| format!("{}.timer", site.unit(&timed.what));
        timers.extend(backup::timed(site, member).into_iter().map(timer));
    }
    Machine { name: host.name.clone(), address: host.address.clone(), config: host.config.clone(), units, timers }
}
