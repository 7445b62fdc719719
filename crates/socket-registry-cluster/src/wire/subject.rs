//! Where messages are sent. A subject never holds a key.

use std::fmt::Write;

/// Where a message is sent: `srg1.<namespace>.` and what stands at each kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Subject {
    /// `b.m.<lane>`: marks and commands, for every node that serves.
    Lane(u16),
    /// `b.beat`: beats, for every node.
    Beat,
    /// `b.presence`: changes of presence, for every node that wants them.
    Presence,
    /// `n.<sender>`: one node, which has drawn this number.
    Node(u64),
    /// `relay`: any one node that serves.
    Relay,
}

impl Subject {
    /// The subject in full.
    pub(crate) fn name(self, namespace: &str) -> String {
        let mut name = format!("srg1.{namespace}.");
        match self {
            Self::Lane(lane) => write!(name, "b.m.{lane}"),
            Self::Beat => write!(name, "b.beat"),
            Self::Presence => write!(name, "b.presence"),
            Self::Node(sender) => write!(name, "n.{sender}"),
            Self::Relay => write!(name, "relay"),
        }
        .expect("a string takes everything");
        name
    }

    /// Returns `None` for a name that `name` does not make in this namespace.
    pub(crate) fn parse(namespace: &str, name: &str) -> Option<Self> {
        let name = name.strip_prefix("srg1.")?.strip_prefix(namespace)?.strip_prefix('.')?;
        let subject = match name {
            "b.beat" => Self::Beat,
            "b.presence" => Self::Presence,
            "relay" => Self::Relay,
            _ => match (name.strip_prefix("b.m."), name.strip_prefix("n.")) {
                (Some(lane), _) => Self::Lane(lane.parse().ok()?),
                (_, Some(sender)) => Self::Node(sender.parse().ok()?),
                _ => return None,
            },
        };
        Some(subject)
    }
}
