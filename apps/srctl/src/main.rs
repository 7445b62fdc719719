//! Signals from a shell to the servers of a cluster.
//!
//! ```sh
//! srctl --broker nats://127.0.0.1:4222 mark 42
//! srctl --broker redis://127.0.0.1:6379 --key-type string disconnect alice
//! ```
//!
//! It joins as a node without sockets, which takes two and a half beats, and leaves when every
//! server has heard it. A program that signals often is better off with a `Publisher` of its own.

mod key;

use clap::{Parser, Subcommand};
use key::{Key, KeyType};
use socket_registry::{CloseReason, Topics};
use socket_registry_cluster::broker::{Nats, Redis};
use socket_registry_cluster::{Options, Publisher};
use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;
use tokio::time::timeout;

/// Marks and logs out users of a socket-registry cluster, and shows its nodes.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// Where the servers connect: `nats://HOST:PORT` or `redis://HOST:PORT`.
    #[arg(long, default_value = "nats://127.0.0.1:4222")]
    broker: String,
    /// The name of the cluster.
    #[arg(long, default_value = "prod")]
    namespace: String,
    /// How the servers write their keys.
    #[arg(long, value_enum, default_value = "u64")]
    key_type: KeyType,
    /// The number of lanes of the servers.
    #[arg(long, default_value_t = 16)]
    lanes: u16,
    /// Gives up after so many seconds.
    #[arg(long, default_value_t = 30)]
    within: u64,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Marks the sockets of these keys: their clients get an update.
    Mark {
        #[arg(required = true)]
        keys: Vec<String>,
        /// Which topics, as a number whose bits they are.
        #[arg(long, default_value_t = Topics::UPDATE.bits())]
        topics: u32,
    },
    /// Closes the sockets of these keys.
    Disconnect {
        #[arg(required = true)]
        keys: Vec<String>,
        /// The close code, 4000 to 4999.
        #[arg(long, default_value_t = CloseReason::LOGGED_OUT.code())]
        code: u16,
    },
    /// Prints how many keys, sockets and servers there are.
    Counts,
    /// Prints one line for each node: id, role, keys, sockets, and how long ago it was heard.
    Nodes,
    /// Prints the counts, now and whenever they change, until it is stopped.
    Watch,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("srctl: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> Result<(), Box<dyn Error>> {
    let options = Options::new(&arguments.namespace).lanes(arguments.lanes);
    let publisher = match arguments.broker.split_once(':') {
        Some(("nats" | "tls", _)) => Publisher::start(Nats::connect(&arguments.broker).await?, options)?,
        Some(("redis" | "rediss", _)) => Publisher::start(Redis::new(&arguments.broker[..])?, options)?,
        _ => return Err("a broker's address begins with nats:// or redis://".into()),
    };
    let within = Duration::from_secs(arguments.within);
    let is_joined = timeout(within, publisher.joined()).await.is_ok_and(|joined| joined.is_ok());
    if !is_joined {
        return Err(format!("no answer from {} in {} s", arguments.broker, arguments.within).into());
    }
    let parse = |keys: Vec<String>| -> Result<Vec<Key>, String> {
        let parse = |text: &String| Key::parse(arguments.key_type, text).ok_or_else(|| format!("{text:?} is no key"));
        keys.iter().map(parse).collect()
    };
    match arguments.command {
        Command::Mark { keys, topics } => {
            publisher.mark_many_topics(&parse(keys)?, Topics::from_bits(topics));
            settle(&publisher, within).await?;
        }
        Command::Disconnect { keys, code } => {
            let reason = CloseReason::new(code).ok_or("a close code is 4000 to 4999")?;
            parse(keys)?.iter().for_each(|key| publisher.disconnect(key, reason));
            settle(&publisher, within).await?;
        }
        Command::Counts => println!("{}", counts(&publisher)),
        Command::Nodes => {
            for node in publisher.nodes() {
                let role = if node.serves { "server" } else { "publisher" };
                println!("{:016x} {role} {} {} {:.1}s", node.id, node.keys, node.sockets, node.age.as_secs_f64());
            }
        }
        Command::Watch => tokio::select! {
            () = watch(&publisher) => {}
            stopped = tokio::signal::ctrl_c() => stopped?,
        },
    }
    publisher.leave().await;
    Ok(())
}

async fn settle(publisher: &Publisher<Key>, within: Duration) -> Result<(), Box<dyn Error>> {
    timeout(within, publisher.settled()).await.map_err(|_| "not every server has heard it in time")??;
    println!("heard by {} servers", publisher.counts().nodes);
    Ok(())
}

fn counts(publisher: &Publisher<Key>) -> String {
    let counts = publisher.counts();
    format!("{} keys, {} sockets, {} servers", counts.keys, counts.sockets, counts.nodes)
}

async fn watch(publisher: &Publisher<Key>) {
    let mut last = String::new();
    loop {
        let line = counts(publisher);
        if line != last {
            println!("{line}");
            last = line;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}
