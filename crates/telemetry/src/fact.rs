//! Facts of a desk's environment, and how they change.
//!
//! A fact is one key with one typed value. Both are closed: a key is an enum, and a value is a
//! version, a number, a flag, a keyed hash or one of the words listed here. A program or
//! network that is not in the lists is `other`, never its name.
//!
//! The word `none` says that a thing is certainly not there, `unknown` that it could not be read this
//! time, which is never a change. A key that is missing was not looked for.

use crate::{Count, Hash, UnixMs, UsbId, Version};
use serde::{Deserialize, Serialize};

/// What a fact is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum FactKey {
    /// The operating system or distribution, as a word.
    OsName,
    /// Its version.
    OsVersion,
    /// Its build, or the kernel's version.
    OsBuild,
    /// Whether it waits for a restart to finish an update.
    PendingRestart,
    /// Version of Google Chrome.
    ChromeVersion,
    /// Its channel.
    ChromeChannel,
    /// Version of Chromium.
    ChromiumVersion,
    /// Its channel.
    ChromiumChannel,
    /// Version of Microsoft Edge.
    EdgeVersion,
    /// Its channel.
    EdgeChannel,
    /// Version of Firefox.
    FirefoxVersion,
    /// Its channel.
    FirefoxChannel,
    /// Version of Brave.
    BraveVersion,
    /// Its channel.
    BraveChannel,
    /// What plays and records for the desk's programs.
    AudioServer,
    /// Its version.
    AudioServerVersion,
    /// Vendor id of the default microphone.
    InputVendor,
    /// Product id of the default microphone.
    InputProduct,
    /// How the default microphone is connected.
    InputConnection,
    /// Vendor id of the default speaker.
    OutputVendor,
    /// Product id of the default speaker.
    OutputProduct,
    /// How the default speaker is connected.
    OutputConnection,
    /// Kind of the link that carries the default route.
    LinkKind,
    /// Keyed hash of the gateway's hardware address: the same home network has the same value.
    GatewayHash,
    /// Whether a VPN carries the default route.
    Vpn,
    /// Which kind of DNS resolver is used.
    ResolverClass,
    /// Whether a proxy is set for web traffic.
    Proxy,
    /// Minutes that local time is ahead of UTC.
    UtcOffset,
    /// Preshift's own version.
    PreshiftVersion,
    /// The internet provider, as a number known to the collector. Only a collector observes it.
    ProviderNumber,
}

/// A word that a fact may have as its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "each word says itself")]
pub enum Word {
    // Systems.
    Windows,
    Macos,
    Debian,
    Ubuntu,
    Fedora,
    Arch,
    Mint,
    Opensuse,
    Rhel,
    Linux,
    // Channels of browsers.
    Stable,
    Beta,
    Dev,
    Canary,
    Esr,
    Nightly,
    Snap,
    Flatpak,
    // Audio servers.
    Pulseaudio,
    Pipewire,
    Alsa,
    Wasapi,
    Coreaudio,
    // Links and connections.
    Ethernet,
    Wifi,
    Cellular,
    Tunnel,
    Usb,
    Bluetooth,
    Internal,
    Jack,
    Hdmi,
    Virtual,
    Network,
    // Classes of resolver.
    Stub,
    Gateway,
    Public,
    Private,
    // In every list.
    None,
    Other,
    Unknown,
}

/// A fact's value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum FactValue {
    /// A version.
    Version(Version),
    /// One of the known words.
    Word(Word),
    /// Yes or no.
    Flag(bool),
    /// A count or an identifying number.
    Number(Count),
    /// Minutes, before or after.
    Minutes(i16),
    /// A vendor or product id.
    Usb(UsbId),
    /// A keyed hash.
    Hash(Hash),
}

/// Who observed a fact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// The daemon on the desk.
    Desk,
    /// The collector: only it can know the internet provider.
    Collector,
}

/// One typed key and value of a desk's environment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Fact {
    /// What it is about.
    pub key: FactKey,
    /// Its value.
    pub value: FactValue,
    /// Who observed it.
    pub origin: Origin,
}

/// A fact that differs from the last snapshot. `from` is absent when the fact is new, `to` when
/// it is gone (a browser was removed).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Change {
    /// What changed.
    pub key: FactKey,
    /// Its value before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<FactValue>,
    /// Its value now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<FactValue>,
    /// When the change was seen.
    pub at: UnixMs,
}
