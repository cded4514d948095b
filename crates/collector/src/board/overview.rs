//! The first page: who starts soon and who is not ready, first.

use super::{
    fleet::{self, Standing, State},
    page::{self, Frame, NoPage},
    versions::newer_first,
    when, words,
};
use crate::{
    clock::HOUR,
    http::App,
    store::export::{safe, time, word},
};
use askama::Template;
use axum::{
    extract::{Query, State as Shared},
    http::HeaderMap,
    response::Response,
};
use readiness::words as said;
use serde::Deserialize;
use std::sync::Arc;
use telemetry::UnixMs;

/// Rows that a page shows at most; filters lead to the rest.
const MOST: usize = 500;
/// A shift that begins within this time is soon.
const SOON: i64 = 2 * HOUR;

/// What to show.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Filter {
    #[serde(default)]
    team: String,
    #[serde(default)]
    verdict: String,
    #[serde(default)]
    version: String,
}

#[derive(Template)]
#[template(path = "overview.html")]
struct Overview {
    frame: Frame,
    filter: Filter,
    teams: Vec<String>,
    /// The newest first.
    versions: Vec<String>,
    counts: Vec<(Standing, usize)>,
    groups: Vec<Group>,
    /// Desks of the team and version that are shown.
    total: usize,
    /// Desks known at all.
    known: usize,
    /// Whether any shift is planned.
    planned: bool,
    hidden: usize,
}

struct Group {
    title: &'static str,
    rows: Vec<Row>,
}

/// One desk's line.
struct Row {
    id: String,
    name: String,
    team: String,
    standing: Standing,
    /// Why it stands so, when the word alone does not say.
    note: String,
    shift: String,
    shift_note: String,
    worst: String,
    more: usize,
    whose: String,
    seen: String,
    seen_at: String,
    lost: u64,
    trouble: bool,
    changes: Vec<String>,
    more_changes: usize,
}

/// `GET /`
pub(super) async fn page(
    Shared(app): Shared<Arc<App>>,
    headers: HeaderMap,
    Query(filter): Query<Filter>,
) -> Result<Response, NoPage> {
    page::signed_in(&app, &headers).await?;
    let (now, zone) = ((app.clock)(), app.zone.clone());
    let all = app.read(move |db| fleet::read(db, None, now)).await?;
    let known = all.len();
    let planned = all.iter().any(|s| s.shift.is_some());
    let mut teams: Vec<String> = all.iter().map(|s| s.desk.team.to_string()).collect();
    teams.sort();
    teams.dedup();
    let mut versions: Vec<String> = all.iter().map(|s| s.desk.daemon.clone()).collect();
    versions.sort_by(|a, b| newer_first(a, b));
    versions.dedup();
    let counted: Vec<State> =
        all.into_iter().filter(|s| filter.has_team(s) && filter.has_version(s)).collect();
    let counts = Standing::ALL.map(|s| (s, counted.iter().filter(|d| d.standing == s).count()));
    let mut shown: Vec<State> = counted.into_iter().filter(|s| filter.has_standing(s)).collect();
    sort(&mut shown);
    let hidden = shown.len().saturating_sub(MOST);
    shown.truncate(MOST);

    let mut groups = [
        Group { title: "Working now or starting soon", rows: vec![] },
        Group { title: "Later", rows: vec![] },
        Group { title: "No shift planned", rows: vec![] },
    ];
    for state in &shown {
        let row = Row::new(state, &zone, now);
        groups[group(state, now)].rows.push(row);
    }
    let page = Overview {
        frame: Frame { title: "Overview".into(), now, zone },
        filter,
        teams,
        versions,
        total: counts.iter().map(|c| c.1).sum(),
        counts: counts.into_iter().filter(|(_, n)| *n > 0).collect(),
        groups: groups.into_iter().filter(|g| !g.rows.is_empty()).collect(),
        known,
        planned,
        hidden,
    };
    Ok(page::html(&page)?)
}

/// `GET /overview.csv`
pub(super) async fn csv(
    Shared(app): Shared<Arc<App>>,
    headers: HeaderMap,
    Query(filter): Query<Filter>,
) -> Result<Response, NoPage> {
    page::signed_in(&app, &headers).await?;
    let now = (app.clock)();
    let mut shown = app.read(move |db| fleet::read(db, None, now)).await?;
    shown.retain(|s| filter.has_team(s) && filter.has_version(s) && filter.has_standing(s));
    shown.sort_by_key(|s| (group(s, now), s.standing));
    let mut out = ::csv::Writer::from_writer(Vec::new());
    let header = [
        "desk",
        "label",
        "team",
        "standing",
        "verdict",
        "verdict_time",
        "valid_until",
        "shift",
        "shift_begin",
        "shift_end",
        "worst_finding",
        "domains",
        "last_seen",
        "lost_reports",
        "changes",
        "version",
    ];
    let mut rows = vec![header.map(String::from).to_vec()];
    for state in &shown {
        let latest = state.latest.as_ref();
        let worst = latest.and_then(|(_, r)| r.findings.first());
        let shift = state.shift.as_ref();
        let domains: Vec<String> = worst.iter().flat_map(|f| &f.domains).map(|d| word(*d)).collect();
        rows.push(vec![
            state.desk.id.to_string(),
            safe(state.desk.label.as_deref().unwrap_or_default()),
            state.desk.team.to_string(),
            state.standing.name().into(),
            latest.map(|(_, r)| word(r.verdict)).unwrap_or_default(),
            latest.map(|(at, _)| time(*at)).unwrap_or_default(),
            latest.map(|(_, r)| time(r.valid_until)).unwrap_or_default(),
            shift.map(|s| s.id.clone()).unwrap_or_default(),
            shift.map(|s| time(s.begin)).unwrap_or_default(),
            shift.map(|s| time(s.end)).unwrap_or_default(),
            worst.map(|f| word(f.code)).unwrap_or_default(),
            domains.join(" "),
            state.desk.last_seen.map(time).unwrap_or_default(),
            state.lost.to_string(),
            latest.map(|(_, r)| r.changes.len().to_string()).unwrap_or_default(),
            state.desk.daemon.clone(),
        ]);
    }
    for row in rows {
        // Into memory: nothing to fail.
        let _ = out.write_record(row);
    }
    Ok(page::csv("preshift-overview.csv", out.into_inner().unwrap_or_default()))
}

impl Filter {
    fn has_team(&self, state: &State) -> bool {
        self.team.is_empty() || state.desk.team.as_str() == self.team
    }

    fn has_standing(&self, state: &State) -> bool {
        self.verdict.is_empty() || state.standing.name() == self.verdict
    }

    fn has_version(&self, state: &State) -> bool {
        self.version.is_empty() || state.desk.daemon == self.version
    }

    fn is_empty(&self) -> bool {
        self.team.is_empty() && self.verdict.is_empty() && self.version.is_empty()
    }

    /// The same filter with another verdict, for a link.
    fn with(&self, verdict: &str) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        if !self.team.is_empty() {
            query.append_pair("team", &self.team);
        }
        if !verdict.is_empty() {
            query.append_pair("verdict", verdict);
        }
        if !self.version.is_empty() {
            query.append_pair("version", &self.version);
        }
        query.finish()
    }
}

/// 0: works now or starts soon, 1: later, 2: no shift.
fn group(state: &State, now: UnixMs) -> usize {
    match &state.shift {
        Some(s) if s.begin <= now.plus_ms(SOON) => 0,
        Some(_) => 1,
        None => 2,
    }
}

/// Who needs help first; among them who starts first.
fn sort(states: &mut [State]) {
    states.sort_by(|a, b| {
        let begin = |s: &State| s.shift.as_ref().map(|s| s.begin);
        (a.standing, begin(a), a.desk.name()).cmp(&(b.standing, begin(b), b.desk.name()))
    });
}

impl Row {
    fn new(state: &State, zone: &when::Zone, now: UnixMs) -> Self {
        let latest = state.latest.as_ref();
        let holds = latest.filter(|(_, r)| r.valid_until > now);
        // What was wrong stays worth knowing while nothing newer is known.
        let findings = latest.map(|(_, r)| &r.findings[..]).unwrap_or_default();
        let worst = findings.first().map(readiness::explain);
        let changes = latest.map(|(_, r)| &r.changes[..]).unwrap_or_default();
        let seen = state.desk.last_seen;
        Self {
            id: state.desk.id.to_string(),
            name: state.desk.name().into(),
            team: state.desk.team.to_string(),
            standing: state.standing,
            note: match (state.standing, latest, holds) {
                (Standing::NotSeen, Some((at, r)), _) => {
                    format!("last verdict: {}, {}", said::verdict(r.verdict), when::relative(*at, now))
                }
                (_, Some((at, r)), None) => {
                    format!("was {} {}", said::verdict(r.verdict).to_lowercase(), when::relative(*at, now))
                }
                (_, Some((at, _)), Some(_)) => when::relative(*at, now),
                (_, None, _) => String::new(),
            },
            shift: match &state.shift {
                // It runs: everybody knows which day that is.
                Some(s) if s.begin <= now => format!("{}–{}", zone.time(s.begin), zone.time(s.end)),
                Some(s) => zone.span(s.begin, s.end, now),
                None => String::new(),
            },
            shift_note: match &state.shift {
                Some(s) if s.begin <= now => format!("ends {}", when::relative(s.end, now)),
                Some(s) => format!("starts {}", when::relative(s.begin, now)),
                None => String::new(),
            },
            worst: worst.as_ref().map(|w| w.what.clone()).unwrap_or_default(),
            more: findings.len().saturating_sub(1),
            whose: worst.map(|w| words::capital(&w.whose)).unwrap_or_default(),
            seen: seen.map_or_else(|| "never".into(), |t| when::relative(t, now)),
            seen_at: seen.map(when::iso).unwrap_or_default(),
            lost: state.lost,
            trouble: state.trouble,
            changes: changes.iter().take(2).map(words::change).collect(),
            more_changes: changes.len().saturating_sub(2),
        }
    }
}
