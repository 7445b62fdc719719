//! What is to be sent with the next flush. Marks of one key are one, with the topics of all.
//!
//! # States
//! | state | meaning |
//! |---|---|
//! | open | there is room, for at most 65,536 marked keys and 4,096 commands |
//! | overflowed | something found no room and was dropped |
//!
//! # Transitions
//! | from | to | operation | duty |
//! |---|---|---|---|
//! | open | open | `mark`, `command` | - |
//! | open | overflowed | `mark`, `command` without room | - |
//! | any | open, empty | `take` | after an overflow: step the number of every lane once, so that every node finds something missing that nobody has, and repairs |

use crate::key::lane_of;
use crate::wire::items::Keys;
use crate::wire::{Command, MAX_ITEMS, MAX_KEY_BYTES, Op};
use bytes::Bytes;
use std::collections::HashMap;

const MAX_MARKS: usize = 65_536;
const MAX_COMMANDS: usize = 4096;

#[derive(Default)]
pub(super) struct Outbox {
    marks: HashMap<Bytes, u32>,
    commands: HashMap<(Op, Bytes), Command>,
    has_overflowed: bool,
}

/// The content of an outbox, in messages.
pub(super) struct Taken {
    /// Lane, topics, keys.
    pub(super) marks: Vec<(u16, u32, Keys)>,
    pub(super) commands: Vec<(u16, Command)>,
    pub(super) has_overflowed: bool,
}

impl Outbox {
    pub(super) fn is_empty(&self) -> bool {
        self.marks.is_empty() && self.commands.is_empty() && !self.has_overflowed
    }

    pub(super) fn mark(&mut self, key: &[u8], topics: u32) {
        if let Some(known) = self.marks.get_mut(key) {
            *known |= topics;
        } else if self.marks.len() < MAX_MARKS {
            self.marks.insert(Bytes::copy_from_slice(key), topics);
        } else {
            self.has_overflowed = true;
        }
    }

    /// A later command of one kind for one key takes the place of the earlier one.
    pub(super) fn command(&mut self, command: Command) {
        let slot = (command.op, command.key.clone());
        if self.commands.len() < MAX_COMMANDS || self.commands.contains_key(&slot) {
            self.commands.insert(slot, command);
        } else {
            self.has_overflowed = true;
        }
    }

    pub(super) fn take(&mut self, lanes: u16) -> Taken {
        let mut marks: Vec<_> = self.marks.drain().map(|(key, topics)| (lane_of(&key, lanes), topics, key)).collect();
        marks.sort_unstable();
        let mut commands = Vec::new();
        for ((op, key), command) in self.commands.drain() {
            if op == Op::MarkAll {
                // One in each lane, so that a lane that loses it is repaired.
                commands.extend((0..lanes).map(|lane| (lane, command.clone())));
            } else {
                commands.push((lane_of(&key, lanes), command));
            }
        }
        commands.sort_unstable_by_key(|(lane, command)| (*lane, command.stamp));
        Taken { marks: batches(&marks), commands, has_overflowed: std::mem::take(&mut self.has_overflowed) }
    }
}

/// Neighbours of one lane and with the same topics together, as many as a message may hold.
fn batches(marks: &[(u16, u32, Bytes)]) -> Vec<(u16, u32, Keys)> {
    let mut batches = Vec::new();
    for same in marks.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1)) {
        for keys in chunks(same, |(_, _, key)| key.len()) {
            let (lane, topics, _) = keys[0];
            batches.push((lane, topics, keys.iter().map(|(_, _, key)| &key[..]).collect()));
        }
    }
    batches
}

/// Cuts a list into pieces that each fit into a message.
pub(super) fn chunks<T>(mut list: &[T], length: impl Fn(&T) -> usize) -> Vec<&[T]> {
    let mut pieces = Vec::new();
    while !list.is_empty() {
        let mut bytes = 0;
        let fits = list.iter().take(MAX_ITEMS).take_while(|item| {
            bytes += length(item) + 2;
            bytes <= MAX_KEY_BYTES
        });
        let (piece, rest) = list.split_at(fits.count());
        pieces.push(piece);
        list = rest;
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::{MAX_COMMANDS, MAX_MARKS, Outbox};
    use crate::wire::{Command, Op};

    #[test]
    fn marks_of_one_key_are_one() {
        let mut outbox = Outbox::default();
        outbox.mark(b"a", 1);
        outbox.mark(b"a", 4);
        let taken = outbox.take(1);
        let all: Vec<_> = taken.marks.iter().map(|(lane, topics, keys)| (*lane, *topics, keys.len())).collect();
        assert_eq!(all, [(0, 5, 1)]);
        assert!(outbox.is_empty());
    }

    #[test]
    fn a_message_has_one_lane_one_set_of_topics_and_1024_keys() {
        let mut outbox = Outbox::default();
        for key in 0_u32..3000 {
            outbox.mark(&key.to_le_bytes(), 1 + key % 2);
        }
        outbox.mark(&[7; 255], 9);
        let taken = outbox.take(1);
        let all: Vec<_> = taken.marks.iter().map(|(_, topics, keys)| (*topics, keys.len())).collect();
        assert_eq!(all, [(1, 1024), (1, 476), (2, 1024), (2, 476), (9, 1)]);
        (0_u32..1000).for_each(|key| outbox.mark(&[&key.to_le_bytes()[..], &[0; 251]].concat(), 1));
        let lengths: Vec<_> = outbox.take(1).marks.iter().map(|(_, _, keys)| keys.len()).collect();
        assert_eq!(lengths, [239, 239, 239, 239, 44], "60 KiB of keys each");
    }

    #[test]
    fn an_outbox_that_is_full_says_so_and_does_not_grow() {
        let mut outbox = Outbox::default();
        for key in 0..=MAX_MARKS {
            outbox.mark(&key.to_le_bytes(), 1);
        }
        let taken = outbox.take(16);
        assert!(taken.has_overflowed);
        assert_eq!(taken.marks.iter().map(|(_, _, keys)| keys.len()).sum::<usize>(), MAX_MARKS);
        assert!(!outbox.take(16).has_overflowed, "it is said once");
        for stamp in 0..=MAX_COMMANDS as u64 {
            let key = stamp.to_le_bytes().to_vec().into();
            outbox.command(Command { op: Op::Disconnect, arg: 0, stamp, key });
        }
        let taken = outbox.take(16);
        assert_eq!((taken.has_overflowed, taken.commands.len()), (true, MAX_COMMANDS));
    }
}
