//! The sentinels of Redis: whether they answer, see a quorum, and name one primary.

use super::context::Context;
use super::model::{Alert, Series, constant};
use super::promql::Labels;
use crate::blueprint::Redis;
use crate::blueprint::placement::majority;
use crate::blueprint::raw::Severity;
use crate::path;

/// The alerts about the sentinels of a store.
pub(super) fn alerts(context: &Context<'_>, store: &Redis) -> Vec<Alert> {
    let (name, scope) = (&store.name, context.sentinels(store));
    let (about, origin) = (context.about("redis", name), path!["redis", name]);
    let count = scope.count();
    let majority = majority(count);
    let alert =
        |alert: &'static str, severity, expr: String| Alert::new(alert, severity, expr).about(about.clone(), &origin);
    // A series for each sentinel, the first ones with this value and all others with 1.
    let of_each = |metric: &str, more: &[(&str, &str)], zeros: usize| -> Vec<Series> {
        (0..count).map(|at| constant(scope.series(metric, at, more), u64::from(at >= zeros))).collect()
    };
    let seen = [("master_name", name.as_str())];
    let (up, quorum) = (scope.metric("redis_up"), scope.metric("redis_sentinel_master_ckquorum_status"));
    let status = scope.metric("redis_sentinel_master_status");
    let named = |hosts: [&str; 2]| -> Vec<Series> {
        let of = |at: usize| {
            let more = [
                ("master_address", hosts[usize::from(at > 0)]),
                ("master_name", name.as_str()),
                ("master_status", "ok"),
            ];
            constant(scope.series("redis_sentinel_master_status", at, &more), 1)
        };
        (0..count).map(of).collect()
    };
    let (one, other) = ("10.0.0.1:6379", "10.0.0.2:6379");
    vec![
        alert("RedisSentinelDown", Severity::Warning, format!("(sum({up}) or vector(0)) < {count}"))
            .minutes(5)
            .says(
                format!("Fewer sentinels of Redis {name} answer than declared"),
                format!("With fewer than {majority} no failover can start, and no client learns of a new primary."),
            )
            .because(format!("{count} sentinels are declared"))
            .fires("one is down", of_each("redis_up", &[], 1), Labels::new())
            .silent("all answer", of_each("redis_up", &[], 0))
            .fires_without_series(Labels::new()),
        alert("RedisSentinelQuorumLost", Severity::Critical, format!("(sum({quorum}) or vector(0)) < {majority}"))
            .minutes(2)
            .says(
                format!("The sentinels of Redis {name} could not fail over"),
                "Fewer than a majority of them see enough others to agree that the primary is gone and to authorise a failover (F-RD-18): if it dies now, nobody takes over.",
            )
            .because(format!("{majority} of {count} sentinels must see a quorum (R-RD-25)"))
            .fires("too few see one", of_each("redis_sentinel_master_ckquorum_status", &seen, count - majority + 1), Labels::new())
            .silent("enough see one", of_each("redis_sentinel_master_ckquorum_status", &seen, count - majority))
            .fires_without_series(Labels::new()),
        alert("RedisSentinelsDisagree", Severity::Critical, format!("count(count by (master_address) ({status})) > 1"))
            .minutes(2)
            .says(
                format!("The sentinels of Redis {name} name different primaries"),
                "Clients that ask different sentinels write to different nodes, and what one of them takes is lost (X-RD-4). After a failover all name the new one within seconds.",
            )
            .because("every sentinel learns of a failover within 2 s (F-RD-20)")
            .fires("two are named", named([one, other]), Labels::new())
            .silent("one is named", named([one, one])),
    ]
}
