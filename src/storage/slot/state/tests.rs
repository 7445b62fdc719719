#![cfg(not(any(socket_registry_loom, socket_registry_shuttle)))]

mod drawn;

use super::*;
use drawn::State;

const LAST: u32 = (1 << 26) - 1;
const GENERATIONS: [u32; 4] = [0, 1, LAST - 1, LAST];
const DUES: [u32; 5] = [0, 1, 1 << 31, 0x5555_5555, u32::MAX];

/// Every valid state of a live word, but for the generations and due fields in between.
fn live_states() -> Vec<State> {
    let mut states = Vec::new();
    for generation in GENERATIONS {
        for due in DUES {
            for flags in 0..32 {
                let flag = |n: u32| flags >> n & 1 == 1;
                let [visited, closed, waiting] = [flag(0), flag(1), flag(2)];
                states.push(State { generation, visited, closed, wakers: flags >> 3, waiting, live: true, due });
            }
        }
    }
    states.retain(|state| state.is_valid());
    states
}

fn idle_states() -> impl Iterator<Item = State> {
    GENERATIONS.into_iter().flat_map(|generation| [State::vacant(generation), State::busy(generation)])
}

fn superseded_states() -> Vec<State> {
    let mut states = Vec::new();
    for generation in GENERATIONS {
        for flags in 0..16 {
            let flag = |n: u32| flags >> n & 1 == 1;
            let [visited, waiting] = [flag(0), flag(1)];
            states.push(State { generation, visited, wakers: flags >> 2, waiting, ..State::default() }.superseded());
        }
    }
    states.retain(|state| state.is_valid());
    states
}

/// Every valid state of a word that has an owner.
fn owned_states() -> impl Iterator<Item = State> {
    live_states().into_iter().chain(superseded_states())
}

fn valid_states() -> impl Iterator<Item = State> {
    idle_states().chain(owned_states())
}

/// Runs `step` on a word in state `from`; checks that it returns and leaves behind what was
/// expected, and that this is valid.
#[track_caller]
fn check<R: PartialEq + std::fmt::Debug>(from: State, step: impl FnOnce(&SlotState) -> R, returns: R, to: State) {
    let word = from.word();
    assert_eq!((step(&word), State::of(&word)), (returns, to), "from {from:?}");
    assert!(to.is_valid(), "from {from:?} to {to:?}");
}

/// What setting bits in a live word must do: `to` has them set and everything else as it was.
fn with_bits_set(from: State, to: State, wakes: bool) -> (MarkOutcome, State) {
    if wakes && from.must_wake() {
        (MarkOutcome::Wake(WakeToken(())), to.waking())
    } else if from == to {
        (MarkOutcome::Unchanged, from)
    } else {
        (MarkOutcome::Set, to)
    }
}

#[test]
fn the_masks_are_as_drawn_and_share_no_bit() {
    let masks = [DUE, LIVE, WAITING, WAKERS, CLOSED, VISITED, u64::from(LAST) << GENERATION_SHIFT];
    assert_eq!(masks.iter().fold(0, |all, mask| all | mask), u64::MAX, "every bit has a meaning");
    assert_eq!(masks.iter().map(|mask| mask.count_ones()).sum::<u32>(), u64::BITS, "and only one");
    assert_eq!(masks.map(u64::trailing_zeros), [0, 32, 33, 34, 36, 37, 38]);
    assert_eq!((Generation::BITS, Generation::new(LAST).raw()), (26, LAST));
    assert_eq!((Generation::new(LAST - 1).next(), Generation::new(LAST).next()), (Some(Generation::new(LAST)), None));
}

#[test]
fn there_are_as_many_valid_states_as_the_table_says() {
    // For each generation, and live also for each due field: all flags.
    assert_eq!(live_states().len(), GENERATIONS.len() * DUES.len() * 32);
    assert_eq!(superseded_states().len(), GENERATIONS.len() * 16);
}

#[test]
fn try_mark_waiting_needs_a_task_that_waits_and_that_nobody_wakes() {
    for state in valid_states() {
        for topics in DUES.map(Topics::from_bits) {
            let applies = state.live && state.waiting && state.wakers == 0 && !topics.is_empty();
            let (returns, to) = with_bits_set(state, State { due: state.due | topics.bits(), ..state }, true);
            let step = |word: &SlotState| word.try_mark_waiting(state.seen(), topics).map(MarkOutcome::Wake);
            if applies {
                check(state, step, Some(returns), to);
            } else {
                check(state, step, None, state);
            }
        }
    }
}

#[test]
fn every_predicate_in_every_valid_state() {
    for state in valid_states() {
        let seen = state.seen();
        assert!(state.word().load() == seen);
        assert_eq!(seen.is_live(), state.live, "{state:?}");
        assert_eq!(seen.generation().raw(), state.generation, "{state:?}");
        for generation in GENERATIONS {
            let same = state.live && state.generation == generation;
            assert_eq!(seen.is_live_as(Generation::new(generation)), same, "{state:?}");
        }
        assert_eq!(seen.due().bits(), if state.live { state.due } else { 0 }, "{state:?}");
        assert_eq!(seen.is_closed(), state.closed, "{state:?}");
        assert_eq!(seen.is_superseded(), state.closed && !state.live, "{state:?}");
        assert_eq!(seen.is_owned(), state.is_owned(), "{state:?}");
        assert_eq!(seen.is_waiting(), state.waiting, "{state:?}");
        assert_eq!(seen.is_waking(), state.wakers > 0, "{state:?}");
        assert!(!state.is_owned() || seen.is_ready() == state.is_ready(), "{state:?}");
    }
}

#[test]
fn a_fresh_word_is_vacant_for_generation_0() {
    assert_eq!(State::of(&SlotState::default()), State::vacant(0));
}

#[test]
fn claim_takes_a_vacant_place_and_no_other() {
    for state in valid_states() {
        let vacant = state == State::vacant(state.generation);
        let to = if vacant { State::busy(state.generation) } else { state };
        check(state, SlotState::claim, vacant, to);
    }
}

#[test]
fn unclaim_gives_back_the_same_generation() {
    for generation in GENERATIONS {
        check(State::busy(generation), SlotState::unclaim, (), State::vacant(generation));
    }
}

#[test]
fn publish_begins_with_no_flag_and_nothing_due_but_what_is_asked_for() {
    for generation in GENERATIONS {
        for due in DUES {
            let live = State { generation, live: true, due, ..State::default() };
            let published = Generation::new(generation);
            check(State::busy(generation), |word| word.publish(Topics::from_bits(due)), published, live);
        }
    }
}

#[test]
fn mark_adds_topics_and_wakes_who_waits() {
    for state in live_states() {
        for topics in DUES {
            let (returns, to) = with_bits_set(state, State { due: state.due | topics, ..state }, topics != 0);
            check(state, |word| word.mark(state.seen(), Topics::from_bits(topics), Fence::Own), returns, to);
        }
    }
}

#[test]
fn mark_goes_by_what_the_word_holds_and_not_by_what_was_seen() {
    for state in live_states() {
        for seen in live_states().into_iter().filter(|seen| seen.generation == state.generation) {
            for topics in DUES {
                let (returns, to) = with_bits_set(state, State { due: state.due | topics, ..state }, topics != 0);
                check(state, |word| word.mark(seen.seen(), Topics::from_bits(topics), Fence::Own), returns, to);
            }
        }
    }
}

#[test]
fn what_is_meant_for_another_socket_changes_nothing() {
    for state in valid_states() {
        for generation in GENERATIONS.into_iter().filter(|&g| !state.live || g != state.generation) {
            for due in DUES {
                let seen = State { generation, live: true, due, ..State::default() }.seen();
                check(state, |word| word.mark(seen, Topics::EMPTY, Fence::Own), MarkOutcome::Gone, state);
                check(state, |word| word.mark(seen, Topics::UPDATE, Fence::Own), MarkOutcome::Gone, state);
                check(state, |word| word.mark(seen, Topics::ALL, Fence::Own), MarkOutcome::Gone, state);
            }
            check(state, |word| word.close(Generation::new(generation)), MarkOutcome::Gone, state);
            check(state, |word| word.announce_visit(Generation::new(generation)), false, state);
        }
        for generation in GENERATIONS.into_iter().filter(|&g| !state.is_owned() || g != state.generation) {
            check(state, |word| word.supersede(Generation::new(generation)), Superseded::Gone, state);
        }
    }
}

#[test]
fn close_tells_once_and_wakes_who_waits() {
    for state in live_states() {
        let (returns, to) = with_bits_set(state, State { closed: true, ..state }, true);
        check(state, |word| word.close(Generation::new(state.generation)), returns, to);
    }
}

#[test]
fn supersede_ends_the_socket_takes_what_was_due_and_wakes_who_waits() {
    for state in live_states() {
        let (wake, to) = match state.superseded() {
            to if state.must_wake() => (Some(WakeToken(())), to.waking()),
            to => (None, to),
        };
        let done = Superseded::Done(Topics::from_bits(state.due), wake);
        check(state, |word| word.supersede(Generation::new(state.generation)), done, to);
    }
}

#[test]
fn supersede_wakes_who_was_superseded_before_and_may_not_have_been_woken() {
    for state in superseded_states() {
        let supersede = |word: &SlotState| word.supersede(Generation::new(state.generation));
        match state.must_wake() {
            true => check(state, supersede, Superseded::Before(WakeToken(())), state.waking()),
            false => check(state, supersede, Superseded::Gone, state),
        }
        assert_eq!(state.seen().is_superseded_unwoken(), state.must_wake());
    }
}

#[test]
fn a_superseded_socket_has_nothing_due_and_does_not_wait() {
    for state in superseded_states() {
        check(state, SlotState::take, Topics::EMPTY, state);
        check(state, SlotState::arm, false, state);
        check(state, SlotState::claim, false, state);
    }
}

#[test]
fn a_visit_is_announced_and_wakes_nobody() {
    for state in live_states() {
        let to = State { visited: true, ..state };
        check(state, |word| word.announce_visit(Generation::new(state.generation)), true, to);
    }
}

#[test]
fn wake_done_ends_the_waking_unless_the_owner_waits_in_vain() {
    for state in owned_states().filter(|state| state.wakers > 0) {
        if state.waiting && state.is_ready() {
            check(state, SlotState::wake_done, Woken::Again, State { waiting: false, ..state });
        } else {
            check(state, SlotState::wake_done, Woken::Done, State { wakers: state.wakers - 1, ..state });
        }
    }
}

#[test]
fn the_last_one_that_wakes_an_owner_that_left_learns_of_it() {
    for generation in GENERATIONS {
        let busy = |wakers| State { wakers, ..State::busy(generation) };
        check(busy(3), SlotState::wake_done, Woken::Done, busy(2));
        check(busy(2), SlotState::wake_done, Woken::Done, busy(1));
        check(busy(1), SlotState::wake_done, Woken::OwnerLeft, busy(0));
    }
}

#[test]
fn take_returns_and_clears_what_is_due_and_nothing_else() {
    for state in live_states() {
        check(state, SlotState::take, Topics::from_bits(state.due), State { due: 0, ..state });
    }
}

#[test]
fn arm_waits_only_if_there_is_nothing_to_be_told() {
    for state in live_states() {
        let to = if state.is_ready() { state } else { State { waiting: true, ..state } };
        check(state, SlotState::arm, !state.is_ready(), to);
    }
}

#[test]
fn arm_for_close_waits_with_something_due_unless_somebody_is_waking() {
    for state in owned_states() {
        let waits = !state.closed && state.wakers == 0;
        let to = if waits { State { waiting: true, ..state } } else { state };
        check(state, SlotState::arm_for_close, waits, to);
    }
}

#[test]
fn disarm_frees_the_cell_unless_somebody_reads_it() {
    for state in owned_states() {
        let to = if state.wakers > 0 { state } else { State { waiting: false, ..state } };
        check(state, SlotState::disarm, state.wakers == 0, to);
    }
}

#[test]
fn remove_ends_the_socket_and_says_who_else_is_in() {
    for state in owned_states() {
        let others = (state.wakers > 0, state.visited, !state.live);
        let remove = |state: &SlotState| {
            let others = state.remove();
            assert_eq!(others.are_none(), !(others.is_waking() || others.is_visited() || others.is_superseded()));
            assert_eq!(others.are_visitors(), others.is_visited() && !(others.is_waking() || others.is_superseded()));
            (others.is_waking(), others.is_visited(), others.is_superseded())
        };
        check(state, remove, others, State { wakers: state.wakers, ..State::busy(state.generation) });
    }
}

#[test]
fn vacate_hands_on_to_the_next_generation_until_the_last() {
    for generation in GENERATIONS {
        let busy = State::busy(generation);
        if generation == LAST {
            check(busy, SlotState::vacate, false, busy);
        } else {
            check(busy, SlotState::vacate, true, State::vacant(generation + 1));
        }
    }
}

#[test]
fn a_retired_place_stays_so() {
    let word = State::vacant(LAST).word();
    assert!(word.claim());
    assert_eq!(word.publish(Topics::EMPTY), Generation::new(LAST));
    assert!(word.remove().are_none());
    assert!(!word.vacate());
    for _ in 0..2 {
        assert!(!word.claim() && !word.is_vacant() && !word.load().is_live());
    }
}

#[test]
fn a_mark_beside_marks_that_wake_is_not_lost() {
    let wakes = |outcome| assert_eq!(outcome, MarkOutcome::Wake(WakeToken(())));
    let word = State { live: true, ..State::default() }.word();
    assert!(word.arm());
    wakes(word.mark(word.load(), Topics::topic(1), Fence::Own));
    wakes(word.mark(word.load(), Topics::topic(1), Fence::Own));
    assert_eq!(word.take(), Topics::topic(1));
    assert!(word.arm(), "the owner waits again while it is still being woken");
    wakes(word.mark(word.load(), Topics::topic(2), Fence::Own));
    assert_eq!(word.take(), Topics::topic(2));
    assert!(word.arm());
    assert_eq!(
        word.mark(word.load(), Topics::topic(3), Fence::Own),
        MarkOutcome::Set,
        "three wake: one of them looks again"
    );
    assert_eq!(word.wake_done(), Woken::Again);
    for _ in 0..3 {
        assert_eq!(word.wake_done(), Woken::Done);
    }
    assert_eq!(State::of(&word), State { live: true, due: 0b1000, ..State::default() });
}
