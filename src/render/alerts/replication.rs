//! What lags, and what is about to be lost, between the members of a PostgreSQL cluster and between regions.
//!
//! Seconds of lag stay at 0 when a standby is cut off, and rows about it vanish; so every figure of time has the WAL that
//! is kept for a slot, or a count of standbys, beside it (R-AL-20).

use super::context::Context;
use super::model::{Alert, Series, constant};
use super::postgres::{Cluster, both};
use super::promql::{Labels, labels, quote};
use super::time::lag_threshold;
use crate::blueprint::raw::{CrossRegionMode, Scenario, Severity};
use crate::blueprint::units::Duration;
use crate::blueprint::{PostgresRole, names};

/// The alerts about replication in a region.
pub fn alerts(context: &Context<'_>) -> Vec<Alert> {
    let mut alerts = Vec::new();
    for cluster in context.blueprint.postgres.iter().filter_map(|spec| Cluster::new(context, spec)) {
        let standbys = expected(&cluster);
        if standbys > 0 {
            alerts.push(streaming(&cluster, standbys));
            alerts.push(behind(&cluster));
            alerts.extend(slots(&cluster));
        }
        if cluster.members > 1 || cluster.role == PostgresRole::Standby {
            alerts.push(seconds(&cluster));
        }
        match cluster.role {
            PostgresRole::Primary => {
                alerts.extend(other_regions(&cluster).into_iter().map(|alert| cluster.where_written(alert)));
            }
            PostgresRole::Standby => alerts.push(cut_off(&cluster)),
            PostgresRole::Subscriber => {}
        }
    }
    alerts
}

/// The standby regions that stream from this one.
fn regions<'a>(cluster: &'a Cluster<'_>) -> impl Iterator<Item = &'a String> {
    let cross = cluster.spec.spec.cross_region.as_ref();
    let cross = cross.filter(|c| c.mode == CrossRegionMode::StreamingStandby && cluster.role == PostgresRole::Primary);
    cross.into_iter().flat_map(|c| c.to.iter())
}

/// How many standbys stream from the leader: the other members here, and one leader in each standby region.
fn expected(cluster: &Cluster<'_>) -> u64 {
    (cluster.members - 1 + regions(cluster).count()) as u64
}

/// The condition that a row comes from the server that writes (or, in a standby region, that is not asked).
fn from_primary(cluster: &Cluster<'_>) -> String {
    format!("and on (instance) {} == 0", cluster.exporter.metric("pg_replication_is_replica"))
}

fn roles(cluster: &Cluster<'_>) -> Vec<Series> {
    cluster.of_servers("pg_replication_is_replica", &[0, 1])
}

fn streaming(cluster: &Cluster<'_>, standbys: u64) -> Alert {
    let rows = cluster.exporter.select("pg_stat_replication_pg_wal_lsn_diff", &["state=\"streaming\""]);
    let of = |count: u64| -> Vec<Series> {
        let row = |at: u64| {
            let name = format!("standby-{at}");
            let more = [("application_name", name.as_str()), ("state", "streaming")];
            constant(cluster.exporter.series("pg_stat_replication_pg_wal_lsn_diff", 0, &more), 0)
        };
        (0..count).map(row).collect()
    };
    let name = &cluster.spec.name;
    let here = cluster.members - 1;
    let mut expr = format!("(count({rows}) or vector(0)) < {standbys}");
    if standbys > here as u64 {
        // Once another region has taken over, none streams from here.
        let gave_up = format!("max({}) == 1", cluster.patroni.metric("patroni_standby_leader"));
        expr = format!("(count({rows}) or vector(0)) < {here}\nor\n(\n  {expr}\n  unless on ()\n  {gave_up}\n)");
    }
    cluster
        .alert("PostgresStandbysMissing", Severity::Warning, expr)
        .minutes(5)
        .says(
            format!("Fewer standbys of PostgreSQL {name} stream than declared"),
            "The leader counts its own connections: a standby that is down, or cut off although it believes to stream, is missed here (R-AL-20). One failure less can be borne.",
        )
        .because(format!(
            "{} further members and {} standby regions are declared",
            cluster.members - 1,
            regions(cluster).count()
        ))
        .fires("one standby is gone", of(standbys - 1), Labels::new())
        .silent("all stream", of(standbys))
        .fires_without_series(Labels::new())
}

fn behind(cluster: &Cluster<'_>) -> Alert {
    let most = cluster.spec.spec.failover.maximum_lag;
    // The slots of other regions have thresholds of their own.
    let slots: Vec<String> = readers(cluster).into_iter().map(|reader| reader.slot).collect();
    let others = if slots.is_empty() { Vec::new() } else { vec![format!("slot_name!~{}", quote(&slots.join("|")))] };
    let more: Vec<&str> = others.iter().map(String::as_str).collect();
    let kept = cluster.exporter.select("pg_replication_slots_pg_wal_lsn_diff", &more);
    let expr = format!("max by (slot_name) ({kept} {}) > {}", from_primary(cluster), most.get());
    let with = |bytes: u64| {
        both(roles(cluster), vec![slot(cluster, "pg_replication_slots_pg_wal_lsn_diff", "member_1", bytes)])
    };
    cluster
        .alert("PostgresStandbyBehind", Severity::Warning, expr)
        .minutes(5)
        .says(
            format!("A standby of PostgreSQL {} is too far behind to take over", cluster.spec.name),
            "More WAL is kept for slot {{ $labels.slot_name }} than a candidate may lack: Patroni does not promote that member (F-PT-05), whether it is slow, cut off or down.",
        )
        .because(format!("postgres.{}.failover.maximumLag = {most} (X-PT-16)", cluster.spec.name))
        .fires("a standby is cut off", with(most.get() * 4), labels(&[("slot_name", "member_1")]))
        .silent("it follows", with(0))
}

fn slot(cluster: &Cluster<'_>, metric: &str, name: &str, value: u64) -> Series {
    constant(cluster.exporter.series(metric, 0, &[("slot_name", name)]), value)
}

fn slots(cluster: &Cluster<'_>) -> [Alert; 2] {
    let name = &cluster.spec.name;
    let active = cluster.exporter.metric("pg_replication_slots_active");
    let inactive = format!("max by (slot_name) ({active} {}) == 0", from_primary(cluster));
    let state = "wal_status=~\"unreserved|lost\"";
    // postgres_exporter 0.20 calls it pg_replication_slots_*, 0.17 pg_replication_slot_*.
    let nearly_lost = format!(
        "max by (slot_name) ({}\nor\n{}) == 1",
        cluster.exporter.select("pg_replication_slots_wal_status", &[state]),
        cluster.exporter.select("pg_replication_slot_wal_status", &[state])
    );
    let with = |value: u64| both(roles(cluster), vec![slot(cluster, "pg_replication_slots_active", "member_1", value)]);
    let wal = |status: &str| {
        let more = [("slot_name", "member_1"), ("wal_status", status)];
        vec![constant(cluster.exporter.series("pg_replication_slots_wal_status", 0, &more), 1)]
    };
    let fires = || labels(&[("slot_name", "member_1")]);
    [
        cluster
            .alert("PostgresSlotInactive", Severity::Warning, inactive)
            .minutes(15)
            .says(
                format!("Nobody reads a replication slot of PostgreSQL {name}"),
                "Slot {{ $labels.slot_name }} of the primary keeps WAL for a standby that is not there: the disk fills until the limit, then the standby must be cloned again.",
            )
            .because("a standby that restarts is back within 15 minutes")
            .fires("its standby is gone", with(0), fires())
            .silent("it is read", with(1)),
        cluster
            .alert("PostgresSlotNearlyLost", Severity::Critical, nearly_lost)
            .minutes(1)
            .says(
                format!("A replication slot of PostgreSQL {name} loses its WAL"),
                "Slot {{ $labels.slot_name }} has passed max_slot_wal_keep_size: at the next checkpoint its standby can no longer catch up and must be cloned again (F-PG-03).",
            )
            .because("wal_status unreserved or lost")
            .fires("the limit is passed", wal("unreserved"), fires())
            .silent("the WAL is reserved", wal("reserved")),
    ]
}

/// The RPO that the lag of a role eats into.
fn rpo(cluster: &Cluster<'_>) -> Option<Duration> {
    let scenario = if cluster.role == PostgresRole::Primary { Scenario::PrimaryLoss } else { Scenario::RegionLoss };
    target(cluster, scenario)
}

pub fn target(cluster: &Cluster<'_>, scenario: Scenario) -> Option<Duration> {
    let spec = &cluster.spec.spec;
    cluster.context.blueprint.targets(&spec.objectives, spec.tier.as_ref(), Some(scenario)).rpo
}

/// The threshold of a lag in seconds of an alert that pages, and why it is that.
fn lag(cluster: &Cluster<'_>, alert: &str, rpo: Option<Duration>, hold: Duration) -> (Duration, String) {
    let Some(rpo) = rpo.filter(|rpo| rpo.millis() > 0) else {
        return (Duration::from_secs(30), "30 s: the RPO is 0 or not written, so no lag is allowed for".to_owned());
    };
    if cluster.context.severity(alert, Severity::Critical) != Severity::Critical {
        let half = Duration::from_secs((rpo.secs() / 2).max(1));
        let why = format!(
            "half of the RPO {rpo}; monitoring.alerts.{alert}.severity pages nobody, so nothing keeps it (R-AL-05)"
        );
        return (half, why);
    }
    let latency = cluster.context.page(cluster.context.hold(alert, hold));
    let (threshold, in_time) = lag_threshold(rpo, latency);
    let sum = Duration::from_millis(threshold.millis() + latency.millis());
    let verdict = if in_time {
        format!("{threshold} + {latency} until the page (X-PR-1) = {sum} < RPO {rpo} (R-AL-05, R-PG-33)")
    } else {
        format!("half of the RPO {rpo}; the page itself takes {latency} (X-PR-1) and comes too late for it (R-AL-05)")
    };
    (threshold, verdict)
}

fn seconds(cluster: &Cluster<'_>) -> Alert {
    let hold = Duration::from_secs(60);
    // Where every commit waits for a standby no RPO rests on the lag: replaying what was received takes time at a failover.
    let waits = cluster.role == PostgresRole::Primary && cluster.spec.spec.replication.is_synchronous();
    let (severity, derived, why) = if waits {
        let why =
            "30 s that a failover would take longer; commits wait for a synchronous standby, so no RPO rests on it";
        (Severity::Warning, Duration::from_secs(30), why.to_owned())
    } else {
        let (derived, why) = lag(cluster, "ReplicationLag", rpo(cluster), hold);
        (Severity::Critical, derived, why)
    };
    let threshold = cluster.context.above("ReplicationLag", derived);
    let metric = cluster.exporter.metric("pg_replication_lag_seconds");
    let seconds = super::rules::seconds(threshold);
    let late = threshold.secs() + 60;
    // The leader of a standby region is a standby, too, and may be the only member.
    let values = [if cluster.members > 1 { 0 } else { late }, late];
    let lagging = || cluster.of_servers("pg_replication_lag_seconds", &values);
    // The seconds count whenever received and replayed differ, the wrong way round, too: a standby that was cut off replays a whole
    // segment from the archive, and on an idle primary nothing is received that would pass it. They would grow for ever (measured:
    // tests/conformance/alerts-live). Without Patroni's figures the seconds count alone.
    let [received, replayed] =
        ["received", "replayed"].map(|what| cluster.patroni.metric(&format!("patroni_xlog_{what}_location")));
    let expr = format!(
        "(\n  max({metric}) > {seconds}\n  unless\n  max({received} - {replayed}) <= 0\n)\nor\nabsent({metric})"
    );
    // The primary has neither.
    let positions = |received: u64, replayed: u64| {
        let first = |value| if cluster.members > 1 { 0 } else { value };
        both(
            cluster.of_members("patroni_xlog_received_location", &[first(received), received]),
            cluster.of_members("patroni_xlog_replayed_location", &[first(replayed), replayed]),
        )
    };
    cluster
        .alert("ReplicationLag", severity, expr)
        .hold(hold)
        .timed()
        .says(
            format!("Standbys of PostgreSQL {} replay too late", cluster.spec.name),
            "A standby has received WAL that it has not replayed for so long. A standby that is cut off shows 0 here: PostgresStandbysMissing and PostgresStandbyBehind see that one (R-AL-20).",
        )
        .because(cluster.context.why("ReplicationLag", why))
        .fires("replay stands still", both(lagging(), positions(2 * SEGMENT, SEGMENT)), Labels::new())
        .fires("Patroni tells nothing", lagging(), Labels::new())
        .silent("it follows", cluster.of_servers("pg_replication_lag_seconds", &[0]))
        .silent("all of it was replayed, from the archive", both(lagging(), positions(SEGMENT, 2 * SEGMENT)))
        .fires_without_series(cluster.exporter.equalities())
}

/// A slot that another region reads: its name, and what measures the WAL that the region has not got.
pub struct Reader<'a> {
    /// The region.
    pub region: &'a str,
    slot: String,
    /// The bytes of WAL that it lacks.
    kept: String,
    /// A series of the slot, in every version of the exporter: whether the slot is there at all.
    there: String,
    logical: bool,
}

/// The slots of the other regions: physical ones of standby clusters, logical ones of subscribers.
pub fn readers<'a>(cluster: &'a Cluster<'_>) -> Vec<Reader<'a>> {
    let Some(cross) = &cluster.spec.spec.cross_region else { return Vec::new() };
    let logical = cross.mode == CrossRegionMode::Logical;
    let one = |region: &'a String| {
        let slot = if logical { names::subscriber_slot(region) } else { names::standby_slot(region) };
        let which = format!("slot_name={}", quote(&slot));
        let of = |metric: &str| cluster.exporter.select(metric, &[&which]);
        // A logical slot keeps WAL for its oldest transaction, too: what its reader has confirmed is what counts.
        // postgres_exporter 0.20 calls it pg_replication_slots_*, 0.17 pg_replication_slot_*.
        let unconfirmed = |prefix: &str| {
            let [now, confirmed] =
                ["slot_current_wal_lsn", "slot_confirmed_flush_lsn"].map(|m| of(&format!("{prefix}_{m}")));
            format!("{now} - {confirmed}")
        };
        let kept = if logical {
            format!("({} or {})", unconfirmed("pg_replication_slots"), unconfirmed("pg_replication_slot"))
        } else {
            of("pg_replication_slots_pg_wal_lsn_diff")
        };
        let there = of("pg_replication_slots_active");
        Reader { region: region.as_str(), slot, kept, there, logical }
    };
    cross.to.iter().map(one).collect()
}

/// One segment of WAL: less than that says nothing about time where hardly anything is written.
pub const SEGMENT: u64 = 16 << 20;

impl Reader<'_> {
    /// The bytes of WAL that the region lacks, as the server that writes counts them.
    pub fn lacks(&self, cluster: &Cluster<'_>) -> String {
        format!("max by (slot_name) ({} {})", self.kept, from_primary(cluster))
    }

    /// The series of a slot that lacks so much, on a primary that writes so much a minute.
    pub fn lacking(&self, cluster: &Cluster<'_>, lacks: u64, writes: u64) -> Vec<Series> {
        let mut all = roles(cluster);
        all.push(slot(cluster, "pg_replication_slots_active", &self.slot, 1));
        if self.logical {
            all.push(slot(cluster, "pg_replication_slots_slot_current_wal_lsn", &self.slot, lacks));
            all.push(slot(cluster, "pg_replication_slots_slot_confirmed_flush_lsn", &self.slot, 0));
        } else {
            all.push(slot(cluster, "pg_replication_slots_pg_wal_lsn_diff", &self.slot, lacks));
        }
        all.push(super::model::grows(cluster.patroni.series("patroni_xlog_location", 0, &[]), writes));
        all
    }
}

/// The bytes that the cluster writes in a second. Members that are no leader show 0: after a failover a rate over each
/// would see the whole log being written.
pub fn written(cluster: &Cluster<'_>) -> String {
    let (window, location) = (cluster.context.window(), cluster.patroni.metric("patroni_xlog_location"));
    format!("deriv((max({location}) > 0)[{window}:])")
}

/// WAL in seconds: at the rate that was declared, and at the one that is measured.
struct Rates {
    /// The lag that is allowed.
    allowed: Duration,
    /// So many bytes at the declared rate.
    declared: Option<u64>,
    /// The bytes that were written in each second of late.
    measured: String,
    because: String,
}

impl Rates {
    fn new(cluster: &Cluster<'_>, hold: Duration) -> Self {
        let name = "CrossRegionReplicationLag";
        let (allowed, why) = lag(cluster, name, target(cluster, Scenario::RegionLoss), hold);
        let allowed = cluster.context.above(name, allowed);
        let why = cluster.context.why(name, why);
        let (window, measured) = (cluster.context.window(), format!("scalar({})", written(cluster)));
        let per_hour = cluster.spec.spec.data.as_ref().and_then(|data| data.wal_per_hour);
        let declared = per_hour.map(|wal| {
            let bytes = u128::from(wal.get()) * u128::from(allowed.millis()) / 3_600_000;
            u64::try_from(bytes).unwrap_or(u64::MAX).max(1)
        });
        let at = match per_hour {
            Some(wal) => format!(
                "of the declared {wal} an hour, or of what was written within the last {window} if it is over 16MiB"
            ),
            None => format!("of what was written within the last {window}, if it is over 16MiB"),
        };
        Self { allowed, declared, measured, because: format!("{allowed} {at}; {why}") }
    }

    /// The condition that a region lacks more than is allowed.
    fn exceeded(&self, kept: &str) -> String {
        let measured =
            format!("{kept} > {SEGMENT}\nand\n{kept} > {} * {}", super::rules::seconds(self.allowed), self.measured);
        match self.declared {
            Some(bytes) => format!("{kept} > {bytes}\nor\n{measured}"),
            None => measured,
        }
    }
}

fn other_regions(cluster: &Cluster<'_>) -> Vec<Alert> {
    let hold = Duration::from_secs(60);
    let rates = Rates::new(cluster, hold);
    readers(cluster).iter().map(|reader| other_region(cluster, reader, &rates).hold(hold)).collect()
}

fn other_region(cluster: &Cluster<'_>, reader: &Reader<'_>, rates: &Rates) -> Alert {
    let Reader { region, slot: slot_name, .. } = reader;
    let kept = reader.lacks(cluster);
    let expr = format!("{}\nor\nabsent({})", rates.exceeded(&kept), reader.there);
    let allowed = rates.allowed.secs().max(1);
    let with = |lacks: u64, writes: u64| reader.lacking(cluster, lacks, writes);
    let fires = || labels(&[("slot_name", slot_name)]);
    // What is allowed, twice over, at four segments within it.
    let little = (SEGMENT * 30 / allowed).clamp(1, SEGMENT / 64);
    let (busy, declared) = ((8 * SEGMENT * 60).div_ceil(allowed), rates.declared.unwrap_or(u64::MAX));
    let mut gone = cluster.exporter.equalities();
    gone.insert("slot_name".to_owned(), slot_name.clone());
    let (copy, lost) = if reader.logical { ("subscriber", "confirmed") } else { ("copy", "received") };
    let mut alert = cluster
        .alert("CrossRegionReplicationLag", Severity::Critical, expr)
        .timed()
        .says(
            format!("The {copy} of PostgreSQL {} in {region} is too far behind", cluster.spec.name),
            format!("That region lacks more WAL than the RPO of a region's loss allows, or its slot is not there. It does not matter whether it is slow, cut off or down: what it has not {lost} is lost with this region."),
        )
        .because(rates.because.clone())
        .fires("the region is cut off while little is written", with(2 * SEGMENT, little), fires())
        .silent("it follows", with((SEGMENT / 4).min(declared / 4), SEGMENT))
        .fires_without_series(gone);
    if let Some(bytes) = rates.declared {
        alert = alert.fires("the region is cut off", with(bytes.saturating_mul(3), bytes), fires());
    }
    if declared > 4 * SEGMENT {
        alert = alert.silent("much is on its way, and much is written", with(2 * SEGMENT, busy));
    }
    alert.labels.insert("standby_region".to_owned(), (*region).to_owned());
    alert
}

fn cut_off(cluster: &Cluster<'_>) -> Alert {
    let leader = format!("{} == 1", cluster.patroni.metric("patroni_standby_leader"));
    let streams = cluster.patroni.metric("patroni_postgres_streaming");
    let expr = format!("max by (scope) ({streams} and {leader}) < 1\nor\nabsent({streams})");
    let with = |streaming: u64| {
        both(
            cluster.of_members("patroni_standby_leader", &[1, 0]),
            cluster.of_members("patroni_postgres_streaming", &[streaming, 1]),
        )
    };
    cluster
        .alert("StandbyRegionCutOff", Severity::Critical, expr)
        .minutes(1)
        .says(
            format!("PostgreSQL {} receives nothing from the primary region", cluster.spec.name),
            "The leader of this standby cluster does not stream: from now on everything that the primary region writes is lost with it. Seconds of lag stay at 0 meanwhile.",
        )
        .because("the standby leader streams at all times")
        .fires("it does not stream", with(0), cluster.scope())
        .silent("it streams", with(1))
        .fires_without_series(cluster.patroni.equalities())
}
