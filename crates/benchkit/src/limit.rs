//! The limits that subjects are compared with, by name.

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Limit {
    /// Hash the key, find its bucket, verify it, one read-modify-write there.
    OneMiss,
    /// The same with 16 buckets prefetched ahead.
    Prefetched,
    /// A read-modify-write on a random bucket of known address.
    Random,
    /// The same on one bucket after the other.
    Sequential,
}

impl Limit {
    pub fn name(self) -> &'static str {
        match self {
            Self::OneMiss => "one miss",
            Self::Prefetched => "one miss, 16 prefetched",
            Self::Random => "random RMW",
            Self::Sequential => "sequential RMW",
        }
    }
}
