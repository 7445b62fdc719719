//! The measured parts of docs/LOAD.md lie between markers; the rest is written by people.

use std::fs;
use std::path::{Path, PathBuf};

use crate::Failure;
use crate::plot;
use crate::results::Results;

/// A part of the page that is to be replaced.
pub(crate) struct Section {
    name: String,
    before: String,
    after: String,
}

impl Section {
    /// Fails before hours of measuring do so in vain.
    pub(crate) fn find(name: &str) -> Result<Self, Failure> {
        let page = fs::read_to_string(docs().join("LOAD.md"))?;
        let (begin, end) = (format!("<!-- measured: {name} -->"), format!("<!-- end: {name} -->"));
        let (before, rest) = page.split_once(&begin).ok_or(format!("docs/LOAD.md has no line {begin}"))?;
        let (_, after) = rest.split_once(&end).ok_or(format!("docs/LOAD.md has no line {end}"))?;
        Ok(Self { name: name.to_owned(), before: format!("{before}{begin}"), after: format!("{end}{after}") })
    }

    pub(crate) fn fill(self, tables: &str, results: &Results) -> Result<(), Failure> {
        let Self { name, before, after } = self;
        let plot = format!("load-{name}.svg");
        plot::draw(&docs().join(&plot), results)?;
        let picture = format!("![Mark to client by percentile]({plot})");
        fs::write(docs().join("LOAD.md"), format!("{before}\n\n{}\n\n{picture}\n\n{after}", tables.trim()))?;
        Ok(())
    }
}

fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs")
}
