//! Ids and topics in formats such as JSON.

use crate::id::SocketId;
use crate::topics::Topics;
use serde::de::{Deserialize, Deserializer, Error, Visitor};
use serde::ser::{Serialize, Serializer};
use std::fmt;

/// As the text that [`Display`](SocketId#impl-Display-for-SocketId) gives, never as a number:
/// JavaScript would round it.
impl Serialize for SocketId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// From the text that [`Display`](SocketId#impl-Display-for-SocketId) gives; a number is refused.
impl<'de> Deserialize<'de> for SocketId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(IdVisitor)
    }
}

struct IdVisitor;

impl Visitor<'_> for IdVisitor {
    type Value = SocketId;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the text of a socket's id")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<SocketId, E> {
        text.parse().map_err(E::custom)
    }
}

/// As its [`bits`](Topics::bits), a number that JavaScript keeps.
impl Serialize for Topics {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u32(self.bits())
    }
}

/// From its [`bits`](Topics::bits).
impl<'de> Deserialize<'de> for Topics {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        u32::deserialize(deserializer).map(Self::from_bits)
    }
}
