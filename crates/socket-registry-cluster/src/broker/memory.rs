//! A broker inside the process, with faults to order: for tests of the cluster, and of what is
//! built on it.

use super::{Broker, Deliveries, Delivery, Interest, Message, Refused, SUBSCRIPTION_ROOM};
use futures_util::stream::{self, StreamExt};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{mpsc, watch};

/// A broker that lives in this process. Each node takes a [`Connection`] of its own.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// use futures_util::StreamExt;
/// use socket_registry_cluster::broker::{Broker, Delivery, Interest, Memory, Message};
///
/// let memory = Memory::new();
/// let (a, b) = (memory.connect(), memory.connect());
/// let mut heard = b.subscribe(vec![Interest::Below("news".to_owned())]);
/// let message = Message { subject: "news.today".to_owned(), payload: "rain".into() };
/// a.publish(vec![message.clone()]).await.unwrap();
/// assert_eq!(heard.next().await, Some(Delivery::Message(message)));
/// # }
/// ```
#[derive(Clone, Debug, Default)]
pub struct Memory {
    hub: Arc<Mutex<Hub>>,
}

/// The faults of messages on their way to each subscriber, drawn independently. The same seed draws
/// the same faults.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Faults {
    /// The part of the messages that is lost, from 0 to 1.
    pub lost: f64,
    /// The part that is delivered twice.
    pub duplicated: f64,
    /// The longest time that a message takes. Each takes a random part of it, so that messages
    /// overtake each other.
    pub delay: Duration,
    /// Where the draws begin.
    pub seed: u64,
}

#[derive(Debug, Default)]
struct Hub {
    faults: Faults,
    random: u64,
    subscribers: Vec<Subscriber>,
    connections: u64,
}

#[derive(Clone, Debug)]
struct Subscriber {
    owner: u64,
    interests: Vec<Interest>,
    link: watch::Receiver<Link>,
    sender: mpsc::Sender<Delivery>,
}

/// The state of a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Link {
    #[default]
    Up,
    /// As [`Up`](Self::Up), with those on the same side only.
    Side(u32),
    Down,
    Stalled,
}

impl Link {
    fn reaches(self, other: Self) -> bool {
        self == other && matches!(self, Self::Up | Self::Side(_))
    }
}

impl Memory {
    /// Creates a broker without faults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes a connection for one node.
    pub fn connect(&self) -> Connection {
        let mut hub = self.lock();
        hub.connections += 1;
        Connection { id: hub.connections, hub: self.hub.clone(), link: watch::Sender::default() }
    }

    /// Sets the faults of what is published from now on. `Faults::default()` ends them.
    pub fn order(&self, faults: Faults) {
        let mut hub = self.lock();
        hub.random = faults.seed;
        hub.faults = faults;
    }

    fn lock(&self) -> MutexGuard<'_, Hub> {
        lock(&self.hub)
    }
}

/// A node's connection to a [`Memory`] broker, with faults of its own. Its clones are the same
/// connection.
#[derive(Clone, Debug)]
pub struct Connection {
    id: u64,
    hub: Arc<Mutex<Hub>>,
    link: watch::Sender<Link>,
}

impl Connection {
    /// Cuts the connection: nothing arrives or leaves, and what is published is lost. The node
    /// notices it.
    pub fn cut(&self) {
        self.link.send_replace(Link::Down);
        let hub = lock(&self.hub);
        for subscriber in hub.subscribers.iter().filter(|subscriber| subscriber.owner == self.id) {
            // A full queue has lost messages anyway, and their numbers say so.
            let _ = subscriber.sender.try_send(Delivery::Interrupted);
        }
    }

    /// Puts the connection on one side of a partition: it reaches those on the same side only,
    /// itself included. No node is told.
    pub fn partition(&self, side: u32) {
        self.link.send_replace(Link::Side(side));
    }

    /// Stalls the connection: what is published waits until the stall ends, and nothing arrives.
    pub fn stall(&self) {
        self.link.send_replace(Link::Stalled);
    }

    /// Ends the fault of this connection.
    pub fn heal(&self) {
        self.link.send_replace(Link::Up);
    }
}

impl Broker for Connection {
    async fn publish(&self, batch: Vec<Message>) -> Result<(), Refused> {
        let mut link = self.link.subscribe();
        let own = match link.wait_for(|link| *link != Link::Stalled).await {
            Ok(link) => *link,
            Err(ended) => return Err(Refused::new(ended)),
        };
        if own == Link::Down {
            return Err(Refused::new("the connection is cut"));
        }
        let mut hub = lock(&self.hub);
        batch.into_iter().for_each(|message| hub.deliver(own, &message));
        Ok(())
    }

    fn subscribe(&self, interests: Vec<Interest>) -> Deliveries {
        let (sender, receiver) = mpsc::channel(SUBSCRIPTION_ROOM);
        let mut hub = lock(&self.hub);
        hub.subscribers.retain(|subscriber| !subscriber.sender.is_closed());
        hub.subscribers.push(Subscriber { owner: self.id, interests, link: self.link.subscribe(), sender });
        stream::unfold(receiver, |mut receiver| async move { Some((receiver.recv().await?, receiver)) }).boxed()
    }

    async fn reconnect(&self) {}
}

impl Hub {
    fn deliver(&mut self, from: Link, message: &Message) {
        let subscribers = std::mem::take(&mut self.subscribers);
        for subscriber in &subscribers {
            let wanted = subscriber.interests.iter().any(|interest| interest.includes(&message.subject));
            if !wanted || !from.reaches(*subscriber.link.borrow()) || self.chance() < self.faults.lost {
                continue;
            }
            let copies = if self.chance() < self.faults.duplicated { 2 } else { 1 };
            for _ in 0..copies {
                let delay = self.faults.delay.mul_f64(self.chance());
                send(subscriber, message.clone(), delay);
            }
        }
        self.subscribers = subscribers;
    }

    /// A random number from 0 to below 1, by SplitMix64.
    fn chance(&mut self) -> f64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.random;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// Messages that find the queue full are lost, as with a broker that does not wait for slow
/// subscribers.
fn send(subscriber: &Subscriber, message: Message, delay: Duration) {
    if delay.is_zero() {
        let _ = subscriber.sender.try_send(Delivery::Message(message));
        return;
    }
    let sender = subscriber.sender.clone();
    tokio::spawn(async move {
        tokio::time::sleep(delay).await;
        let _ = sender.try_send(Delivery::Message(message));
    });
}

fn lock(hub: &Mutex<Hub>) -> MutexGuard<'_, Hub> {
    hub.lock().unwrap_or_else(PoisonError::into_inner)
}
