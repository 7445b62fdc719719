//! The architecture, held to: every import in `src` points down this list, and every module is on
//! it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// From the ground up. A module may use those above its own line in this list, never those below;
/// modules of one line do not know each other.
const LAYERS: &[&[&str]] = &[
    &["sync"],
    &["util", "topics", "error"],
    &["storage"],
    &["id"],
    &["shard"],
    &["watch"],
    &["registry"],
    &["presence"],
    &["axum", "serde", "stream"],
];

/// The same within `storage`.
const STORAGE: &[&[&str]] = &[&["fingerprint", "occupancy", "slot"], &["slab"], &["table"]];

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") && !path.ends_with("tests.rs") {
            found.push(path);
        }
    }
}

/// The code's lines, comments left out.
fn code(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter(|line| !line.trim_start().starts_with("//"))
}

/// The names that follow `prefix` in the code.
fn uses<'a>(text: &'a str, prefix: &'a str) -> impl Iterator<Item = &'a str> {
    code(text).flat_map(move |line| {
        line.split(prefix).skip(1).map(|rest| {
            let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
            &rest[..end]
        })
    })
}

fn layer(layers: &[&[&str]], module: &str) -> Option<usize> {
    layers.iter().position(|layer| layer.contains(&module))
}

#[test]
fn imports_point_down() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let (mut files, mut wrong) = (Vec::new(), BTreeSet::new());
    sources(&src, &mut files);
    assert!(files.len() > 40, "the sources were not found");
    for file in files {
        let path = file.strip_prefix(&src).unwrap().with_extension("");
        let parts: Vec<_> = path.iter().map(|part| part.to_str().unwrap()).collect();
        let text = fs::read_to_string(&file).unwrap();
        if parts == ["lib"] {
            continue;
        }
        let mut check = |layers: &[&[&str]], own: &str, prefix: &str| {
            let height = layer(layers, own).unwrap_or_else(|| panic!("{own} is on no layer: say where it belongs"));
            for used in uses(&text, prefix).filter(|used| *used != own) {
                match layer(layers, used) {
                    Some(at) if at < height => {}
                    _ => drop(wrong.insert(format!("{} uses {prefix}{used}", path.display()))),
                }
            }
        };
        check(LAYERS, parts[0], "crate::");
        if parts[0] == "storage" && parts.len() > 1 && parts[1] != "mod" {
            check(STORAGE, parts[1], "crate::storage::");
        }
        // By way of `super` a file could leave its own module unseen.
        let leaves = |line: &str| line.contains("super::super") || line.contains("super::") && parts.len() == 1;
        if code(&text).any(leaves) {
            wrong.insert(format!("{} leaves its module by `super`", path.display()));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
