//! PostgreSQL, Patroni and HAProxy as files configure them.

use crate::diagnostics::Place;
use crate::document::Node;
use crate::document::node::Entry;
use crate::estate::{Estate, Kind};
use crate::rules::settings::boolean;

pub use crate::rules::kubernetes::objects::{at, list, list_at, text_at};

/// What has an effect in the dynamic configuration of Patroni only (facts.md §1.4).
pub const DYNAMIC: [&str; 10] = [
    "max_connections",
    "max_locks_per_transaction",
    "max_worker_processes",
    "max_prepared_transactions",
    "wal_level",
    "track_commit_timestamp",
    "max_wal_senders",
    "max_replication_slots",
    "wal_keep_size",
    "wal_log_hints",
];

/// The dynamic configuration with which Patroni makes a cluster.
pub fn dcs(tree: &Node) -> Option<&Node> {
    at(tree, &["bootstrap", "dcs"])
}

/// The parameters that the members of a cluster share.
pub const SHARED: [&str; 4] = ["bootstrap", "dcs", "postgresql", "parameters"];

/// The key at the end of a path, or the nearest one above it that is written.
pub fn key(tree: &Node, path: &[&str]) -> Place {
    let first = tree.map().and_then(|entries| entries.first());
    let mut span = first.map_or(tree.span, |entry| entry.key_span);
    let mut node = tree;
    for name in path {
        let Some(entry) = node.entry(name) else { break };
        (node, span) = (&entry.value, entry.key_span);
    }
    Place::Span(span)
}

/// An option of Patroni's own about PostgreSQL (`use_slots`): the member's, or the cluster's.
pub fn option<'a>(tree: &'a Node, name: &str) -> Option<&'a Node> {
    at(tree, &["postgresql", name]).or_else(|| at(tree, &["bootstrap", "dcs", "postgresql", name]))
}

/// A truth value as Patroni and PostgreSQL read it.
pub fn truth(node: Option<&Node>) -> Option<bool> {
    boolean(node?.scalar()?.text.trim())
}

/// Whether Patroni is to keep a synchronous standby.
pub fn is_synchronous(tree: &Node) -> bool {
    let mode = dcs(tree).and_then(|dcs| dcs.get("synchronous_mode"));
    truth(mode) == Some(true) || mode.and_then(Node::scalar).is_some_and(|mode| &*mode.text == "quorum")
}

/// A parameter of PostgreSQL, where it is written.
#[derive(Clone, Copy)]
pub struct Setting<'a> {
    /// All of it.
    pub entry: &'a Entry,
    /// What it says.
    pub text: &'a str,
}

impl Setting<'_> {
    /// Where its value stands.
    pub fn place(self) -> Place {
        let value = self.entry.value.span;
        Place::Span(if value.start < value.end { value } else { self.entry.key_span })
    }
}

/// A server whose parameters a file writes: a postgresql.conf, or a member of Patroni.
#[derive(Clone, Copy)]
pub struct Server<'a> {
    /// All of the file.
    pub tree: &'a Node,
    /// Whether it is a file of Patroni.
    pub patroni: bool,
}

/// All servers whose parameters are written.
pub fn servers(estate: &Estate) -> impl Iterator<Item = Server<'_>> {
    let plain = estate.of(Kind::Postgres).map(|tree| Server { tree, patroni: false });
    plain.chain(estate.of(Kind::Patroni).map(|tree| Server { tree, patroni: true }))
}

impl<'a> Server<'a> {
    /// A parameter that is written, where it has an effect: of several lines the last one counts.
    pub fn setting(self, name: &str) -> Option<Setting<'a>> {
        let shared = || at(self.tree, &SHARED);
        let blocks = match self.patroni {
            true if DYNAMIC.contains(&name) => [None, shared()],
            true => [at(self.tree, &["postgresql", "parameters"]), shared()],
            false => [Some(self.tree), None],
        };
        blocks.into_iter().flatten().find_map(|block| {
            let entry = block.map()?.iter().rev().find(|entry| entry.key.eq_ignore_ascii_case(name))?;
            Some(Setting { entry, text: entry.value.scalar()?.text.trim() })
        })
    }

    /// Whether what is not written here may be written elsewhere: the file includes others, or is a member's part only.
    pub fn is_partial(self) -> bool {
        if self.patroni {
            return dcs(self.tree).is_none();
        }
        self.tree.map().unwrap_or_default().iter().any(|entry| entry.key.to_ascii_lowercase().starts_with("include"))
    }

    /// Whose configuration it is.
    pub fn name(self) -> &'a str {
        if self.patroni { text_at(self.tree, &["scope"]).unwrap_or("Patroni") } else { "PostgreSQL" }
    }
}

/// A section of HAProxy with servers in it.
#[derive(Clone, Copy)]
pub struct Section<'a> {
    /// Its header and its lines.
    pub entry: &'a Entry,
    /// The defaults that it inherits.
    defaults: Option<&'a Node>,
}

/// The roles of which only the primary answers that it has them.
const WRITERS: [&str; 4] = ["/primary", "/master", "/leader", "/read-write"];

/// The sections of HAProxy that lead to servers.
pub fn sections(estate: &Estate) -> Vec<Section<'_>> {
    let mut sections = Vec::new();
    for tree in estate.of(Kind::Haproxy) {
        let mut defaults = None;
        for entry in tree.map().unwrap_or_default() {
            match entry.key.split_whitespace().next() {
                Some("defaults") => defaults = Some(&entry.value),
                Some("listen" | "backend") => sections.push(Section { entry, defaults }),
                _ => {}
            }
        }
    }
    sections
}

/// What a line of HAProxy says behind its first word.
pub fn text(entry: &Entry) -> &str {
    entry.value.scalar().map_or("", |scalar| &*scalar.text)
}

/// The word behind a word: that behind `inter` in `check inter 2s`.
pub fn word_after<'a>(line: &'a str, word: &str) -> Option<&'a str> {
    line.split_whitespace().skip_while(|found| *found != word).nth(1)
}

impl<'a> Section<'a> {
    /// Its name.
    pub fn name(self) -> &'a str {
        self.entry.key.split_whitespace().nth(1).unwrap_or("?")
    }

    /// Its own lines that begin with a word.
    pub fn own(self, word: &str) -> impl Iterator<Item = &'a Entry> {
        self.entry.value.map().unwrap_or_default().iter().filter(move |entry| &*entry.key == word)
    }

    /// Its lines that begin with a word, and behind them those of its defaults.
    pub fn lines(self, word: &str) -> impl Iterator<Item = &'a Entry> {
        let inherited = self.defaults.and_then(Node::map).unwrap_or_default().iter();
        self.own(word).chain(inherited.filter(move |entry| &*entry.key == word))
    }

    /// The line that has it ask over HTTP.
    pub fn asks(self) -> Option<&'a Entry> {
        self.lines("option").find(|entry| text(entry).split_whitespace().next() == Some("httpchk"))
    }

    /// The line that asks Patroni for the primary.
    pub fn asks_for_primary(self) -> Option<&'a Entry> {
        let asks = self.asks()?;
        let mut lines = self.lines("http-check").chain([asks]);
        let path = |word: &'a str| word.split('?').next().unwrap_or_default();
        let role = |word: &'a str| WRITERS.contains(&path(word));
        lines.find(|entry| text(entry).split_whitespace().any(role)).or_else(|| {
            // Patroni answers `/`, which is the default, as `/primary`. Others do with anything: it is Patroni when it is
            // asked at a port of its own for what is not HTTP.
            let mut words = text(asks).split_whitespace().skip(1).peekable();
            let root = words.peek().is_none() || words.any(|word| path(word) == "/");
            let elsewhere =
                self.lines("http-check").any(|line| word_after(text(line), "uri").is_some_and(|uri| path(uri) != "/"));
            let http = self.lines("mode").next().is_some_and(|mode| text(mode).trim() == "http");
            let own_port = self.own("server").any(|server| self.value(server, "port").is_some());
            (root && !elsewhere && !http && own_port).then_some(asks)
        })
    }

    /// Whether a word stands at a server or at what all of them inherit.
    pub fn says(self, server: &Entry, word: &str) -> bool {
        let has = |entry: &Entry| text(entry).split_whitespace().any(|found| found == word);
        has(server) || self.lines("default-server").any(has)
    }

    /// The word behind a word at a server, or at what all of them inherit.
    pub fn value(self, server: &'a Entry, word: &str) -> Option<&'a str> {
        word_after(text(server), word)
            .or_else(|| self.lines("default-server").find_map(|entry| word_after(text(entry), word)))
    }
}
