//! The network between one node and its broker, which can be cut or hang.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
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
    state: Arc<AtomicU8>,
}

impl Proxy {
    pub(crate) fn to(target: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let (port, state) = (listener.local_addr().unwrap().port(), Arc::new(AtomicU8::new(OPEN)));
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
        self.state.store(CUT, Ordering::SeqCst);
    }

    /// Lets nothing through, and tells nobody.
    pub(crate) fn hang(&self) {
        self.state.store(HANG, Ordering::SeqCst);
    }

    pub(crate) fn heal(&self) {
        self.state.store(OPEN, Ordering::SeqCst);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.state.store(END, Ordering::SeqCst);
    }
}

fn accept(listener: &TcpListener, target: u16, state: &Arc<AtomicU8>) {
    while state.load(Ordering::SeqCst) != END {
        match listener.accept() {
            Ok((client, _)) if state.load(Ordering::SeqCst) != CUT => {
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

fn copy(mut from: TcpStream, mut to: TcpStream, state: &AtomicU8) {
    from.set_nonblocking(false).unwrap();
    from.set_read_timeout(Some(PAUSE)).unwrap();
    let mut buffer = [0; 1 << 16];
    loop {
        match state.load(Ordering::SeqCst) {
            OPEN => match from.read(&mut buffer) {
                Ok(0) => break,
                Ok(length) if to.write_all(&buffer[..length]).is_ok() => {}
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
                Ok(_) | Err(_) => break,
            },
            HANG => thread::sleep(PAUSE),
            _ => break,
        }
    }
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}
