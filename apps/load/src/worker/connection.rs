//! One client.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use futures_util::StreamExt;
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::oneshot;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use crate::Failure;
use crate::worker::crowd::{Crowd, Leave};
use crate::worker::watch::Watch;

/// A server that takes longer has not accepted. Long enough for a machine that stands still for a
/// while.
const OPEN_WITHIN: Duration = Duration::from_secs(60);
const CLOSE_WITHIN: Duration = Duration::from_secs(20);
/// An update has six bytes. The default of 128 KiB would make this process the larger one.
const BUFFER: usize = 512;

type Socket = WebSocketStream<TcpStream>;

pub(crate) async fn dial(crowd: &Crowd, id: &str) -> Result<Socket, Failure> {
    let url = format!("ws://{}/device-ws?id={id}", crowd.target);
    let small = WebSocketConfig::default().read_buffer_size(BUFFER).write_buffer_size(0);
    let opened = async {
        let tcp = TcpSocket::new_v4()?;
        tcp.bind((crowd.source(), 0).into())?;
        let tcp = tcp.connect(SocketAddr::V4(crowd.target)).await?;
        tcp.set_nodelay(true)?;
        let (socket, _) = client_async_with_config(url, tcp, Some(small)).await?;
        Ok::<_, Failure>(socket)
    };
    timeout(OPEN_WITHIN, opened).await?
}

/// Takes note of every update until it is told to leave.
pub(crate) async fn listen(
    crowd: Rc<Crowd>,
    seat: usize,
    watch: Rc<RefCell<Watch>>,
    mut socket: Socket,
    mut left: oneshot::Receiver<Leave>,
) {
    let leave = loop {
        tokio::select! {
            leave = &mut left => break leave.ok(),
            frame = socket.next() => match frame {
                Some(Ok(Message::Text(text))) if text == "update" => crowd.updated(&watch),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                end => {
                    let mut tally = crowd.tally.borrow_mut();
                    tally.dropped += 1;
                    tally.problem(format!("a connection ended with {end:?}"));
                    break None;
                }
            },
        }
    };
    crowd.forget(seat, &watch);
    drop(left); // from now on the seat is vacant
    if let Some(Leave::Politely) = leave {
        let goodbye = async {
            socket.close(None).await?;
            while let Some(frame) = socket.next().await {
                frame?;
            }
            Ok::<_, tokio_tungstenite::tungstenite::Error>(())
        };
        if !matches!(timeout(CLOSE_WITHIN, goodbye).await, Ok(Ok(()))) {
            crowd.tally.borrow_mut().problem("the server did not answer a close frame");
        }
    }
    drop(socket);
    crowd.gone();
}
