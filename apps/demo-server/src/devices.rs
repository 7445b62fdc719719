//! The devices of each user: bounded, in memory and gone with the process, or in a file that
//! several servers share.

use std::collections::HashMap;
use std::io;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use axum::http::StatusCode;
use parking_lot::Mutex;
use serde::Serialize;
use uuid::Uuid;

use crate::cluster::{Line, SharedFile};
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
    nonce: (u64, u64),
}

pub(crate) struct Devices {
    store: Mutex<Store>,
    /// Of the process, or of the file: a version of an earlier process is not taken for one of
    /// this.
    epoch: String,
}

#[derive(Default)]
struct Store {
    of_id: HashMap<UserId, Vec<Device>>,
    total: usize,
    file: Option<SharedFile>,
}

impl Devices {
    /// Without a file, in memory.
    pub(crate) fn new(file: Option<&Path>) -> io::Result<Self> {
        let Some(path) = file else {
            return Ok(Self { store: Mutex::default(), epoch: now_ms().to_string() });
        };
        let mut store = Store { file: Some(SharedFile::open(path)?), ..Store::default() };
        store.catch_up()?;
        Ok(Self { store: Mutex::new(store), epoch: "file".to_owned() })
    }

    /// Adds a device, unless a request with the same nonce has done so or there is no room.
    pub(crate) fn add(&self, id: &UserId, name: DeviceName, nonce: Uuid) -> Result<(), ApiError> {
        let line = Line { id: id.clone(), name, added_at: now_ms(), nonce: nonce.as_u64_pair() };
        let mut store = self.store.lock();
        store.file.as_ref().map_or(Ok(()), SharedFile::lock)?;
        let added = store.add(line);
        store.file.as_ref().map_or(Ok(()), SharedFile::unlock)?;
        added
    }

    pub(crate) fn of(&self, id: &UserId) -> Result<Vec<Device>, ApiError> {
        let mut store = self.store.lock();
        store.catch_up()?;
        Ok(store.of_id.get(id).cloned().unwrap_or_default())
    }

    /// Another text after each change of the id's devices.
    pub(crate) fn version_of(&self, id: &UserId) -> String {
        let mut store = self.store.lock();
        if let Err(error) = store.catch_up() {
            tracing::error!(%error, "cannot read the devices");
        }
        format!("{}-{}", self.epoch, store.of_id.get(id).map_or(0, Vec::len))
    }
}

impl Store {
    fn add(&mut self, line: Line) -> Result<(), ApiError> {
        self.catch_up()?;
        if self.total == MAX_DEVICES {
            return Err(full(format!("the server keeps {MAX_DEVICES} devices, no more")));
        }
        let devices = self.of_id.get(&line.id).map_or(&[][..], Vec::as_slice);
        if devices.iter().any(|device| device.nonce == line.nonce) {
            let message = "this button was used already: open the link again";
            return Err(ApiError(StatusCode::CONFLICT, "invitation", message.to_owned()));
        }
        if devices.len() == MAX_DEVICES_PER_ID {
            return Err(full(format!("an id may have {MAX_DEVICES_PER_ID} devices, no more")));
        }
        match &mut self.file {
            None => self.keep(line),
            Some(file) => {
                file.append(&line)?;
                self.catch_up()?;
            }
        }
        Ok(())
    }

    fn keep(&mut self, Line { id, name, added_at, nonce }: Line) {
        self.of_id.entry(id).or_default().push(Device { name, added_at, nonce });
        self.total += 1;
    }

    /// Takes in what other servers have added.
    fn catch_up(&mut self) -> io::Result<()> {
        let news = self.file.as_mut().map_or(Ok(Vec::new()), SharedFile::news)?;
        news.into_iter().for_each(|line| self.keep(line));
        Ok(())
    }
}

fn full(message: String) -> ApiError {
    ApiError(StatusCode::INSUFFICIENT_STORAGE, "devices_full", message)
}

impl From<io::Error> for ApiError {
    fn from(error: io::Error) -> Self {
        tracing::error!(%error, "the file of devices");
        Self(StatusCode::INTERNAL_SERVER_ERROR, "devices_file", "the devices cannot be read or kept".to_owned())
    }
}

/// Milliseconds since the Unix epoch, with a fraction.
pub(crate) fn now_ms() -> f64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    since_epoch.as_micros() as f64 / 1e3
}
