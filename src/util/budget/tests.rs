#![cfg(not(any(socket_registry_loom, socket_registry_shuttle)))]

use super::*;
use crate::sync::{AtomicU32, Ordering};
use std::sync::Arc;
use std::task::{Wake, Waker};

#[derive(Default)]
struct Wakes(AtomicU32);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[test]
fn after_so_many_results_the_task_is_woken_and_comes_again() {
    let wakes = Arc::new(Wakes::default());
    let waker = Waker::from(Arc::clone(&wakes));
    let (mut cx, mut budget) = (Context::from_waker(&waker), Budget::default());
    for turn in 0..3 {
        assert!((0..READY_IN_A_ROW).all(|_| budget.poll_ready(&mut cx).is_ready()));
        assert_eq!(wakes.0.load(Ordering::SeqCst), turn);
        assert!(budget.poll_ready(&mut cx).is_pending());
        assert_eq!(wakes.0.load(Ordering::SeqCst), turn + 1);
    }
    assert!(budget.poll_ready(&mut cx).is_ready());
    budget.renew();
    assert!((0..READY_IN_A_ROW).all(|_| budget.poll_ready(&mut cx).is_ready()));
}
