//! Alertmanager: what the schema cannot say: every route leads to a receiver that exists, and every receiver is reached.

use std::collections::BTreeSet;

use super::Fault;
use super::tree::Node;

/// Checks a configuration.
pub fn check(node: &Node<'_>, faults: &mut Vec<Fault>) {
    let mut receivers = BTreeSet::new();
    for receiver in node.list("receivers") {
        let name = receiver.text_at(&["name"]).unwrap_or_default();
        if !receivers.insert(name) {
            faults.push(Fault::at(receiver.line, format!("two receivers are called `{name}`")));
        }
    }
    let Some(route) = node.get("route") else { return };
    if !route.list("matchers").is_empty() || route.get("match").is_some() {
        faults.push(Fault::at(route.line, "the first route must take every alert"));
    }
    let mut reached = BTreeSet::new();
    walk(route, &receivers, &mut reached, faults);
    for receiver in node.list("receivers") {
        let name = receiver.text_at(&["name"]).unwrap_or_default();
        if !reached.contains(name) {
            faults.push(Fault::at(receiver.line, format!("no route leads to the receiver `{name}`")));
        }
    }
}

fn walk<'a>(route: &'a Node<'_>, known: &BTreeSet<&str>, reached: &mut BTreeSet<&'a str>, faults: &mut Vec<Fault>) {
    if let Some(receiver) = route.get("receiver") {
        let name = receiver.text().unwrap_or_default();
        if !known.contains(name) {
            faults.push(Fault::at(receiver.line, format!("there is no receiver `{name}`")));
        }
        reached.insert(name);
    }
    route.list("routes").iter().for_each(|child| walk(child, known, reached, faults));
}
