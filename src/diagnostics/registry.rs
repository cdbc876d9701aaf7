//! Every check by its id: what it means and what to do, for `hagen explain ID`.

/// The table: id, meaning, what to do, a line each.
const TABLE: &str = include_str!("checks.txt");

/// A check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Check {
    /// Its id.
    pub id: &'static str,
    /// What it means, in a sentence.
    pub meaning: &'static str,
    /// What to do about it.
    pub fix: &'static str,
}

/// All checks, by id.
pub fn checks() -> impl Iterator<Item = Check> {
    TABLE.lines().filter_map(|line| {
        let mut parts = line.splitn(3, " | ");
        Some(Check { id: parts.next()?, meaning: parts.next()?, fix: parts.next()? })
    })
}

/// The check of an id, in large or small letters.
pub fn find(id: &str) -> Option<Check> {
    checks().find(|check| check.id.eq_ignore_ascii_case(id))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::checks;

    /// The ids that stand between quotes in the sources, tests left out.
    fn used() -> BTreeSet<String> {
        let mut ids = BTreeSet::new();
        for entry in walkdir::WalkDir::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("src")) {
            let entry = entry.unwrap();
            if entry.path().extension().is_none_or(|extension| extension != "rs") {
                continue;
            }
            let text = std::fs::read_to_string(entry.path()).unwrap();
            let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
            for (at, _) in code.match_indices("\"BP") {
                let id: String = code[at + 1..].chars().take_while(char::is_ascii_alphanumeric).collect();
                if id.len() == 5 && id != "BP999" {
                    ids.insert(id);
                }
            }
        }
        ids
    }

    #[test]
    fn every_id_is_explained_once_and_nothing_else_is() {
        let known: Vec<_> = checks().collect();
        let ids: BTreeSet<String> = known.iter().map(|check| check.id.to_owned()).collect();
        let used = used();
        assert_eq!(ids.len(), known.len(), "an id stands twice");
        assert_eq!(ids, used, "the table and the sources");
        let meanings: BTreeSet<&str> = known.iter().map(|check| check.meaning).collect();
        assert_eq!(meanings.len(), known.len(), "two ids mean the same");
    }
}
