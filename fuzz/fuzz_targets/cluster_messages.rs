//! Any messages at a node of the cluster, in any order and time: what decodes means the same when
//! it is encoded again, and the node neither panics nor grows.
#![no_main]

use libfuzzer_sys::fuzz_target;
use socket_registry_cluster::fuzzing::hear_anything;

fuzz_target!(|data: &[u8]| hear_anything(data));
