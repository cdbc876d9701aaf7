//! The files of the users' own rules, read: policies, and what they see as data.

use std::collections::BTreeSet;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::Failure;
use crate::diagnostics::Place;
use crate::document::plain::json;
use crate::document::{Source, yaml};
use crate::policies::limits;

/// The policies in files and below directories, in order, each file once; those of tests only when they are wanted.
pub fn policies(paths: &[PathBuf], tests: bool) -> Result<Vec<(String, String)>, Failure> {
    let mut texts = Vec::new();
    let mut left = limits::BYTES;
    let mut known = BTreeSet::new();
    for path in paths {
        for file in below(path, &["rego"])? {
            let name = file.display().to_string();
            let is_test = name.ends_with("_test.rego");
            if (is_test && !tests) || !known.insert(name.clone()) {
                continue;
            }
            texts.push((name, text(&file, &mut left)?));
        }
    }
    if texts.is_empty() {
        let names: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
        return Err(Failure::new(format!("{}: there is no policy", names.join(", ")))
            .hint("a policy is a file `*.rego`; `*_test.rego` holds tests, which `hagen policy test` runs"));
    }
    Ok(texts)
}

/// What policies see as `data`: the content of files; below a directory the names of directories are the keys to it.
/// The file that is being read is said to `tell`.
pub fn data(paths: &[PathBuf], tell: impl Fn(&str)) -> Result<Vec<serde_json::Value>, Failure> {
    let mut values = Vec::new();
    let mut left = limits::BYTES;
    for path in paths {
        let files = below(path, &["json", "yaml", "yml"])?;
        if files.is_empty() {
            return Err(Failure::new(format!("there is no data in {}", path.display()))
                .hint("data are files `*.json`, `*.yaml` or `*.yml`"));
        }
        for file in files {
            tell(&file.display().to_string());
            let value = value(&file, text(&file, &mut left)?)?;
            let inside = file.strip_prefix(path).ok().and_then(Path::parent);
            let keys: Vec<String> = inside
                .into_iter()
                .flat_map(Path::components)
                .map(|part| part.as_os_str().to_string_lossy().into_owned())
                .collect();
            let value: serde_json::Value =
                keys.iter().rev().fold(value, |value, key| serde_json::json!({ key.as_str(): value }));
            if !value.is_object() {
                return Err(Failure::new(format!("{}: it is no map, so that nothing has a name", file.display()))
                    .hint("`data` is a map: put it below a key, or below a directory of a name"));
            }
            values.push(value);
        }
    }
    Ok(values)
}

/// The value in a file: JSON by the name of the file, YAML otherwise; what has no name of its own, such as a pipe, may be both.
fn value(file: &Path, text: String) -> Result<serde_json::Value, Failure> {
    let ending = file.extension();
    if ending.is_none_or(|ending| ending == "json") {
        match serde_json::from_str(&text) {
            Ok(value) => return Ok(value),
            Err(error) if ending.is_some() => {
                return Err(Failure::new(format!("{}: no JSON: {error}", file.display())));
            }
            Err(_) => {}
        }
    }
    let source = Source::new(file.display().to_string(), text);
    let (documents, problems) = yaml::parse_foreign(&source, 0);
    if let Some(problem) = problems.first() {
        let line = match problem.primary.place {
            Place::Span(span) => format!(":{}", source.position(span.start).line),
            _ => String::new(),
        };
        return Err(Failure::new(format!("{}{line}: no YAML for data: {}", source.name, problem.title)));
    }
    match documents.as_slice() {
        [] => Ok(serde_json::Value::Null),
        [one] => Ok(json(one)),
        more => Err(Failure::new(format!("{}: it holds {} documents", source.name, more.len()))
            .hint("put each into a file of its own: `data` is one map")),
    }
}

/// A file, or the files with such an ending below a directory, in order; what is hidden is left out.
fn below(path: &Path, endings: &[&str]) -> Result<Vec<PathBuf>, Failure> {
    let visible =
        |entry: &walkdir::DirEntry| entry.depth() == 0 || !entry.file_name().to_string_lossy().starts_with('.');
    let mut files = Vec::new();
    for entry in walkdir::WalkDir::new(path).sort_by_file_name().into_iter().filter_entry(visible) {
        let entry = entry.map_err(|error| match error.io_error() {
            Some(system) => Failure::system("read", error.path().unwrap_or(path), system),
            None => Failure::new(error.to_string()),
        })?;
        let wanted =
            entry.path().extension().is_some_and(|extension| endings.iter().any(|ending| extension == *ending));
        let metadata = std::fs::metadata(entry.path());
        // What was named itself may be a pipe; below a directory a pipe would be waited for without end.
        let readable = metadata.is_ok_and(|file| file.is_file() || (entry.depth() == 0 && !file.is_dir()));
        if readable && (wanted || entry.depth() == 0) {
            files.push(entry.into_path());
        }
    }
    Ok(files)
}

/// A file as text: at most a megabyte, and all of them together not more than is left.
fn text(file: &Path, left: &mut u64) -> Result<String, Failure> {
    let most = limits::FILE_BYTES.min(*left);
    let mut bytes = Vec::new();
    let read = std::fs::File::open(file).and_then(|opened| opened.take(most + 1).read_to_end(&mut bytes));
    let read = read.map_err(|error| Failure::system("read", file, &error))? as u64;
    if read > most {
        return Err(Failure::new(format!("{}: more than policies may have", file.display()))
            .hint("1 MiB a file, 16 MiB together"));
    }
    *left -= read;
    String::from_utf8(bytes).map_err(|_| Failure::new(format!("{}: no text in UTF-8", file.display())))
}
