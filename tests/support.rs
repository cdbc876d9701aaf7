//! What several tests need.

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
