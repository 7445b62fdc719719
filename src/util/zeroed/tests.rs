#![allow(unsafe_code)]
#![cfg(not(any(socket_registry_loom, socket_registry_shuttle)))]

use super::*;
use crate::sync::{AtomicU64, Ordering};

#[derive(Default)]
#[repr(align(64))]
struct Line(AtomicU64);

// SAFETY: one atomic.
unsafe impl Zeroable for Line {}

#[derive(Default)]
struct Small(AtomicU64);

// SAFETY: one atomic.
unsafe impl Zeroable for Small {}

#[test]
fn values_are_zero_aligned_and_each_its_own() {
    for len in [0, 1, 2, 3, 1000] {
        let lines = ZeroedSlice::<Line>::new(len).unwrap();
        assert_eq!(lines.len(), len);
        for (n, line) in lines.iter().enumerate() {
            assert_eq!((line.0.load(Ordering::Relaxed), std::ptr::from_ref(line).addr() % 64), (0, 0));
            line.0.store(n as u64 + 1, Ordering::Relaxed);
        }
        assert!(lines.iter().enumerate().all(|(n, line)| line.0.load(Ordering::Relaxed) == n as u64 + 1));
        let small = ZeroedSlice::<Small>::new(len).unwrap();
        assert!(small.iter().all(|value| value.0.load(Ordering::Relaxed) == 0));
    }
}

#[test]
fn what_no_system_has_is_an_error() {
    for len in [usize::MAX, usize::MAX / 64, isize::MAX as usize / 64, 1 << 52] {
        assert_eq!(ZeroedSlice::<Line>::new(len).err(), Some(OutOfMemory));
    }
}

#[test]
fn values_that_need_it_are_dropped() {
    #[derive(Default)]
    struct Counted(Option<std::rc::Rc<()>>);
    // SAFETY: for this test alone: an `Option` of a pointer that is never null is `None` if its
    // bytes are zero.
    unsafe impl Zeroable for Counted {}
    let rc = std::rc::Rc::new(());
    let values = ZeroedSlice::<Counted>::new(3).unwrap();
    // SAFETY: the second of three values.
    let mut second = unsafe { values.start.add(1) };
    // SAFETY: a value, and nobody else's.
    *unsafe { second.as_mut() } = Counted(Some(rc.clone()));
    assert!(values[1].0.is_some());
    drop(values);
    assert_eq!(std::rc::Rc::strong_count(&rc), 1);
}
