//! On what it was measured.

use std::fs;
use std::process::Command;
use std::thread::available_parallelism;

/// Names and values; what cannot be found out is left out.
pub(crate) fn describe() -> Vec<(&'static str, String)> {
    let cores = available_parallelism().ok().map(|cores| cores.to_string());
    let known = [
        ("Processor", field("/proc/cpuinfo", "model name")),
        ("Cores", cores),
        ("Memory", field("/proc/meminfo", "MemTotal")),
        ("Kernel", fs::read_to_string("/proc/sys/kernel/osrelease").ok()),
        ("Open files per process", field("/proc/self/limits", "Max open files")),
        ("Compiler", output("rustc", &["--version"])),
        ("Commit", output("git", &["describe", "--always", "--dirty"])),
    ];
    known.into_iter().filter_map(|(name, value)| Some((name, value?.trim().to_owned()))).collect()
}

fn field(file: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    let value = text.lines().find_map(|line| line.strip_prefix(name))?;
    let value = value.trim_start_matches([' ', '\t', ':']);
    Some(value.split("  ").next()?.to_owned())
}

fn output(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}
