//! The measured part of a page lies between two markers; the rest is written by people.

pub const BEGIN: &str = "<!-- measured: begin, written by cargo bench-report -->";
pub const END: &str = "<!-- measured: end -->";

/// The page with its measured part replaced.
pub fn refreshed(page: &str, measured: &str) -> Result<String, String> {
    let (before, rest) = page.split_once(BEGIN).ok_or(format!("the page has no line {BEGIN}"))?;
    let (_, after) = rest.split_once(END).ok_or(format!("the page has no line {END}"))?;
    Ok(format!("{before}{BEGIN}\n\n{}\n\n{END}{after}", measured.trim()))
}
