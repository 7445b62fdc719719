//! The file of devices that several servers share. It stands for the database of a real
//! application.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::input::{DeviceName, UserId};

/// A file with one [`Line`] for each device, in the order in which they were added.
pub(crate) struct SharedFile {
    file: File,
    /// How much of it was read.
    read: u64,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct Line {
    pub(crate) id: UserId,
    pub(crate) name: DeviceName,
    pub(crate) added_at: f64,
    pub(crate) nonce: (u64, u64),
}

impl SharedFile {
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let file = File::options().read(true).append(true).create(true).open(path)?;
        Ok(Self { file, read: 0 })
    }

    /// While one server adds, the others wait.
    pub(crate) fn lock(&self) -> io::Result<()> {
        self.file.lock()
    }

    pub(crate) fn unlock(&self) -> io::Result<()> {
        self.file.unlock()
    }

    /// What was added since it was read.
    pub(crate) fn news(&mut self) -> io::Result<Vec<Line>> {
        let mut text = Vec::new();
        self.file.seek(SeekFrom::Start(self.read))?;
        self.file.read_to_end(&mut text)?;
        text.truncate(text.iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1));
        self.read += text.len() as u64;
        let lines = text.split(|&byte| byte == b'\n').filter(|line| !line.is_empty());
        let lines = lines.filter_map(|line| {
            let line = serde_json::from_slice(line);
            line.inspect_err(|error| tracing::warn!(%error, "a line of the file of devices is no device")).ok()
        });
        Ok(lines.collect())
    }

    /// Only with the file locked and read: what is left then is half a line of a server that was
    /// killed.
    pub(crate) fn append(&mut self, line: &Line) -> io::Result<()> {
        let mut text = serde_json::to_vec(line)?;
        text.push(b'\n');
        self.file.set_len(self.read)?;
        self.file.write_all(&text)
    }
}
