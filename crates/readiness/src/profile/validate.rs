//! The rules that a profile's file must keep, one function for each; from the raw form to the one that is used.
//!
//! A profile may come from anywhere, so that its words must not reach a terminal with control codes in them.

use super::{
    CodecUse, Figure, Kind, Need, Profile, ProfileError, PublishedLimit, Region, Source, Target,
    expand::expand, raw, raw::Text,
};
use crate::limits::{Metric, Override};
use crate::policy::is_name;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeSet;
use telemetry::{Digest, Id};
use url::Url;

/// Most entries of each list, and the longest text.
const ENTRIES: usize = 40;
const WORDS: usize = 400;
/// A reading's target is the profile's id, a dash and the target's.
const ID: usize = 40;

type Result<T> = std::result::Result<T, ProfileError>;

/// Every rule, in the order of the file.
pub(super) fn profile(raw: raw::Profile, text: &str) -> Result<Profile> {
    let file = File { text };
    let id = file.id("id", &raw.id)?;
    let version = *raw.version.get_ref();
    if !(1..=1_000_000_000).contains(&version) {
        let said = version.to_string();
        return Err(file.rule(
            raw.version.span(),
            "version",
            &said,
            "must be 1 to 1000000000; count up from 1",
        ));
    }
    let sources = file.sources(&raw.sources)?;
    let known = Known { file: &file, profile: &id, sources: &sources };
    let regions = known.regions(&raw.regions)?;
    let lists = Lists {
        endpoints: &raw.endpoints,
        stun: &raw.stun,
        turn: &raw.turn,
        signalling: &raw.signalling,
        names: &raw.names,
    };
    let targets = known.targets("", &lists)?;
    let needs = known.needs("", &raw.needs)?;
    known.together(&targets, &needs, &regions)?;
    Ok(Profile {
        name: file.words("name", &raw.name)?,
        version,
        digest: digest(text),
        summary: file.words("summary", &raw.summary)?,
        limits: known.limits(&raw.limits)?,
        codecs: known.codecs(&raw.codecs)?,
        figures: known.figures(&raw.figures)?,
        unverified: file
            .count("unverified", &raw.unverified)?
            .iter()
            .map(|t| file.words("unverified", t))
            .collect::<Result<_>>()?,
        id,
        regions,
        needs,
        targets,
        sources,
    })
}

/// The same whatever a checkout does to the ends of lines.
fn digest(text: &str) -> Digest {
    Digest::from_bytes(Sha256::digest(text.replace('\r', "").as_bytes()).into())
}

/// The file, to say where something is.
struct File<'a> {
    text: &'a str,
}

impl File<'_> {
    fn rule(
        &self,
        span: std::ops::Range<usize>,
        key: &str,
        value: &str,
        problem: impl Into<String>,
    ) -> ProfileError {
        let before = self.text.as_bytes().iter().take(span.start);
        let line = 1 + before.filter(|b| **b == b'\n').count();
        // What is shown must not be a terminal's command, not a page and nobody's password.
        let value = match value.contains('@') && value.contains("://") {
            true => "…".to_owned(),
            false => value.chars().filter(|c| !c.is_control()).take(80).collect(),
        };
        ProfileError::Rule { line, key: key.to_owned(), value, problem: problem.into() }
    }

    fn wrong(&self, key: &str, text: &Text, problem: impl Into<String>) -> ProfileError {
        self.rule(text.span(), key, text.get_ref(), problem)
    }

    fn id(&self, key: &str, text: &Text) -> Result<Id> {
        text.get_ref()
            .parse()
            .map_err(|e: telemetry::BadText| self.wrong(key, text, format!("must be {}", e.expected)))
    }

    /// Text for people.
    fn words(&self, key: &str, text: &Text) -> Result<String> {
        let said = text.get_ref();
        if said.trim().is_empty() || said.chars().count() > WORDS {
            return Err(self.wrong(key, text, format!("must be 1 to {WORDS} characters")));
        }
        if said.chars().any(char::is_control) {
            return Err(self.wrong(key, text, "must be one line without control characters"));
        }
        Ok(said.clone())
    }

    fn count<'t, T>(&self, key: &str, list: &'t [T]) -> Result<&'t [T]> {
        if list.len() <= ENTRIES {
            return Ok(list);
        }
        Err(self.rule(
            0..0,
            key,
            &format!("{} entries", list.len()),
            format!("at most {ENTRIES} are allowed"),
        ))
    }

    fn sources(&self, raw: &toml::Spanned<Vec<raw::Source>>) -> Result<Vec<Source>> {
        let list = self.count("sources", raw.get_ref())?;
        if list.is_empty() {
            return Err(self.rule(
                raw.span(),
                "sources",
                "",
                "a profile without a source is a guess; name at least one",
            ));
        }
        let mut seen = BTreeSet::new();
        list.iter()
            .map(|s| {
                let id = self.id("sources.id", &s.id)?;
                if !seen.insert(id.clone()) {
                    return Err(self.wrong("sources.id", &s.id, "stands twice: each must be its own"));
                }
                let public = Url::parse(s.url.get_ref()).is_ok_and(|u| {
                    u.scheme() == "https"
                        && u.domain().is_some_and(|d| d.contains('.'))
                        && u.username().is_empty()
                });
                if !public || s.url.get_ref().chars().count() > WORDS {
                    return Err(self.wrong(
                        "sources.url",
                        &s.url,
                        "must be a public page's https:// address",
                    ));
                }
                let read = s.read.get_ref().parse();
                let read = read
                    .map_err(|_| self.wrong("sources.read", &s.read, "must be a date such as 2026-11-26"))?;
                Ok(Source {
                    id,
                    title: self.words("sources.title", &s.title)?,
                    url: s.url.get_ref().clone(),
                    read,
                })
            })
            .collect()
    }
}

struct Lists<'a> {
    endpoints: &'a [raw::Address],
    stun: &'a [raw::Stun],
    turn: &'a [raw::Turn],
    signalling: &'a [raw::Address],
    names: &'a [raw::Name],
}

/// What the rest of the file may refer to.
struct Known<'a> {
    file: &'a File<'a>,
    profile: &'a Id,
    sources: &'a [Source],
}

impl Known<'_> {
    fn source(&self, key: &str, text: &Text) -> Result<Id> {
        let found = self.sources.iter().find(|s| s.id.as_str() == text.get_ref());
        let all = || self.sources.iter().map(|s| s.id.as_str()).collect::<Vec<_>>().join(", ");
        found.map(|s| s.id.clone()).ok_or_else(|| {
            self.file.wrong(
                &format!("{key}.source"),
                text,
                format!("is none of the sources; there are {}", all()),
            )
        })
    }

    fn limits(&self, raw: &[raw::Limit]) -> Result<Vec<PublishedLimit>> {
        let mut seen = BTreeSet::new();
        self.file
            .count("limits", raw)?
            .iter()
            .map(|l| {
                let wrong = |problem: String| self.file.wrong("limits.metric", &l.metric, problem);
                let Some(metric) = Metric::named(l.metric.get_ref()) else {
                    return Err(wrong("no such limit; the table in docs/policy.md has their names".into()));
                };
                if !seen.insert(metric) {
                    return Err(wrong("stands twice: each must be its own".into()));
                }
                if l.good.is_none() && l.bad.is_none() {
                    return Err(wrong("sets nothing: give good, bad or both".into()));
                }
                Ok(PublishedLimit {
                    metric: metric.row().name,
                    set: Override { good: l.good, bad: l.bad },
                    says: self.file.words("limits.says", &l.says)?,
                    source: self.source("limits", &l.source)?,
                })
            })
            .collect()
    }

    fn codecs(&self, raw: &[raw::Codec]) -> Result<Vec<CodecUse>> {
        let codec = |c: &raw::Codec| {
            Ok(CodecUse {
                name: self.file.words("codecs.name", &c.name)?,
                estimate: c.estimate,
                source: self.source("codecs", &c.source)?,
            })
        };
        self.file.count("codecs", raw)?.iter().map(codec).collect()
    }

    fn figures(&self, raw: &[raw::Figure]) -> Result<Vec<Figure>> {
        let figure = |f: &raw::Figure| {
            Ok(Figure {
                what: self.file.words("figures.what", &f.what)?,
                value: self.file.words("figures.value", &f.value)?,
                source: self.source("figures", &f.source)?,
            })
        };
        self.file.count("figures", raw)?.iter().map(figure).collect()
    }

    fn needs(&self, place: &str, raw: &[raw::Need]) -> Result<Vec<Need>> {
        let key = |field| format!("{place}needs.{field}");
        self.file
            .count(&format!("{place}needs"), raw)?
            .iter()
            .map(|n| {
                let networks = n.networks.iter().map(|t| match is_network(t.get_ref()) {
                    true => Ok(t.get_ref().clone()),
                    false => {
                        Err(self.file.wrong(&key("networks"), t, "must be a network such as 203.0.113.0/24"))
                    }
                });
                let ports = ports(n.ports.get_ref()).ok_or_else(|| {
                    self.file.wrong(&key("ports"), &n.ports, "must be ports such as 443, 10000-20000")
                })?;
                for host in &n.hosts {
                    self.pattern(&key("hosts"), host)?;
                }
                Ok(Need {
                    what: self.file.words(&key("what"), &n.what)?,
                    transport: n.transport,
                    ports,
                    hosts: n.hosts.iter().map(|t| t.get_ref().clone()).collect(),
                    networks: networks.collect::<Result<_>>()?,
                    source: self.source(&format!("{place}needs"), &n.source)?,
                })
            })
            .collect()
    }

    /// A host or a pattern of hosts; placeholders are tried out when the regions are known.
    fn pattern(&self, key: &str, text: &Text) -> Result<()> {
        let plain =
            text.get_ref().replace("{region}", "r").replace("{domain}", "d.example").replace('*', "x");
        if is_name(&plain) && plain.contains('.') {
            return Ok(());
        }
        Err(self.file.wrong(key, text, "must be a host name, or a pattern such as *.{region}.example.com"))
    }

    fn targets(&self, place: &str, lists: &Lists<'_>) -> Result<Vec<Target>> {
        let mut targets = Vec::new();
        let mut add = |list: &str, id: &Text, kind: Kind, shown: &Text, source: &Text| {
            let key = format!("{place}{list}");
            let long = self.profile.as_str().len() + 1 + id.get_ref().len();
            let id_key = format!("{key}.id");
            let target = Target { id: self.file.id(&id_key, id)?, kind, source: self.source(&key, source)? };
            if long > ID {
                let most = ID - 1 - self.profile.as_str().len();
                return Err(self.file.wrong(&id_key, id, format!("must have at most {most} characters")));
            }
            if shown.get_ref().contains('*') {
                let problem = "is a pattern, and nothing can be measured of it; patterns belong in needs";
                return Err(self.file.wrong(&key, shown, problem));
            }
            targets.push(target);
            Ok(())
        };
        let own = |t: &Text| t.get_ref().clone();
        for a in self.file.count("endpoints", lists.endpoints)? {
            add("endpoints", &a.id, Kind::Endpoint { url: own(&a.url) }, &a.url, &a.source)?;
        }
        for s in self.file.count("stun", lists.stun)? {
            add("stun", &s.id, Kind::Stun { host: own(&s.host), port: s.port }, &s.host, &s.source)?;
        }
        for t in self.file.count("turn", lists.turn)? {
            let kind = Kind::Turn { host: own(&t.host), udp: t.udp, tcp: t.tcp, tls: t.tls };
            add("turn", &t.id, kind, &t.host, &t.source)?;
        }
        for a in self.file.count("signalling", lists.signalling)? {
            add("signalling", &a.id, Kind::Signalling { url: own(&a.url) }, &a.url, &a.source)?;
        }
        for n in self.file.count("names", lists.names)? {
            add("names", &n.id, Kind::Name { host: own(&n.host) }, &n.host, &n.source)?;
        }
        Ok(targets)
    }

    fn regions(&self, raw: &[raw::Region]) -> Result<Vec<Region>> {
        let mut seen = BTreeSet::new();
        self.file
            .count("regions", raw)?
            .iter()
            .map(|r| {
                let id = self.file.id("regions.id", &r.id)?;
                if !seen.insert(id.clone()) {
                    return Err(self.file.wrong("regions.id", &r.id, "stands twice: each must be its own"));
                }
                let place = format!("regions.{id}.");
                if let Some(domain) = &r.domain
                    && !(is_name(domain.get_ref()) && domain.get_ref().contains('.'))
                {
                    return Err(self.file.wrong(
                        &format!("{place}domain"),
                        domain,
                        "must be a domain such as example.com",
                    ));
                }
                let lists = Lists {
                    endpoints: &r.endpoints,
                    stun: &r.stun,
                    turn: &r.turn,
                    signalling: &r.signalling,
                    names: &r.names,
                };
                Ok(Region {
                    name: self.file.words(&format!("{place}name"), &r.name)?,
                    domain: r.domain.as_ref().map(|t| t.get_ref().clone()),
                    needs: self.needs(&place, &r.needs)?,
                    targets: self.targets(&place, &lists)?,
                    id,
                })
            })
            .collect()
    }

    /// What stands for every region can be said in each; no id stands for two things.
    fn together<'r>(&self, targets: &[Target], needs: &[Need], regions: &'r [Region]) -> Result<()> {
        let of_region = |r: &'r Region| (Some(r), [targets, &r.targets].concat(), [needs, &r.needs].concat());
        let mut places = vec![(None, targets.to_vec(), needs.to_vec())];
        if !regions.is_empty() {
            places = regions.iter().map(of_region).collect();
        }
        for (region, targets, needs) in places {
            let mut seen = BTreeSet::new();
            for target in &targets {
                if !seen.insert(target.id.as_str()) {
                    return Err(self.somewhere(
                        "id",
                        target.id.as_str(),
                        "stands twice: each target must have its own",
                    ));
                }
                self.expands(target.kind.address(), region)?;
            }
            needs.iter().flat_map(|n| &n.hosts).try_for_each(|host| self.expands(host, region))?;
        }
        Ok(())
    }

    fn expands(&self, text: &str, region: Option<&Region>) -> Result<()> {
        expand(text, region).map(drop).map_err(|problem| self.somewhere("host", text, &problem))
    }

    /// Of a value that is no longer with its place: the last place where it stands.
    fn somewhere(&self, key: &str, value: &str, problem: &str) -> ProfileError {
        let start = self.file.text.rfind(&format!("\"{value}\"")).unwrap_or(0);
        self.file.rule(start..start, key, value, problem)
    }
}

impl Kind {
    /// The host or the URL.
    pub(super) fn address(&self) -> &str {
        match self {
            Self::Endpoint { url } | Self::Signalling { url } => url,
            Self::Stun { host, .. } | Self::Turn { host, .. } | Self::Name { host } => host,
        }
    }
}

/// `443`, or `3478, 10000-60000`: ranges in order, each from its least.
fn ports(text: &str) -> Option<Vec<(u16, u16)>> {
    let port = |s: &str| s.trim().parse::<u16>().ok().filter(|p| *p > 0);
    text.split(',')
        .map(|part| match part.split_once('-') {
            None => port(part).map(|p| (p, p)),
            Some((first, last)) => port(first).zip(port(last)).filter(|(first, last)| first < last),
        })
        .collect()
}

fn is_network(text: &str) -> bool {
    let Some((address, bits)) = text.split_once('/') else { return false };
    let most = match address.parse() {
        Ok(std::net::IpAddr::V4(_)) => 32,
        Ok(std::net::IpAddr::V6(_)) => 128,
        Err(_) => return false,
    };
    bits.parse::<u8>().is_ok_and(|bits| bits <= most)
}
