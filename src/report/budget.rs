//! The connections of a PostgreSQL cluster as people read them: each number with the field and the line that it comes from.

use std::fmt::Write as _;

use crate::blueprint::budget::{Budget, RESERVED, Share};
use crate::blueprint::resolved;
use crate::document::{Document, Path};
use crate::path;

/// The sum at the primary, then what clients may open at the pools.
pub fn text(budget: &Budget<'_>, document: &Document) -> String {
    let name = &budget.cluster.name;
    let at = path!["postgres", name];
    let pool = at.key("pool");
    let from = |path: &Path| origin(document, path);
    let mut out = format!("PostgreSQL {name}: connections at the primary (X-PG-6)\n\n");
    if budget.pools > 0 {
        let what = format!("{} × {}", count(budget.pools), budget.size);
        let number = if budget.cluster.on_kubernetes() {
            from(&pool.key("replicas"))
        } else {
            let own = !budget.cluster.spec.router.hosts.is_empty();
            from(&if own { at.key("router").key("hosts") } else { at.key("hosts") })
        };
        line(&mut out, &what, Some(budget.pools * budget.size), &format!("{number}; {}", from(&pool.key("size"))));
    }
    shares(&mut out, &budget.direct, document, &from);
    line(&mut out, "superusers, Patroni, exporter", Some(RESERVED), "reserved");
    let verdict = match budget.most.checked_sub(budget.wanted()) {
        Some(free) => format!("{free} are free"),
        None => format!("{} too many (BP190)", budget.wanted() - budget.most),
    };
    let most = from(&at.key("parameters").key("max_connections"));
    line(
        &mut out,
        "together",
        Some(budget.wanted()),
        &format!("of max_connections {}: {verdict}; {most}", budget.most),
    );
    if budget.pools > 0 {
        let clients = u64::from(budget.cluster.spec.pool.clients);
        out.push_str("\nclients of the pools\n\n");
        shares(&mut out, &budget.pooled, document, &from);
        let all: u64 = budget.pooled.iter().filter_map(Share::all).sum();
        let verdict = if budget.pooled.iter().any(|share| share.each.is_none()) {
            "not all are known"
        } else if all <= clients {
            "one pool alone takes them all"
        } else if all <= clients * budget.pools {
            "they fit where all pools are there and share them evenly"
        } else {
            "more than all pools take: the last ones are refused"
        };
        let fits =
            format!("of {clients} at each of {}: {verdict}; {}", count(budget.pools), from(&pool.key("clients")));
        line(&mut out, "together", Some(all), &fits);
    }
    out
}

fn count(pools: u64) -> String {
    format!("{pools} {}", if pools == 1 { "pool" } else { "pools" })
}

fn shares(out: &mut String, shares: &[Share], document: &Document, from: &impl Fn(&Path) -> String) {
    for share in shares {
        let service = path!["services", &share.service];
        let replicas = service.key("replicas");
        let each = service.key("needs").key(&share.reference).key("poolSize");
        // Without a maximum the minimum is all there is.
        let most = replicas.key("max");
        let pods = if resolved::written(document, &most).is_some() { most } else { replicas.key("min") };
        match share.each {
            Some(each_is) => {
                let what = format!("{}: {} pods × {each_is}", share.service, share.pods);
                line(out, &what, share.all(), &format!("{}; {}", from(&pods), from(&each)));
            }
            None => {
                line(out, &format!("{}: {} pods", share.service, share.pods), None, &format!("unknown: write `{each}`"))
            }
        }
    }
}

fn line(out: &mut String, what: &str, number: Option<u64>, from: &str) {
    let number = number.map_or_else(|| "?".to_owned(), |number| number.to_string());
    let _ = writeln!(out, "  {what:<34}{number:>6}   {from}");
}

/// A field, and where it is written.
fn origin(document: &Document, path: &Path) -> String {
    match resolved::written(document, path) {
        Some((file, line)) => format!("{path} ({}:{line})", file.escape_debug()),
        None => format!("{path} (default)"),
    }
}
