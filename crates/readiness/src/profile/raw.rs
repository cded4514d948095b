//! The form of a profile's file, each value with its place in it. Nothing is checked here but the form.

use serde::Deserialize;
use toml::Spanned;

pub(super) type Text = Spanned<String>;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Profile {
    pub id: Text,
    pub name: Text,
    pub version: Spanned<u32>,
    pub summary: Text,
    #[serde(default)]
    pub unverified: Vec<Text>,
    pub sources: Spanned<Vec<Source>>,
    #[serde(default)]
    pub codecs: Vec<Codec>,
    #[serde(default)]
    pub limits: Vec<Limit>,
    #[serde(default)]
    pub figures: Vec<Figure>,
    #[serde(default)]
    pub needs: Vec<Need>,
    #[serde(default)]
    pub endpoints: Vec<Address>,
    #[serde(default)]
    pub stun: Vec<Stun>,
    #[serde(default)]
    pub turn: Vec<Turn>,
    #[serde(default)]
    pub signalling: Vec<Address>,
    #[serde(default)]
    pub names: Vec<Name>,
    #[serde(default)]
    pub regions: Vec<Region>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Source {
    pub id: Text,
    pub title: Text,
    pub url: Text,
    pub read: Text,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Codec {
    pub name: Text,
    pub estimate: Option<telemetry::Codec>,
    pub source: Text,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Limit {
    pub metric: Text,
    pub good: Option<f64>,
    pub bad: Option<f64>,
    pub says: Text,
    pub source: Text,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Figure {
    pub what: Text,
    pub value: Text,
    pub source: Text,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Need {
    pub what: Text,
    pub transport: super::Transport,
    pub ports: Text,
    #[serde(default)]
    pub hosts: Vec<Text>,
    #[serde(default)]
    pub networks: Vec<Text>,
    pub source: Text,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Address {
    pub id: Text,
    pub url: Text,
    pub source: Text,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Stun {
    pub id: Text,
    pub host: Text,
    pub port: u16,
    pub source: Text,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Turn {
    pub id: Text,
    pub host: Text,
    pub udp: Option<u16>,
    pub tcp: Option<u16>,
    pub tls: Option<u16>,
    pub source: Text,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Name {
    pub id: Text,
    pub host: Text,
    pub source: Text,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Region {
    pub id: Text,
    pub name: Text,
    pub domain: Option<Text>,
    #[serde(default)]
    pub needs: Vec<Need>,
    #[serde(default)]
    pub endpoints: Vec<Address>,
    #[serde(default)]
    pub stun: Vec<Stun>,
    #[serde(default)]
    pub turn: Vec<Turn>,
    #[serde(default)]
    pub signalling: Vec<Address>,
    #[serde(default)]
    pub names: Vec<Name>,
}
