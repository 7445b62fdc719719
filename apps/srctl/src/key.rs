//! Keys from the command line.

use clap::ValueEnum;
use socket_registry_cluster::ClusterKey;
use uuid::Uuid;

/// How the servers write their keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum KeyType {
    U32,
    U64,
    I64,
    String,
    Uuid,
}

/// A key as it travels.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Key(Vec<u8>);

impl Key {
    /// Returns `None` if the text is no key of this type.
    pub(crate) fn parse(kind: KeyType, text: &str) -> Option<Self> {
        let mut bytes = Vec::new();
        match kind {
            KeyType::U32 => text.parse::<u32>().ok()?.write(&mut bytes),
            KeyType::U64 => text.parse::<u64>().ok()?.write(&mut bytes),
            KeyType::I64 => text.parse::<i64>().ok()?.write(&mut bytes),
            KeyType::String => text.to_owned().write(&mut bytes),
            KeyType::Uuid => bytes.extend_from_slice(text.parse::<Uuid>().ok()?.as_bytes()),
        }
        (bytes.len() <= 255).then_some(Self(bytes))
    }
}

impl ClusterKey for Key {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.0);
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        Some(Self(bytes.to_vec()))
    }
}

#[cfg(test)]
mod tests {
    use super::{Key, KeyType};

    #[test]
    fn keys_are_written_as_the_servers_write_them() {
        let bytes = |kind, text| Key::parse(kind, text).map(|key| key.0);
        assert_eq!(bytes(KeyType::U64, "258"), Some(vec![2, 1, 0, 0, 0, 0, 0, 0]));
        assert_eq!(bytes(KeyType::U32, "258"), Some(vec![2, 1, 0, 0]));
        assert_eq!(bytes(KeyType::I64, "-1"), Some(vec![255; 8]));
        assert_eq!(bytes(KeyType::String, "ab"), Some(b"ab".to_vec()));
        let uuid = "00010203-0405-0607-0809-0a0b0c0d0e0f";
        assert_eq!(bytes(KeyType::Uuid, uuid), Some(Vec::from_iter(0..16)));
        for (kind, text) in [(KeyType::U64, "-1"), (KeyType::U32, "4294967296"), (KeyType::Uuid, "42")] {
            assert_eq!(bytes(kind, text), None);
        }
        assert_eq!(bytes(KeyType::String, &"x".repeat(256)), None);
    }
}
