//! The README says what the program says: its excerpts of output are held against it.

use hagen::blueprint::load::{Input, parse};
use hagen::render::{Engine, Selection, render};
use hagen::report::{Format, Look, Section};

use crate::support::blueprint;

const README: &str = include_str!("../README.md");

/// The code block that begins with this line.
fn block(first: &str) -> &'static str {
    let at = README.find(first).unwrap_or_else(|| panic!("the README has no block that begins with {first:?}"));
    README[at..].split("\n```").next().unwrap()
}

#[test]
fn the_excerpt_of_a_file_is_what_is_rendered() {
    let set = render(&blueprint("agentic-platform"), &Engine::embedded().unwrap(), &Selection::default()).unwrap();
    let excerpt = block("      # R-K8-36");
    assert!(set["us-east-1/kubernetes/l01-data-layer.yaml"].text.contains(excerpt), "{excerpt}");
}

#[test]
fn the_excerpt_of_a_complaint_is_what_is_said() {
    let marked = include_str!("broken/25-patroni-times.yaml");
    let text: String = marked.lines().map(|line| format!("{}\n", line.split("  # expect").next().unwrap())).collect();
    let loaded = parse(vec![Input { name: "blueprint.yaml".to_owned(), text, directory: None }]).load(0, None);
    let section = Section { environment: None, document: &loaded.document, findings: &loaded.problems, fail_on: None };
    let said = hagen::report::render(&[section], Format::Human, Look { color: false, width: 140 });
    assert_eq!(said.trim_end(), block("error[BP048]"));
}

#[test]
fn the_excerpt_of_a_finding_is_what_is_said() {
    let text = include_str!("rules/base.yaml").replace("autoscale: {cpu: 60%}", "autoscale: {cpu: 70%}");
    let loaded = parse(vec![Input { name: "blueprint.yaml".to_owned(), text, directory: None }]).load(0, None);
    let findings = hagen::rules::check(loaded.blueprint.as_ref().unwrap());
    let section = Section { environment: None, document: &loaded.document, findings: &findings, fail_on: None };
    let said = hagen::report::render(&[section], Format::Human, Look { color: false, width: 140 });
    assert_eq!(said.trim_end(), block("warning[K8012]"));
}

/// What stands in the fenced blocks of one language, one behind the other.
fn blocks(page: &str, language: &str) -> String {
    let fence = format!("```{language}\n");
    page.split(&fence).skip(1).map(|rest| rest.split("```").next().unwrap_or_default()).collect()
}

#[test]
fn the_tour_shows_every_line_of_the_two_files() {
    let page = include_str!("../docs/tour.md");
    let tree = "examples/data-on-hosts/expected/home";
    for (language, file) in [("yaml", "patroni/main/pg-1/patroni.yml"), ("conf", "redis/sessions/redis-1/redis.conf")] {
        let whole = std::fs::read_to_string(format!("{tree}/{file}")).unwrap();
        assert_eq!(blocks(page, language), whole, "{file}");
    }
}
