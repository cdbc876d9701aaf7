//! What several tests need.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use hagen::blueprint::{Blueprint, load};

/// The shipped blueprint of that name.
pub fn blueprint(name: &str) -> Blueprint {
    let path = format!("{}/blueprints/{name}.yaml", env!("CARGO_MANIFEST_DIR"));
    loaded(&path, None)
}

/// Every shipped blueprint, and each of its environments.
pub fn shipped() -> Vec<(String, Blueprint)> {
    let directory = format!("{}/blueprints", env!("CARGO_MANIFEST_DIR"));
    let mut paths: Vec<_> = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|e| e == "yaml"));
    paths.sort();
    let mut all = Vec::new();
    for path in paths {
        let (path, name) = (path.to_str().unwrap(), path.file_stem().unwrap().to_string_lossy().into_owned());
        for environment in files(path).environments(0) {
            all.push((format!("{name} ({environment})"), loaded(path, Some(&environment))));
        }
        all.push((name, loaded(path, None)));
    }
    all
}

fn files(path: &str) -> load::Files {
    let text = std::fs::read_to_string(path).unwrap();
    load::parse(vec![load::Input { name: path.to_owned(), text, directory: None }])
}

fn loaded(path: &str, environment: Option<&str>) -> Blueprint {
    let loaded = files(path).load(0, environment);
    loaded.blueprint.unwrap_or_else(|| panic!("{path}: {:#?}", loaded.problems))
}

/// The files of a fixture: one, or all of a directory.
pub fn fixture(path: &Path) -> Vec<PathBuf> {
    if path.is_file() {
        return vec![path.to_owned()];
    }
    let mut files: Vec<PathBuf> = std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// Where a fixture says that something must be found: the file's name, the line, the id. `# expect: ID` stands on the line, or
/// `# expect-below: ID` on the line above it where the format knows no comment behind a value; in JSON, which knows none at all,
/// `"expect": "ID"` (or `"expect-below"`, where an object needs two) on the line above.
pub fn marks(path: &Path) -> BTreeSet<(String, usize, String)> {
    let mut all = BTreeSet::new();
    for path in fixture(path) {
        let text = std::fs::read_to_string(&path).unwrap();
        let file = path.file_name().unwrap().to_string_lossy().into_owned();
        for (at, line) in text.lines().enumerate() {
            let marks = [("# expect: ", 1), ("# expect-below: ", 2), ("\"expect\": ", 2), ("\"expect-below\": ", 2)];
            for (mark, further) in marks {
                let ids = line.split_once(mark).map_or("", |(_, ids)| ids);
                let ids = ids.split(|c: char| !c.is_ascii_alphanumeric()).filter(|id| !id.is_empty());
                all.extend(ids.map(|id| (file.clone(), at + further, id.to_owned())));
            }
        }
    }
    all
}
