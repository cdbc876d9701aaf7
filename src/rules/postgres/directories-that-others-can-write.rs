//! Data, configuration or passwords lie below a directory that everybody may write to, and that is cleaned up.
//!
//! # What it finds
//! On hosts: a directory of data, configuration or sockets of a member, a router or etcd below `/tmp`, `/var/tmp` or
//! `/dev/shm`. One finding for a cluster points at all of them. Patroni's file of passwords (pgpass) lies in that of the sockets, the other secrets in that of the
//! configuration. Logs may lie there.
//!
//! In patroni.yml: `pgpass` or `data_dir` of `postgresql` below one of them.
//!
//! # Why it matters
//! Whoever has an account on the host can make the directory first, and then owns what is put into it. What is not used for
//! some days is removed by systemd-tmpfiles, and a reboot empties it.
//!
//! # Example
//! ```yaml
//! postgres:
//!   main:
//!     platform: hosts
//!     directories: {data: /tmp/main}
//! ```
//!
//! # Fix
//! Leave them out: the defaults are `/var/lib/postgresql`, `/etc/patroni` and `/run/postgresql`.
//!
//! # Source
//! facts.md R-PG-23 (policy); systemd, tmpfiles.d(5).

use super::configured::at;
use crate::blueprint::Postgres;
use crate::blueprint::raw::{AbsolutePath, PostgresDirectories};
use crate::document::Path;
use crate::rules::prelude::*;

pub static RULE: Rule = Rule {
    id: "PG023",
    name: "directories-that-others-can-write",
    group: Group::Postgres,
    level: Level::Warning,
    security: true,
    fields: &[
        "postgres.*.directories",
        "postgres.*.hosts.*.directories",
        "postgres.*.router.hosts.*.directories",
        "postgres.*.consensus.data",
        "postgres.*.consensus.hosts.*.data",
    ],
    check: Check::Both(check, files),
};

fn check(blueprint: &Blueprint, findings: &mut Vec<Diagnostic>) {
    for cluster in blueprint.postgres.iter().filter(|cluster| cluster.is_rendered() && !cluster.on_kubernetes()) {
        let shared = places(cluster).into_iter().filter(|(_, _, directory)| is_shared(directory.as_str()));
        let mut shared = shared.map(|(at, what, _)| (Place::Value(at), what));
        let Some((at, what)) = shared.next() else { continue };
        let finding = RULE
            .finding(at, format!("directories of `{}` lie where every account may write", cluster.name))
            .label(what)
            .because("whoever makes such a directory first owns what is put into it, and what lies there is cleaned up")
            .fix("leave them out, or name directories of their own below /var/lib, /etc or /run");
        findings.push(shared.fold(finding, |finding, (at, what)| finding.also(at, what)));
    }
}

/// The first directory of each block that others can write to, and all of etcd's.
fn places(cluster: &Postgres) -> Vec<(Path, &'static str, &AbsolutePath)> {
    let spec = &cluster.spec;
    let at = path!["postgres", cluster.name];
    let mut blocks = vec![(at.key("directories"), Some(&spec.directories))];
    blocks.extend(
        spec.hosts.iter().map(|(name, host)| (at.key("hosts").key(name).key("directories"), host.directories.as_ref())),
    );
    blocks.extend(
        spec.router.hosts.iter().map(|(name, host)| {
            (at.key("router").key("hosts").key(name).key("directories"), host.directories.as_ref())
        }),
    );
    let mut places: Vec<_> = blocks.into_iter().filter_map(|(at, block)| first(at, block?)).collect();
    let consensus = at.key("consensus");
    places.push((consensus.key("data"), "the data of etcd", &spec.consensus.data));
    for (name, host) in &spec.consensus.hosts {
        let at = consensus.key("hosts").key(name);
        places.extend(host.data.as_ref().map(|data| (at.key("data"), "the data of etcd", data)));
    }
    places
}

fn first(at: Path, block: &PostgresDirectories) -> Option<(Path, &'static str, &AbsolutePath)> {
    let all = [
        ("data", "the data", block.data.as_ref()),
        ("config", "configuration and secrets", Some(&block.config)),
        ("run", "the file of passwords", Some(&block.run)),
    ];
    let (field, what, directory) =
        all.into_iter().find(|(_, _, directory)| directory.is_some_and(|directory| is_shared(directory.as_str())))?;
    Some((at.key(field), what, directory?))
}

fn is_shared(directory: &str) -> bool {
    ["/tmp", "/var/tmp", "/dev/shm"]
        .iter()
        .any(|shared| directory.strip_prefix(shared).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
}

fn files(estate: &View<'_>, findings: &mut Vec<Diagnostic>) {
    for tree in estate.of(Kind::Patroni) {
        for (name, what) in [("data_dir", "the data"), ("pgpass", "the file of passwords")] {
            let Some(node) = at(tree, &["postgresql", name]) else { continue };
            if !node.scalar().is_some_and(|scalar| is_shared(&scalar.text)) {
                continue;
            }
            findings.push(
                RULE.finding(Place::Span(node.span), format!("`{name}` lies where every account may write"))
                    .label(what)
                    .because(
                        "whoever makes it first owns what is put into it, and what lies there is cleaned up (R-PG-23)",
                    )
                    .fix("write a directory of its own below /var/lib or /run"),
            );
        }
    }
}
