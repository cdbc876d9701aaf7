//! Cron times as systemd's calendar expressions. systemd demands all parts of an expression at once and several
//! expressions add up, so each box of a cron time is one line.

use std::collections::BTreeSet;

use crate::blueprint::cron::{Schedule, TimeBox, full};
use crate::blueprint::raw::Cron;

/// The days of the week, from 0.
const WEEKDAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];

/// The lines `OnCalendar=` of a cron time without those at which another job runs in its place; times are UTC, on every machine and in Kubernetes alike.
pub fn on_calendar(time: &Cron, replaced_by: &[&Cron]) -> Vec<String> {
    // `validate` refuses what cannot be read; a timer without a time is refused when the unit is read back.
    let schedule = |time: &Cron| Schedule::parse(time.as_str()).unwrap_or_default();
    let left = replaced_by.iter().fold(schedule(time), |left, other| left.without(&schedule(other)));
    left.boxes.iter().map(line).collect()
}

fn line(times: &TimeBox) -> String {
    let [minutes, hours, days, months, weekdays] = times;
    let number = |n: u8| format!("{n:02}");
    let week = if *weekdays == full(4) {
        String::new()
    } else {
        let names: Vec<&str> = weekdays.iter().filter_map(|d| WEEKDAYS.get(usize::from(*d)).copied()).collect();
        format!("{} ", names.join(","))
    };
    format!(
        "{week}*-{}-{} {}:{}:00 UTC",
        values(months, &full(3), number),
        values(days, &full(2), number),
        values(hours, &full(1), number),
        values(minutes, &full(0), number),
    )
}

/// The values of a field: `*` for all of them, `a..b` for three or more in a row.
fn values(set: &BTreeSet<u8>, all: &BTreeSet<u8>, write: impl Fn(u8) -> String) -> String {
    if set == all {
        return "*".to_owned();
    }
    let mut runs: Vec<(u8, u8)> = Vec::new();
    for value in set {
        match runs.last_mut() {
            Some((_, last)) if *last + 1 == *value => *last = *value,
            _ => runs.push((*value, *value)),
        }
    }
    let run = |(from, to): &(u8, u8)| match to - from {
        0 => write(*from),
        1 => format!("{},{}", write(*from), write(*to)),
        _ => format!("{}..{}", write(*from), write(*to)),
    };
    runs.iter().map(run).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<String> {
        on_calendar(&Cron::new(text), &[])
    }

    #[test]
    fn cron_becomes_calendar() {
        assert_eq!(lines("0 2 * * *"), ["*-*-* 02:00:00 UTC"]);
        assert_eq!(lines("*/15 * * * *"), ["*-*-* *:00,15,30,45:00 UTC"]);
        assert_eq!(lines("30 1-5 1 */3 *"), ["*-01,04,07,10-01 01..05:30:00 UTC"]);
        assert_eq!(lines("0 4 * * 1-5"), ["Mon,Tue,Wed,Thu,Fri *-*-* 04:00:00 UTC"]);
        assert_eq!(lines("0 4 * * 7"), ["Sun *-*-* 04:00:00 UTC"]);
    }

    #[test]
    fn either_day_is_two_lines() {
        assert_eq!(lines("0 4 13 * 5"), ["*-*-13 04:00:00 UTC", "Fri *-*-* 04:00:00 UTC"]);
    }
}
