// On docs.rs the page has no files next to it. So its links lead to modules there (of two
// definitions of a link the first counts), those to other files are plain text, and the picture is
// part of the page.
#![cfg_attr(docsrs, doc = "[axum]: https://docs.rs/socket-registry-axum")]
#![cfg_attr(docsrs, doc = "[cluster]: https://docs.rs/socket-registry-cluster")]
#![cfg_attr(docsrs, doc = "[cookbook]: crate::cookbook")]
#![cfg_attr(docsrs, doc = "[from-socketmanager]: crate::from_socketmanager")]
#![cfg_attr(docsrs, doc = "[wear]: crate::design#wear\n")]
#![cfg_attr(docsrs, doc = "<style>img[src^='docs/'] { display: none }")]
#![cfg_attr(docsrs, doc = "a:is([href$='.md'], [href$='.rs'], [href$='.json']):not([href^='http'])")]
#![cfg_attr(docsrs, doc = "{ color: inherit; pointer-events: none }</style>\n")]
#![cfg_attr(docsrs, doc = include_str!("../docs/architecture.svg"))]
#![cfg_attr(docsrs, doc = "")]
#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![deny(unsafe_code)]

#[cfg(feature = "axum")]
mod axum;
mod error;
mod id;
mod presence;
mod registry;
#[cfg(feature = "serde")]
mod serde;
mod shard;
mod storage;
#[cfg(feature = "stream")]
mod stream;
mod sync;
mod topics;
mod util;
mod watch;

// Runs the code on this page. One of its handlers needs the feature.
#[cfg(any(docsrs, all(doctest, feature = "axum")))]
#[doc = include_str!("../docs/FROM_SOCKETMANAGER.md")]
pub mod from_socketmanager {}

// The package `cookbook` runs the code on this page.
#[cfg(docsrs)]
#[doc = include_str!("../docs/cookbook.md")]
pub mod cookbook {}

#[cfg(docsrs)]
#[doc = include_str!("../docs/DESIGN.md")]
pub mod design {}

#[cfg(all(test, socket_registry_loom))]
#[path = "../tests/loom/mod.rs"]
mod models;

#[cfg(all(test, socket_registry_shuttle))]
#[path = "../tests/shuttle/mod.rs"]
mod schedules;

#[cfg(not(any(socket_registry_loom, socket_registry_shuttle)))]
const _: () = assert!(
    option_env!("SOCKET_REGISTRY_MODELS").is_none(),
    "the models were asked for, but RUSTFLAGS of the environment displaced their `--cfg`: unset it"
);

pub use error::{CloseReason, Closed, ParseIdError, RegisterError, RejectedRegistration};
pub use id::SocketId;
pub use presence::counts::{Changed, CountsWatch, Drained};
pub use presence::grace::Grace;
pub use presence::key::{KeyChanged, KeyWatch};
pub use presence::{NextEvent, Presence, PresenceEvent, Sequence};
pub use registry::Registry;
pub use registry::builder::{BuildError, Builder};
pub use registry::close::CloseGradually;
pub use registry::mark_gradually::{MarkGradually, MarkWhereGradually};
pub use registry::register::Registration;
pub use registry::revoke::Revocation;
pub use registry::socket::{Due, Socket, SocketRef, WaitClosed};
#[cfg(feature = "stats")]
pub use registry::stats::Stats;
#[cfg(feature = "stream")]
pub use stream::Counts;
pub use topics::{Topics, TopicsIter};
