//! The files that a command names, read: files, directories, standard input.

use std::io::Read;
use std::path::{Path, PathBuf};

use super::Failure;
use crate::blueprint::load::Decoded;
use crate::document::yaml;

/// More than a blueprint may have, and as much as is read: a device has no end.
const MOST: u64 = yaml::BYTES as u64 + 1;

/// Reads what was named. A directory means its `*.yaml` and `*.yml`, in byte order.
pub fn read(files: &[PathBuf]) -> Result<Vec<Decoded>, Failure> {
    let mut inputs = Vec::new();
    for file in files {
        if file.as_os_str() == "-" {
            if inputs.iter().any(|decoded: &Decoded| decoded.input.name == "-") {
                return Err(Failure::new("`-` stands twice").hint("standard input can be read once"));
            }
            let mut bytes = Vec::new();
            let read = std::io::stdin().lock().take(MOST).read_to_end(&mut bytes);
            read.map_err(|error| Failure::new(format!("standard input: {error}")))?;
            inputs.push(Decoded::new("-".to_owned(), bytes, None));
        } else if file.is_dir() {
            inputs.extend(directory(file)?);
        } else {
            inputs.push(one(file, None)?);
        }
    }
    Ok(inputs)
}

fn directory(directory: &Path) -> Result<Vec<Decoded>, Failure> {
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

fn one(file: &Path, directory: Option<String>) -> Result<Decoded, Failure> {
    let name = file.display().to_string();
    let mut bytes = Vec::new();
    let read = std::fs::File::open(file).and_then(|opened| opened.take(MOST).read_to_end(&mut bytes));
    read.map_err(|error| {
        let failure = Failure::system("read", file, &error);
        match error.kind() {
            std::io::ErrorKind::NotFound => {
                failure.hint("check the name; `hagen init` writes a blueprint to start from")
            }
            _ => failure,
        }
    })?;
    Ok(Decoded::new(name, bytes, directory))
}
