//! How busy the computer is.

use crate::{Megabytes, Millis, Percent, Seconds};
use serde::{Deserialize, Serialize};

/// What powers the computer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum PowerSource {
    /// The mains.
    Mains,
    /// Its battery.
    Battery,
    /// The system does not tell.
    Unknown,
}

/// How busy the computer is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Load {
    /// CPU in use over the time measured, all cores together.
    pub cpu: Percent,
    /// Over how long.
    pub cpu_window: Millis,
    /// Memory in use.
    pub memory: Percent,
    /// Memory in all.
    pub memory_total: Megabytes,
    /// Space left on the disk that holds the local store.
    pub disk_free: Megabytes,
    /// That disk's size.
    pub disk_total: Megabytes,
    /// Power source.
    pub power: PowerSource,
    /// Charge of the battery, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub battery: Option<Percent>,
    /// Time since the last start of the system.
    pub uptime: Seconds,
    /// How far the desk's clock is ahead of the collector's; absent if it never spoke to one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock_offset: Option<Millis>,
}
