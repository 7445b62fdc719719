//! The devices of each user: in memory, bounded, gone with the process.

use std::collections::HashMap;
use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

use parking_lot::Mutex;
use serde::Serialize;

use crate::input::{DeviceName, UserId};

/// With names and ids of the longest kind about 60 MB at most.
const MAX_DEVICES: usize = 100_000;
const MAX_DEVICES_PER_ID: usize = 1_000;

#[derive(Clone, Serialize)]
pub(crate) struct Device {
    name: DeviceName,
    /// Milliseconds since the Unix epoch.
    added_at: f64,
}

pub(crate) struct Devices {
    store: Mutex<Store>,
    /// In milliseconds since the Unix epoch: a version of an earlier process is not taken for one
    /// of this.
    started_at: f64,
}

#[derive(Default)]
struct Store {
    of_id: HashMap<UserId, Vec<Device>>,
    total: usize,
}

/// There is no room, and nothing was stored.
pub(crate) enum StoreFull {
    All,
    Id,
}

impl fmt::Display for StoreFull {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => write!(f, "the server keeps {MAX_DEVICES} devices, no more"),
            Self::Id => write!(f, "an id may have {MAX_DEVICES_PER_ID} devices, no more"),
        }
    }
}

impl Devices {
    pub(crate) fn new() -> Self {
        Self { store: Mutex::default(), started_at: now_ms() }
    }

    pub(crate) fn add(&self, id: &UserId, name: DeviceName) -> Result<(), StoreFull> {
        let added_at = now_ms();
        let mut store = self.store.lock();
        if store.total == MAX_DEVICES {
            return Err(StoreFull::All);
        }
        let devices = store.of_id.entry(id.clone()).or_default();
        if devices.len() == MAX_DEVICES_PER_ID {
            return Err(StoreFull::Id);
        }
        devices.push(Device { name, added_at });
        store.total += 1;
        Ok(())
    }

    pub(crate) fn of(&self, id: &UserId) -> Vec<Device> {
        self.store.lock().of_id.get(id).cloned().unwrap_or_default()
    }

    /// Another text after each change of the id's devices.
    pub(crate) fn version_of(&self, id: &UserId) -> String {
        let count = self.store.lock().of_id.get(id).map_or(0, Vec::len);
        format!("{}-{count}", self.started_at)
    }
}

/// Milliseconds since the Unix epoch, with a fraction.
pub(crate) fn now_ms() -> f64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    since_epoch.as_micros() as f64 / 1e3
}
