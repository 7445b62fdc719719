//! Ids and topics in formats such as JSON.

use crate::id::SocketId;
use crate::topics::Topics;
use serde::de::{Deserialize, Deserializer, Error, Visitor};
use serde::ser::{Serialize, Serializer};
use std::fmt;

/// Serializes the text that [`Display`](SocketId#impl-Display-for-SocketId) writes, never a
/// number: JavaScript would round it.
impl Serialize for SocketId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Deserializes the text that [`Display`](SocketId#impl-Display-for-SocketId) writes. Refuses a
/// number.
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

/// Serializes the [`bits`](Topics::bits), a number that JavaScript represents exactly.
impl Serialize for Topics {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u32(self.bits())
    }
}

/// Deserializes the [`bits`](Topics::bits).
impl<'de> Deserialize<'de> for Topics {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        u32::deserialize(deserializer).map(Self::from_bits)
    }
}
