//! What was meant by a word that is not known: another system's word for the same, the beginning of the right one, or a slip.

use crate::diagnostics::nearest;

/// What others call it, and what it is called here. A word counts only where its other name may stand.
const SYNONYMS: [(&str, &str); 39] = [
    ("amazon", "aws"),
    ("auto", "automatic"),
    ("bucketname", "bucket"),
    ("caching", "cache"),
    ("concurrency", "bulkhead"),
    ("cron", "full"),
    ("cron", "snapshot"),
    ("database", "postgres"),
    ("databases", "postgres"),
    ("dependencies", "needs"),
    ("dependson", "needs"),
    ("environment", "env"),
    ("external", "public"),
    ("failurethreshold", "failures"),
    ("google", "gcp"),
    ("host", "address"),
    ("hostname", "address"),
    ("hostname", "host"),
    ("hpa", "autoscale"),
    ("initialdelayseconds", "initialDelay"),
    ("instances", "members"),
    ("instances", "replicas"),
    ("ip", "address"),
    ("manual", "gated"),
    ("maxreplicas", "max"),
    ("minreplicas", "min"),
    ("nodes", "members"),
    ("path", "http"),
    ("periodseconds", "period"),
    ("private", "internal"),
    ("replicas", "members"),
    ("replicas", "shards"),
    ("schedule", "full"),
    ("schedule", "snapshot"),
    ("self-hosted", "other"),
    ("size", "memory"),
    ("timeoutseconds", "timeout"),
    ("usage", "use"),
    ("variables", "env"),
];

/// The candidate that a word stands for, if one is likely.
pub fn meant<'a>(word: &str, candidates: impl Iterator<Item = &'a str> + Clone) -> Option<&'a str> {
    let folded = word.to_lowercase();
    let synonym = || {
        let named = SYNONYMS.iter().filter(|(other, _)| *other == folded);
        named.flat_map(|(_, here)| candidates.clone().find(|candidate| candidate == here)).next()
    };
    // The shortest that begins so: `sync` is `synchronous` before it is `synchronous-strict`.
    let begins = || {
        let long =
            candidates.clone().filter(|candidate| folded.len() >= 3 && candidate.to_lowercase().starts_with(&folded));
        long.min_by_key(|candidate| candidate.len())
    };
    synonym().or_else(|| nearest(word, candidates.clone())).or_else(begins)
}

#[cfg(test)]
mod tests {
    use super::meant;

    #[test]
    fn other_words_for_the_same_are_known() {
        let of = |word: &str, list: &[&'static str]| meant(word, list.iter().copied());
        assert_eq!(of("external", &["internal", "public"]), Some("public"));
        assert_eq!(of("google", &["aws", "gcp"]), Some("gcp"));
        assert_eq!(of("geo", &["geolocation", "failover"]), Some("geolocation"));
        assert_eq!(of("sync", &["synchronous-strict", "synchronous"]), Some("synchronous"));
        assert_eq!(of("replicas", &["members", "image"]), Some("members"));
        assert_eq!(of("zebra", &["members", "image"]), None);
    }
}
