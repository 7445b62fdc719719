//! Options and limits of a registry.

use crate::registry::Registry;
use crate::shard::geometry::Geometry;
use crate::shard::geometry::{MAX_SHARDS, MAX_SOCKETS, MAX_SOCKETS_PER_KEY};
use std::error::Error;
use std::fmt;
use std::hash::Hash;
use std::marker::PhantomData;

/// Builds a registry with chosen options and limits, from [`Registry::builder`].
///
/// ```
/// use socket_registry::Registry;
///
/// let registry: Registry<u64> = Registry::builder().max_sockets(100_000).max_sockets_per_key(16).build()?;
/// # Ok::<(), socket_registry::BuildError>(())
/// ```
#[must_use]
pub struct Builder<K, M = ()> {
    shards: Option<usize>,
    max_sockets: Option<usize>,
    max_sockets_per_key: usize,
    evict_oldest: bool,
    _registry: PhantomData<fn() -> Registry<K, M>>,
}

/// By default each of several shards has room for so many sockets.
const SOCKETS_PER_SHARD: usize = 64;

impl<K, M> Builder<K, M> {
    /// The highest number of shards that a registry can have: 1,024.
    pub const MAX_SHARDS: usize = MAX_SHARDS;
    /// The highest number of sockets that a registry can be built for: 67,108,864.
    pub const MAX_SOCKETS: usize = MAX_SOCKETS;
    /// The highest number of sockets that one key can have: 1,000,000.
    pub const MAX_SOCKETS_PER_KEY: usize = MAX_SOCKETS_PER_KEY;
    /// The default number of shards: 64, or fewer if `max_sockets` is below 4,096, so that each has
    /// room for 64 sockets; one if it is below 128.
    pub const DEFAULT_SHARDS: usize = 64;
    /// The default limit on sockets: 16,777,216.
    pub const DEFAULT_MAX_SOCKETS: usize = 1 << 24;
    /// The default limit on the sockets of one key: 65,536.
    pub const DEFAULT_MAX_SOCKETS_PER_KEY: usize = 1 << 16;

    pub(crate) fn new() -> Self {
        Self {
            shards: None,
            max_sockets: None,
            max_sockets_per_key: Self::DEFAULT_MAX_SOCKETS_PER_KEY,
            evict_oldest: false,
            _registry: PhantomData,
        }
    }

    /// Sets the number of shards, the registry's independent parts: a power of two from 1 to
    /// [`MAX_SHARDS`](Self::MAX_SHARDS), and at most `max_sockets`.
    ///
    /// The default suits most servers. One shard is enough if you have many small registries.
    pub fn shards(mut self, shards: usize) -> Self {
        self.shards = Some(shards);
        self
    }

    /// Limits the number of concurrent sockets, from 1 to [`MAX_SOCKETS`](Self::MAX_SOCKETS). A
    /// registration beyond the limit gets [`RegisterError::Full`](crate::RegisterError::Full).
    /// The limit is exact, also across threads.
    ///
    /// This option also sizes the tables for that many sockets, so that they need not grow. A
    /// shard reserves the address space at its first registration; memory is used as sockets
    /// come. Without this option the tables start small and grow.
    pub fn max_sockets(mut self, max_sockets: usize) -> Self {
        self.max_sockets = Some(max_sockets);
        self
    }

    /// Limits the number of concurrent sockets of one key, from 1 to
    /// [`MAX_SOCKETS_PER_KEY`](Self::MAX_SOCKETS_PER_KEY). A registration beyond the limit gets
    /// [`RegisterError::KeyFull`](crate::RegisterError::KeyFull), or evicts the key's oldest
    /// socket: see [`evict_oldest`](Self::evict_oldest). The limit is exact, also across threads.
    pub fn max_sockets_per_key(mut self, max_sockets_per_key: usize) -> Self {
        self.max_sockets_per_key = max_sockets_per_key;
        self
    }

    /// Sets what a registration does that meets a key with
    /// [`max_sockets_per_key`](Self::max_sockets_per_key) sockets: it evicts the key's oldest
    /// socket instead of being refused.
    ///
    /// An evicted socket is no longer counted, found or marked, and its owner gets
    /// [`Closed::Disconnected`](crate::Closed::Disconnected) with
    /// [`CloseReason::EVICTED`](crate::CloseReason::EVICTED). Topics that were due for it are
    /// dropped: the key's other sockets have marks of their own. It keeps its slot until its owner
    /// drops it.
    ///
    /// When no registration of a key is in progress, the key has no more sockets than the limit. Of
    /// concurrent registrations none is refused, and those that began first may be evicted right
    /// away. A socket that is being dropped may still count, so the oldest socket may be evicted
    /// although there is room by then.
    ///
    /// The new socket needs a place of its own within [`max_sockets`](Self::max_sockets). A
    /// registration at the limit takes one step for each socket of the key, and runs the wakers of
    /// those that it evicts. Each registration steps a counter of its shard, and a walk over all
    /// sockets during a registration looks at every bucket twice.
    ///
    /// ```
    /// use socket_registry::{CloseReason, Closed, Registry};
    ///
    /// let registry: Registry<u64> = Registry::builder().max_sockets_per_key(2).evict_oldest(true).build()?;
    /// let sockets = [0, 1, 2].map(|_| registry.register(42).unwrap());
    /// assert_eq!(sockets[0].close_reason(), Some(Closed::Disconnected(CloseReason::EVICTED)));
    /// assert_eq!(registry.sockets_of(&42), [sockets[1].id(), sockets[2].id()]);
    /// # Ok::<(), socket_registry::BuildError>(())
    /// ```
    pub fn evict_oldest(mut self, evict_oldest: bool) -> Self {
        self.evict_oldest = evict_oldest;
        self
    }

    /// A shard whose permits are all taken searches the others, and many do near the limit if each
    /// has few.
    fn default_shards(max_sockets: usize) -> usize {
        let roomy = (max_sockets / SOCKETS_PER_SHARD).max(1);
        Self::DEFAULT_SHARDS.min(1 << roomy.ilog2())
    }

    /// Builds the registry. It allocates memory for sockets only when they come.
    ///
    /// # Errors
    /// Returns a [`BuildError`] that says which option is out of range, and what the range is.
    pub fn build(self) -> Result<Registry<K, M>, BuildError> {
        let max_sockets = self.max_sockets.unwrap_or(Self::DEFAULT_MAX_SOCKETS);
        if !(1..=MAX_SOCKETS).contains(&max_sockets) {
            return Err(BuildError::Sockets(max_sockets));
        }
        if !(1..=MAX_SOCKETS_PER_KEY).contains(&self.max_sockets_per_key) {
            return Err(BuildError::SocketsPerKey(self.max_sockets_per_key));
        }
        let shards = self.shards.unwrap_or_else(|| Self::default_shards(max_sockets));
        if !(1..=MAX_SHARDS).contains(&shards) || !shards.is_power_of_two() {
            return Err(BuildError::Shards(shards));
        }
        if shards > max_sockets {
            return Err(BuildError::MoreShardsThanSockets { shards, max_sockets });
        }
        let max_per_key = self.max_sockets_per_key as u32;
        let geometry = match self.max_sockets {
            Some(max_sockets) => Geometry::ahead(shards, max_sockets, max_per_key),
            None => Geometry::growing(shards, max_per_key),
        };
        let geometry = Geometry { evicts_oldest: self.evict_oldest, ..geometry };
        Ok(Registry::with(shards, max_sockets, geometry))
    }
}

impl<K, M> Clone for Builder<K, M> {
    fn clone(&self) -> Self {
        Self { ..*self }
    }
}

/// Returns the default options.
impl<K, M> Default for Builder<K, M> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K, M> fmt::Debug for Builder<K, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("shards", &self.shards)
            .field("max_sockets", &self.max_sockets)
            .field("max_sockets_per_key", &self.max_sockets_per_key)
            .field("evict_oldest", &self.evict_oldest)
            .finish()
    }
}

impl<K, M> Registry<K, M> {
    /// Creates a registry with the default options: its tables start small and grow.
    #[must_use]
    pub fn new() -> Self {
        Self::builder().build().expect("the default options are in range")
    }

    /// Returns a builder, to choose options and limits for a registry.
    pub fn builder() -> Builder<K, M> {
        Builder::new()
    }
}

impl<K, M> Default for Registry<K, M> {
    fn default() -> Self {
        Self::new()
    }
}

/// Says why [`Builder::build`](crate::Builder::build) refused its options.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum BuildError {
    /// The number of shards is not a power of two from 1 to
    /// [`MAX_SHARDS`](crate::Builder::MAX_SHARDS).
    Shards(usize),
    /// The number of sockets is not from 1 to [`MAX_SOCKETS`](crate::Builder::MAX_SOCKETS).
    Sockets(usize),
    /// The number of sockets per key is not from 1 to
    /// [`MAX_SOCKETS_PER_KEY`](crate::Builder::MAX_SOCKETS_PER_KEY).
    SocketsPerKey(usize),
    /// There are more shards than sockets.
    MoreShardsThanSockets {
        /// The requested number of shards.
        shards: usize,
        /// The requested number of sockets.
        max_sockets: usize,
    },
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Shards(n) => write!(f, "shards is {n}: choose a power of two from 1 to {MAX_SHARDS}"),
            Self::Sockets(n) => write!(f, "max_sockets is {n}: choose a number from 1 to {MAX_SOCKETS}"),
            Self::SocketsPerKey(n) => {
                write!(f, "max_sockets_per_key is {n}: choose a number from 1 to {MAX_SOCKETS_PER_KEY}")
            }
            Self::MoreShardsThanSockets { shards, max_sockets } => {
                write!(
                    f,
                    "shards is {shards} and max_sockets is {max_sockets}: choose at most as many shards as sockets"
                )
            }
        }
    }
}

impl Error for BuildError {}

#[cfg(test)]
mod tests;
