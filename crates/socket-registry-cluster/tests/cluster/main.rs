//! Clusters in one process, on the broker in memory. The clock is tokio's paused one: nothing here
//! waits in real time.

mod faults;
mod nodes;
mod presence;
mod signals;

use socket_registry::Registry;
use socket_registry_cluster::broker::Memory;
use socket_registry_cluster::broker::memory::Connection;
use socket_registry_cluster::{Cluster, Options, Publisher};
use std::time::Duration;
use tokio::time::timeout;

/// Longer than anything here may take, by the paused clock.
const PATIENCE: Duration = Duration::from_secs(120);
const SECOND: Duration = Duration::from_secs(1);

fn options() -> Options {
    Options::new("test").spread(Duration::from_secs(2))
}

struct Server {
    cluster: Cluster<u64>,
    link: Connection,
}

fn start(memory: &Memory, options: Options) -> Server {
    let link = memory.connect();
    let cluster = Cluster::start(Registry::new(), link.clone(), options).unwrap();
    Server { cluster, link }
}

/// Nodes that have joined.
async fn servers<const N: usize>(memory: &Memory, options: Options) -> [Server; N] {
    let servers = [(); N].map(|()| start(memory, options.clone()));
    for server in &servers {
        within(server.cluster.joined()).await.unwrap();
    }
    servers
}

async fn publisher(memory: &Memory) -> (Publisher<u64>, Connection) {
    let link = memory.connect();
    let publisher = Publisher::start(link.clone(), options()).unwrap();
    within(publisher.joined()).await.unwrap();
    (publisher, link)
}

async fn within<T>(future: impl Future<Output = T>) -> T {
    timeout(PATIENCE, future).await.expect("it happens in time")
}

/// Waits until it is true, looking once in a millisecond of the paused clock.
async fn until(mut is_true: impl FnMut() -> bool) {
    within(async {
        while !is_true() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    })
    .await;
}
