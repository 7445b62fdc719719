#![cfg(not(any(socket_registry_loom, socket_registry_shuttle)))]

use super::*;
use crate::storage::fingerprint::Seeds;

/// What a word says, drawn by hand rather than by the module's masks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct State {
    version_or_filter: u64,
    sealed: bool,
    filtered: bool,
    pending: Option<u32>,
}

const LAST: u64 = (1 << 52) - 1;

impl State {
    fn bits(self) -> u64 {
        self.version_or_filter << 12
            | u64::from(self.filtered) << 11
            | u64::from(self.sealed) << 10
            | self.pending.map_or(0, |position| u64::from(position) + 1)
    }

    fn seen(self) -> Snapshot {
        Snapshot(self.bits())
    }

    fn home(self) -> HomeGroup {
        HomeGroup(AtomicU64::new(self.bits()))
    }

    fn of_bits(bits: u64) -> Self {
        let field = |shift: u32, width: u32| bits >> shift & ((1 << width) - 1);
        Self {
            version_or_filter: field(12, 52),
            filtered: field(11, 1) == 1,
            sealed: field(10, 1) == 1,
            pending: field(0, 10).checked_sub(1).map(|position| position as u32),
        }
    }
}

const POSITIONS: [u32; 4] = [0, 1, MAX_POSITION - 1, MAX_POSITION];

/// The valid states, but for the numbers in between: a home is never sealed while something is
/// pending, except by its last version.
fn valid_states() -> Vec<State> {
    let mut states = Vec::new();
    for version in [0, 1, LAST - 1, LAST] {
        let open = State { version_or_filter: version, ..State::default() };
        let sealed = State { sealed: true, ..open };
        states.extend([open, sealed, State { filtered: true, ..sealed }]);
        states.extend(POSITIONS.map(|position| State { pending: Some(position), ..open }));
    }
    states
}

fn is_open(state: &State) -> bool {
    state.pending.is_none() && !state.sealed && state.version_or_filter != LAST
}

/// Runs `step` on a word in state `from`; checks that it returns and leaves behind what was
/// expected.
#[track_caller]
fn check<R: PartialEq + std::fmt::Debug>(from: State, step: impl FnOnce(&HomeGroup) -> R, returns: R, to: State) {
    let home = from.home();
    let returned = step(&home);
    assert_eq!((returned, State::of_bits(home.load().0)), (returns, to), "from {from:?}");
}

fn commit(home: &HomeGroup, seen: State, position: u32) -> Option<State> {
    home.commit(seen.seen(), position).map(|committed| State::of_bits(committed.0))
}

#[test]
fn the_masks_are_as_drawn_and_share_no_bit() {
    let masks = [PENDING, SEALED, FILTERED, LAST_VERSION << VERSION_SHIFT];
    assert_eq!(masks.iter().fold(0, |all, mask| all | mask), u64::MAX, "every bit has a meaning");
    assert_eq!(masks.iter().map(|mask| mask.count_ones()).sum::<u32>(), u64::BITS, "and only one");
    assert_eq!(masks.map(u64::trailing_zeros), [0, 10, 11, 12]);
    assert_eq!((LAST_VERSION, MAX_BOUND, MAX_POSITION), (LAST, 32, (1 << 10) - 2));
}

#[test]
fn every_predicate_in_every_valid_state() {
    for state in valid_states() {
        let seen = state.seen();
        assert!(state.home().load() == seen);
        assert_eq!(seen.pending(), state.pending, "{state:?}");
        assert_eq!(seen.is_filtered(), state.filtered, "{state:?}");
        assert_eq!(seen.is_sealed(), state.sealed || state.version_or_filter == LAST, "{state:?}");
    }
}

#[test]
fn commit_steps_the_version() {
    for state in valid_states().into_iter().filter(is_open) {
        for position in POSITIONS {
            let to = State { version_or_filter: state.version_or_filter + 1, pending: Some(position), ..state };
            check(state, |home| commit(home, state, position), Some(to), to);
        }
    }
}

#[test]
fn commit_fails_if_anything_happened_since() {
    for seen in valid_states().into_iter().filter(is_open) {
        for state in valid_states().into_iter().filter(|&state| state != seen) {
            check(state, |home| commit(home, seen, 0), None, state);
        }
    }
}

#[test]
fn the_last_version_closes_the_home() {
    let state = State { version_or_filter: LAST - 1, ..State::default() };
    let home = state.home();
    let committed = home.commit(state.seen(), 7);
    assert!(committed.is_some_and(|committed| committed.is_sealed() && committed.pending() == Some(7)));
    home.clear(home.load());
    assert_eq!(State::of_bits(home.load().0), State { version_or_filter: LAST, ..state });
    assert!(home.load().is_sealed());
}

#[test]
fn clear_ends_what_is_pending_and_nothing_else() {
    for seen in valid_states().into_iter().filter(|state| state.pending.is_some()) {
        check(seen, |home| home.clear(seen.seen()), (), State { pending: None, ..seen });
        for state in valid_states().into_iter().filter(|&state| state != seen) {
            check(state, |home| home.clear(seen.seen()), (), state);
        }
    }
}

#[test]
fn close_closes_a_home_that_is_as_it_was_seen() {
    for seen in valid_states().into_iter().filter(|state| state.pending.is_none()) {
        check(seen, |home| home.seal(seen.seen()), (), State { sealed: true, ..seen });
        for state in valid_states().into_iter().filter(|&state| state != seen) {
            check(state, |home| home.seal(seen.seen()), (), state);
        }
    }
}

fn set_filter(home: &HomeGroup, seen: State, filter: Filter) -> State {
    State::of_bits(home.set_filter(seen.seen(), filter).0)
}

#[test]
fn a_sealed_home_gets_a_filter_unless_it_has_another_one() {
    let filter = Filter(1 << 51 | 1);
    let filtered = State { version_or_filter: filter.0, sealed: true, filtered: true, pending: None };
    for seen in valid_states().into_iter().filter(|state| state.seen().is_sealed() && state.pending.is_none()) {
        check(seen, |home| set_filter(home, seen, filter), filtered, filtered);
        for state in valid_states().into_iter().filter(|&state| state != seen) {
            check(state, |home| set_filter(home, seen, filter), state, state);
        }
    }
}

#[test]
fn a_home_lacks_the_keys_that_are_not_in_its_filter() {
    let digests = (0..10_000u64).map(|key| Seeds::fixed().fingerprint(&key).identity.digest());
    for digest in digests.clone() {
        let mut filter = Filter::default();
        filter.add(digest);
        let home = HomeGroup::default();
        home.seal(home.load());
        assert!(!home.load().lacks(digest), "no filter yet");
        assert!(!home.set_filter(home.load(), filter).lacks(digest));
        assert!(home.set_filter(home.load(), Filter::default()).lacks(digest));
    }
    let mut all = Filter::default();
    digests.for_each(|digest| all.add(digest));
    assert_eq!(all.0, LAST, "every bit is used");
}
