//! patroni.yml of a member, and the script that runs once in the life of a cluster.

use serde::Serialize;
use serde_json::Value;

use super::Output;
use super::site::{Host, Site};
use crate::blueprint::raw::{CrossRegionMode, Watchdog};
use crate::blueprint::{Member, PostgresRole, names};
use crate::render::ArtifactKind;
use crate::render::address::host_port;
use crate::render::patroni::dcs;
use crate::render::patroni::subscriber::{Place, Subscriber};

#[derive(Serialize)]
struct Patroni {
    name: String,
    zone: String,
    scope: String,
    namespace: String,
    environment: String,
    rest: String,
    rest_user: &'static str,
    postgres: String,
    etcd: Vec<String>,
    certificates: Option<String>,
    sslmode: &'static str,
    dcs: Value,
    superuser: &'static str,
    replication: &'static str,
    rewind: &'static str,
    config: String,
    data: String,
    bin: String,
    pgpass: String,
    parameters: Value,
    backup: bool,
    restore_command: String,
    pgbackrest: String,
    watchdog: &'static str,
}

#[derive(Serialize)]
struct PostInit {
    database: String,
    user: String,
    monitoring: &'static str,
    replication: &'static str,
    psql: String,
    publication: Option<&'static str>,
    pgbackrest: Option<String>,
    stanza: String,
}

/// The files of a member.
pub fn files(out: &mut Output<'_, '_, '_>, host: &Host, member: &Member) {
    let site = out.site;
    out.host(
        host,
        "patroni.yml",
        ArtifactKind::Patroni,
        "patroni/hosts/patroni.yml.tera",
        &patroni(site, host, member),
    );
    let cross = site.cluster.spec.cross_region.as_ref();
    let logical = cross.is_some_and(|c| c.mode == CrossRegionMode::Logical);
    let context = PostInit {
        database: site.cluster.database.clone(),
        user: site.cluster.user.clone(),
        monitoring: dcs::MONITORING,
        replication: dcs::REPLICATION,
        psql: format!("{}/psql", member.bin),
        publication: (logical && site.role == PostgresRole::Primary).then_some(dcs::PUBLICATION),
        pgbackrest: site.cluster.spec.backup.as_ref().map(|_| format!("{}/pgbackrest.conf", member.config)),
        stanza: names::stanza(&site.cluster.name),
    };
    out.host(host, "post-init.sh", ArtifactKind::Shell, "patroni/hosts/post-init.sh.tera", &context);
    let place = Place {
        bin: member.bin.clone(),
        run: member.run.clone(),
        port: member.ports.postgres,
        endpoint_port: site.cluster.spec.router.port,
        passfile: passfile(member),
        password: "HAGEN_APPLICATION_PASSWORD",
        certificates: site.certificates(),
        sslmode: "verify-full",
    };
    if let Some(context) = Subscriber::new(site.cluster, site.region, place) {
        out.host(host, "subscribe.sh", ArtifactKind::Shell, Subscriber::SUBSCRIBE, &context);
        out.host(host, "subscriber.sh", ArtifactKind::Shell, Subscriber::STEPS, &context);
    }
}

fn patroni(site: &Site<'_>, host: &Host, member: &Member) -> Patroni {
    let spec = &site.cluster.spec;
    let pgbackrest = site.pgbackrest(&member.config);
    Patroni {
        name: member.name.clone(),
        zone: member.zone.clone(),
        scope: site.cluster.scope(),
        namespace: dcs::namespace(&site.blueprint.name),
        environment: site.environment(host),
        rest: host_port(&member.address, member.ports.rest),
        rest_user: dcs::REST_USER,
        postgres: host_port(&member.address, member.ports.postgres),
        etcd: site.etcd.iter().map(|m| host_port(&m.address, m.ports.client)).collect(),
        certificates: site.certificates(),
        sslmode: site.sslmode(),
        dcs: dcs::section(&site.surroundings()),
        superuser: dcs::SUPERUSER,
        replication: dcs::REPLICATION,
        rewind: dcs::REWIND,
        config: member.config.clone(),
        data: member.data.clone(),
        bin: member.bin.clone(),
        pgpass: format!("{}/patroni-{}.pgpass", member.run, site.cluster.name),
        parameters: own_parameters(site, member, &pgbackrest),
        backup: spec.backup.is_some(),
        restore_command: dcs::restore_command(&pgbackrest),
        pgbackrest,
        watchdog: match spec.failover.watchdog {
            Watchdog::Disabled => "off",
            Watchdog::Automatic => "automatic",
            Watchdog::Required => "required",
        },
    }
}

/// What a member is told alone: its directories. Patroni controls none of these.
fn own_parameters(site: &Site<'_>, member: &Member, pgbackrest: &str) -> Value {
    let mut own = serde_json::Map::new();
    let mut set = |name: &str, value: String| {
        // What the blueprint says about a parameter holds for the cluster and wins.
        if !site.cluster.spec.parameters.contains_key(name) {
            own.insert(name.to_owned(), value.into());
        }
    };
    set("unix_socket_directories", member.run.clone());
    set("logging_collector", "on".to_owned());
    set("log_directory", member.log.clone());
    set("log_filename", format!("postgresql-{}-%a.log", site.cluster.name));
    set("log_rotation_age", "1d".to_owned());
    set("log_rotation_size", "0".to_owned());
    set("log_truncate_on_rotation", "on".to_owned());
    set("log_line_prefix", "%m [%p] %q%u@%d ".to_owned());
    if site.cluster.spec.backup.is_some() {
        set("archive_command", dcs::archive_command(pgbackrest));
    }
    own.into()
}

/// What a subscription logs in at the publisher by.
pub fn passfile(member: &Member) -> String {
    format!("{}/subscription.pgpass", member.config)
}
