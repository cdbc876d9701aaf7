//! Repositories of pgBackRest as files configure them.

use std::collections::BTreeMap;

use crate::document::Node;
use crate::document::node::Entry;

/// What a file says about a repository, by the name of the option without the number.
pub type Repository<'a> = BTreeMap<&'a str, &'a Entry>;

/// The repositories of a file, by their number.
pub fn repositories(file: &Node) -> BTreeMap<String, Repository<'_>> {
    let mut repositories: BTreeMap<String, Repository<'_>> = BTreeMap::new();
    let sections = file.map().unwrap_or_default().iter().flat_map(|section| section.value.map().unwrap_or_default());
    for entry in sections {
        let Some(rest) = entry.key.strip_prefix("repo") else { continue };
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, option) = rest.split_at(digits);
        // Without a number it is the first one.
        let number = if number.is_empty() { "1" } else { number };
        let Some(option) = option.strip_prefix('-') else { continue };
        repositories.entry(number.to_owned()).or_default().insert(option, entry);
    }
    repositories
}

/// What an option says.
pub fn text(entry: &Entry) -> &str {
    entry.value.scalar().map_or("", |scalar| scalar.text.trim())
}
