//! What is timed on a population, by name.

use super::{
    limit::Limit,
    peers::{Key, Peer},
    population::Population,
    timing::Sample,
    workload::Workload,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Operation {
    MarkUniform,
    MarkZipf,
    MarkDue,
    MarkHot,
    MarkAged,
    MarkMany,
    MarkAll,
    Take,
    Churn,
    Reconnect,
    Storm,
    Mix,
    IsActive,
    KeyCount,
    SocketCount,
    ForEach,
}

impl Operation {
    pub fn name(self) -> &'static str {
        match self {
            Self::MarkUniform => "mark, uniform",
            Self::MarkZipf => "mark, zipf 0.99",
            Self::MarkDue => "mark, already due",
            Self::MarkHot => "mark, one hot key",
            Self::MarkAged => "mark, uniform, after churn",
            Self::MarkMany => "mark_many, per key",
            Self::MarkAll => "mark_all, per socket",
            Self::Take => "take",
            Self::Churn => "churn (drop + register)",
            Self::Reconnect => "reconnect of the same key",
            Self::Storm => "reconnect storm, half by takeover",
            Self::Mix => "90 % mark, 10 % churn",
            Self::IsActive => "is_active",
            Self::KeyCount => "key_count",
            Self::SocketCount => "socket_count",
            Self::ForEach => "for_each, per socket",
        }
    }

    /// What the machine's memory allows.
    pub fn limit(self) -> Option<Limit> {
        match self {
            Self::MarkUniform | Self::MarkZipf => Some(Limit::OneMiss),
            Self::MarkMany => Some(Limit::Prefetched),
            Self::MarkAll => Some(Limit::Sequential),
            _ => None,
        }
    }
}

/// A populated contestant, any of them.
pub trait Stand<K> {
    /// Runs one round of the operation.
    fn run(&mut self, operation: Operation, threads: usize, work: &Workload<K>) -> Sample;
}

impl<K: Key, P: Peer<K>> Stand<K> for Population<K, P> {
    fn run(&mut self, operation: Operation, threads: usize, work: &Workload<K>) -> Sample {
        match operation {
            Operation::MarkUniform => self.mark(&work.uniform.keys, threads),
            Operation::MarkZipf => self.mark(&work.zipf.keys, threads),
            Operation::MarkDue => self.mark_due(&work.uniform.keys, threads),
            Operation::MarkHot => self.mark_hot(&work.keys[0], work.draws(), threads),
            Operation::MarkAged => {
                self.age(work);
                self.mark(&work.uniform.keys, threads)
            }
            Operation::MarkMany => self.mark_many(&work.uniform.keys, threads),
            Operation::MarkAll => self.mark_all(work.draws()),
            Operation::Take => self.take(work.draws()),
            Operation::Churn => self.churn(work, threads),
            Operation::Reconnect => self.reconnect(work, threads),
            Operation::Storm => self.storm(work, threads),
            Operation::Mix => self.mix(work, threads),
            Operation::IsActive => self.is_active(&work.uniform.keys, threads),
            Operation::KeyCount => self.count(P::key_count),
            Operation::SocketCount => self.count(P::socket_count),
            Operation::ForEach => self.for_each(),
        }
    }
}
