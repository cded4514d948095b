//! How much this computer itself sends and receives over a link.

use crate::platform;

/// Bytes since some moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Sent.
    pub sent: u64,
    /// Received.
    pub received: u64,
}

/// Reads a link's counters.
#[derive(Debug, Clone, Copy)]
pub struct Meter {
    interface: u32,
}

impl Meter {
    /// Of the link with this number.
    pub fn new(interface: u32) -> Self {
        Self { interface }
    }

    /// As they stand now; none where the system does not tell.
    pub fn read(self) -> Option<Traffic> {
        platform::link::traffic(self.interface)
    }
}
