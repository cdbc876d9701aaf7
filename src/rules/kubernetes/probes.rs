//! Probes and the end of containers as they are written in manifests.

use super::objects::{at, int_at, list_at, text_at};
use super::workloads::{containers, number};
use crate::diagnostics::Place;
use crate::document::Node;
use crate::document::node::Entry;

/// A probe of a container.
#[derive(Clone, Copy)]
pub(super) struct Probe<'a> {
    /// Its key and what stands below.
    pub entry: &'a Entry,
}

impl<'a> Probe<'a> {
    /// The probe of a container below a key such as `livenessProbe`.
    pub fn of(container: &'a Node, key: &str) -> Option<Self> {
        let entry = container.entry(key)?;
        entry.value.map().filter(|entries| !entries.is_empty())?;
        Some(Self { entry })
    }

    /// Where its key stands.
    pub fn place(self) -> Place {
        Place::Span(self.entry.key_span)
    }

    /// Where a figure of it stands; the probe where it is a default.
    pub fn place_of(self, key: &str) -> Place {
        self.written(key).map_or_else(|| self.place(), |node| Place::Span(node.span))
    }

    /// A figure as it is written. Zero stands for the default, too.
    pub fn written(self, key: &str) -> Option<&'a Node> {
        let node = self.entry.value.get(key)?;
        (!node.is_null() && number(node, &[], 0) != Some(0)).then_some(node)
    }

    fn figure(self, key: &str, default: i64) -> Option<i64> {
        match number(&self.entry.value, &[key], default)? {
            0 => Some(default),
            number => Some(number),
        }
    }

    /// The seconds from one question to the next.
    pub fn period(self) -> Option<i64> {
        self.figure("periodSeconds", 10)
    }

    /// The seconds that it waits for an answer.
    pub fn timeout(self) -> Option<i64> {
        self.figure("timeoutSeconds", 1)
    }

    /// So many failures in a row count.
    pub fn failures(self) -> Option<i64> {
        self.figure("failureThreshold", 3)
    }

    /// The seconds before the first question.
    pub fn delay(self) -> Option<i64> {
        self.figure("initialDelaySeconds", 0)
    }

    /// The soonest that a process which hangs is given up: (f − 1) · p (X-K8-2, X-K8-3).
    pub fn soonest(self) -> Option<i64> {
        Some((self.failures()? - 1) * self.period()?)
    }

    /// The latest: f · p + timeout.
    pub fn latest(self) -> Option<i64> {
        Some(self.failures()? * self.period()? + self.timeout()?)
    }

    /// The HTTP path and port that it asks, with the port by number where its container names it, and where the path stands.
    pub fn asks(self, container: &'a Node) -> Option<Asked<'a>> {
        let http = self.entry.value.get("httpGet")?;
        let port = text_at(http, &["port"])?;
        let named = list_at(container, &["ports"]).find(|listed| text_at(listed, &["name"]) == Some(port));
        let port = named.and_then(|listed| text_at(listed, &["containerPort"])).unwrap_or(port);
        let path = text_at(http, &["path"]).filter(|path| !path.is_empty()).unwrap_or("/");
        let host = text_at(http, &["host"]).unwrap_or_default();
        let place = at(http, &["path"]).map_or_else(|| self.place(), |node| Place::Span(node.span));
        Some(Asked { path, port, host, place })
    }
}

/// What an HTTP probe asks.
pub(super) struct Asked<'a> {
    /// The path.
    pub path: &'a str,
    /// The port by number, or by a name that the container does not have.
    pub port: &'a str,
    /// The host; empty for the pod itself.
    pub host: &'a str,
    /// Where the path stands.
    pub place: Place,
}

/// What is done before a container is told to stop.
#[derive(Clone, Copy)]
pub(super) struct PreStop<'a> {
    /// What is done.
    pub node: &'a Node,
    /// The seconds that it sleeps at least; none where it does something else first.
    pub sleeps: Option<i64>,
    /// Whether sleeping is all that it does.
    pub only: bool,
}

/// What the containers of a pod do before they are told to stop; those that do nothing are left out.
pub(super) fn pre_stops(template: &Node) -> Vec<PreStop<'_>> {
    let hooks = containers(template).filter_map(|container| at(container, &["lifecycle", "preStop"]));
    hooks.filter(|node| !node.is_null()).map(pre_stop).collect()
}

fn pre_stop(node: &Node) -> PreStop<'_> {
    if let Some(seconds) = int_at(node, &["sleep", "seconds"]).filter(|s| (0..=i64::from(i32::MAX)).contains(s)) {
        return PreStop { node, sleeps: Some(seconds), only: true };
    }
    let words: Vec<&str> =
        list_at(node, &["exec", "command"]).filter_map(|word| word.scalar().map(|word| &*word.text)).collect();
    let sleep = match words.as_slice() {
        [program, seconds] if program.rsplit('/').next() == Some("sleep") => slept(seconds, true),
        [shell, flag, script]
            if shell.rsplit('/').next().is_some_and(|shell| shell.ends_with("sh"))
                && flag.starts_with('-')
                && flag.ends_with('c') =>
        {
            let line = script.trim_start();
            let rest = line.strip_prefix("/bin/").unwrap_or(line).strip_prefix("sleep");
            rest.filter(|rest| rest.starts_with(char::is_whitespace)).and_then(|rest| slept(rest.trim(), false))
        }
        _ => None,
    };
    PreStop { node, sleeps: sleep.map(|(seconds, _)| seconds), only: sleep.is_some_and(|(_, only)| only) }
}

/// The seconds that a text begins with, and whether that is all it says.
fn slept(text: &str, whole: bool) -> Option<(i64, bool)> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    let rest = rest.strip_prefix('s').unwrap_or(rest).trim_start();
    let seconds = digits.parse::<i32>().ok()?;
    let ended = rest.is_empty() || rest.starts_with([';', '&', '|', '\n']);
    ((whole && rest.is_empty()) || (!whole && ended)).then_some((seconds.into(), rest.is_empty()))
}
