//! The clients of this process: users, their seats, and the connection that sits on each.

use std::cell::{Cell, RefCell};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::sync::{Semaphore, oneshot};
use tokio::task::spawn_local;
use tokio::time::{MissedTickBehavior, interval, sleep};

use crate::cli::Clients;
use crate::http::Http;
use crate::tally::Tally;
use crate::worker::connection;
use crate::worker::watch::{Expectation, Moment, Update, Watch};

/// In a storm so many knock at the same time. A listener that queues fewer makes the others knock
/// again after a second, and that shows in the times.
const OPENING_AT_ONCE: usize = 1_000;
/// A source address has 28,232 ports by default, and a closed connection keeps its port for a
/// minute.
const CONNECTIONS_PER_SOURCE: u32 = 4_000;
/// Timers here have a resolution of a millisecond.
pub(crate) const TICK: Duration = Duration::from_millis(1);
/// How often time is counted, and the most that counts: what is beyond it was a pause.
const COUNT_EVERY: Duration = Duration::from_millis(10);
const MOST_COUNTED: Duration = Duration::from_millis(100);

pub(crate) struct Crowd {
    pub(crate) target: SocketAddrV4,
    lane: u8,
    pub(crate) users: Vec<User>,
    /// How to close the connection that is there.
    seats: Vec<RefCell<Option<oneshot::Sender<Leave>>>>,
    pub(crate) tally: RefCell<Tally>,
    /// How much of the present order is done.
    pub(crate) done: Cell<u64>,
    /// Tasks that are at work on it.
    pub(crate) busy: Cell<usize>,
    connected: Cell<usize>,
    dialled: Cell<u32>,
    /// Time without pauses of the machine.
    counted: Cell<Duration>,
    /// To the server that is told of marks.
    pub(crate) http: Http,
    /// Whether that is another than has the sockets.
    pub(crate) has_entry: bool,
    opening: Semaphore,
}

pub(crate) struct User {
    pub(crate) id: String,
    watches: RefCell<Vec<Rc<RefCell<Watch>>>>,
    marks_under_way: Cell<u32>,
}

/// How to leave.
#[derive(Clone, Copy)]
pub(crate) enum Leave {
    /// With the closing handshake.
    Politely,
    /// By closing the connection under it.
    Abruptly,
}

impl Crowd {
    pub(crate) fn new(clients: &Clients) -> Self {
        let user = |n| User {
            id: format!("{}-{n}", clients.lane),
            watches: RefCell::default(),
            marks_under_way: Cell::new(0),
        };
        Self {
            target: clients.target,
            lane: clients.lane,
            users: (0..clients.connections.div_ceil(clients.tabs)).map(user).collect(),
            seats: (0..clients.connections).map(|_| RefCell::default()).collect(),
            tally: RefCell::default(),
            done: Cell::new(0),
            busy: Cell::new(0),
            connected: Cell::new(0),
            dialled: Cell::new(0),
            counted: Cell::default(),
            http: Http::new(clients.entry.unwrap_or(clients.target)),
            has_entry: clients.entry.is_some(),
            opening: Semaphore::new(OPENING_AT_ONCE),
        }
    }

    /// Counts time, forever.
    pub(crate) async fn count_time(&self) {
        loop {
            let asleep = Instant::now();
            sleep(COUNT_EVERY).await;
            self.counted.set(self.counted.get() + asleep.elapsed().min(MOST_COUNTED));
        }
    }

    pub(crate) fn now(&self) -> Moment {
        Moment { at: Instant::now(), counted: self.counted.get() }
    }

    pub(crate) fn seats(&self) -> usize {
        self.seats.len()
    }

    /// Seats of a user are far apart, so that its tabs do not come together.
    fn user_of(&self, seat: usize) -> &User {
        &self.users[seat % self.users.len()]
    }

    /// The address that the next connection comes from.
    pub(crate) fn source(&self) -> Ipv4Addr {
        let block = self.dialled.replace(self.dialled.get() + 1) / CONNECTIONS_PER_SOURCE;
        let [.., high, low] = (block + 1).to_be_bytes();
        Ipv4Addr::new(127, self.lane + 1, high, low)
    }

    /// Opens what is not open: at a rate, or all together.
    pub(crate) async fn open_all(self: &Rc<Self>, per_second: Option<f64>) {
        let start = Instant::now();
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut asked = 0;
        for seat in (0..self.seats()).filter(|&seat| self.is_vacant(seat)) {
            while per_second.is_some_and(|rate| start.elapsed().as_secs_f64() * rate < asked as f64) {
                tick.tick().await;
            }
            self.spawn_open(seat);
            asked += 1;
            self.done.set((asked - self.busy.get()) as u64);
        }
        while self.busy.get() > 0 {
            tick.tick().await;
            self.done.set((asked - self.busy.get()) as u64);
        }
    }

    fn is_vacant(&self, seat: usize) -> bool {
        self.seats[seat].borrow().as_ref().is_none_or(oneshot::Sender::is_closed)
    }

    /// Opens a new connection; the one before it closes once it is open.
    pub(crate) fn spawn_open(self: &Rc<Self>, seat: usize) {
        let crowd = Rc::clone(self);
        crowd.busy.set(crowd.busy.get() + 1);
        spawn_local(async move {
            crowd.open(seat).await;
            crowd.busy.set(crowd.busy.get() - 1);
        });
    }

    async fn open(self: &Rc<Self>, seat: usize) {
        let _turn = self.opening.acquire().await;
        let user = self.user_of(seat);
        let watch = user.expect(self.now());
        let start = Instant::now();
        let dialled = connection::dial(self, &user.id).await;
        match dialled {
            Ok(socket) => {
                watch.borrow_mut().opened();
                let opened = {
                    let mut tally = self.tally.borrow_mut();
                    tally.opened += 1;
                    tally.connect.record(start.elapsed());
                    tally.opened
                };
                let (leave, left) = oneshot::channel();
                self.connected.set(self.connected.get() + 1);
                spawn_local(connection::listen(Rc::clone(self), seat, watch, socket, left));
                let previous = self.seats[seat].borrow_mut().replace(leave);
                let how = if opened.is_multiple_of(2) { Leave::Politely } else { Leave::Abruptly };
                if previous.is_some_and(|previous| previous.send(how).is_ok()) {
                    self.tally.borrow_mut().replaced += 1;
                }
            }
            Err(error) => {
                let mut tally = self.tally.borrow_mut();
                tally.not_opened += 1;
                tally.problem(format!("a connection was not opened: {error}"));
                drop(tally);
                self.forget(seat, &watch);
            }
        }
    }

    /// Nothing more is expected on this socket.
    pub(crate) fn forget(&self, seat: usize, watch: &Rc<RefCell<Watch>>) {
        self.user_of(seat).watches.borrow_mut().retain(|other| !Rc::ptr_eq(other, watch));
        self.give_up(watch);
    }

    /// The connection's task is done.
    pub(crate) fn gone(&self) {
        self.connected.set(self.connected.get() - 1);
    }

    pub(crate) async fn vanish(&self) {
        for seat in &self.seats {
            if let Some(leave) = seat.borrow_mut().take() {
                let _ = leave.send(Leave::Abruptly); // who is gone already need not go
            }
        }
        while self.connected.get() > 0 {
            sleep(TICK).await;
        }
    }

    /// Until no task is at work on the present order.
    pub(crate) async fn rest(&self) {
        while self.busy.get() > 0 {
            sleep(TICK).await;
        }
    }

    pub(crate) fn is_waiting(&self) -> bool {
        self.watches().any(|watch| watch.borrow().is_waiting())
    }

    pub(crate) fn give_up_all(&self) {
        for watch in self.watches() {
            self.give_up(&watch);
            self.tally.borrow_mut().stale += u64::from(watch.borrow().is_stale());
        }
    }

    fn watches(&self) -> impl Iterator<Item = Rc<RefCell<Watch>>> {
        self.users.iter().flat_map(|user| user.watches.borrow().clone())
    }

    fn give_up(&self, watch: &RefCell<Watch>) {
        let (lost, moot) = watch.borrow_mut().give_up(self.now());
        let mut tally = self.tally.borrow_mut();
        tally.lost += lost;
        tally.moot += moot;
    }

    pub(crate) fn updated(&self, watch: &RefCell<Watch>) {
        let update = watch.borrow_mut().updated(self.now());
        let mut tally = self.tally.borrow_mut();
        tally.updates += 1;
        match update {
            Update::Exact(latency) => tally.latency.record(latency),
            Update::Shared => {}
            Update::Duplicate => tally.duplicate += 1,
            Update::Unexpected => tally.unexpected += 1,
        }
    }
}

impl User {
    fn expect(&self, now: Moment) -> Rc<RefCell<Watch>> {
        let watch = Rc::new(RefCell::new(Watch::opening(self.marks_under_way.get(), now)));
        self.watches.borrow_mut().push(Rc::clone(&watch));
        watch
    }

    /// A mark is being sent.
    pub(crate) fn marking(&self, now: Moment, patience: Duration, tally: &mut Tally) {
        self.marks_under_way.set(self.marks_under_way.get() + 1);
        for watch in &*self.watches.borrow() {
            let waits = watch.borrow().is_waiting();
            let expectation = watch.borrow_mut().marked(now, patience);
            tally.expected += u64::from(expectation != Expectation::Nothing);
            tally.distinct += u64::from(expectation != Expectation::Nothing && !waits);
            tally.overlapping += u64::from(expectation == Expectation::SharedUpdate);
        }
    }

    /// The server has answered, or will not.
    pub(crate) fn marked(&self) {
        self.marks_under_way.set(self.marks_under_way.get() - 1);
    }

    pub(crate) fn withdraw(&self, sent: Moment, tally: &mut Tally) {
        for watch in &*self.watches.borrow() {
            tally.expected -= watch.borrow_mut().withdraw(sent);
        }
    }
}
