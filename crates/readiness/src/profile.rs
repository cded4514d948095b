//! Profiles: what one contact-centre platform needs of a desk, as its makers publish it.
//!
//! Owns the file format of `profiles/*.toml`, the profiles that are built in, and how one becomes targets and limits
//! of a policy. Must not measure or judge. Each figure of a profile names the public source it was read in; what is
//! not published is not in it.

mod builtin;
mod choice;
mod compile;
mod error;
mod expand;
mod raw;
mod validate;

pub use builtin::{FILES, builtin};
pub use choice::{ChoiceError, choose, find};
pub use compile::Addition;
pub use error::ProfileError;

use crate::limits::{Metric, Override};
use jiff::civil::Date;
use serde::Serialize;
use telemetry::{Codec, Digest, Id};

/// What a platform needs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Profile {
    /// What it is chosen by.
    pub id: Id,
    /// What people call the platform.
    pub name: String,
    /// Counts up with each change.
    pub version: u32,
    /// SHA-256 of the file.
    pub digest: Digest,
    /// In a sentence, how calls reach an agent.
    pub summary: String,
    /// What is chosen after the slash; where there are any, one must be.
    pub regions: Vec<Region>,
    /// What must be reachable, for IT to read: hosts, patterns and networks with their ports.
    pub needs: Vec<Need>,
    /// What a check by this profile measures, in every region. Of patterns and networks nothing can be measured.
    pub targets: Vec<Target>,
    /// Limits that the platform publishes.
    pub limits: Vec<PublishedLimit>,
    /// Codecs, the preferred one first.
    pub codecs: Vec<CodecUse>,
    /// Other published figures, for people.
    pub figures: Vec<Figure>,
    /// What was looked for and not found, or could not be tried.
    pub unverified: Vec<String>,
    /// Where all of it was read.
    pub sources: Vec<Source>,
}

/// A public page.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Source {
    /// How the profile refers to it.
    pub id: Id,
    /// What it is.
    pub title: String,
    /// Where it is.
    pub url: String,
    /// When it was read.
    pub read: Date,
}

/// A part of the platform that an agent is connected to.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Region {
    /// What it is chosen by.
    pub id: Id,
    /// What people call it.
    pub name: String,
    /// What `{domain}` stands for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub domain: Option<String>,
    /// What must be reachable there besides.
    pub needs: Vec<Need>,
    /// What is measured there besides.
    pub targets: Vec<Target>,
}

/// By which transport something is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Transport {
    /// UDP.
    Udp,
    /// TCP, with or without encryption.
    Tcp,
}

/// Something that must be reachable.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Need {
    /// For what: "Voice", "Sign-in".
    pub what: String,
    /// By which transport.
    pub transport: Transport,
    /// Ports as first and last; a single port is both.
    pub ports: Vec<(u16, u16)>,
    /// Hosts, and patterns with `*`; may hold `{region}` and `{domain}`.
    pub hosts: Vec<String>,
    /// Networks, as the platform writes them.
    pub networks: Vec<String>,
    /// The source.
    pub source: Id,
}

/// Something that a check measures.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Target {
    /// What readings call it, behind the profile's id.
    pub id: Id,
    /// What it is; hosts and URLs may hold `{region}` and `{domain}`.
    #[serde(flatten)]
    pub kind: Kind,
    /// The source.
    pub source: Id,
}

/// What is measured of a target.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// An HTTPS service.
    Endpoint {
        /// Its address.
        url: String,
    },
    /// A STUN server.
    Stun {
        /// Where it is.
        host: String,
        /// Its UDP port.
        port: u16,
    },
    /// A TURN server, with a port for each way to it.
    Turn {
        /// Where it is.
        host: String,
        /// UDP.
        udp: Option<u16>,
        /// TCP.
        tcp: Option<u16>,
        /// TLS over TCP.
        tls: Option<u16>,
    },
    /// A host of signalling.
    Signalling {
        /// Its WebSocket.
        url: String,
    },
    /// A name that must resolve.
    Name {
        /// The name.
        host: String,
    },
}

/// A limit that the platform publishes, in the terms of our table.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PublishedLimit {
    /// The name of the metric in our table.
    pub metric: &'static str,
    /// What of the table it replaces.
    #[serde(flatten)]
    pub set: Override,
    /// What the platform says.
    pub says: String,
    /// The source.
    pub source: Id,
}

impl PublishedLimit {
    /// Which metric of the table it is.
    pub fn metric(&self) -> Metric {
        // It was looked up when the file was read.
        Metric::named(self.metric).expect("a metric of the table")
    }
}

/// A codec that the platform uses.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CodecUse {
    /// What people call it.
    pub name: String,
    /// For which codec quality is estimated, if there is an estimate for this one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub estimate: Option<Codec>,
    /// The source.
    pub source: Id,
}

/// Another published figure.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Figure {
    /// Of what.
    pub what: String,
    /// The figure with its unit.
    pub value: String,
    /// The source.
    pub source: Id,
}

/// Most that a profile's file may hold.
const FILE_BYTES: usize = 64 * 1024;

impl Profile {
    /// Reads and validates a profile's file: whatever region is chosen, a policy with it is a valid one.
    pub fn parse(text: &str) -> Result<Self, ProfileError> {
        if text.len() > FILE_BYTES {
            return Err(ProfileError::TooLong { bytes: text.len(), most: FILE_BYTES });
        }
        let syntax = |e: toml::de::Error| ProfileError::Syntax(e.to_string().trim_end().to_owned());
        let raw: raw::Profile = toml::from_str(text).map_err(syntax)?;
        let profile = validate::profile(raw, text)?;
        compile::every_region(&profile)?;
        Ok(profile)
    }

    /// The source with this id. A profile names none that it does not have.
    pub fn source(&self, id: &Id) -> Option<&Source> {
        self.sources.iter().find(|s| s.id == *id)
    }

    /// The region with this id.
    pub fn region(&self, id: &str) -> Option<&Region> {
        self.regions.iter().find(|r| r.id.as_str() == id)
    }
}
