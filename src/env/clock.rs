//! The only place that reads a clock: waivers end on a day, and metrics say when they were made. Nothing that is rendered depends on it.

use std::time::{SystemTime, UNIX_EPOCH};

/// The day in UTC, as `2027-06-30`.
pub fn today() -> String {
    day(seconds() / 86_400)
}

/// The seconds since 1970: when a comparison was made, which its metrics say.
pub fn seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// The day that is so many days after 1970-01-01, in the proleptic Gregorian calendar.
fn day(days: u64) -> String {
    // Years begin on 1 March, so that the leap day is the last of its year: 400 years have 146,097 days.
    let shifted = days + 719_468;
    let (era, of_era) = (shifted / 146_097, shifted % 146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let date = of_year - (153 * month + 2) / 5 + 1;
    let (month, carry) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    format!("{:04}-{month:02}-{date:02}", era * 400 + year + carry)
}

#[cfg(test)]
mod tests {
    use super::day;

    #[test]
    fn days_are_those_of_the_calendar() {
        for (days, date) in [
            (0, "1970-01-01"),
            (59, "1970-03-01"),
            (11_016, "2000-02-29"),
            (11_017, "2000-03-01"),
            (20_782, "2026-11-25"),
            (47_540, "2100-02-28"),
            (47_541, "2100-03-01"),
        ] {
            assert_eq!(day(days), date);
        }
    }
}
