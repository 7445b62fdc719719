#![cfg(not(any(socket_registry_loom, socket_registry_shuttle)))]

use super::*;

/// What a word says, drawn by hand rather than by the module's masks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct State {
    sequence: u64,
    kind: u8,
    state: u8,
    chained: bool,
    lingering: u64,
    live: u32,
}

const IS_VACANT: u8 = 0;
const IS_CLAIMED: u8 = 1;
const IS_MEMBER: u8 = 2;
const IS_DYING: u8 = 3;

const LAST: u64 = (1 << 26) - 1;
const SATURATED: u64 = (1 << 13) - 1;
const MOST: u32 = (1 << 20) - 1;

impl State {
    fn bits(self) -> u64 {
        self.sequence << 38
            | u64::from(self.kind) << 36
            | u64::from(self.state) << 34
            | u64::from(self.chained) << 33
            | self.lingering << 20
            | u64::from(self.live)
    }

    fn key_state(self) -> KeyState {
        KeyState(AtomicU64::new(self.bits()))
    }

    fn seen(self) -> Snapshot {
        Snapshot(self.bits())
    }

    fn of_bits(bits: u64) -> Self {
        let field = |shift: u32, width: u32| bits >> shift & ((1 << width) - 1);
        Self {
            sequence: field(38, 26),
            kind: field(36, 2) as u8,
            state: field(34, 2) as u8,
            chained: field(33, 1) == 1,
            lingering: field(20, 13),
            live: field(0, 20) as u32,
        }
    }

    fn vacant(sequence: u64) -> Self {
        Self { sequence, ..Self::default() }
    }

    fn held(self) -> Self {
        Self { lingering: (self.lingering + 1).min(SATURATED), ..self }
    }

    fn settled(self) -> Self {
        let lingering = if self.lingering == SATURATED { SATURATED } else { self.lingering - 1 };
        Self { lingering, ..self }
    }

    fn after_leave(self) -> AfterLeave {
        if self.state == IS_DYING && self.lingering == 0 { AfterLeave::VacateBucket } else { AfterLeave::Nothing }
    }
}

const SEQUENCES: [u64; 3] = [0, 1, LAST - 1];
const KINDS: [u8; 4] = [0, 1, 2, 3];

/// The valid states of a bucket with an occupancy, but for the numbers in between.
fn occupied() -> Vec<State> {
    let mut states = Vec::new();
    for sequence in SEQUENCES {
        for kind in KINDS {
            states.push(State { sequence, kind, state: IS_CLAIMED, ..State::default() });
            for chained in [false, true] {
                for lingering in [0, 1, 2, SATURATED - 1, SATURATED] {
                    let member = |live| State { sequence, kind, state: IS_MEMBER, chained, lingering, live };
                    states.extend([1, 2, MOST - 1, MOST].map(member));
                    states.push(State { state: IS_DYING, ..member(0) });
                }
            }
        }
    }
    states
}

fn in_state(state: u8) -> impl Iterator<Item = State> {
    occupied().into_iter().filter(move |occupied| occupied.state == state)
}

fn vacant_states() -> impl Iterator<Item = State> {
    SEQUENCES.into_iter().chain([LAST]).map(State::vacant)
}

fn valid_states() -> impl Iterator<Item = State> {
    vacant_states().chain(occupied())
}

/// Runs `step` on a word in state `from`; checks that it returns and leaves behind what was
/// expected.
#[track_caller]
fn check<R: PartialEq + std::fmt::Debug>(from: State, step: impl FnOnce(&KeyState) -> R, returns: R, to: State) {
    let key_state = from.key_state();
    let returned = step(&key_state);
    assert_eq!((returned, State::of_bits(key_state.load().0)), (returns, to), "from {from:?}");
}

#[test]
fn the_masks_are_as_drawn_and_share_no_bit() {
    let masks = [LIVE, LINGERING, CHAINED, STATE, KIND, LAST_SEQUENCE << SEQUENCE_SHIFT];
    assert_eq!(masks.iter().fold(0, |all, mask| all | mask), u64::MAX, "every bit has a meaning");
    assert_eq!(masks.iter().map(|mask| mask.count_ones()).sum::<u32>(), u64::BITS, "and only one");
    assert_eq!(masks.map(u64::trailing_zeros), [0, 20, 33, 34, 36, 38]);
    assert_eq!([VACANT, CLAIMED, MEMBER, DYING].map(|state| state >> 34), [0, 1, 2, 3]);
    assert_eq!((MAX_LIVE, ONE_LINGERING, LAST_SEQUENCE), (MOST, 1 << 20, LAST));
}

#[test]
fn every_predicate_in_every_valid_state() {
    for state in valid_states() {
        let seen = state.seen();
        assert!(state.key_state().load() == seen);
        assert_eq!(seen.is_vacant(), state.state == IS_VACANT && state.sequence != LAST, "{state:?}");
        assert_eq!(seen.is_claimed(), state.state == IS_CLAIMED, "{state:?}");
        for kind in KINDS {
            let member = state.state == IS_MEMBER && state.kind == kind;
            assert_eq!(seen.is_member(KeyKind(kind)), member, "{state:?} {kind}");
        }
        assert_eq!(seen.is_occupied(), [IS_MEMBER, IS_DYING].contains(&state.state), "{state:?}");
        assert_eq!(seen.is_chained(), state.chained, "{state:?}");
        assert_eq!(seen.live(), state.live, "{state:?}");
        assert_eq!(seen.sequence(), state.sequence, "{state:?}");
        assert_eq!(seen.after_leave(), state.after_leave(), "{state:?}");
    }
}

#[test]
fn an_occupancy_is_still_the_same_whoever_comes_and_goes() {
    let occupancy = |state: State| (state.sequence, state.kind, state.state);
    for earlier in in_state(IS_MEMBER) {
        for state in valid_states() {
            let same = occupancy(state) == occupancy(earlier);
            assert_eq!(state.seen().is_still(earlier.seen()), same, "{earlier:?} {state:?}");
        }
    }
}

#[test]
fn claim_takes_a_vacant_bucket_in_its_sequence() {
    for vacant in vacant_states().filter(|vacant| vacant.sequence != LAST) {
        for kind in KINDS {
            let claimed = State { kind, state: IS_CLAIMED, ..vacant };
            check(vacant, |key_state| key_state.claim(vacant.seen(), KeyKind(kind)), true, claimed);
            for state in valid_states().filter(|&state| state != vacant) {
                check(state, |key_state| key_state.claim(vacant.seen(), KeyKind(kind)), false, state);
            }
        }
    }
}

#[test]
fn withdraw_leaves_the_bucket_vacant() {
    for claimed in in_state(IS_CLAIMED) {
        check(claimed, KeyState::withdraw, (), State::vacant(claimed.sequence + 1));
    }
}

#[test]
fn promote_makes_a_member_of_one_socket_once() {
    for claimed in in_state(IS_CLAIMED) {
        let member = State { state: IS_MEMBER, live: 1, ..claimed };
        check(claimed, |key_state| key_state.promote(claimed.seen()), true, member);
        for state in valid_states().filter(|&state| state != claimed) {
            check(state, |key_state| key_state.promote(claimed.seen()), false, state);
        }
    }
}

#[test]
fn hold_counts_as_lingering_until_that_is_saturated() {
    for member in in_state(IS_MEMBER) {
        check(member, |key_state| key_state.hold(member.seen(), false), Hold::Granted, member.held());
        let earlier = State { chained: false, lingering: 0, live: 1, ..member };
        check(member, |key_state| key_state.hold(earlier.seen(), false), Hold::Granted, member.held());
    }
}

#[test]
fn a_hold_that_may_wait_is_refused_beyond_half_of_the_count() {
    let member = State { state: IS_MEMBER, live: 1, ..State::default() };
    for (lingering, granted) in [(0, true), (4_094, true), (4_095, false), (SATURATED - 1, false), (SATURATED, false)] {
        let held = State { lingering, ..member };
        let (hold, to) = if granted { (Hold::Granted, held.held()) } else { (Hold::Crowded, held) };
        check(held, |key_state| key_state.hold(held.seen(), true), hold, to);
    }
}

#[test]
fn hold_refuses_another_occupancy() {
    for sequence in SEQUENCES {
        let member = State { sequence, kind: 1, state: IS_MEMBER, live: 1, ..State::default() };
        let ended = |state: &State| (state.sequence, state.kind, state.state) != (sequence, 1, IS_MEMBER);
        for state in valid_states().filter(ended) {
            for may_wait in [false, true] {
                check(state, |key_state| key_state.hold(member.seen(), may_wait), Hold::Gone, state);
            }
        }
    }
}

#[test]
fn linger_counts_whether_the_key_is_active_or_idle() {
    for state in in_state(IS_MEMBER).chain(in_state(IS_DYING)) {
        check(state, KeyState::linger, (), state.held());
    }
}

#[test]
fn join_turns_a_hold_into_a_socket_within_the_limit() {
    for held in in_state(IS_MEMBER).filter(|member| member.lingering > 0) {
        let joined = State { live: held.live + 1, ..held.settled() };
        for limit in [1, 2, 3, MOST - 1, MOST] {
            if held.live < limit {
                check(held, |key_state| key_state.join(limit), Join::Granted, joined);
            } else {
                check(held, |key_state| key_state.join(limit), Join::Full, held);
            }
        }
    }
}

#[test]
fn join_comes_too_late_for_a_dying_key() {
    for dying in in_state(IS_DYING) {
        check(dying, |key_state| key_state.join(MOST), Join::Gone, dying);
    }
}

#[test]
fn set_chained_sets_one_bit_once() {
    for member in in_state(IS_MEMBER) {
        check(member, KeyState::set_chained, (), State { chained: true, ..member });
    }
}

/// `leave` as its callers use it, but for a step that failed though the word was as seen.
fn leave(key_state: &KeyState, seen: Snapshot, lingers: bool) -> Result<AfterLeave, State> {
    loop {
        match key_state.leave(seen, lingers) {
            Err(now) if now == seen => {}
            result => return result.map_err(|now| State::of_bits(now.0)),
        }
    }
}

#[test]
fn leave_takes_one_socket_away_and_the_last_makes_the_key_idle() {
    for member in in_state(IS_MEMBER) {
        for lingers in [false, true] {
            let state = if member.live == 1 { IS_DYING } else { IS_MEMBER };
            let kept = if lingers { member.held() } else { member };
            let to = State { state, live: member.live - 1, ..kept };
            let last = member.live == 1 && member.lingering == 0 && !lingers;
            let returns = if last { AfterLeave::VacateBucket } else { AfterLeave::Nothing };
            check(member, |key_state| leave(key_state, member.seen(), lingers), Ok(returns), to);
        }
    }
}

#[test]
fn leave_says_what_the_word_holds_instead() {
    for member in in_state(IS_MEMBER) {
        let state = State { lingering: 3, live: 3, ..member };
        for lingers in [false, true] {
            check(state, |key_state| leave(key_state, member.seen(), lingers), Err(state), state);
        }
    }
}

#[test]
fn settle_ends_one_lingering_and_the_last_of_a_dying_key_vacates() {
    for state in in_state(IS_MEMBER).chain(in_state(IS_DYING)).filter(|state| state.lingering > 0) {
        let last = state.state == IS_DYING && state.lingering == 1;
        let returns = if last { AfterLeave::VacateBucket } else { AfterLeave::Nothing };
        check(state, KeyState::settle, returns, state.settled());
    }
}

#[test]
fn once_saturated_nobody_is_told_to_vacate() {
    let member = State { state: IS_MEMBER, lingering: SATURATED - 1, live: 1, ..State::default() };
    let key_state = member.key_state();
    assert_eq!(key_state.hold(member.seen(), false), Hold::Granted);
    assert_eq!(leave(&key_state, key_state.load(), true), Ok(AfterLeave::Nothing));
    for _ in 0..SATURATED + 1 {
        assert_eq!(key_state.settle(), AfterLeave::Nothing);
    }
    let dying = State { state: IS_DYING, lingering: SATURATED, live: 0, ..member };
    assert_eq!(State::of_bits(key_state.load().0), dying);
}

#[test]
fn vacate_hands_the_bucket_on_or_ends_it() {
    for dying in in_state(IS_DYING).filter(|dying| dying.lingering == 0) {
        check(dying, |key_state| key_state.vacate(true), (), State::vacant(dying.sequence + 1));
        check(dying, |key_state| key_state.vacate(false), (), State::vacant(LAST));
    }
}

#[test]
fn a_bucket_has_its_last_occupancy_and_then_none() {
    let key_state = State::vacant(LAST - 1).key_state();
    let vacant = key_state.load();
    assert!(vacant.is_vacant() && key_state.claim(vacant, KeyKind(0)));
    assert!(key_state.promote(key_state.load()));
    assert_eq!(leave(&key_state, key_state.load(), false), Ok(AfterLeave::VacateBucket));
    key_state.vacate(true);
    let ended = key_state.load();
    assert!(!ended.is_vacant() && !ended.is_claimed());
}
