//! Lists of keys, as they stand in a message.

use bytes::Bytes;

/// Keys as they stand in a message, without a copy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Keys {
    /// `count x (length varint, bytes)`, with lengths that fit.
    bytes: Bytes,
    count: usize,
}

impl Keys {
    /// Precondition: `bytes` are the encoding of `count` keys and nothing else.
    pub(super) fn new(bytes: Bytes, count: usize) -> Self {
        Self { bytes, count }
    }

    pub(crate) fn len(&self) -> usize {
        self.count
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let mut rest = &self.bytes[..];
        std::iter::from_fn(move || {
            let (length, after) = split_length(rest)?;
            let (key, after) = after.split_at_checked(length)?;
            rest = after;
            Some(key)
        })
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// Encodes keys.
impl<'a> FromIterator<&'a [u8]> for Keys {
    fn from_iter<I: IntoIterator<Item = &'a [u8]>>(keys: I) -> Self {
        let (mut bytes, mut count) = (Vec::new(), 0);
        for key in keys {
            push_key(&mut bytes, key);
            count += 1;
        }
        Self { bytes: bytes.into(), count }
    }
}

/// Appends a key of at most 255 bytes.
pub(super) fn push_key(out: &mut Vec<u8>, key: &[u8]) {
    let length = u8::try_from(key.len()).expect("the engine takes no longer key");
    if length < 128 {
        out.push(length);
    } else {
        out.extend_from_slice(&[length | 128, 1]);
    }
    out.extend_from_slice(key);
}

/// Reads a length of at most 255 in its shortest form.
pub(super) fn split_length(bytes: &[u8]) -> Option<(usize, &[u8])> {
    match bytes {
        [length, rest @ ..] if *length < 128 => Some((usize::from(*length), rest)),
        [length, 1, rest @ ..] => Some((usize::from(*length), rest)),
        _ => None,
    }
}
