//! Calls of which the tries do not fit into the time that all of them have together.

use crate::blueprint::units::Duration;
use crate::blueprint::{Blueprint, Need, Service};
use crate::document::Path;
use crate::rules::prelude::*;

/// A call that is begun more often than its timeout allows.
pub(super) struct Cut<'a> {
    service: &'a Service,
    need: &'a Need,
    timeout: Duration,
    each: Duration,
    tries: u64,
}

/// All such calls. A single try that is too long by itself is an error of the language (BP159).
pub(super) fn cut(blueprint: &Blueprint) -> impl Iterator<Item = Cut<'_>> {
    let calls = blueprint.services.iter().flat_map(|service| service.needs.iter().map(move |need| (service, need)));
    calls.filter_map(|(service, need)| {
        let (timeout, each) = need.spec.timeout.zip(need.spec.per_try)?;
        let tries = 1 + u64::from(need.spec.retries.unwrap_or(0));
        let cut = Cut { service, need, timeout, each, tries };
        (each <= timeout && cut.all() > timeout).then_some(cut)
    })
}

impl Cut<'_> {
    /// What is called.
    pub fn need(&self) -> &Need {
        self.need
    }

    fn all(&self) -> Duration {
        Duration::from_millis(self.each.millis().saturating_mul(self.tries))
    }

    fn path(&self) -> Path {
        path!["services", self.service.name, "needs", self.need.reference]
    }

    /// The finding of a rule, with what follows from it.
    pub fn finding(&self, rule: &Rule, title: String, follows: &str) -> Diagnostic {
        let Self { timeout, each, tries, .. } = self;
        let fits = timeout.millis() / tries;
        // Whole seconds read better, where there are any.
        let fits = Duration::from_millis(if fits > 1000 { fits / 1000 * 1000 } else { fits.max(1) });
        rule.finding(Place::Value(self.path().key("perTry")), title)
            .label(format!("{tries} tries of {each} take {}", self.all()))
            .also(Place::Value(self.path().key("timeout")), format!("the call ends after {timeout}"))
            .because(format!("(1 + {}) × {each} = {} > {timeout}: {follows}", tries - 1, self.all()))
            .fix(format!("write `perTry: {fits}` or less, fewer retries, or a longer timeout"))
    }

    /// Who calls whom, as a title says it.
    pub fn says(&self) -> String {
        format!("`{}` calling `{}`", self.service.name, self.need.reference)
    }
}
