//! Whether the recovery objectives are kept (R-AL-16), as recorded series: what a loss would cost now, what it may cost, and
//! the share of time in which the first stayed within the second.
//!
//! Only what exporters tell is recorded. What is not known is absent, never 0 and never kept.

use super::context::Context;
use super::postgres::{Cluster, both};
use super::promql::{Labels, labels, quote};
use super::replication::{SEGMENT, readers, target, written};
use super::rules::seconds;
use super::slo::{Record, RecordCase};
use crate::blueprint::PostgresRole;
use crate::blueprint::raw::Scenario;
use crate::blueprint::units::Duration;
use crate::render::alerts::model::{Series, constant};

/// The recorded objective.
const TARGET: &str = "postgres:rpo_target:seconds";
/// What would be lost now.
const ACHIEVED: &str = "postgres:rpo_achieved:seconds";
/// Whether that is within the objective.
const MET: &str = "postgres:rpo_met:bool";
/// The share of the time in which it was, of the time in which it is known.
const RATIO: &str = "postgres:rpo_compliance:ratio";

/// What a loss would cost: how it is asked, with series that show nothing and twice what is allowed.
struct Measure {
    achieved: String,
    kept: Vec<Series>,
    missed: Vec<Series>,
}

/// The recorded series of a region, and remarks on what cannot be measured.
pub fn records(context: &Context<'_>) -> (Vec<Record>, Vec<String>) {
    let (mut records, mut remarks) = (Vec::new(), Vec::new());
    for cluster in context.blueprint.postgres.iter().filter_map(|spec| Cluster::new(context, spec)) {
        // A subscriber is written by another region: that one tells what it lacks.
        if cluster.role == PostgresRole::Subscriber {
            continue;
        }
        let with_backup = cluster.spec.spec.backup.is_some();
        if let Some(rpo) = target(&cluster, Scenario::DataCorruption).filter(|_| with_backup) {
            records.extend(series(&cluster, "data-corruption", None, rpo, &archive(&cluster, rpo)));
        }
        if let Some(rpo) = target(&cluster, Scenario::RegionLoss) {
            if cluster.spec.spec.cross_region.is_none() && with_backup {
                records.extend(series(&cluster, "region-loss", None, rpo, &archive(&cluster, rpo)));
            }
            let others = if cluster.role == PostgresRole::Primary { readers(&cluster) } else { Vec::new() };
            for reader in others {
                // Less than a segment says nothing about time where hardly anything is written: the slowest rate that counts is
                // a segment in the time that is allowed.
                let allowed = rpo.secs().max(60);
                let slowest = (SEGMENT / allowed).max(1);
                let achieved = format!("max({}) / clamp_min({}, {slowest})", reader.lacks(&cluster), written(&cluster));
                let busy = 4 * SEGMENT * 60 / allowed;
                let measure = Measure {
                    achieved,
                    kept: reader.lacking(&cluster, 0, busy),
                    missed: reader.lacking(&cluster, 8 * SEGMENT * rpo.secs().max(1) / allowed, busy),
                };
                records.extend(series(&cluster, "region-loss", Some(reader.region), rpo, &measure));
            }
        }
    }
    if !records.is_empty() {
        let rto = "RTO: no metric tells how long a recovery would take; what a drill took stands in its record";
        let idle = "postgres:rpo_achieved:seconds of a restore is the age of the archive: a primary that nobody writes to archives nothing, and shows more than it would lose";
        remarks.extend([rto, idle].map(str::to_owned));
    }
    (records, remarks)
}

/// What a restore brings back ends where the archive does. An idle primary archives nothing, and loses nothing: it shows
/// more than would be lost. One that has never archived shows nothing.
fn archive(cluster: &Cluster<'_>, rpo: Duration) -> Measure {
    let metric = "pg_stat_archiver_last_archive_age";
    let achieved = format!(
        "max({} and on (instance) {} == 0) >= 0",
        cluster.exporter.metric(metric),
        cluster.exporter.metric("pg_replication_is_replica")
    );
    let aged = |age: u64| {
        let roles = cluster.of_servers("pg_replication_is_replica", &[0, 1]);
        both(roles, vec![constant(cluster.exporter.series(metric, 0, &[]), age)])
    };
    Measure { achieved, kept: aged(0), missed: aged(rpo.secs() * 2 + 60) }
}

fn series(cluster: &Cluster<'_>, scenario: &str, to: Option<&str>, rpo: Duration, measure: &Measure) -> Vec<Record> {
    let context = &cluster.context;
    let mut own =
        labels(&[("system", &context.blueprint.name), ("cluster", &cluster.spec.name), ("scenario", scenario)]);
    own.extend(to.map(|region| ("standby_region".to_owned(), region.to_owned())));
    let one = |name: &str| format!("{name}{{{}}}", matchers(&own));
    let window = context.monitoring.slo.window.go();
    let rule =
        |name: &str, expr: String| Record { name: name.to_owned(), expr, labels: own.clone(), tests: Vec::new() };
    let case = |name, series: Vec<Series>, value: Option<u32>| RecordCase {
        name,
        series: both(series, cluster.writes()),
        asks: [MET, RATIO].map(|asked| (one(asked), asked, value)).into(),
    };
    let mut ratio = rule(RATIO, format!("avg_over_time({}[{window}])", one(MET)));
    ratio.tests = vec![
        case("unknown is absent", Vec::new(), None),
        case("nothing would be lost", measure.kept.clone(), Some(1)),
        case("twice what is allowed would be lost", measure.missed.clone(), Some(0)),
    ];
    vec![
        rule(TARGET, format!("vector({})", seconds(rpo))),
        rule(ACHIEVED, cluster.only_where_written(&measure.achieved)),
        rule(MET, format!("{} <= bool {}", one(ACHIEVED), one(TARGET))),
        ratio,
    ]
}

fn matchers(own: &Labels) -> String {
    own.iter().map(|(label, value)| format!("{label}={}", quote(value))).collect::<Vec<_>>().join(",")
}
