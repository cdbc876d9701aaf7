//! Times behind thresholds: how long a page takes (X-PR-1), and how far apart the runs of a cron time lie.

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
/// leaves of it (R-AL-05), whichever is less. With it whether the page comes in time.
pub fn lag_threshold(rpo: Duration, latency: Duration) -> (Duration, bool) {
    let left = rpo.millis().saturating_sub(latency.millis());
    let half = rpo.millis() / 2;
    let whole = |millis: u64| Duration::from_secs((millis / 1000).max(1));
    if left == 0 { (whole(half), false) } else { (whole(half.min(left)), true) }
}

/// One and a half times, in whole seconds (R-AL-09).
pub fn half_as_much_again(time: Duration) -> Duration {
    Duration::from_secs(time.secs() * 3 / 2)
}

/// The longest time between two runs of a cron time over four years.
pub fn longest_gap(cron: &Cron) -> Duration {
    let fields: Vec<&str> = cron.as_str().split(' ').collect();
    let field = |at: usize, low: u32, high: u32| fields.get(at).map_or_else(Vec::new, |f| values(f, low, high));
    let (minutes, hours) = (field(0, 0, 59), field(1, 0, 23));
    let (days, months, weekdays) = (field(2, 1, 31), field(3, 1, 12), field(4, 0, 7));
    let starred = |at: usize| fields.get(at).is_some_and(|f| f.starts_with('*'));
    let (any_day, any_weekday) = (starred(2), starred(4));
    let (mut last, mut longest) = (None::<u64>, 0);
    // 1 January 2024 was a Monday; four years hold every month length.
    let mut number = 0u64;
    for year in 0..4 {
        for month in 1..=12u32 {
            for day in 1..=month_days(month, year == 0) {
                let weekday = ((number + 1) % 7) as u32;
                let on_weekday = weekdays.contains(&weekday) || (weekday == 0 && weekdays.contains(&7));
                let on_day = days.contains(&day);
                // Cron: where both are restricted, either will do.
                let on = if any_day || any_weekday { on_day && on_weekday } else { on_day || on_weekday };
                if months.contains(&month) && on {
                    for hour in &hours {
                        for minute in &minutes {
                            let now = number * 1440 + u64::from(hour * 60 + minute);
                            longest = longest.max(last.map_or(0, |last| now - last));
                            last = Some(now);
                        }
                    }
                }
                number += 1;
            }
        }
    }
    // A time that comes at most once in four years: say a year, so that the alert exists at all.
    Duration::from_secs(if longest == 0 { 366 * 86_400 } else { longest * 60 })
}

const fn month_days(month: u32, leap: bool) -> u32 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => 31,
    }
}

/// The values of one cron field: lists, ranges and steps.
fn values(field: &str, low: u32, high: u32) -> Vec<u32> {
    let mut all = Vec::new();
    for part in field.split(',') {
        let (range, step) = part.split_once('/').map_or((part, 1), |(r, s)| (r, s.parse().unwrap_or(1)));
        let (from, to) = match range.split_once('-') {
            _ if range == "*" => (low, high),
            Some((from, to)) => (from.parse().unwrap_or(low), to.parse().unwrap_or(high)),
            None => {
                let from = range.parse().unwrap_or(low);
                (from, if part.contains('/') { high } else { from })
            }
        };
        all.extend((from..=to.min(high)).step_by(usize::try_from(step.max(1)).unwrap_or(1)));
    }
    all.sort_unstable();
    all.dedup();
    all
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
    fn a_page_and_its_threshold_fit_the_rpo() {
        let seconds = Duration::from_secs;
        let latency = page_latency(seconds(30), seconds(60), Severity::Critical);
        assert_eq!(latency, seconds(160));
        assert_eq!(lag_threshold(seconds(300), latency), (seconds(140), true));
        assert_eq!(lag_threshold(seconds(3600), latency), (seconds(1800), true));
        assert_eq!(lag_threshold(seconds(60), latency), (seconds(30), false));
    }
}
