//! The devices of each user: in memory, bounded, gone with the process.

use std::collections::HashMap;
use std::time::{SystemTime, UNIX_EPOCH};

use axum::http::StatusCode;
use parking_lot::Mutex;
use serde::Serialize;
use uuid::Uuid;

use crate::error::ApiError;
use crate::input::{DeviceName, UserId};

/// With names and ids of the longest kind about 60 MB at most.
const MAX_DEVICES: usize = 100_000;
const MAX_DEVICES_PER_ID: usize = 1_000;

#[derive(Clone, Serialize)]
pub(crate) struct Device {
    name: DeviceName,
    /// Milliseconds since the Unix epoch.
    added_at: f64,
    /// Of the request that added it.
    #[serde(skip)]
    nonce: Uuid,
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

impl Devices {
    pub(crate) fn new() -> Self {
        Self { store: Mutex::default(), started_at: now_ms() }
    }

    /// Adds a device, unless a request with the same nonce has done so or there is no room.
    pub(crate) fn add(&self, id: &UserId, name: DeviceName, nonce: Uuid) -> Result<(), ApiError> {
        let added_at = now_ms();
        let mut store = self.store.lock();
        if store.total == MAX_DEVICES {
            return Err(full(format!("the server keeps {MAX_DEVICES} devices, no more")));
        }
        let devices = store.of_id.entry(id.clone()).or_default();
        if devices.iter().any(|device| device.nonce == nonce) {
            let message = "this button was used already: open the link again";
            return Err(ApiError(StatusCode::CONFLICT, "invitation", message.to_owned()));
        }
        if devices.len() == MAX_DEVICES_PER_ID {
            return Err(full(format!("an id may have {MAX_DEVICES_PER_ID} devices, no more")));
        }
        devices.push(Device { name, added_at, nonce });
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

fn full(message: String) -> ApiError {
    ApiError(StatusCode::INSUFFICIENT_STORAGE, "devices_full", message)
}

/// Milliseconds since the Unix epoch, with a fraction.
pub(crate) fn now_ms() -> f64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    since_epoch.as_micros() as f64 / 1e3
}
