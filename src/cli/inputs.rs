//! The files that a command names, read: files, directories, standard input.

use std::io::Read;
use std::path::{Path, PathBuf};

use super::Failure;
use crate::blueprint::load::Input;

/// Reads what was named. A directory means its `*.yaml` and `*.yml`, in byte order.
pub fn read(files: &[PathBuf]) -> Result<Vec<Input>, Failure> {
    let mut inputs = Vec::new();
    for file in files {
        if file.as_os_str() == "-" {
            if inputs.iter().any(|input: &Input| input.name == "-") {
                return Err(Failure::new("`-` stands twice").hint("standard input can be read once"));
            }
            let mut bytes = Vec::new();
            let read = std::io::stdin().lock().take(65 << 20).read_to_end(&mut bytes);
            read.map_err(|error| Failure::new(format!("standard input: {error}")))?;
            inputs.push(Input { name: "-".to_owned(), text: text("-", bytes)?, directory: None });
        } else if file.is_dir() {
            inputs.extend(directory(file)?);
        } else {
            inputs.push(one(file, None)?);
        }
    }
    Ok(inputs)
}

fn directory(directory: &Path) -> Result<Vec<Input>, Failure> {
    let shown = directory.display().to_string();
    let failed = |error: std::io::Error| Failure::system("read", directory, &error);
    let mut files = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.extension().is_some_and(|e| e == "yaml" || e == "yml") && path.is_file() {
            files.push(path);
        }
    }
    files.sort();
    if files.is_empty() {
        return Err(Failure::new(format!("{shown}: no *.yaml in this directory"))
            .hint("name a file, or `hagen init` to start one"));
    }
    files.iter().map(|file| one(file, Some(shown.clone()))).collect()
}

fn one(file: &Path, directory: Option<String>) -> Result<Input, Failure> {
    let name = file.display().to_string();
    let bytes = std::fs::read(file).map_err(|error| {
        let failure = Failure::system("read", file, &error);
        match error.kind() {
            std::io::ErrorKind::NotFound => {
                failure.hint("check the name; `hagen init` writes a blueprint to start from")
            }
            _ => failure,
        }
    })?;
    Ok(Input { text: text(&name, bytes)?, name, directory })
}

fn text(name: &str, bytes: Vec<u8>) -> Result<String, Failure> {
    String::from_utf8(bytes).map_err(|error| {
        Failure::new(format!("{name}: not UTF-8 at byte {}", error.utf8_error().valid_up_to()))
            .hint("save the file as UTF-8")
    })
}
