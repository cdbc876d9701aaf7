//! Who uses whom: the table in the head of `src/lib.rs` is what the imports say, and only `env`, `state` and `cli` touch files.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

const LIB: &str = include_str!("../src/lib.rs");

/// The modules of the table, each with those that it may use; `None` is all.
fn allowed() -> BTreeMap<&'static str, Option<BTreeSet<&'static str>>> {
    let rows = LIB.lines().filter_map(|line| line.strip_prefix("//! | [`"));
    rows.map(|row| {
        let name = row.split('`').next().unwrap().trim_start_matches("mod@");
        let cell = row.trim_end_matches([' ', '|']).rsplit('|').next().unwrap();
        let uses = match cell.trim() {
            "everything" => None,
            "nothing" => Some(BTreeSet::new()),
            cell => Some(cell.split(',').map(|name| name.trim().trim_matches('`')).collect()),
        };
        (name, uses)
    })
    .collect()
}

/// Every source outside of tests, by the module of the crate that it belongs to.
fn sources() -> Vec<(String, String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut all = Vec::new();
    for entry in walkdir::WalkDir::new(&root).sort_by_file_name() {
        let entry = entry.unwrap();
        let path = entry.path().strip_prefix(&root).unwrap().display().to_string();
        let tests = path.ends_with("/tests.rs") || path == "lib.rs" || path == "main.rs";
        if !path.ends_with(".rs") || tests {
            continue;
        }
        let text = std::fs::read_to_string(entry.path()).unwrap();
        let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
        let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
        let module = path.split(['/', '.']).next().unwrap().to_owned();
        all.push((module, path, lines.collect::<Vec<_>>().join("\n")));
    }
    all
}

#[test]
fn every_module_uses_what_the_table_allows() {
    let allowed = allowed();
    assert!(allowed.len() >= 10, "{allowed:?}");
    let mut faults = Vec::new();
    for (module, path, code) in sources() {
        let Some(uses) = allowed.get(module.as_str()) else {
            faults.push(format!("src/{path}: `{module}` has no row in the table of src/lib.rs"));
            continue;
        };
        let Some(uses) = uses else { continue };
        for used in code.split("crate::").skip(1) {
            let name: String = used.chars().take_while(|c| c.is_ascii_lowercase() || *c == '_').collect();
            // The macro of paths is `document`'s.
            let name = if name == "path" { "document".to_owned() } else { name };
            if name != module && allowed.contains_key(name.as_str()) && !uses.contains(name.as_str()) {
                faults.push(format!("src/{path}: `{module}` uses `{name}`"));
            }
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn the_table_names_no_use_that_nobody_makes() {
    let sources = sources();
    for (module, uses) in allowed() {
        for used in uses.into_iter().flatten() {
            let uses = |code: &str| {
                let of = |end: &str| code.contains(&format!("crate::{used}{end}"));
                of("::") || of(";") || (used == "document" && code.contains("use crate::path;"))
            };
            assert!(sources.iter().any(|(of, _, code)| of == module && uses(code)), "`{module}` does not use `{used}`");
        }
    }
}

#[test]
fn files_are_touched_by_env_state_and_the_command_line_only() {
    let touching = |code: &str| ["std::fs", "std::process", "walkdir::"].iter().any(|way| code.contains(way));
    let all = sources();
    let others =
        all.iter().filter(|(module, _, code)| !matches!(module.as_str(), "env" | "state" | "cli") && touching(code));
    let others: Vec<&str> = others.map(|(_, path, _)| path.as_str()).collect();
    assert!(others.is_empty(), "{others:?}");
}
