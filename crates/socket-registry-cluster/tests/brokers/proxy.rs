//! The network between one node and its broker, which can be cut or hang.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

const OPEN: u8 = 0;
const CUT: u8 = 1;
const HANG: u8 = 2;
const END: u8 = 3;
const PAUSE: Duration = Duration::from_millis(5);

/// A port that leads to another one. Its drop ends its threads.
pub(crate) struct Proxy {
    port: u16,
    state: Arc<State>,
}

struct State {
    mode: AtomicU8,
    /// Connections of an earlier generation are dead.
    generation: AtomicU32,
}

impl Proxy {
    pub(crate) fn to(target: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(State { mode: AtomicU8::new(OPEN), generation: AtomicU32::new(0) });
        listener.set_nonblocking(true).unwrap();
        let of_thread = state.clone();
        thread::spawn(move || accept(&listener, target, &of_thread));
        Self { port, state }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Resets the connections, and refuses new ones.
    pub(crate) fn cut(&self) {
        self.state.mode.store(CUT, Ordering::SeqCst);
    }

    /// Lets nothing through, and tells nobody.
    pub(crate) fn hang(&self) {
        self.state.mode.store(HANG, Ordering::SeqCst);
    }

    /// Lets nothing through on the connections that there are, without an end and without telling
    /// anybody. New ones work.
    pub(crate) fn kill_connections(&self) {
        self.state.generation.fetch_add(1, Ordering::SeqCst);
    }

    pub(crate) fn heal(&self) {
        self.state.mode.store(OPEN, Ordering::SeqCst);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.state.mode.store(END, Ordering::SeqCst);
    }
}

fn accept(listener: &TcpListener, target: u16, state: &Arc<State>) {
    while state.mode.load(Ordering::SeqCst) != END {
        match listener.accept() {
            Ok((client, _)) if state.mode.load(Ordering::SeqCst) != CUT => {
                // Dropped if the broker is away.
                if let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, target)) {
                    for (from, to) in [(&client, &server), (&server, &client)] {
                        let (from, to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
                        let state = state.clone();
                        thread::spawn(move || copy(from, to, &state));
                    }
                }
            }
            Ok(_) => {}
            Err(_) => thread::sleep(PAUSE),
        }
    }
}

fn copy(mut from: TcpStream, mut to: TcpStream, state: &State) {
    from.set_nonblocking(false).unwrap();
    from.set_read_timeout(Some(PAUSE)).unwrap();
    let mut buffer = [0; 1 << 16];
    let generation = state.generation.load(Ordering::SeqCst);
    let is_dead = || state.generation.load(Ordering::SeqCst) != generation;
    loop {
        match state.mode.load(Ordering::SeqCst) {
            END => break,
            _ if is_dead() => thread::sleep(PAUSE),
            OPEN => match from.read(&mut buffer) {
                Ok(0) => break,
                // The mode may have changed while it waited for these bytes.
                Ok(length) => {
                    while state.mode.load(Ordering::SeqCst) == HANG && !is_dead() {
                        thread::sleep(PAUSE);
                    }
                    let passes = state.mode.load(Ordering::SeqCst) == OPEN;
                    if !is_dead() && (!passes || to.write_all(&buffer[..length]).is_err()) {
                        break;
                    }
                }
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
                Err(_) => break,
            },
            HANG => thread::sleep(PAUSE),
            _ => break,
        }
    }
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}
