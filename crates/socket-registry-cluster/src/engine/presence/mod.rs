//! Which keys are active on which node.
//!
//! A node numbers the versions of its set of keys, and publishes what changed from one to the
//! next. Its beats carry the newest version, the number of keys and a digest of them.
//!
//! # States of another node's set
//! | state | meaning |
//! |---|---|
//! | unknown | nothing is known |
//! | current | of the version that the node's last beat, or a later change, names |
//! | behind | a change is missing, or the digest differs |
//!
//! # Transitions
//! | from | to | operation | cause | duty |
//! |---|---|---|---|---|
//! | current | current | `change` | the change from our version | - |
//! | any | behind | `change`, `beat` | a later version | ask for all keys, once a beat, unless the change comes within the grace |
//! | unknown, behind | current | `part` | all keys of a version have come; the changes that came meanwhile follow | - |
//! | any | unknown | `clear` | the node is gone, or left | - |

mod key_set;
mod local;
mod remote;

pub(super) use self::local::LocalPresence;
pub(super) use self::remote::{Changes, RemotePresence};
