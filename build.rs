//! Embeds `templates/`: writes a table of `include_str!`, so that a new file is noticed and no crate is needed. Takes the
//! documentation of every rule from the head of its file, so that `hagen explain` and docs/rules.md say what the code says.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let root = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR")?).join("templates");
    println!("cargo::rerun-if-changed={}", root.display());
    let mut files = Vec::new();
    collect(&root, "tera", &mut files)?;
    files.sort();
    let mut table = String::from("&[\n");
    for file in &files {
        println!("cargo::rerun-if-changed={}", file.display());
        let name = file.strip_prefix(&root)?.to_string_lossy().replace('\\', "/");
        writeln!(table, "    ({name:?}, include_str!({:?})),", file.display().to_string())?;
    }
    table.push_str("]\n");
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    std::fs::write(out.join("templates.rs"), table)?;
    std::fs::write(out.join("rule_docs.rs"), rule_docs()?)?;
    Ok(())
}

/// A table of the head comments below `src/rules/`: `("postgres/connection-budget", "…")`, sorted.
fn rule_docs() -> Result<String, Box<dyn std::error::Error>> {
    let root = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR")?).join("src/rules");
    let mut files = Vec::new();
    collect(&root, "rs", &mut files)?;
    // By name without extension: that is what they are found by.
    files.sort_by_key(|file| file.with_extension(""));
    let mut table = String::from("&[\n");
    for file in &files {
        println!("cargo::rerun-if-changed={}", file.display());
        let name = file.strip_prefix(&root)?.with_extension("").to_string_lossy().replace('\\', "/");
        // A rule stands in the folder of its family; what stands beside the families, and `mod.rs`, is no rule.
        if !name.contains('/') || name.ends_with("/mod") {
            continue;
        }
        let text = std::fs::read_to_string(file)?;
        let head = text.lines().map_while(|line| line.strip_prefix("//!"));
        let doc: Vec<&str> = head.map(|line| line.strip_prefix(' ').unwrap_or(line)).collect();
        writeln!(table, "    ({name:?}, {:?}),", doc.join("\n"))?;
    }
    table.push_str("]\n");
    Ok(table)
}

fn collect(directory: &Path, extension: &str, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    println!("cargo::rerun-if-changed={}", directory.display());
    for entry in std::fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, extension, files)?;
        } else if path.extension().is_some_and(|e| e == extension) {
            files.push(path);
        }
    }
    Ok(())
}
