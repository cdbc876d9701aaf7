//! A provisional driver: renders a blueprint into a directory.

#![expect(clippy::print_stderr, reason = "provisional")]

use std::collections::BTreeMap;

fn main() -> anyhow::Result<()> {
    let args: Vec<String> = std::env::args().collect();
    let text = std::fs::read_to_string(&args[1])?;
    let spec: hagen::blueprint::raw::Blueprint = serde_yaml::from_str(&text)?;
    let (blueprint, problems) = hagen::blueprint::resolve::resolve(spec, None);
    for problem in &problems {
        eprintln!("{problem:#?}");
    }
    let blueprint = blueprint.ok_or_else(|| anyhow::anyhow!("invalid"))?;
    let engine = hagen::render::Engine::new(&BTreeMap::new()).map_err(|e| anyhow::anyhow!("{e:?}"))?;
    let set = hagen::render::render(&blueprint, &engine, &Default::default()).map_err(|e| anyhow::anyhow!("{e:#?}"))?;
    for artifact in set.values() {
        let path = std::path::Path::new(&args[2]).join(&artifact.path);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        std::fs::write(&path, &artifact.text)?;
        eprintln!("{}", path.display());
    }
    Ok(())
}
