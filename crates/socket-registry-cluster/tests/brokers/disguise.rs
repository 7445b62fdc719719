//! Nodes as they could be on other machines: of another version, or with another clock. What they
//! say and hear is changed on its way to the broker and from it.

use futures_util::StreamExt;
use socket_registry_cluster::broker::{Broker, Deliveries, Delivery, Interest, Message, Refused};
use std::str::FromStr;

/// A year, in the units of a stamp: its upper 48 bits are milliseconds.
const YEAR: u64 = (365 * 86_400_000) << 16;
/// Where a message has its version and its kind.
const VERSION: usize = 0;
const KIND: usize = 1;
/// Kinds, with the place of the stamp in them.
const COMMAND: (u8, usize) = (2, 22);
const BEAT: (u8, usize) = (3, 18);
/// Where a beat has the newest version that its node reads.
const NEWEST_VERSION: usize = 28;

/// What a node seems to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Disguise {
    /// What it is.
    Plain,
    /// One of the next version, as long as there are nodes of this one: it still sends what they
    /// read, its beats say that it reads the next version too, and beside each it sends a message
    /// of a kind that they do not know.
    Newer,
    /// One that sends the next version, which no other node reads.
    Alien,
    /// One whose clock is a year ahead.
    Ahead,
}

impl FromStr for Disguise {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let all = [Self::Plain, Self::Newer, Self::Alien, Self::Ahead];
        all.into_iter().find(|disguise| format!("{disguise:?}") == name).ok_or_else(|| format!("no disguise: {name}"))
    }
}

impl Disguise {
    /// What the broker gets of what the node says.
    fn outgoing(self, message: Message) -> Vec<Message> {
        match self {
            Self::Plain => vec![message],
            Self::Newer if message.payload[KIND] == BEAT.0 => {
                let other = changed(&message, |payload| payload[KIND] = 14);
                vec![changed(&message, |payload| payload[NEWEST_VERSION] = 2), other]
            }
            Self::Newer => vec![message],
            Self::Alien => vec![changed(&message, |payload| payload[VERSION] = 2)],
            Self::Ahead => vec![with_stamp(&message, |stamp| stamp + YEAR)],
        }
    }

    /// What the node gets of what it hears.
    fn incoming(self, message: Message) -> Message {
        match self {
            Self::Plain | Self::Newer => message,
            // It reads its own version, and the one before.
            Self::Alien => changed(&message, |payload| payload[VERSION] = 1),
            // To a clock that is ahead all others are behind.
            Self::Ahead => with_stamp(&message, |stamp| stamp.saturating_sub(YEAR)),
        }
    }
}

fn changed(message: &Message, change: impl FnOnce(&mut [u8])) -> Message {
    let mut payload = message.payload.to_vec();
    change(&mut payload);
    Message { subject: message.subject.clone(), payload: payload.into() }
}

fn with_stamp(message: &Message, change: impl FnOnce(u64) -> u64) -> Message {
    let Some((_, at)) = [COMMAND, BEAT].into_iter().find(|(kind, _)| *kind == message.payload[KIND]) else {
        return message.clone();
    };
    changed(message, |payload| {
        let stamp = &mut payload[at..at + 8];
        let old = u64::from_le_bytes((&*stamp).try_into().unwrap());
        stamp.copy_from_slice(&change(old).to_le_bytes());
    })
}

/// A broker, as the node in disguise uses it. Only messages of nodes come over it.
pub(crate) struct Disguised<B> {
    pub(crate) broker: B,
    pub(crate) disguise: Disguise,
}

impl<B: Broker> Broker for Disguised<B> {
    async fn publish(&self, batch: Vec<Message>) -> Result<(), Refused> {
        self.broker.publish(batch.into_iter().flat_map(|message| self.disguise.outgoing(message)).collect()).await
    }

    fn subscribe(&self, interests: Vec<Interest>) -> Deliveries {
        let disguise = self.disguise;
        let deliveries = self.broker.subscribe(interests);
        let incoming = move |delivery| match delivery {
            Delivery::Message(message) => Delivery::Message(disguise.incoming(message)),
            Delivery::Interrupted => Delivery::Interrupted,
        };
        deliveries.map(incoming).boxed()
    }

    async fn reconnect(&self) {
        self.broker.reconnect().await;
    }
}
