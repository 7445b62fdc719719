//! Ids and topics in JSON.

use serde_json::{from_str, from_value, json, to_value};
use socket_registry::{SocketId, Topics};

#[test]
fn an_id_is_its_text_in_json() {
    let id = SocketId::from_u64((65_536 << 37) + 12_345);
    assert!(id.to_u64() > 1 << 53, "JavaScript would round the number");
    let text = json!(id.to_string());
    assert_eq!(to_value(id).unwrap(), text);
    assert_eq!(from_value::<SocketId>(text).unwrap(), id);
}

#[test]
fn an_id_is_not_read_from_a_number_nor_from_other_text() {
    assert!(from_str::<SocketId>("9007199254740993").is_err());
    let error = from_str::<SocketId>("\"0080000000C1S6\"").unwrap_err().to_string();
    assert!(error.contains("check symbol"), "{error}");
}

#[test]
fn ids_are_keys_of_a_json_object() {
    let ids = std::collections::BTreeMap::from([(SocketId::from_u64(1), 1), (SocketId::from_u64(2), 2)]);
    let object = json!({ "00000000000011": 1, "00000000000022": 2 });
    assert_eq!(to_value(&ids).unwrap(), object);
    assert_eq!(from_value::<std::collections::BTreeMap<SocketId, u8>>(object).unwrap(), ids);
}

#[test]
fn topics_are_their_bits() {
    for topics in [Topics::EMPTY, Topics::UPDATE, Topics::topic(31) | Topics::topic(4), Topics::ALL] {
        assert_eq!(to_value(topics).unwrap(), json!(topics.bits()));
        assert_eq!(from_value::<Topics>(json!(topics.bits())).unwrap(), topics);
    }
    assert!(from_str::<Topics>("4294967296").is_err() && from_str::<Topics>("-1").is_err());
}
