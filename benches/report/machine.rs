//! On what it was measured.

use benchkit::timing::cores;
use std::{fs, process::Command};

/// A markdown list; what cannot be found out is left out.
pub fn describe() -> String {
    let caches = [2, 3].map(|index| {
        let size = fs::read_to_string(format!("/sys/devices/system/cpu/cpu0/cache/index{index}/size"));
        size.map(|size| format!("L{index} {}", size.trim())).unwrap_or_default()
    });
    let lines = [
        ("Processor", field("/proc/cpuinfo", "model name")),
        ("Cores", Some(cores().to_string())),
        ("Caches", Some(caches.join(", ")).filter(|caches| caches.len() > 2)),
        ("Memory", field("/proc/meminfo", "MemTotal")),
        ("Huge pages", fs::read_to_string("/sys/kernel/mm/transparent_hugepage/enabled").ok()),
        ("Kernel", fs::read_to_string("/proc/sys/kernel/osrelease").ok()),
        ("Compiler", output("rustc", &["--version"])),
        ("Commit", output("git", &["describe", "--always", "--dirty"])),
    ];
    let known = lines.into_iter().filter_map(|(name, value)| Some(format!("- {name}: {}\n", value?.trim())));
    known.collect()
}

fn field(file: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.to_owned())
}

fn output(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}
