//! The scripts that people run: back to a point in time, a member anew, another region as the primary one.

use serde::Serialize;

use super::site::{Host, Site};
use super::{Output, backup};
use crate::blueprint::{Member, PostgresRole, names};
use crate::render::ArtifactKind;
use crate::render::address::host_port;
use crate::render::patroni::dcs;
use crate::render::patroni::login::Login;

/// What all of them know.
#[derive(Serialize)]
struct Common {
    bin: String,
    data: String,
    run: String,
    port: u16,
    config: String,
    scope: String,
    own_rest: String,
    members: Vec<Peer>,
    ttl: String,
}

#[derive(Serialize)]
struct Peer {
    name: String,
    rest: String,
}

#[derive(Serialize)]
struct Recover {
    #[serde(flatten)]
    common: Common,
    pgbackrest_config: String,
    stanza: String,
    look: String,
    look_socket: String,
    superuser: &'static str,
    patroni_unit: String,
    backup_unit: String,
    /// What the regions that read from this one need afterwards: they hold what was given up.
    others: Vec<String>,
    /// What a subscriber must know of its subscription.
    disable: Option<String>,
}

#[derive(Serialize)]
struct Promote {
    #[serde(flatten)]
    common: Common,
    primary_region: String,
    other_rests: Vec<String>,
    slots: Vec<String>,
    patience: u64,
    steps: Vec<String>,
}

/// The scripts of a member.
pub fn files(out: &mut Output<'_, '_, '_>, host: &Host, member: &Member) {
    let site = out.site;
    let context = common(site, member);
    out.host(
        host,
        "login.sh",
        ArtifactKind::Shell,
        Login::TEMPLATE,
        &Login::new(site.cluster, &member.bin, &member.run, member.ports.postgres),
    );
    out.host(host, "start-over.sh", ArtifactKind::Shell, "patroni/hosts/start-over.sh.tera", &context);
    if site.role == PostgresRole::Standby {
        let context = promote(site, member);
        out.host(host, "promote.sh", ArtifactKind::Shell, "patroni/hosts/promote.sh.tera", &context);
    }
    // A standby region goes back in time with the primary one, never by itself.
    if site.cluster.spec.backup.is_some() && site.role != PostgresRole::Standby {
        let context = recover(site, member);
        out.host(host, "recover.sh", ArtifactKind::Shell, "patroni/hosts/recover.sh.tera", &context);
    }
}

fn common(site: &Site<'_>, member: &Member) -> Common {
    Common {
        bin: member.bin.clone(),
        data: member.data.clone(),
        run: member.run.clone(),
        port: member.ports.postgres,
        config: member.config.clone(),
        scope: site.cluster.scope(),
        own_rest: rest(site, member),
        members: site.members.iter().map(|m| Peer { name: m.name.clone(), rest: rest(site, m) }).collect(),
        ttl: site.cluster.spec.failover.ttl.to_string(),
    }
}

/// The base address of a member's Patroni.
pub fn rest(site: &Site<'_>, member: &Member) -> String {
    let scheme = if site.certificates().is_some() { "https" } else { "http" };
    format!("{scheme}://{}", host_port(&member.address, member.ports.rest))
}

fn recover(site: &Site<'_>, member: &Member) -> Recover {
    Recover {
        common: common(site, member),
        pgbackrest_config: format!("{}/pgbackrest.conf", member.config),
        stanza: names::stanza(&site.cluster.name),
        look: backup::look(member),
        look_socket: format!("{}/look-{}", member.run, site.cluster.name),
        superuser: dcs::SUPERUSER,
        patroni_unit: site.unit("patroni"),
        backup_unit: site.unit("backup-full"),
        others: readers(site),
        disable: (site.role == PostgresRole::Subscriber).then(|| {
            format!(
                "the subscription would miss the rows between this moment and what it had read: after step 1, ALTER SUBSCRIPTION {0} DISABLE in {1}, then its copy anew: DROP SUBSCRIPTION, DROP OWNED BY {2} CASCADE (its own rows, too), subscribe.sh",
                dcs::PUBLICATION, site.cluster.database, site.cluster.user
            )
        }),
    }
}

/// What each region that reads from this one needs once its history is another one.
fn readers(site: &Site<'_>) -> Vec<String> {
    let others = site.blueprint.regions.iter().filter(|r| r.name != site.region.name);
    let step = |region: &crate::blueprint::Region| match site.cluster.role(region)? {
        PostgresRole::Standby => Some(format!(
            "     5. in {}: start-over.sh --forget-cluster on one member, start-over.sh on the others; it holds what was given up",
            region.name
        )),
        PostgresRole::Subscriber => Some(format!(
            "     5. in {}: drop the subscription and what it filled (DROP OWNED BY the services' role), then subscribe.sh: it holds rows that were given up, and would miss new ones",
            region.name
        )),
        PostgresRole::Primary => None,
    };
    if site.role == PostgresRole::Primary { others.filter_map(step).collect() } else { Vec::new() }
}

fn promote(site: &Site<'_>, member: &Member) -> Promote {
    let cluster = site.cluster;
    let old = &cluster.primary_region;
    let others = || site.blueprint.regions.iter().filter(|r| r.name != site.region.name && cluster.role(r).is_some());
    let failover = &cluster.spec.failover;
    Promote {
        common: common(site, member),
        primary_region: old.clone(),
        other_rests: others().flat_map(|r| cluster.members(r)).map(|m| rest(site, &m)).collect(),
        slots: others().map(|r| names::standby_slot(&r.name)).collect(),
        // Each member looks once in a loop; then the promotion, and as much again for a slow machine.
        patience: 2 * failover.loop_wait.secs() + 60,
        steps: steps(site),
    }
}

/// What a promotion of the data leaves to people.
fn steps(site: &Site<'_>) -> Vec<String> {
    let (cluster, region) = (site.cluster, &site.region.name);
    let old = &cluster.primary_region;
    let mut all = Vec::new();
    if let (Some(from), Some(to)) = (cluster.endpoint(old), cluster.endpoint(region)) {
        all.push(format!("let the name {from} lead where {to} leads, for the services that still ask for the old one"));
    }
    if site.blueprint.spec.dns.as_ref().is_some_and(|dns| dns.records.values().any(|record| record.gate.is_some())) {
        all.push("open the gate of the DNS records, as their page says: clients follow".to_owned());
    }
    if cluster.spec.backup.is_some() {
        all.push(format!(
            "on the new primary: systemctl start {}; backups are made here now",
            site.unit("backup-full")
        ));
    }
    all.push(format!("in the blueprint exchange the role of {old} and {region}, and what crossRegion.to says; render"));
    all.push(format!("the fence stays until {old} is a standby: this page, \"The old region comes back\""));
    let third = |r: &&crate::blueprint::Region| r.name != *old && r.name != *region && cluster.role(r).is_some();
    for other in site.blueprint.regions.iter().filter(third) {
        let other = &other.name;
        all.push(format!("{other} follows the old region still: what is rendered anew there, then start-over.sh --forget-cluster on one member, start-over.sh on the others"));
    }
    let numbered = all.into_iter().enumerate().map(|(at, step)| format!("  {}. {step}", at + 1));
    numbered.collect()
}
