//! The parts of the benchmarks that could lie without anybody noticing: the statistics, the draws,
//! and the page that is half written by people.

use benchkit::{
    document::{BEGIN, END, refreshed},
    timing::{Latencies, Sample, on_threads},
};
use std::time::Duration;

#[test]
fn only_the_measured_part_of_the_page_is_replaced() {
    let page = format!("by hand, before\n{BEGIN}\nold\n{END}\nby hand, after\n");
    let once = refreshed(&page, "new").unwrap();
    assert_eq!(once, format!("by hand, before\n{BEGIN}\n\nnew\n\n{END}\nby hand, after\n"));
    assert_eq!(refreshed(&once, "new").unwrap(), once);
}

#[test]
fn a_page_without_both_markers_is_left_alone() {
    for page in ["", BEGIN, END, &format!("{END}\n{BEGIN}")] {
        assert!(refreshed(page, "new").is_err(), "{page:?}");
    }
}

#[test]
fn the_committed_pages_have_their_markers() {
    for page in [include_str!("../../../docs/BENCHMARKS.md"), include_str!("../../../docs/internals/TARGETS.md")] {
        assert!(refreshed(page, "new").is_ok());
    }
}

#[test]
fn quantiles_are_values_that_occurred() {
    let latencies = Latencies::new((1..=1000).rev().collect());
    assert_eq!([0.0, 0.5, 0.99, 0.999, 1.0].map(|share| latencies.quantile(share)), [1.0, 500.0, 990.0, 999.0, 1000.0]);
    assert_eq!((latencies.mean(), latencies.worst()), (500.5, 1000.0));
    assert_eq!(Latencies::new(vec![7]).quantile(0.99), 7.0);
}

/// Two threads with the same work show the same time per operation as one: what is reported is not
/// divided by threads.
#[test]
fn threads_add_up() {
    let sample = |nanos| Sample { elapsed: Duration::from_nanos(nanos), operations: 10 };
    assert_eq!(on_threads(vec![100], sample).nanos(), 10.0);
    assert_eq!(on_threads(vec![100, 300], sample).nanos(), 20.0);
}
