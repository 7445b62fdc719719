//! Who is online, as the text that pages are sent.

use std::collections::BTreeSet;
use std::fmt::Write;

use serde::Serialize;

/// How many ids are listed, the first in order, and into how many bytes they must fit: a longer
/// list would not be read.
const MAX_IDS: usize = 50;
const MAX_BYTES: usize = 4 << 10;

/// `{"online":{"count":N,"ids":[..],"sockets":[..]}}`, where an id whose sockets are known to other
/// servers alone has `null`.
pub fn text<K: Serialize>(online: &BTreeSet<K>, sockets_of: impl Fn(&K) -> Option<usize>) -> String {
    let (mut ids, mut sockets) = (String::new(), String::new());
    for id in online.iter().take(MAX_IDS) {
        let count = sockets_of(id).map_or_else(|| "null".to_owned(), |count| count.to_string());
        let Ok(id) = serde_json::to_string(id) else { continue };
        if ids.len() + id.len() > MAX_BYTES {
            break;
        }
        let comma = if ids.is_empty() { "" } else { "," };
        // Into strings, which take everything.
        let _ = write!(ids, "{comma}{id}");
        let _ = write!(sockets, "{comma}{count}");
    }
    format!(r#"{{"online":{{"count":{},"ids":[{ids}],"sockets":[{sockets}]}}}}"#, online.len())
}
