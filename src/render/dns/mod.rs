//! Route 53: `global/dns/` with change batches in order, health checks, and the script that applies both.
//!
//! Names, from the inside out. One routing policy stands on each (R-DN-06):
//!
//! 1. `REGION.HOST` is an alias to the region's load balancer. The balancer's address stands here and nowhere else.
//!    Health checks ask for this name: it is the `Host` that they send, and a gateway with routes by host would answer
//!    404 to the load balancer's own name. It is not the name of a record that carries the check, for which Route 53
//!    calls the results unpredictable.
//! 2. `REGION.failover.HOST` is a failover pair: the region, and behind it the next one. With three regions or more the
//!    secondary is again a pair (`NEXT.REGION.failover.HOST`), so that the loss of two regions still finds the third.
//! 3. `HOST` has one alias for each location, to the pair of the region that serves it (R-DN-05), or is the pair
//!    itself (`routing: failover`), or leads to the primary's name (`routing: simple`).
//!
//! What decides is, for each region, two things together: the load balancer's own target health (EvaluateTargetHealth,
//! F-DN-07; no check asks the instances behind it, F-DN-14), and one check from the outside through the whole way in,
//! which sees what target health cannot: a gateway that is healthy in front of services that are not, and a balancer
//! that fails open (F-LB-04). There is no inverted check without a declared gate and never a disabled one (R-DN-19).
//!
//! Set identifiers name the location or the rank, never the region: when a continent moves to another region the UPSERT
//! then changes the record in place; under a new identifier Route 53 would refuse a second record for one location.

mod health;
mod page;
mod records;

use serde::Serialize;

use super::{ArtifactKind, File, Jobs};
use crate::blueprint::{Blueprint, dns};
use crate::path;

use health::Check;
use records::{Batch, RecordSet};

/// All files of this part of the output.
pub fn jobs(blueprint: &Blueprint, jobs: &mut Jobs<'_>) {
    let Some(spec) = &blueprint.spec.dns else { return };
    let records = dns::records(&blueprint.spec, &blueprint.regions);
    if records.is_empty() {
        return;
    }
    let checks = health::checks(blueprint, &records);
    let batches = records::batches(blueprint, &records, &checks);
    let zone = Zone { name: spec.zone.as_str(), id: &spec.hosted_zone_id };
    for check in checks.all() {
        push_check(check, jobs);
    }
    for batch in &batches {
        let context = BatchContext { zone, comment: &batch.comment, records: &batch.records };
        let origins = vec![path!["dns"], path!["regions"]];
        let path = format!("global/dns/batches/{}.json", batch.name);
        jobs.push(
            File { path, kind: ArtifactKind::Route53Changes, region: None, template: "dns/batch.json.tera", origins },
            &context,
        );
    }
    let origins = || vec![path!["dns"]];
    let plan = Plan { checks: checks.all(), batches: &batches };
    jobs.push(
        File {
            path: "global/dns/plan.tsv".to_owned(),
            kind: ArtifactKind::Text,
            region: None,
            template: "dns/plan.txt.tera",
            origins: origins(),
        },
        &plan,
    );
    let script = Script { zone, prefix: checks.prefix(), system: &blueprint.name };
    jobs.push(
        File {
            path: "global/dns/apply.sh".to_owned(),
            kind: ArtifactKind::Shell,
            region: None,
            template: "dns/apply.sh.tera",
            origins: origins(),
        },
        &script,
    );
    let page = page::page(blueprint, &records, &checks, &batches);
    jobs.push(
        File {
            path: "global/dns/README.md".to_owned(),
            kind: ArtifactKind::Markdown,
            region: None,
            template: "dns/readme.md.tera",
            origins: origins(),
        },
        &page,
    );
}

fn push_check(check: &Check, jobs: &mut Jobs<'_>) {
    let path = |suffix: &str| format!("global/dns/health-checks/{}{suffix}.json", check.name);
    let kind = ArtifactKind::Route53HealthCheck;
    jobs.push(
        File {
            path: path(""),
            kind,
            region: None,
            template: "dns/health-check.json.tera",
            origins: check.origins.clone(),
        },
        check,
    );
    jobs.push(
        File {
            path: path(".tags"),
            kind: ArtifactKind::Json,
            region: None,
            template: "dns/tags.json.tera",
            origins: check.origins.clone(),
        },
        check,
    );
}

/// The hosted zone.
#[derive(Debug, Clone, Copy, Serialize)]
struct Zone<'a> {
    name: &'a str,
    id: &'a str,
}

#[derive(Serialize)]
struct BatchContext<'a> {
    zone: Zone<'a>,
    comment: &'a str,
    records: &'a [RecordSet],
}

/// What `apply.sh` reads: health checks, batches and record sets in the order in which they are applied.
#[derive(Serialize)]
struct Plan<'a> {
    checks: &'a [Check],
    batches: &'a [Batch],
}

#[derive(Serialize)]
struct Script<'a> {
    zone: Zone<'a>,
    prefix: &'a str,
    system: &'a str,
}
