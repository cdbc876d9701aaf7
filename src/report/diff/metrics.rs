//! A comparison for Prometheus.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use clap::ValueEnum as _;

use super::Shown;
use crate::diff::Risk;
use crate::report::place::one_line;

/// For Prometheus: how much is different, by artifact and by risk, how much could not be read, and when that was so (seconds
/// since 1970).
pub fn metrics(shown: &Shown<'_>, blueprint: &str, troubles: usize, now: u64) -> String {
    let label = |text: &str| one_line(text).replace('\\', "\\\\").replace('"', "\\\"");
    let mut out = String::new();
    let mut family = |name: &str, help: &str, series: Vec<(String, u64)>| {
        let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} gauge");
        for (labels, number) in series {
            let _ = writeln!(out, "{name}{{blueprint=\"{}\"{labels}}} {number}", label(blueprint));
        }
    };
    let all = &shown.comparison.differences;
    let of_risk = Risk::value_variants().iter().map(|risk| {
        let count = all.iter().filter(|difference| difference.risk() == *risk).count();
        (format!(",risk=\"{}\"", risk.name()), count as u64)
    });
    family("hagen_diff_differences", "Objects and files that are not deployed as rendered.", of_risk.collect());
    let mut artifacts: BTreeMap<String, u64> = BTreeMap::new();
    for difference in all {
        let labels = format!(
            ",region=\"{}\",artifact=\"{}\",risk=\"{}\"",
            label(difference.region.as_deref().unwrap_or("global")),
            label(&difference.artifact),
            difference.risk().name()
        );
        *artifacts.entry(labels).or_default() += 1;
    }
    family(
        "hagen_diff_artifact_differences",
        "The same by region and rendered file; no series where nothing is different.",
        artifacts.into_iter().collect(),
    );
    family(
        "hagen_diff_same",
        "Objects and files that are deployed as rendered.",
        vec![(String::new(), shown.comparison.same as u64)],
    );
    family(
        "hagen_diff_unread_sources",
        "Sources that could not be read or compared.",
        vec![(String::new(), troubles as u64)],
    );
    family("hagen_diff_last_run_timestamp_seconds", "When the comparison was made.", vec![(String::new(), now)]);
    out
}
