//! Which versions of Preshift the desks run: how far an upgrade has come, and whom it has not reached.

use super::{
    page::{self, Frame, NoPage},
    when,
};
use crate::{
    http::App,
    store::{
        desks::{self, Desk},
        export::time,
    },
};
use askama::Template;
use axum::{extract::State as Shared, http::HeaderMap, response::Response};
use std::{cmp::Ordering, collections::HashMap, sync::Arc};
use telemetry::UnixMs;

/// One version and the desks that last spoke as it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Spread {
    /// The version.
    pub version: String,
    /// Desks that run it.
    pub desks: usize,
    /// When one of them last spoke; `None` if none ever did.
    pub heard: Option<UnixMs>,
    /// When the one of them last spoke that was silent the longest; `None` if it never did.
    pub silent: Option<UnixMs>,
}

#[derive(Template)]
#[template(path = "versions.html")]
struct Versions {
    frame: Frame,
    total: usize,
    /// Desks of the newest version.
    newest: usize,
    rows: Vec<Row>,
}

struct Row {
    version: String,
    link: String,
    desks: usize,
    share: String,
    /// In thousandths, for the bar.
    bar: usize,
    newest: bool,
    heard: Moment,
    silent: Moment,
}

/// A moment for people and for machines; the latter is empty if it never came.
struct Moment {
    text: String,
    iso: String,
}

/// `GET /versions`
pub(super) async fn page(Shared(app): Shared<Arc<App>>, headers: HeaderMap) -> Result<Response, NoPage> {
    page::signed_in(&app, &headers).await?;
    let (now, zone) = ((app.clock)(), app.zone.clone());
    let spread = spread(&app.read(desks::list).await?);
    let total: usize = spread.iter().map(|s| s.desks).sum();
    let rows: Vec<Row> = spread.iter().enumerate().map(|(i, s)| Row::new(s, i == 0, total, now)).collect();
    let page = Versions {
        frame: Frame { title: "Versions".into(), now, zone },
        total,
        newest: spread.first().map_or(0, |s| s.desks),
        rows,
    };
    Ok(page::html(&page)?)
}

/// `GET /versions.csv`
pub(super) async fn csv(Shared(app): Shared<Arc<App>>, headers: HeaderMap) -> Result<Response, NoPage> {
    page::signed_in(&app, &headers).await?;
    let spread = spread(&app.read(desks::list).await?);
    let mut out = ::csv::Writer::from_writer(Vec::new());
    let moment = |at: Option<UnixMs>| at.map(time).unwrap_or_default();
    // Into memory: nothing to fail.
    let _ = out.write_record(["version", "desks", "last_heard", "longest_silent"]);
    for s in &spread {
        let _ = out.write_record([s.version.clone(), s.desks.to_string(), moment(s.heard), moment(s.silent)]);
    }
    Ok(page::csv("preshift-versions.csv", out.into_inner().unwrap_or_default()))
}

/// How many desks run each version, the newest first. A desk that was let go runs none.
pub(super) fn spread(desks: &[Desk]) -> Vec<Spread> {
    let mut all: HashMap<&str, Spread> = HashMap::new();
    for desk in desks.iter().filter(|d| d.revoked.is_none()) {
        let heard = desk.last_seen;
        all.entry(&desk.daemon)
            .and_modify(|s| {
                s.desks += 1;
                s.heard = s.heard.max(heard);
                // `None` is never, and never is the longest silence: it comes first in this order.
                s.silent = s.silent.min(heard);
            })
            .or_insert_with(|| Spread { version: desk.daemon.clone(), desks: 1, heard, silent: heard });
    }
    let mut all: Vec<Spread> = all.into_values().collect();
    all.sort_by(|a, b| newer_first(&a.version, &b.version));
    all
}

/// Newest first. A number that is missing is a zero; `1.2-rc1` is before `1.2`, and a build of a developer is before both.
pub(super) fn newer_first(a: &str, b: &str) -> Ordering {
    let key = |version: &str| {
        let (numbers, tag) = version.split_once('-').map_or((version, None), |(n, t)| (n, Some(t)));
        let mut numbers: Vec<u64> = numbers.split('.').map(|n| n.parse().unwrap_or(0)).collect();
        numbers.resize(6, 0);
        let tag = tag.map(|t| {
            let digits = t.trim_start_matches(|c: char| !c.is_ascii_digit());
            let rank = ["dev", "alpha", "beta", "rc"].iter().position(|w| t.starts_with(w)).unwrap_or(4);
            (rank, digits.parse::<u64>().unwrap_or(0))
        });
        // No tag is the release itself, after all that led to it.
        (numbers, tag.is_none(), tag)
    };
    key(b).cmp(&key(a)).then_with(|| b.cmp(a))
}

impl Row {
    fn new(spread: &Spread, newest: bool, total: usize, now: UnixMs) -> Self {
        let moment = |at: Option<UnixMs>| Moment {
            text: at.map_or_else(|| "never".into(), |at| when::relative(at, now)),
            iso: at.map(when::iso).unwrap_or_default(),
        };
        Self {
            version: spread.version.clone(),
            link: url::form_urlencoded::Serializer::new(String::new())
                .append_pair("version", &spread.version)
                .finish(),
            desks: spread.desks,
            share: share(spread.desks, total),
            bar: spread.desks * 1_000 / total.max(1),
            newest,
            heard: moment(spread.heard),
            silent: moment(spread.silent),
        }
    }
}

/// A part of a whole in percent. What is there does not read as nothing, and what lacks one does not read as all.
fn share(part: usize, total: usize) -> String {
    match part as f64 * 100.0 / total.max(1) as f64 {
        p if p > 0.0 && p < 1.0 => "below 1 %".into(),
        p if p > 99.0 && part < total => "above 99 %".into(),
        p => format!("{p:.0} %"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use telemetry::{DeskId, PublicKey};

    fn desk(no: u8, daemon: &str, last_seen: Option<i64>) -> Desk {
        Desk {
            no: no.into(),
            id: DeskId::from_bytes([no; 16]),
            key: PublicKey::from_bytes([no; 32]),
            team: "support".parse().unwrap(),
            label: None,
            enrolled: UnixMs::new(0),
            revoked: None,
            daemon: daemon.into(),
            last_seen: last_seen.map(UnixMs::new),
        }
    }

    #[test]
    fn desks_are_counted_by_version_and_the_newest_is_first() {
        let mut gone = desk(6, "9.9", Some(1));
        gone.revoked = Some(UnixMs::new(2));
        let desks = [
            desk(1, "0.9.0", Some(50)),
            desk(2, "0.10.0", Some(70)),
            desk(3, "0.9.0", Some(10)),
            desk(4, "0.10.0", None),
            desk(5, "0.9.0", Some(30)),
            gone,
        ];
        let at = |ms| Some(UnixMs::new(ms));
        assert_eq!(
            spread(&desks),
            [
                Spread { version: "0.10.0".into(), desks: 2, heard: at(70), silent: None },
                Spread { version: "0.9.0".into(), desks: 3, heard: at(50), silent: at(10) },
            ]
        );
        assert_eq!(spread(&[]), []);
    }

    #[test]
    fn versions_are_in_the_order_in_which_they_came() {
        let expected = [
            "10.0",
            "2.0.1",
            "2.0",
            "2.0-rc10",
            "2.0-rc2",
            "2.0-beta",
            "2.0-alpha3",
            "2.0-dev",
            "1.99.99.9",
            "1",
            "0.9.0",
        ];
        let mut sorted = expected;
        sorted.reverse();
        sorted.sort_by(|a, b| newer_first(a, b));
        assert_eq!(sorted, expected);
        // What is no version of ours is somewhere, and breaks nothing.
        assert_eq!(newer_first("", ""), Ordering::Equal);
        assert_eq!(newer_first("1.0", "ü-"), Ordering::Less);
        assert_ne!(newer_first("1.0", "1.0.0"), Ordering::Equal, "each has its own row in a fixed order");
    }

    #[test]
    fn a_share_is_neither_nothing_nor_all_when_it_is_not() {
        for (part, total, expected) in [
            (0, 5, "0 %"),
            (5, 5, "100 %"),
            (1, 3, "33 %"),
            (1, 1000, "below 1 %"),
            (999, 1000, "above 99 %"),
            (0, 0, "0 %"),
        ] {
            assert_eq!(share(part, total), expected);
        }
    }
}
