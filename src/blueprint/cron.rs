//! Cron times as sets of minutes, hours and days: checked, and subtracted from one another.
//!
//! A cron time is a union of boxes. Where both the day of the month and the day of the week are limited, cron takes
//! either (a well-known trap), which makes two boxes; everything else is one.

use std::collections::{BTreeMap, BTreeSet};

use super::units::Duration;

/// The fields of a cron time, with the values that each may take.
const FIELDS: [(&str, u8, u8); 5] =
    [("minute", 0, 59), ("hour", 0, 23), ("day of the month", 1, 31), ("month", 1, 12), ("day of the week", 0, 7)];

/// The field of the days of the month.
const DAY: usize = 2;
/// The field of the months.
const MONTH: usize = 3;
/// The field of the days of the week.
const WEEKDAY: usize = 4;

/// A set of times: every combination of its minutes, hours, days of the month, months and days of the week (0 is Sunday).
pub type TimeBox = [BTreeSet<u8>; 5];

/// A cron time of five fields.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Schedule {
    /// The times; no time is in two boxes of a difference, and any one box is enough.
    pub boxes: Vec<TimeBox>,
}

impl Schedule {
    /// Reads a cron time; the error says which field is wrong and how.
    pub fn parse(text: &str) -> Result<Self, String> {
        let words: Vec<&str> = text.split_whitespace().collect();
        if words.len() != FIELDS.len() {
            return Err(format!("a cron time has five fields, this one has {}", words.len()));
        }
        let mut sets: TimeBox = Default::default();
        for (at, (word, (name, low, high))) in words.iter().zip(FIELDS).enumerate() {
            sets[at] = field(word, low, high).map_err(|problem| format!("{name} `{word}`: {problem}"))?;
        }
        if sets[WEEKDAY].remove(&7) {
            sets[WEEKDAY].insert(0);
        }
        let limited = |at: usize| !words[at].starts_with('*');
        if !(limited(DAY) && limited(WEEKDAY)) {
            return Ok(Self { boxes: vec![sets] });
        }
        let (mut by_day, mut by_weekday) = (sets.clone(), sets);
        by_day[WEEKDAY] = full(WEEKDAY);
        by_weekday[DAY] = full(DAY);
        Ok(Self { boxes: vec![by_day, by_weekday] })
    }

    /// The longest time between two runs, over four years; `None` for a time that comes at most once in them.
    pub fn longest_gap(&self) -> Option<Duration> {
        // The minutes of a day on which a set of boxes applies: many days share one.
        let mut by_boxes: BTreeMap<Vec<usize>, Vec<u64>> = BTreeMap::new();
        let (mut last, mut longest) = (None::<u64>, None::<u64>);
        for (number, [day, month, weekday]) in days().enumerate() {
            let holds = |times: &TimeBox| {
                times[DAY].contains(&day) && times[MONTH].contains(&month) && times[WEEKDAY].contains(&weekday)
            };
            let boxes: Vec<usize> = (0..self.boxes.len()).filter(|at| holds(&self.boxes[*at])).collect();
            let minutes = by_boxes.entry(boxes.clone()).or_insert_with(|| {
                let of = |at: &usize| {
                    let [minutes, hours, ..] = &self.boxes[*at];
                    hours
                        .iter()
                        .flat_map(move |hour| minutes.iter().map(move |m| u64::from(*hour) * 60 + u64::from(*m)))
                };
                boxes.iter().flat_map(of).collect::<BTreeSet<u64>>().into_iter().collect()
            });
            for minute in minutes {
                let now = number as u64 * 1440 + *minute;
                longest = longest.max(last.map(|last| now - last));
                last = Some(now);
            }
        }
        longest.map(|minutes| Duration::from_secs(minutes * 60))
    }

    /// The times of this one that the other does not have.
    #[must_use]
    pub fn without(&self, other: &Self) -> Self {
        let mut left = self.boxes.clone();
        for taken in &other.boxes {
            left = left.iter().flat_map(|times| difference(times, taken)).collect();
        }
        Self { boxes: left }
    }
}

/// Day, month and day of the week of four years, which hold every length of a month; 1 January 2024 was a Monday.
fn days() -> impl Iterator<Item = [u8; 3]> {
    let months = (2024..2028u32).flat_map(|year| (1..=12u8).map(move |month| (year, month)));
    let days = months.flat_map(|(year, month)| {
        let length = match month {
            4 | 6 | 9 | 11 => 30,
            2 if year % 4 == 0 => 29,
            2 => 28,
            _ => 31,
        };
        (1..=length).map(move |day| (day, month))
    });
    days.zip((0..7u8).cycle().skip(1)).map(|((day, month), weekday)| [day, month, weekday])
}

/// All values of a field; Sunday is 0 only.
pub fn full(at: usize) -> BTreeSet<u8> {
    let (_, low, high) = FIELDS[at];
    (low..=if at == WEEKDAY { 6 } else { high }).collect()
}

/// What is left of a box without another: cut along one field after the other.
fn difference(times: &TimeBox, taken: &TimeBox) -> Vec<TimeBox> {
    let mut pieces = Vec::new();
    let mut rest = times.clone();
    for at in 0..FIELDS.len() {
        let outside: BTreeSet<u8> = rest[at].difference(&taken[at]).copied().collect();
        if !outside.is_empty() {
            let mut piece = rest.clone();
            piece[at] = outside;
            pieces.push(piece);
        }
        rest[at] = rest[at].intersection(&taken[at]).copied().collect();
        if rest[at].is_empty() {
            break;
        }
    }
    pieces
}

/// One field: lists, ranges and steps.
fn field(word: &str, low: u8, high: u8) -> Result<BTreeSet<u8>, String> {
    let number = |text: &str| -> Result<u8, String> {
        let value: u8 = text.parse().map_err(|_| format!("`{text}` is no number from {low} to {high}"))?;
        if (low..=high).contains(&value) { Ok(value) } else { Err(format!("{value} is not from {low} to {high}")) }
    };
    let mut set = BTreeSet::new();
    for part in word.split(',') {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => {
                let step: u8 = step.parse().map_err(|_| format!("`{step}` is no step"))?;
                (range, step)
            }
            None => (part, 1),
        };
        if step == 0 {
            return Err("a step of 0 never comes".to_owned());
        }
        let (from, to) = match range.split_once('-') {
            _ if range == "*" => (low, high),
            Some((from, to)) => (number(from)?, number(to)?),
            // `5/10` begins at 5 and goes to the end.
            None if part.contains('/') => (number(range)?, high),
            None => (number(range)?, number(range)?),
        };
        if from > to {
            return Err(format!("the range {from}-{to} runs backwards"));
        }
        set.extend((from..=to).step_by(step.into()));
    }
    Ok(set)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Schedule {
        Schedule::parse(text).unwrap_or_else(|e| panic!("{text}: {e}"))
    }

    #[test]
    fn fields_are_read() {
        let s = parse("*/15 2,4-6 1-31/10 5/3 7");
        assert_eq!(s.boxes.len(), 2);
        assert_eq!(s.boxes[0][0], [0, 15, 30, 45].into());
        assert_eq!(s.boxes[0][1], [2, 4, 5, 6].into());
        assert_eq!(s.boxes[0][2], [1, 11, 21, 31].into());
        assert_eq!(s.boxes[0][3], [5, 8, 11].into());
        assert_eq!(s.boxes[1][4], [0].into());
    }

    #[test]
    fn what_never_comes_is_refused() {
        for text in [
            "60 * * * *",
            "* 24 * * *",
            "* * 0 * *",
            "* * * 13 *",
            "* * * * 8",
            "*/0 * * * *",
            "5-2 * * * *",
            "* * *",
            "x * * * *",
            "1,, * * * *",
        ] {
            assert!(Schedule::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_full_backup_replaces_the_incremental_one_that_it_meets() {
        let left = parse("0 * * * *").without(&parse("0 2 * * *"));
        assert_eq!(left.boxes.len(), 1);
        assert_eq!(left.boxes[0][1].len(), 23);
        let left = parse("0 2 * * *").without(&parse("0 2 * * 0"));
        assert_eq!(left.boxes[0][4], (1..=6).collect());
        assert!(parse("0 2 * * *").without(&parse("* * * * *")).boxes.is_empty());
        assert_eq!(parse("30 * * * *").without(&parse("0 2 * * *")), parse("30 * * * *"));
        // Every minute but one in the week: three cuts.
        assert_eq!(parse("* * * * *").without(&parse("0 2 * * 0")).boxes.len(), 3);
    }
}
