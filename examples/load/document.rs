//! The measured parts of docs/LOAD.md lie between markers; the rest is written by people.

use std::fs;
use std::path::Path;

use crate::Failure;

pub(crate) fn refresh(section: &str, measured: &str) -> Result<(), Failure> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/LOAD.md");
    let page = fs::read_to_string(&file)?;
    let (begin, end) = (format!("<!-- measured: {section} -->"), format!("<!-- end: {section} -->"));
    let (before, rest) = page.split_once(&begin).ok_or(format!("docs/LOAD.md has no line {begin}"))?;
    let (_, after) = rest.split_once(&end).ok_or(format!("docs/LOAD.md has no line {end}"))?;
    fs::write(&file, format!("{before}{begin}\n\n{}\n\n{end}{after}", measured.trim()))?;
    Ok(())
}
