//! Memory that is promised ahead and given as it is needed, and memory that the system refuses.
//! What is measured is the whole process, so each test runs again as a process of its own.

#![cfg(target_os = "linux")]

use socket_registry::{Builder, RegisterError, Registry};
use std::env;
use std::fs;
use std::process::Command;

/// Set in the process in which the test's other half runs.
const CHILD: &str = "SOCKET_REGISTRY_TEST_CHILD";

/// Runs the test of that name again, in a process that may have `max_kib` of addresses.
fn in_a_process_of_its_own(test: &str, max_kib: Option<u64>) {
    let limit = max_kib.map_or(String::new(), |kib| format!("ulimit -v {kib}; "));
    let output = Command::new("sh")
        .args([
            "-c",
            &format!("{limit}exec \"$0\" --exact \"$1\""),
            env::current_exe().unwrap().to_str().unwrap(),
            test,
        ])
        .env(CHILD, "1")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed"), "{text}{}", String::from_utf8_lossy(&output.stderr));
}

fn is_child() -> bool {
    env::var_os(CHILD).is_some()
}

fn resident_mib() -> usize {
    let statm = fs::read_to_string("/proc/self/statm").unwrap();
    statm.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4 / 1024
}

#[test]
fn a_registry_for_millions_takes_memory_for_what_is_there() {
    if !is_child() {
        return in_a_process_of_its_own("memory::a_registry_for_millions_takes_memory_for_what_is_there", None);
    }
    for shards in [1, 64] {
        let before = resident_mib();
        let registry: Registry<u64> =
            Registry::builder().shards(shards).max_sockets(Builder::<u64>::MAX_SOCKETS).build().unwrap();
        let sockets: Vec<_> = (0..200).map(|user| registry.register(user).unwrap()).collect();
        let more = resident_mib().saturating_sub(before); // the system may take pages away meanwhile
        assert!(more < 32, "{} sockets take {more} MiB with {shards} shards", sockets.len());
    }
}

#[test]
fn memory_that_is_refused_is_an_error_and_changes_nothing() {
    if !is_child() {
        return in_a_process_of_its_own(
            "memory::memory_that_is_refused_is_an_error_and_changes_nothing",
            Some(2 << 20),
        );
    }
    let registry: Registry<u64> =
        Registry::builder().shards(2).max_sockets(Builder::<u64>::MAX_SOCKETS).build().unwrap();
    let mut counts = registry.watch_counts();
    for key in 0..4 {
        assert_eq!(registry.register(key).unwrap_err(), RegisterError::OutOfMemory);
        assert_eq!(registry.register_taking_over(key, ()).unwrap_err(), RegisterError::OutOfMemory);
        let rejected = registry.registration(key, ()).try_register().unwrap_err();
        assert_eq!(rejected.into_parts(), (RegisterError::OutOfMemory, key, ()));
    }
    counts.take_changed();
    assert_eq!((registry.key_count(), registry.socket_count(), registry.mark_all()), (0, 0, 0));

    // The process goes on, and a registry that fits works.
    let registry: Registry<u64> = Registry::new();
    let _socket = registry.register(1).unwrap();
    assert_eq!(registry.mark(&1), 1);
}
