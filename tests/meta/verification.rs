//! `docs/VERIFICATION.md` names checks that exist, and some for each guarantee.

use std::fs;
use std::path::Path;

const PAGE: &str = include_str!("../../docs/VERIFICATION.md");
const GUARANTEES: usize = 21;
/// The pages with a table of the cluster's faults, whose last column has tests.
const FAULTS: [&str; 2] =
    [include_str!("../../docs/CLUSTER.md"), include_str!("../../crates/socket-registry-cluster/docs/DESIGN.md")];

/// The guarantees in order, each from its heading to the next.
fn guarantees() -> Vec<&'static str> {
    let (_, guarantees) = PAGE.split_once("\n## Guarantees\n").expect("the heading is there");
    let (guarantees, _) = guarantees.split_once("\n## ").expect("another heading follows");
    guarantees.split("\n### ").skip(1).collect()
}

/// What is between backticks and begins with a kind of check.
fn checks(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let quoted = text.split('`').skip(1).step_by(2);
    quoted
        .filter_map(|name| name.split_once(' '))
        .filter(|(kind, _)| ["loom", "shuttle", "test", "unit", "mutant"].contains(kind))
}

fn exists(kind: &str, name: &str) -> bool {
    let read = |path: String| fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap_or_default();
    if kind == "mutant" {
        return read("tests/mutants/mutants.py".into()).contains(&format!("Mutant(\"{name}\""));
    }
    let (file, function) = name.rsplit_once("::").expect("FILE::NAME");
    let path = match kind {
        "loom" | "shuttle" => format!("tests/{kind}/{file}.rs"),
        "unit" => format!("src/{}/tests.rs", file.replace("::", "/")),
        _ => format!("tests/{}.rs", file.replace("::", "/")),
    };
    read(path).contains(&format!("fn {function}("))
}

#[test]
fn every_guarantee_has_checks() {
    let guarantees = guarantees();
    assert_eq!(guarantees.len(), GUARANTEES);
    for (n, guarantee) in guarantees.iter().enumerate() {
        assert!(guarantee.starts_with(&format!("G{} ", n + 1)), "{guarantee}");
        assert!(checks(guarantee).any(|(kind, _)| kind == "loom"), "no model: {guarantee}");
        assert!(checks(guarantee).any(|(kind, _)| kind == "test"), "no test: {guarantee}");
    }
}

#[test]
fn every_check_exists() {
    // The table that says how names are run has placeholders in it.
    let (_, tables) = PAGE.split_once("## Guarantees").expect("the heading is there");
    let missing: Vec<_> = checks(tables).filter(|(kind, name)| !exists(kind, name)).collect();
    assert!(missing.is_empty(), "not there: {missing:?}");
    assert!(!exists("loom", "word::no_such_model") && !exists("mutant", "no-such-mutant"));
}

#[test]
fn every_fault_has_a_test_that_exists() {
    let all = include_str!("../../crates/socket-registry-cluster/tests/brokers/faults.rs");
    let is_row = |name: &str| all.lines().any(|line| line.trim() == name || line.contains(&format!("{name} ")));
    for page in FAULTS {
        let (_, table) = page.split_once(" | test |\n|---|---|---|\n").expect("the table is there");
        let mut rows = table.lines().take_while(|line| line.starts_with('|')).peekable();
        assert!(rows.peek().is_some());
        for row in rows {
            let tests = row.trim_end_matches(" |").rsplit(" | ").next().unwrap_or_default();
            let mut names = tests.split('`').skip(1).step_by(2).peekable();
            assert!(names.peek().is_some(), "no test: {row}");
            names.for_each(|name| assert!(is_row(name), "not there: {name}"));
        }
    }
    assert!(!is_row("no_such_row"));
}
