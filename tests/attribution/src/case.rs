//! What a case is: a file that says what is wrong on the way, and whose fault that is.
//!
//! Owns the file format and its rules. Must not build anything: that is `scene`'s.

use anyhow::Context as _;
use serde::Deserialize;
use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};
use telemetry::FaultDomain;

/// A set of fault domains.
pub type Domains = BTreeSet<FaultDomain>;

/// A case.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// The file's name without its ending.
    #[serde(skip)]
    pub name: String,
    /// What is wrong, in a few words.
    pub about: String,
    /// Why the culprit is that one, and no other.
    pub why: String,
    /// Whose fault it is. Empty: nothing is wrong.
    pub culprit: Domains,
    /// Other answers that are as right, because nobody at the desk could know better; `why` says so.
    #[serde(default)]
    pub also_right: Vec<Domains>,
    /// Within this time after its start the check must have ended.
    #[serde(default = "Case::usual_seconds")]
    pub seconds: u64,
    /// It needs the machine for itself: nothing runs beside it.
    #[serde(default)]
    pub alone: bool,
    /// What each link does, in the lab's words: `"wifi.up" = "loss=5%"`.
    #[serde(default)]
    pub links: BTreeMap<String, String>,
    /// What changes while the voice stream runs.
    #[serde(default)]
    pub during: Vec<During>,
    /// What the routers on the way do.
    #[serde(default)]
    pub routers: BTreeMap<Router, Behaviour>,
    /// What else runs.
    #[serde(default)]
    pub traffic: Vec<Traffic>,
    /// The desk.
    #[serde(default)]
    pub desk: Desk,
    /// What there is beside the usual.
    #[serde(default)]
    pub layout: Layout,
}

/// A change while the voice stream runs.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct During {
    /// So many seconds after the first voice packet.
    pub after: f64,
    /// For so many seconds; without it, to the end.
    #[serde(default)]
    pub lasts: Option<f64>,
    /// What links do meanwhile, beside what they do anyway.
    #[serde(default)]
    pub links: BTreeMap<String, String>,
    /// By how many seconds the desk's clock jumps, forward or back.
    #[serde(default)]
    pub clock_jump: Option<i64>,
}

/// A router on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Router {
    /// The router at home that the desk is connected to.
    Gw,
    /// The second router at home, where there is one.
    Box,
    /// The provider's.
    Isp,
    /// The company's.
    Hq,
}

/// What a router does, beside forwarding.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Behaviour {
    /// What it says of itself by ICMP.
    pub icmp: Icmp,
    /// It forwards no UDP.
    pub udp_blocked: bool,
    /// It drops IP packets that are longer than this, and tells nobody.
    pub longest: Option<u16>,
    /// It leads all web traffic to its sign-in page, and forwards nothing.
    pub portal: bool,
    /// Its resolver does not answer.
    pub resolver_dead: bool,
}

/// What a router says by ICMP.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Icmp {
    /// Everything.
    #[default]
    Open,
    /// Only this many messages a second.
    PerSecond(u16),
    /// Nothing.
    Silent,
    /// Nothing, and it forwards no ICMP of others either.
    Closed,
}

/// A host that makes traffic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Host {
    /// The desk itself.
    Ws,
    /// The second host at home.
    Tv,
}

/// Which way traffic goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Away from home.
    Up,
    /// Into the home.
    Down,
}

/// A bulk transfer by TCP with the second server, as fast as the way lets it, at most 20 Mbit/s.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Traffic {
    /// Whose.
    pub host: Host,
    /// Which way.
    pub way: Direction,
}

/// A family of addresses.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Family {
    /// IPv4; the servers' names have no other.
    #[default]
    Ipv4,
    /// IPv6 only: the desk has no IPv4 address at all.
    Ipv6,
}

/// Who looks names up for the desk.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Resolver {
    /// The router at home.
    #[default]
    Gw,
    /// The provider, at an address of its own.
    Isp,
    /// The company, through the VPN.
    Hq,
}

/// The desk.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Desk {
    /// Which addresses it has.
    pub family: Family,
    /// Who looks names up for it.
    pub resolver: Resolver,
    /// All its traffic goes through the company's VPN.
    pub vpn: bool,
    /// So many processes that do nothing but compute, for each processor. Needs `alone`.
    pub busy_per_processor: u8,
    /// The policy names a second reflector, at the second server.
    pub two_reflectors: bool,
}

/// What there is beside the usual.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Layout {
    /// Two routers at home, one behind the other; link `patch` is between them.
    pub double_nat: bool,
    /// The provider gives no public address and translates itself.
    pub cgnat: bool,
}

impl Case {
    fn usual_seconds() -> u64 {
        20
    }

    /// Whether a clock jumps in it.
    pub fn jumps(&self) -> bool {
        self.during.iter().any(|d| d.clock_jump.is_some())
    }

    /// Whether the second host is needed.
    pub fn second_host(&self) -> bool {
        self.traffic.iter().any(|t| t.host == Host::Tv)
    }

    fn check(&self) -> anyhow::Result<()> {
        use anyhow::ensure;
        ensure!(
            !self.about.trim().is_empty() && !self.why.trim().is_empty(),
            "about and why must say something"
        );
        let all = || std::iter::once(&self.culprit).chain(&self.also_right);
        ensure!(
            all().all(|d| !d.contains(&FaultDomain::Undetermined)),
            "undetermined is never the culprit; as an answer it is never wrong, and need not be listed"
        );
        ensure!(
            !self.culprit.is_empty() || self.also_right.is_empty() || self.jumps(),
            "nothing wrong has one answer"
        );
        ensure!(
            (1..=30).contains(&self.seconds),
            "seconds is at most 30, which is what thin evidence may take"
        );
        ensure!(self.desk.busy_per_processor <= 8, "busy_per_processor is at most 8");
        ensure!(self.alone || self.desk.busy_per_processor == 0, "a busy computer needs alone = true");
        let there = |link: &str| {
            let name = link.split('.').next().unwrap_or_default();
            let direction = link.strip_prefix(name).unwrap_or_default();
            let known = match name {
                "wifi" | "access" | "transit" | "transit2" => true,
                "lan" => self.second_host(),
                "patch" => self.layout.double_nat,
                "office" => self.desk.vpn,
                _ => false,
            };
            known && matches!(direction, "" | ".up" | ".down")
        };
        for link in self.links.keys().chain(self.during.iter().flat_map(|d| d.links.keys())) {
            ensure!(there(link), "there is no link '{link}' in this case");
        }
        for during in &self.during {
            let time = |t: f64| (0.0..=30.0).contains(&t);
            ensure!(
                time(during.after) && during.lasts.is_none_or(time),
                "after and lasts are 0 to 30 seconds"
            );
            ensure!(!during.links.is_empty() || during.clock_jump.is_some(), "nothing changes");
        }
        for (router, behaviour) in &self.routers {
            let there = match router {
                Router::Gw | Router::Isp => true,
                Router::Box => self.layout.double_nat,
                Router::Hq => self.desk.vpn,
            };
            ensure!(there, "there is no router '{router:?}' in this case");
            ensure!(!behaviour.portal || *router == Router::Gw, "only gw can have a sign-in page");
            ensure!(behaviour.icmp != Icmp::PerSecond(0), "per_second = 0 is 'silent'");
            ensure!(
                behaviour.longest.is_none_or(|l| l >= 576),
                "longest is at least 576, which every way must carry"
            );
        }
        ensure!(self.desk.vpn || self.desk.resolver != Resolver::Hq, "the company's resolver needs the VPN");
        let v4_only = self.desk.vpn || self.layout.cgnat || !self.traffic.is_empty();
        ensure!(self.desk.family == Family::Ipv4 || !v4_only, "VPN, CGNAT and traffic are of IPv4 only");
        Ok(())
    }
}

/// The cases of a folder, in order of their names. One that is wrong is an error: it would be missed.
pub fn read_all(folder: &Path) -> anyhow::Result<Vec<Case>> {
    let entries = std::fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut cases = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_none_or(|e| e != "toml") {
            continue;
        }
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        let text =
            std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        cases.push(parse(&name, &text).with_context(|| path.display().to_string())?);
    }
    anyhow::ensure!(!cases.is_empty(), "{} holds no case", folder.display());
    cases.sort_by(|a: &Case, b| a.name.cmp(&b.name));
    Ok(cases)
}

/// One case.
pub fn parse(name: &str, text: &str) -> anyhow::Result<Case> {
    let mut case: Case = toml::from_str(text)?;
    name.clone_into(&mut case.name);
    case.check()?;
    Ok(case)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: &str = "about = 'a'\nwhy = 'w'\nculprit = ['home_network']\n";

    #[test]
    fn the_cases_that_come_with_it_are_well_formed_and_enough() {
        let cases = read_all(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/cases"))).unwrap();
        assert!(cases.len() >= 34, "{}", cases.len());
        let culprits: Domains = cases.iter().flat_map(|c| c.culprit.clone()).collect();
        use FaultDomain::{CompanyNetwork, Computer, HomeNetwork, InternetProvider, Service};
        assert_eq!(culprits, [Computer, HomeNetwork, InternetProvider, CompanyNetwork, Service].into());
        assert!(cases.iter().filter(|c| c.culprit.is_empty()).count() >= 4, "healthy ones");
    }

    #[test]
    fn what_is_not_said_is_the_usual() {
        let case = parse("x", PLAIN).unwrap();
        assert_eq!((case.name.as_str(), case.seconds, case.alone), ("x", 20, false));
        assert_eq!((case.desk.family, case.desk.resolver), (Family::Ipv4, Resolver::Gw));
        assert!(case.links.is_empty() && !case.second_host() && !case.jumps());
    }

    #[test]
    fn a_whole_case_is_read() {
        let text = format!(
            "{PLAIN}seconds = 30\nalso_right = [['home_network', 'internet_provider']]\n\
             links = {{ 'wifi.up' = 'loss=5%', lan = 'delay=1ms' }}\n\
             [[during]]\nafter = 2.0\nlasts = 1.5\nlinks = {{ access = 'outage' }}\n\
             [[during]]\nafter = 2.0\nclock_jump = -3600\n\
             [routers.gw]\nicmp = 'silent'\n[routers.isp]\nicmp = {{ per_second = 2 }}\nudp_blocked = true\n\
             [[traffic]]\nhost = 'tv'\nway = 'up'\n[layout]\ncgnat = true\n"
        );
        let case = parse("x", &text).unwrap();
        assert_eq!(case.routers[&Router::Isp].icmp, Icmp::PerSecond(2));
        assert!(case.second_host() && case.jumps());
    }

    #[test]
    fn a_case_that_says_nothing_or_nonsense_is_refused() {
        for (added, message) in [
            ("seconds = 31", "seconds is at most 30, which is what thin evidence may take"),
            ("colour = 'red'", "unknown field `colour`"),
            ("links = { wlan = 'loss=1%' }", "there is no link 'wlan' in this case"),
            ("links = { 'wifi.left' = 'loss=1%' }", "there is no link 'wifi.left' in this case"),
            ("links = { patch = 'loss=1%' }", "there is no link 'patch' in this case"),
            ("links = { office = 'loss=1%' }", "there is no link 'office' in this case"),
            ("also_right = [['undetermined']]", "undetermined is never the culprit"),
            ("desk.busy_per_processor = 2", "a busy computer needs alone = true"),
            ("desk.resolver = 'hq'", "the company's resolver needs the VPN"),
            ("desk = { family = 'ipv6', vpn = true }", "VPN, CGNAT and traffic are of IPv4 only"),
            ("routers.box.icmp = 'silent'", "there is no router 'Box' in this case"),
            ("routers.isp.portal = true", "only gw can have a sign-in page"),
            ("routers.gw.longest = 500", "longest is at least 576"),
            ("during = [{ after = 1.0 }]", "nothing changes"),
            (
                "during = [{ after = -1.0, links = { wifi = 'outage' } }]",
                "after and lasts are 0 to 30 seconds",
            ),
        ] {
            let error = format!("{:#}", parse("x", &format!("{PLAIN}{added}\n")).unwrap_err());
            assert!(error.contains(message), "{added}: {error}");
        }
        assert!(parse("x", &PLAIN.replace("'w'", "' '")).is_err());
        assert!(parse("x", &PLAIN.replace("home_network", "neighbour")).is_err());
    }
}
