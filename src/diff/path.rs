//! Where something stands in an object: `spec.template.spec.containers[api].image`.

use std::fmt;

/// A step of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// The value of a key.
    Key(String),
    /// An item of a list by what it is known by: its name, or `8080/TCP`.
    Item(String),
    /// An item of a list by its place.
    Index(usize),
}

/// A path as people write it.
pub fn text(steps: &[Step]) -> String {
    struct Shown<'a>(&'a [Step]);
    impl fmt::Display for Shown<'_> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            for (at, step) in self.0.iter().enumerate() {
                match step {
                    Step::Key(key) if is_plain(key) => write!(f, "{}{key}", if at == 0 { "" } else { "." })?,
                    Step::Key(key) => write!(f, "[{key:?}]")?,
                    Step::Item(name) => write!(f, "[{name}]")?,
                    Step::Index(index) => write!(f, "[{index}]")?,
                }
            }
            Ok(())
        }
    }
    Shown(steps).to_string()
}

fn is_plain(key: &str) -> bool {
    !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'$'))
}

/// The keys of a path without the items of lists between them: what tables are looked up by.
pub fn keys(steps: &[Step]) -> Vec<&str> {
    let mut keys = Vec::with_capacity(steps.len());
    for step in steps {
        if let Step::Key(key) = step {
            keys.push(key.as_str());
        }
    }
    keys
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_reads_as_people_write_it() {
        let key = |key: &str| Step::Key(key.to_owned());
        let path = [key("spec"), key("containers"), Step::Item("api".to_owned()), key("env"), Step::Index(0)];
        assert_eq!(text(&path), "spec.containers[api].env[0]");
        assert_eq!(keys(&path), ["spec", "containers", "env"]);
        assert_eq!(text(&[key("metadata"), key("labels"), key("a.b/c")]), "metadata.labels[\"a.b/c\"]");
    }
}
