//! Quantities with their unit: durations, bytes, CPU, percentages, rates.
//!
//! A unit is part of the value (`15m`, `256Mi`, `99.95%`): a bare number is refused with the units it
//! could have meant. Everything is kept as an exact integer; no floating point enters a figure.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// Why a text is no quantity: one phrase, and what would be right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnitError {
    /// What is wrong, in a phrase.
    pub problem: String,
    /// What to write instead.
    pub fix: String,
}

impl fmt::Display for UnitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.problem, self.fix)
    }
}

fn error<T>(problem: impl Into<String>, fix: impl Into<String>) -> Result<T, UnitError> {
    Err(UnitError { problem: problem.into(), fix: fix.into() })
}

/// Splits `12.5Mi` into the digits and the unit behind them.
fn split(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    text.split_at(end)
}

/// Reads a decimal as an integer number of `1/scale` parts; `None` when it is no decimal, has more places than that, or overflows.
fn decimal(digits: &str, scale: u64) -> Option<u64> {
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if whole.is_empty() || !whole.bytes().all(|b| b.is_ascii_digit()) || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    if digits.contains('.') && fraction.is_empty() {
        return None;
    }
    let mut value = whole.parse::<u64>().ok()?.checked_mul(scale)?;
    let mut place = scale;
    for digit in fraction.bytes() {
        place /= 10;
        let part = u64::from(digit - b'0');
        if place == 0 && part != 0 {
            return None;
        }
        value = value.checked_add(part.checked_mul(place)?)?;
    }
    Some(value)
}

macro_rules! unit {
    ($(#[$doc:meta])* $name:ident, $unit:literal, $pattern:literal, $examples:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(u64);

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(D::Error::custom)
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({
                    "type": "string",
                    "pattern": $pattern,
                    "examples": $examples,
                    "x-hagen-unit": $unit,
                })
            }
        }
    };
}

unit!(
    /// A span of time, exact to the millisecond: `30s`, `1h30m`, `500ms`, `30d`.
    Duration, "duration", r"^([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?$", ["30s", "15m", "1h30m"]
);
unit!(
    /// An amount of memory, storage or data, in bytes: `256Mi`, `1MiB`, `500Gi`.
    Bytes, "bytes", r"^[0-9]+(\.[0-9]+)?([KMGTP]i?)B?$", ["256Mi", "500Gi", "4GB"]
);
unit!(
    /// CPU in thousandths of a core: `250m`, `2`.
    Cpu, "cpu", r"^[0-9]+(\.[0-9]+)?m?$", ["250m", "2"]
);
unit!(
    /// A percentage, exact to a millionth of a percent: `99.95%`.
    Percent, "percent", r"^[0-9]+(\.[0-9]+)?%$", ["99.95%", "60%"]
);
unit!(
    /// Events per second: `100/s`, `60/m`. Kept per minute, so that both are exact.
    Rate, "rate", r"^[0-9]+/(s|m)$", ["100/s", "60/m"]
);
unit!(
    /// Bytes per second: `200MiB/s`.
    Throughput, "throughput", r"^[0-9]+(\.[0-9]+)?([KMGT]i?)B?/(s|h)$", ["200MiB/s", "20GiB/h"]
);

const DURATION_UNITS: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)];

impl Duration {
    /// So many seconds.
    pub const fn from_secs(seconds: u64) -> Self {
        Self(seconds * 1000)
    }
    /// So many milliseconds.
    pub const fn from_millis(milliseconds: u64) -> Self {
        Self(milliseconds)
    }
    /// In milliseconds.
    pub const fn millis(self) -> u64 {
        self.0
    }
    /// In whole seconds, rounded up: what a system that only knows seconds must be told so as not to be too short.
    pub const fn secs(self) -> u64 {
        self.0.div_ceil(1000)
    }
    /// In whole minutes, rounded up.
    pub const fn minutes(self) -> u64 {
        self.0.div_ceil(60_000)
    }
    /// In whole days, rounded up.
    pub const fn days(self) -> u64 {
        self.0.div_ceil(86_400_000)
    }
    /// In the form of Prometheus, Istio and Go, largest units first, without days: `1h30m`, `24h`, `500ms`.
    pub fn go(self) -> String {
        self.format(&DURATION_UNITS[1..])
    }
    fn format(self, units: &[(&str, u64)]) -> String {
        let mut rest = self.0;
        let mut text = String::new();
        for (unit, size) in units {
            if rest >= *size {
                text.push_str(&format!("{}{unit}", rest / size));
                rest %= size;
            }
        }
        if text.is_empty() { "0s".to_owned() } else { text }
    }
}

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.format(&DURATION_UNITS))
    }
}

impl std::str::FromStr for Duration {
    type Err = UnitError;
    fn from_str(text: &str) -> Result<Self, UnitError> {
        const FIX: &str = "write a duration as `500ms`, `30s`, `15m`, `1h30m` or `30d`, the largest unit first";
        if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
            return error(
                format!("`{text}` has no unit"),
                format!("write `{text}s` for seconds or `{text}m` for minutes"),
            );
        }
        if let Some(meant) = near_duration(text) {
            return error(format!("`{text}` is no duration"), format!("write `{meant}`"));
        }
        let (mut rest, mut total, mut last) = (text, 0u64, u64::MAX);
        while !rest.is_empty() {
            let (digits, tail) = split(rest);
            let end = tail.find(|c: char| c.is_ascii_digit()).unwrap_or(tail.len());
            let (unit, after) = tail.split_at(end);
            let Some((_, size)) = DURATION_UNITS.iter().find(|(name, _)| *name == unit) else {
                return error(format!("`{text}` is no duration"), FIX);
            };
            let amount =
                digits.parse::<u64>().ok().and_then(|n| n.checked_mul(*size)).and_then(|n| n.checked_add(total));
            match amount {
                Some(sum) if *size < last && sum <= 36_525 * 86_400_000 => total = sum,
                Some(_) if *size < last => {
                    return error(format!("`{text}` is longer than a century"), FIX);
                }
                _ => return error(format!("`{text}` is no duration"), FIX),
            }
            last = *size;
            rest = after;
        }
        if text.is_empty() { error("an empty text is no duration", FIX) } else { Ok(Self(total)) }
    }
}

/// The duration that a near miss means: `5 minutes`, `5min`, `1.5h`, `2H`.
fn near_duration(text: &str) -> Option<Duration> {
    let (digits, unit) = split(text.trim());
    let unit = unit.trim();
    let folded = unit.to_ascii_lowercase();
    let size = match folded.as_str() {
        "ms" | "msec" | "millis" | "millisecond" | "milliseconds" => 1,
        "s" | "sec" | "secs" | "second" | "seconds" => 1000,
        // A capital `M` is a month to some.
        "m" if unit == "m" => 60_000,
        "min" | "mins" | "minute" | "minutes" => 60_000,
        "h" | "hr" | "hrs" | "hour" | "hours" => 3_600_000,
        "d" | "day" | "days" => 86_400_000,
        "w" | "week" | "weeks" => 7 * 86_400_000,
        _ => return None,
    };
    let well = DURATION_UNITS.iter().any(|(name, _)| *name == unit) && !digits.contains('.') && !text.contains(' ');
    let parts = decimal(digits, 1000).filter(|_| !well)?.checked_mul(size)?;
    (parts % 1000 == 0 && parts / 1000 <= 36_525 * 86_400_000).then_some(Duration(parts / 1000))
}

const BYTE_UNITS: [(&str, u64); 10] = [
    ("Ki", 1 << 10),
    ("Mi", 1 << 20),
    ("Gi", 1 << 30),
    ("Ti", 1 << 40),
    ("Pi", 1 << 50),
    ("K", 1000),
    ("M", 1_000_000),
    ("G", 1_000_000_000),
    ("T", 1_000_000_000_000),
    ("P", 1_000_000_000_000_000),
];

fn bytes_of(text: &str) -> Result<u64, UnitError> {
    const FIX: &str = "write an amount as `256Mi`, `500Gi` or `4GB`";
    let (digits, unit) = split(text);
    if unit.is_empty() && !digits.is_empty() {
        return error(
            format!("`{text}` has no unit"),
            format!("write `{text}Mi` for mebibytes or `{text}Gi` for gibibytes"),
        );
    }
    let bare = unit.strip_suffix('B').unwrap_or(unit);
    if let Some(name) = near_bytes(unit).filter(|_| decimal(digits, 1000).is_some()) {
        return error(format!("`{text}` is no amount of bytes"), format!("write `{digits}{name}`"));
    }
    let Some((_, size)) = BYTE_UNITS.iter().find(|(name, _)| *name == bare) else {
        return error(format!("`{text}` is no amount of bytes"), FIX);
    };
    // Thousandths first, so that `1.5Gi` stays exact.
    match decimal(digits, 1000).and_then(|n| n.checked_mul(*size)) {
        Some(n) if n % 1000 == 0 => Ok(n / 1000),
        _ => error(format!("`{text}` is no whole number of bytes"), FIX),
    }
}

/// The unit that a near miss means: `gb`, ` GB`, `gib`, `MiB `. Sizes of memory and disks are binary nearly always.
fn near_bytes(unit: &str) -> Option<&'static str> {
    let bare = unit.strip_suffix('B').unwrap_or(unit);
    if BYTE_UNITS.iter().any(|(name, _)| *name == bare) {
        return None;
    }
    let folded = unit.trim().to_ascii_lowercase();
    match folded.trim_end_matches("bytes").trim_end_matches('b') {
        "k" | "ki" => Some("Ki"),
        "m" | "mi" | "mega" => Some("Mi"),
        "g" | "gi" | "giga" => Some("Gi"),
        "t" | "ti" | "tera" => Some("Ti"),
        "p" | "pi" => Some("Pi"),
        _ => None,
    }
}

impl Bytes {
    /// So many bytes.
    pub const fn new(bytes: u64) -> Self {
        Self(bytes)
    }
    /// In bytes.
    pub const fn get(self) -> u64 {
        self.0
    }
    /// In mebibytes, rounded up.
    pub const fn mebibytes(self) -> u64 {
        self.0.div_ceil(1 << 20)
    }
    /// As a Kubernetes quantity, which writes a thousand as `k`.
    pub fn kubernetes(self) -> String {
        let text = self.to_string();
        text.strip_suffix('K').map_or_else(|| text.clone(), |digits| format!("{digits}k"))
    }
    /// As PostgreSQL writes sizes: the largest of `GB`, `MB`, `kB` (all binary there) that is exact.
    pub fn postgres(self) -> String {
        for (unit, size) in [("GB", 1u64 << 30), ("MB", 1 << 20), ("kB", 1 << 10)] {
            if self.0 >= size && self.0.is_multiple_of(size) {
                return format!("{}{unit}", self.0 / size);
            }
        }
        format!("{}kB", self.0.div_ceil(1 << 10))
    }
}

impl fmt::Display for Bytes {
    /// With the unit that makes the number smallest, of those that are exact.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let exact = BYTE_UNITS.iter().filter(|(_, size)| self.0 >= *size && self.0.is_multiple_of(*size));
        match exact.max_by_key(|(_, size)| *size) {
            Some((unit, size)) => write!(f, "{}{unit}", self.0 / size),
            None => write!(f, "{}", self.0),
        }
    }
}

impl std::str::FromStr for Bytes {
    type Err = UnitError;
    fn from_str(text: &str) -> Result<Self, UnitError> {
        bytes_of(text).map(Self)
    }
}

impl Throughput {
    /// In bytes per hour.
    pub const fn per_hour(self) -> u64 {
        self.0
    }
    /// In bytes per second, rounded down.
    pub const fn per_second(self) -> u64 {
        self.0 / 3600
    }
}

impl fmt::Display for Throughput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_multiple_of(3600) {
            write!(f, "{}B/s", Bytes(self.0 / 3600))
        } else {
            write!(f, "{}B/h", Bytes(self.0))
        }
    }
}

impl std::str::FromStr for Throughput {
    type Err = UnitError;
    fn from_str(text: &str) -> Result<Self, UnitError> {
        const FIX: &str = "write a throughput as `200MiB/s` or `20GiB/h`";
        let (amount, factor) = match (text.strip_suffix("/s"), text.strip_suffix("/h")) {
            (Some(amount), _) => (amount, 3600),
            (_, Some(amount)) => (amount, 1),
            _ => return error(format!("`{text}` says no time"), FIX),
        };
        match bytes_of(amount)?.checked_mul(factor) {
            Some(n) => Ok(Self(n)),
            None => error(format!("`{text}` is too large"), FIX),
        }
    }
}

impl Cpu {
    /// So many thousandths of a core.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }
    /// In thousandths of a core.
    pub const fn millis(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Cpu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_multiple_of(1000) { write!(f, "{}", self.0 / 1000) } else { write!(f, "{}m", self.0) }
    }
}

impl std::str::FromStr for Cpu {
    type Err = UnitError;
    fn from_str(text: &str) -> Result<Self, UnitError> {
        let (digits, scale) = text.strip_suffix('m').map_or((text, 1000), |digits| (digits, 1));
        match decimal(digits, scale) {
            Some(n) if n > 0 && n <= 10_000_000 => Ok(Self(n)),
            _ => error(
                format!("`{text}` is no amount of CPU"),
                "write thousandths of a core (`250m`) or cores (`2`, `0.5`)",
            ),
        }
    }
}

impl Percent {
    /// One percent, in the parts that are counted.
    const ONE: u64 = 1_000_000;

    /// So many whole percent.
    pub const fn whole(percent: u64) -> Self {
        Self(percent * Self::ONE)
    }
    /// In millionths of a percent.
    pub const fn micro(self) -> u64 {
        self.0
    }
    /// In whole percent, rounded down.
    pub const fn floor(self) -> u64 {
        self.0 / Self::ONE
    }
    /// What is missing to 100 %, in millionths of a percent: the error budget of an objective.
    pub const fn complement_micro(self) -> u64 {
        (100 * Self::ONE).saturating_sub(self.0)
    }
    /// This share of `count`, rounded up.
    pub const fn of_ceil(self, count: u64) -> u64 {
        (count * self.0).div_ceil(100 * Self::ONE)
    }
    /// As an exact decimal fraction: 99.95 % is `0.9995`.
    pub fn fraction(self) -> String {
        exact_decimal(self.0, 100 * Self::ONE)
    }
}

/// `parts / whole` as an exact decimal without trailing zeros; `whole` is a power of ten.
pub fn exact_decimal(parts: u64, whole: u64) -> String {
    let places = whole.ilog10() as usize;
    let text = format!("{}.{:0places$}", parts / whole, parts % whole);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%", exact_decimal(self.0, Self::ONE))
    }
}

impl std::str::FromStr for Percent {
    type Err = UnitError;
    fn from_str(text: &str) -> Result<Self, UnitError> {
        let Some(digits) = text.strip_suffix('%') else {
            let fix = if let Some(parts) = decimal(text, Self::ONE) {
                // Between 0 and 1 a share is meant more often than less than one percent.
                match Self(parts * 100) {
                    share if parts > 0 && parts < Self::ONE => {
                        format!("write `{share}`; or `{text}%`, if less than one percent is meant")
                    }
                    _ => format!("write `{text}%`"),
                }
            } else {
                "write a percentage as `99.95%`".to_owned()
            };
            return error(format!("`{text}` has no percent sign"), fix);
        };
        match decimal(digits, Self::ONE) {
            Some(n) if n <= 1000 * Self::ONE => Ok(Self(n)),
            _ => error(format!("`{text}` is no percentage"), "write it as `99.95%`, with at most six decimal places"),
        }
    }
}

impl Rate {
    /// In events per minute.
    pub const fn per_minute(self) -> u64 {
        self.0
    }
    /// In whole events per second, rounded up.
    pub const fn per_second(self) -> u64 {
        self.0.div_ceil(60)
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_multiple_of(60) { write!(f, "{}/s", self.0 / 60) } else { write!(f, "{}/m", self.0) }
    }
}

impl std::str::FromStr for Rate {
    type Err = UnitError;
    fn from_str(text: &str) -> Result<Self, UnitError> {
        const FIX: &str = "write a rate as `100/s` or `60/m`";
        let (digits, factor) = match (text.strip_suffix("/s"), text.strip_suffix("/m")) {
            (Some(digits), _) => (digits, 60),
            (_, Some(digits)) => (digits, 1),
            _ if text.bytes().all(|b| b.is_ascii_digit()) && !text.is_empty() => {
                return error(format!("`{text}` says no time"), format!("write `{text}/s`"));
            }
            _ => return error(format!("`{text}` is no rate"), FIX),
        };
        match digits.parse::<u64>().ok().and_then(|n| n.checked_mul(factor)) {
            Some(n) if n > 0 => Ok(Self(n)),
            _ => error(format!("`{text}` is no rate"), FIX),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        for text in ["30s", "15m", "1h30m", "500ms", "1s500ms", "30d", "2d3h"] {
            assert_eq!(text.parse::<Duration>().map(|d| d.to_string()), Ok(text.to_owned()));
        }
        for text in ["256Mi", "500Gi", "4G", "1536Mi"] {
            assert_eq!(text.parse::<Bytes>().map(|b| b.to_string()), Ok(text.to_owned()));
        }
        for text in ["99.95%", "60%", "0%", "100%", "99.999999%"] {
            assert_eq!(text.parse::<Percent>().map(|p| p.to_string()), Ok(text.to_owned()));
        }
        assert_eq!("0.5".parse::<Cpu>().map(|c| c.to_string()), Ok("500m".to_owned()));
        assert_eq!("1.5Gi".parse::<Bytes>().map(Bytes::get), Ok(3 << 29));
        assert_eq!("99.95%".parse::<Percent>().map(Percent::fraction), Ok("0.9995".to_owned()));
        assert_eq!("1h30m".parse::<Duration>().map(Duration::go), Ok("1h30m".to_owned()));
        assert_eq!("30d".parse::<Duration>().map(Duration::go), Ok("720h".to_owned()));
        assert_eq!("4GiB".parse::<Bytes>().map(Bytes::postgres), Ok("4GB".to_owned()));
    }

    #[test]
    fn what_has_no_unit_says_which_it_could_have() {
        let fix = |e: UnitError| e.fix;
        assert!("30".parse::<Duration>().map_err(fix).is_err_and(|f| f.contains("`30s`")));
        assert!("512".parse::<Bytes>().map_err(fix).is_err_and(|f| f.contains("`512Mi`")));
        assert!("99.95".parse::<Percent>().map_err(fix).is_err_and(|f| f.contains("`99.95%`")));
        assert!("100".parse::<Rate>().map_err(fix).is_err_and(|f| f.contains("`100/s`")));
        let near =
            [("5 minutes", "`5m`"), ("5min", "`5m`"), ("1.5h", "`1h30m`"), ("30 s", "`30s`"), ("2 weeks", "`14d`")];
        for (text, meant) in near {
            assert!(text.parse::<Duration>().map_err(fix).is_err_and(|f| f.contains(meant)), "{text}");
        }
        for (text, meant) in [("20gb", "`20Gi`"), ("4 GB", "`4Gi`"), ("256mib", "`256Mi`"), ("1.5gb", "`1.5Gi`")] {
            assert!(text.parse::<Bytes>().map_err(fix).is_err_and(|f| f.contains(meant)), "{text}");
        }
        assert!("0.6".parse::<Percent>().map_err(fix).is_err_and(|f| f.contains("`60%`")));
        for text in ["", "s", "1m1h", "1.5h", "-5m", "5M", "99999999999999999999s", "1s1s"] {
            assert!(text.parse::<Duration>().is_err(), "{text}");
        }
    }
}
