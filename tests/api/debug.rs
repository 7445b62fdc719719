//! What `{:?}` shows of each public type: names and numbers that mean something, and never a word
//! as it is.

use std::time::{Duration, Instant};

use socket_registry::{BuildError, Closed, Grace, PresenceEvent, RegisterError, Registry, Sequence, SocketId, Topics};
use testkit::reason;

#[test]
fn a_registry_shows_its_counts() {
    let registry = Registry::<u64, &str>::new();
    let _sockets = [1, 1, 2].map(|key| registry.register_with(key, "tab").unwrap());
    assert_eq!(format!("{registry:?}"), "Registry { keys: 2, sockets: 3, .. }");
}

#[test]
fn a_socket_shows_its_id_its_key_and_what_is_due() {
    let registry = Registry::<String>::builder().shards(1).build().unwrap();
    drop(registry.register("ada".to_owned()).unwrap());
    let mut socket = registry.register("ada".to_owned()).unwrap();
    registry.mark_topics("ada", Topics::UPDATE | Topics::topic(7));
    let id = format!("{:?}", socket.id());
    let fields = format!("id: {id}, key: \"ada\", due: Topics{{0, 7}}");
    assert_eq!(format!("{socket:?}"), format!("Socket {{ {fields}, close_reason: None, .. }}"));
    registry.for_each(|socket| assert_eq!(format!("{socket:?}"), format!("SocketRef {{ {fields}, .. }}")));
    registry.disconnect("ada", reason(3));
    let shown = format!("Socket {{ {fields}, close_reason: Some(Disconnected(CloseReason(4003))), .. }}");
    assert_eq!(format!("{:?}", socket.due()), format!("Due {{ socket: {shown} }}"));
}

#[test]
fn an_id_shows_its_place_and_its_generation() {
    assert_eq!(format!("{:?}", SocketId::from_u64(3 << 37 | 5)), "SocketId { place: 5, generation: 3 }");
    assert_eq!(SocketId::from_u64(3 << 37 | 5).to_string(), "00000C0000005B");
}

#[test]
fn a_builder_shows_its_options() {
    let builder = Registry::<u64>::builder().max_sockets(100);
    let expected = "Builder { shards: None, max_sockets: Some(100), max_sockets_per_key: 65536, evict_oldest: false }";
    assert_eq!(format!("{builder:?}"), expected);
}

#[test]
fn grace_shows_how_much_it_holds() {
    let now = Instant::now();
    let mut grace = Grace::new(Duration::from_secs(5)).with_limit(9);
    grace.push(PresenceEvent::Offline { key: 1, sequence: Sequence::from_u64(1) }, now);
    grace.push(PresenceEvent::Online { key: 2, sequence: Sequence::from_u64(1) }, now);
    assert_eq!(format!("{grace:?}"), "Grace { period: 5s, limit: 9, held: 1, ready: 1, .. }");
}

#[test]
fn sets_and_errors_show_their_names() {
    assert_eq!(format!("{:?}", Topics::EMPTY), "Topics{}");
    assert_eq!(format!("{:?}", Topics::topic(31)), "Topics{31}");
    let event = PresenceEvent::Offline { key: "ada", sequence: Sequence::from_u64(2) };
    assert_eq!(format!("{event:?}"), "Offline { key: \"ada\", sequence: Sequence(2) }");
    assert_eq!(format!("{:?}", RegisterError::KeyFull), "KeyFull");
    assert_eq!(format!("{:?}", Closed::Shutdown), "Shutdown");
    assert_eq!(format!("{:?}", BuildError::Shards(3)), "Shards(3)");
}

#[cfg(feature = "stats")]
#[test]
fn stats_show_each_number() {
    let shown = format!("{:?}", Registry::<u64>::new().stats());
    let fields = "marks: 0, coalesced: 0, wakes: 0, registrations: 0, removals: 0, stale_ids: 0, refusals: 0, takeovers: 0, \
                  tables: 0, buckets: 0, retired_tables: 0, slots: 0, groups_in_use: 0, addresses: 0.0, load: 0.0";
    assert_eq!(shown, format!("Stats {{ {fields} }}"));
}
