//! What a desk may say: the wire types, their limits and their schema.
//!
//! This crate owns every type that crosses the network between a desk and its collector.
//! It knows nobody: no clock, no I/O, no platform. Its types are closed: every string is an
//! enum, a version, hex of fixed length or an id that a policy defines, so that there is no
//! place where a name, an address or a sentence could travel. Adding a field means adding its
//! row to `docs/what-is-sent.md`; a test compares the two.

mod bounded;
mod fact;
mod finding;
mod measured;
mod protocol;
mod reading;
mod report;
#[cfg(feature = "schema")]
pub mod schema;
mod text;

pub use bounded::{
    BitRate, Count, Db, Dbfs, Hertz, Kilobits, List, Megabytes, Millis, Mos, OutOfRange, Percent, Ratio,
    Seconds, UnixMs,
};
pub use fact::{Change, Fact, FactKey, FactValue, Origin, Word};
pub use finding::{FaultDomain, Finding, FindingCode, Quantity, Severity, Unit, Verdict};
pub use measured::audio::{
    AudioDevice, AudioDevices, Connection, Direction, FormFactor, MicrophonePermission, MicrophoneUse, Noise,
};
pub use measured::dns::{Dns, DnsAnswer, DnsQuery, RecordType, ResolverClass};
pub use measured::https::{Https, Interference};
pub use measured::link::{GatewayMethod, Link, LinkKind, WifiBand, WifiLink};
pub use measured::load::{Load, PowerSource};
pub use measured::media::{Codec, LossInterval, Media, TimestampQuality};
pub use measured::mtu::{Mtu, MtuLimit};
pub use measured::path::{Hop, HopMethod, Path, PathPoint};
pub use measured::responsiveness::{Confidence, LoadProtocol, Responsiveness, UnderLoad, VoiceUnderLoad};
pub use measured::signalling::{Signalling, Upgrade};
pub use measured::stun::{NatMapping, Stun};
pub use measured::turn::{Turn, TurnResult, TurnTransport, TurnWay};
pub use protocol::{
    Answer, Batch, BatchAnswer, ContentRefusal, EnrollAnswer, EnrollRequest, ErrorAnswer, ErrorCode,
    ReportAnswer, Versions, limits,
};
pub use reading::{Failure, NotChecked, Outcome, ProbeId, Reading, Unsupported, Value};
pub use report::{
    Body, Consent, ConsentState, Episode, Event, EventKind, Gap, GapReason, Lane, PolicyRef, Readiness,
    Report, Routine, Trigger,
};
pub use text::{
    BadText, BootId, DeskId, Digest, EnrollCode, Epoch, Hash, Id, InstanceId, Nonce, PublicKey, UsbId,
    Version,
};

/// The schema version this crate writes.
pub const SCHEMA_VERSION: u16 = 1;
/// The oldest schema version a collector of this version still reads.
pub const OLDEST_SCHEMA_VERSION: u16 = 1;
