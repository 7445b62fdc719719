//! What is told about keys that come and go.

/// A key came or went. The number rises from one event of a key to the next.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PresenceEvent<K> {
    /// The key's first socket is there.
    Online(K, u64),
    /// The key's last socket is gone.
    Offline(K, u64),
    /// Events were lost: look at the registry for what is there now.
    Lagged,
}
