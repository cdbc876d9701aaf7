//! PromQL texts: quoted label values, and the set of series that a component's rules look at.
//!
//! A [`Scope`] knows its matchers and, for unit tests, one concrete label set for each declared instance, so that an
//! expression and the series of its test cannot drift apart. No expression sees `external_labels`; what the matchers
//! need is put on every target by the scrape configuration.

use std::collections::BTreeMap;

/// Labels with their values.
pub type Labels = BTreeMap<String, String>;

/// Labels from pairs.
pub fn labels(pairs: &[(&str, &str)]) -> Labels {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

/// A string literal of PromQL, in double quotes; no value can leave it.
pub fn quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            c if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}') => {
                quoted.push_str(&format!("\\u{:04x}", c as u32));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// A text as a regular expression (RE2) that matches exactly it.
pub fn regex(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if "\\.+*?()|[]{}^$".contains(c) {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

/// How a label is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Match {
    /// `=`
    Is,
    /// `=~`
    Like,
}

/// The series of one component, and the label sets that its declared instances have.
#[derive(Debug, Clone, Default)]
pub struct Scope {
    matchers: Vec<(String, Match, String)>,
    instances: Vec<Labels>,
}

impl Scope {
    /// Series with this label.
    #[must_use]
    pub fn is(mut self, label: &str, value: &str) -> Self {
        self.matchers.push((label.to_owned(), Match::Is, value.to_owned()));
        self
    }

    /// Series whose label matches a regular expression.
    #[must_use]
    pub fn like(mut self, label: &str, pattern: String) -> Self {
        self.matchers.push((label.to_owned(), Match::Like, pattern));
        self
    }

    /// A declared instance with its own labels; those that are compared with `=` come by themselves.
    #[must_use]
    pub fn instance(mut self, own: &[(&str, &str)]) -> Self {
        let mut all = self.equalities();
        all.extend(labels(own));
        self.instances.push(all);
        self
    }

    /// How many instances are declared.
    pub fn count(&self) -> usize {
        self.instances.len()
    }

    /// The labels that are compared with `=`: what `absent()` of it carries.
    pub fn equalities(&self) -> Labels {
        let equal = self.matchers.iter().filter(|(_, how, _)| *how == Match::Is);
        equal.map(|(label, _, value)| (label.clone(), value.clone())).collect()
    }

    /// The labels of a declared instance.
    pub fn labels_of(&self, index: usize) -> Labels {
        self.instances.get(index).cloned().unwrap_or_default()
    }

    /// A selector of a metric: `pg_up{namespace="a"}`.
    pub fn metric(&self, name: &str) -> String {
        self.select(name, &[])
    }

    /// A selector of a metric with further matchers, written as PromQL: `role="master"`.
    pub fn select(&self, name: &str, more: &[&str]) -> String {
        let own = self.matchers.iter().map(|(label, how, value)| {
            let sign = if *how == Match::Is { "=" } else { "=~" };
            format!("{label}{sign}{}", quote(value))
        });
        let all: Vec<String> = own.chain(more.iter().map(|m| (*m).to_owned())).collect();
        if all.is_empty() { name.to_owned() } else { format!("{name}{{{}}}", all.join(",")) }
    }

    /// The series that a declared instance has of a metric, for a test.
    pub fn series(&self, name: &str, index: usize, more: &[(&str, &str)]) -> String {
        let mut all = self.labels_of(index);
        all.extend(labels(more));
        series(name, &all)
    }
}

/// A series as promtool writes it.
pub fn series(name: &str, labels: &Labels) -> String {
    let all: Vec<String> = labels.iter().map(|(label, value)| format!("{label}={}", quote(value))).collect();
    format!("{name}{{{}}}", all.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_cannot_leave_its_quotes() {
        assert_eq!(quote("a\"} or vector(1) #"), "\"a\\\"} or vector(1) #\"");
        assert_eq!(quote("a\\\n"), "\"a\\\\\\n\"");
        assert_eq!(regex("a.b+c"), "a\\.b\\+c");
    }

    #[test]
    fn a_scope_carries_its_equalities() {
        let scope =
            Scope::default().is("namespace", "a").like("pod", "x-[0-9]+".to_owned()).instance(&[("pod", "x-0")]);
        assert_eq!(scope.metric("up"), "up{namespace=\"a\",pod=~\"x-[0-9]+\"}");
        assert_eq!(scope.series("up", 0, &[]), "up{namespace=\"a\",pod=\"x-0\"}");
        assert_eq!(scope.equalities().len(), 1);
    }
}
