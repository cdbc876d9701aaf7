//! PromQL as rules look at it: which series an expression selects, what is done with them, what they are compared with.
//!
//! Only as much of the language as that takes; what cannot be read (a template that is filled in later) is no expression.

use super::reader;

/// An expression.
#[derive(Debug)]
pub enum Expression<'a> {
    /// A number.
    Number(f64),
    /// A text, such as the name of a label in `label_replace`.
    Text,
    /// Series.
    Series(Series<'a>),
    /// A function of others.
    Call(&'a str, Vec<Self>),
    /// An aggregation: its name, what it keeps, what it is over.
    Aggregation(&'a str, Kept<'a>, Vec<Self>),
    /// Two with an operator between.
    Binary(&'a str, Box<Self>, Box<Self>),
}

/// A selector of series.
#[derive(Debug)]
pub struct Series<'a> {
    /// The name of the metric; empty where a matcher says it.
    pub name: &'a str,
    /// Label, operator, value.
    pub matchers: Vec<(&'a str, &'a str, &'a str)>,
}

impl Series<'_> {
    /// Whether a label must have a value.
    pub fn is(&self, label: &str, value: &str) -> bool {
        self.matchers.iter().any(|(known, op, written)| *known == label && *op == "=" && *written == value)
    }

    /// What is asked of a label by `=` or `=~`.
    pub fn of(&self, label: &str) -> Option<&str> {
        let mut asked = self.matchers.iter().filter(|(known, op, _)| *known == label && matches!(*op, "=" | "=~"));
        asked.next().map(|(_, _, value)| *value)
    }
}

/// Which labels an aggregation keeps.
#[derive(Debug)]
pub enum Kept<'a> {
    /// None.
    None,
    /// These.
    By(Vec<&'a str>),
    /// All but these.
    Without(Vec<&'a str>),
}

impl<'a> Expression<'a> {
    /// Reads an expression.
    pub fn read(text: &'a str) -> Option<Self> {
        reader::read(text)
    }

    /// What it consists of.
    pub fn parts(&self) -> impl DoubleEndedIterator<Item = &Self> {
        let (several, pair) = match self {
            Self::Call(_, parts) | Self::Aggregation(_, _, parts) => (parts.as_slice(), [None, None]),
            Self::Binary(_, left, right) => (&[][..], [Some(&**left), Some(&**right)]),
            _ => (&[][..], [None, None]),
        };
        several.iter().chain(pair.into_iter().flatten())
    }

    /// It and everything below it, what stands first first.
    pub fn all(&self) -> impl Iterator<Item = &Self> {
        let mut open = vec![self];
        std::iter::from_fn(move || {
            let next = open.pop()?;
            open.extend(next.parts().rev());
            Some(next)
        })
    }

    /// All series below it.
    pub fn series(&self) -> impl Iterator<Item = &Series<'a>> {
        self.all().filter_map(|part| match part {
            Self::Series(series) => Some(series),
            _ => None,
        })
    }

    /// Whether a function or an aggregation of one of these names is below it.
    pub fn calls(&self, names: &[&str]) -> bool {
        self.all().any(|part| match part {
            Self::Call(name, _) | Self::Aggregation(name, _, _) => names.contains(name),
            _ => false,
        })
    }

    /// Whether an operator is below it.
    pub fn has(&self, operator: &str) -> bool {
        self.all().any(|part| matches!(part, Self::Binary(op, _, _) if *op == operator))
    }

    /// The comparisons with a number in it: what is compared, the operator as if the number stood on the right, the number.
    pub fn comparisons(&self) -> impl Iterator<Item = (&Self, &'a str, f64)> {
        self.all().filter_map(Self::compared)
    }

    /// The same of itself, when it is a comparison with a number.
    pub fn compared(&self) -> Option<(&Self, &'a str, f64)> {
        let Self::Binary(op, left, right) = self else { return None };
        let mirrored = match *op {
            ">" => "<",
            "<" => ">",
            ">=" => "<=",
            "<=" => ">=",
            "==" | "!=" => *op,
            _ => return None,
        };
        match (&**left, &**right) {
            (left, Self::Number(number)) => Some((left, *op, *number)),
            (Self::Number(number), right) => Some((right, mirrored, *number)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_are_read_as_prometheus_does() {
        let read =
            Expression::read("sum by (a) (rate(x{b=~\"5..\"}[5m])) / sum(rate(x[5m] offset 1h)) > 0.05 or absent(x)");
        let read = read.unwrap();
        assert_eq!(read.series().map(|series| series.name).collect::<Vec<_>>(), ["x", "x", "x"]);
        let Expression::Binary("or", left, _) = &read else { panic!("{read:?}") };
        let compared: Vec<_> = left.comparisons().map(|(_, op, number)| (op, number)).collect();
        assert_eq!(compared, [(">", 0.05)]);
        assert!(read.has("/") && read.calls(&["absent"]) && !read.calls(&["irate"]));
        assert!(Expression::read("a[5m:] and b[1h:1m] > 5e-3").is_some());
        let read = Expression::read("-1 < bool up{job=\"a\"} == on (b) group_left (c) y # why").unwrap();
        assert_eq!(read.series().next().and_then(|up| up.of("job")), Some("a"));
    }

    #[test]
    fn what_is_no_expression_is_none() {
        for text in
            ["", "sum(", "{{ .Values.expr }}", "x{a=}", "a b", "\"", &"(".repeat(100_000), &"a+".repeat(100_000)]
        {
            assert!(Expression::read(text).is_none(), "{text:.20}");
        }
    }
}
