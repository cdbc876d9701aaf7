//! Times behind thresholds: how long a page takes (X-PR-1), and how far apart the runs of a cron time lie.

use crate::blueprint::cron::Schedule;
use crate::blueprint::raw::{Cron, Severity};
use crate::blueprint::units::Duration;

/// How long Alertmanager waits for more alerts of a group before it tells (F-PR-05).
pub const fn group_wait(severity: Severity) -> Duration {
    Duration::from_secs(if matches!(severity, Severity::Critical) { 10 } else { 30 })
}

/// How long the way from Alertmanager to a pager is taken to be.
pub const DELIVERY: Duration = Duration::from_secs(30);

/// X-PR-1: scrape + evaluation + the hold in whole evaluations + group wait + delivery.
pub fn page_latency(interval: Duration, hold: Duration, severity: Severity) -> Duration {
    let step = interval.millis().max(1);
    let held = hold.millis().div_ceil(step) * step;
    Duration::from_millis(2 * step + held + group_wait(severity).millis() + DELIVERY.millis())
}

/// The lag that may be reached before a page still comes within the RPO: half of it (R-PG-33), or what the page's own way
/// leaves of it, less a second (R-AL-05: the sum is below the RPO), whichever is less. With it whether the page comes in time.
pub fn lag_threshold(rpo: Duration, latency: Duration) -> (Duration, bool) {
    let left = rpo.millis().saturating_sub(latency.millis() + 1000) / 1000 * 1000;
    let half = rpo.millis() / 2;
    let whole = |millis: u64| Duration::from_secs((millis / 1000).max(1));
    if left == 0 { (whole(half), false) } else { (whole(half.min(left)), true) }
}

/// One and a half times, in whole seconds (R-AL-09).
pub fn half_as_much_again(time: Duration) -> Duration {
    Duration::from_secs(time.secs() * 3 / 2)
}

/// The longest time between two runs of a cron time. One that never runs counts as a year, so that the alert exists at all.
pub fn longest_gap(cron: &Cron) -> Duration {
    gap_without(cron, &[])
}

/// The longest time between two runs of a job as it is rendered: without the times at which another runs in its place.
pub fn gap_without(cron: &Cron, replaced_by: &[&Cron]) -> Duration {
    let schedule = |cron: &Cron| Schedule::parse(cron.as_str()).ok();
    let left = schedule(cron).map(|own| {
        replaced_by.iter().filter_map(|other| schedule(other)).fold(own, |left, other| left.without(&other))
    });
    left.and_then(|left| left.longest_gap()).unwrap_or(Duration::from_secs(366 * 86_400))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_of_cron_times() {
        let hours = |text: &str| longest_gap(&Cron::new(text)).secs() / 3600;
        assert_eq!(hours("0 2 * * *"), 24);
        assert_eq!(hours("0 * * * *"), 1);
        assert_eq!(hours("0 4 1 * *"), 31 * 24);
        assert_eq!(hours("0 4 * * 0"), 7 * 24);
        assert_eq!(hours("0 */6 * * *"), 6);
        assert_eq!(hours("0 2 * * 1-5"), 72);
        assert_eq!(hours("0 0 29 2 *"), 366 * 24);
    }

    #[test]
    fn a_gap_is_that_of_what_is_rendered() {
        let hours = |own: &str, others: &[&str]| {
            let others: Vec<Cron> = others.iter().map(|other| Cron::new(*other)).collect();
            gap_without(&Cron::new(own), &others.iter().collect::<Vec<_>>()).secs() / 3600
        };
        assert_eq!(hours("0 * * * *", &["0 2 * * *"]), 2);
        assert_eq!(hours("0 * * * *", &["30 2 * * *"]), 1);
        assert_eq!(hours("0 2 * * *", &["0 2 * * 0"]), 48);
        assert_eq!(hours("0 * * * *", &["0 2 * * 0", "0 3 * * *"]), 3);
    }

    #[test]
    fn a_page_and_its_threshold_fit_the_rpo() {
        let seconds = Duration::from_secs;
        let latency = page_latency(seconds(30), seconds(60), Severity::Critical);
        assert_eq!(latency, seconds(160));
        assert_eq!(lag_threshold(seconds(300), latency), (seconds(139), true));
        assert_eq!(lag_threshold(seconds(3600), latency), (seconds(1800), true));
        assert_eq!(lag_threshold(seconds(60), latency), (seconds(30), false));
    }
}
