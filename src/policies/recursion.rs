//! Functions that call themselves, directly or by way of others. Rego allows none, and the engine would follow them until its
//! stack ends; so they are found in the words of the policies, before anything is judged.

use std::collections::{BTreeMap, BTreeSet};

use super::scan::Word;

/// A function, and the calls in it.
#[derive(Debug, Default)]
struct Function {
    /// The file and the byte where it is declared first.
    at: (usize, usize),
    calls: BTreeSet<String>,
}

/// The functions of all policies, by package and name.
#[derive(Debug, Default)]
pub struct Functions {
    all: BTreeMap<String, Function>,
}

/// A function that comes back to itself.
#[derive(Debug, PartialEq, Eq)]
pub struct Circle {
    /// Its name, with its package.
    pub name: String,
    /// Its file.
    pub file: usize,
    /// Its place there.
    pub start: usize,
    /// What it calls on the way back to itself: itself, if nothing else.
    pub by: String,
}

/// Words that begin a line and are no rule.
const KEYWORDS: [&str; 8] = ["package", "import", "default", "else", "some", "every", "not", "with"];

impl Functions {
    /// Adds the functions of a file of that package, such as `data.main`.
    pub fn add(&mut self, file: usize, package: &str, words: &[Word<'_>]) {
        let aliases = aliases(words);
        let mut inside: Option<String> = None;
        let mut before = "";
        for word in words {
            // What stands behind `if` is a body, on whichever line.
            if word.depth == 0 && word.first && before != "if" && !KEYWORDS.contains(&word.text) {
                inside = word.called.then(|| format!("{package}.{}", word.text));
                if let Some(name) = &inside {
                    self.all
                        .entry(name.clone())
                        .or_insert_with(|| Function { at: (file, word.start), calls: BTreeSet::new() });
                }
            } else if word.called
                && let Some(function) = inside.as_ref().and_then(|name| self.all.get_mut(name))
            {
                function.calls.insert(resolved(word.text, package, &aliases));
            }
            before = word.text;
        }
    }

    /// The functions that come back to themselves.
    pub fn circles(&self) -> Vec<Circle> {
        let circle = |(name, function): (&String, &Function)| {
            let by = function.calls.iter().find(|called| *called == name || self.reaches(called, name))?;
            Some(Circle { name: name.clone(), file: function.at.0, start: function.at.1, by: by.clone() })
        };
        self.all.iter().filter_map(circle).collect()
    }

    /// Whether a function calls another, by whatever way.
    fn reaches(&self, from: &str, wanted: &str) -> bool {
        let (mut open, mut seen) = (vec![from], BTreeSet::new());
        while let Some(name) = open.pop() {
            if name == wanted {
                return true;
            }
            if seen.insert(name) {
                open.extend(self.all.get(name).into_iter().flat_map(|function| &function.calls).map(String::as_str));
            }
        }
        false
    }
}

/// What imports call packages: `import data.lib.workload as w`.
fn aliases<'a>(words: &[Word<'a>]) -> BTreeMap<&'a str, &'a str> {
    let mut aliases = BTreeMap::new();
    for (at, _) in words.iter().enumerate().filter(|(_, word)| word.text == "import" && word.first) {
        let Some(path) = words.get(at + 1).map(|word| word.text).filter(|path| path.starts_with("data.")) else {
            continue;
        };
        let alias = match (words.get(at + 2), words.get(at + 3)) {
            (Some(other), Some(alias)) if other.text == "as" && !other.first => alias.text,
            _ => path.rsplit('.').next().unwrap_or(path),
        };
        aliases.insert(alias, path);
    }
    aliases
}

/// The package and name that a call means.
fn resolved(call: &str, package: &str, aliases: &BTreeMap<&str, &str>) -> String {
    let (first, rest) = call.split_once('.').map_or((call, None), |(first, rest)| (first, Some(rest)));
    match (first, rest, aliases.get(first)) {
        ("data", ..) => call.to_owned(),
        (_, Some(rest), Some(path)) => format!("{path}.{rest}"),
        (_, None, Some(path)) => (*path).to_owned(),
        _ => format!("{package}.{call}"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::scan::words;
    use super::*;

    fn circles(files: &[(&str, &str)]) -> Vec<String> {
        let mut functions = Functions::default();
        for (index, (package, text)) in files.iter().enumerate() {
            functions.add(index, package, &words(text));
        }
        functions.circles().into_iter().map(|circle| circle.name).collect()
    }

    #[test]
    fn functions_that_come_back_to_themselves_are_found() {
        assert_eq!(circles(&[("data.a", "f(x) := f(x)\n")]), ["data.a.f"]);
        assert_eq!(
            circles(&[("data.a", "f(x) := g(x)\ng(x) = y {\n  y := h(x)\n}\nh(x) := g(x)\n")]),
            ["data.a.g", "data.a.h"]
        );
        assert_eq!(
            circles(&[
                ("data.a", "import data.b\nf(x) := b.g(x)\n"),
                ("data.b", "import data.a.f as q\ng(x) := q(x)\n")
            ]),
            ["data.a.f", "data.b.g"]
        );
        assert_eq!(circles(&[("data.a", "f(x) if\n  f(x)\n")]), ["data.a.f"]);
    }

    #[test]
    fn functions_that_end_are_not() {
        assert!(
            circles(&[("data.a", "f(x) := g(x)\nf(x) := count(x)\ng(x) := 1\ndeny contains f(1) if f(2)\n")])
                .is_empty()
        );
        assert!(
            circles(&[("data.a", "count(x) := 1\n"), ("data.b", "f(x) := count(f2(x))\nf2(x) := count(x)\n")])
                .is_empty()
        );
        // A rule, not a function: the engine finds its circles.
        assert!(circles(&[("data.a", "r if f(1)\nf(x) if r\n")]).is_empty());
    }
}
