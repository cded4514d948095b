//! One desk's page: how it stands and why, what to do, what happened, and its figures.

use super::{
    figures::{self, Figure},
    fleet::{self, Standing, State},
    page::{self, Frame, NoPage},
    readings::{self, Line},
    timeline::{self, Entry},
    when, words,
};
use crate::{
    clock::DAY,
    http::App,
    store::{Doing as _, StoreError, desks, export, plan, reports},
};
use askama::Template;
use axum::{
    extract::{Path, State as Shared},
    http::HeaderMap,
    response::Response,
};
use readiness::{attribution, words as said};
use rusqlite::{Connection, params};
use std::sync::Arc;
use telemetry::{Body, ConsentState, DeskId, Finding, Lane, Reading, UnixMs};

/// How far back the timeline goes.
const TIMELINE: i64 = 7 * DAY;
/// How far back the figures go.
const FIGURES: i64 = DAY;
/// Routine reports that are read for the figures: one a minute for a day.
const ROUTINE: usize = 1_500;

#[derive(Template)]
#[template(path = "desk.html")]
struct DeskPage {
    frame: Frame,
    id: String,
    name: String,
    team: String,
    version: String,
    enrolled: String,
    revoked: Option<String>,
    seen: String,
    standing: Standing,
    sentence: String,
    judged: String,
    fault: String,
    findings: Vec<Shown>,
    changes: Vec<String>,
    troubles: Vec<Trouble>,
    lost: u64,
    shifts: Vec<Coming>,
    consent: Option<[&'static str; 2]>,
    readings: Vec<Line>,
    readings_at: String,
    figures: Vec<Figure>,
    timeline: Vec<Entry>,
}

/// A finding in words.
struct Shown {
    severity: &'static str,
    class: &'static str,
    what: String,
    why: &'static str,
    advice: &'static str,
    whose: String,
    since: String,
}

struct Trouble {
    text: &'static str,
    count: i64,
    last: String,
}

struct Coming {
    id: String,
    when: String,
    relative: String,
}

/// `GET /desks/{desk}`
pub(super) async fn page(
    Shared(app): Shared<Arc<App>>,
    headers: HeaderMap,
    Path(desk): Path<String>,
) -> Result<Response, NoPage> {
    page::signed_in(&app, &headers).await?;
    let id: DeskId = desk.parse().map_err(|_| NO_DESK)?;
    let (now, zone) = ((app.clock)(), app.zone.clone());
    let page = app.read(move |db| read(db, &id, now, &zone)).await?.ok_or(NO_DESK)?;
    Ok(page::html(&page)?)
}

/// `GET /desks/{desk}/verdicts.csv`
pub(super) async fn csv(
    Shared(app): Shared<Arc<App>>,
    headers: HeaderMap,
    Path(desk): Path<String>,
) -> Result<Response, NoPage> {
    page::signed_in(&app, &headers).await?;
    let id: DeskId = desk.parse().map_err(|_| NO_DESK)?;
    let name = format!("preshift-desk-{}.csv", &id.as_str()[..8]);
    let body = app
        .read(move |db| {
            let Some(desk) = desks::by_id(db, &id)? else { return Ok(None) };
            let mut out = Vec::new();
            let all = (UnixMs::new(UnixMs::MIN), UnixMs::new(UnixMs::MAX));
            match export::verdicts(db, Some(desk.no), all.0, all.1, &mut out) {
                Err(export::ExportError::Store(error)) => Err(error),
                // Writing to memory does not fail.
                _ => Ok(Some(out)),
            }
        })
        .await?;
    Ok(page::csv(&name, body.ok_or(NO_DESK)?))
}

const NO_DESK: NoPage = NoPage::NotFound("There is no such desk.");

fn read(
    db: &Connection,
    id: &DeskId,
    now: UnixMs,
    zone: &when::Zone,
) -> Result<Option<DeskPage>, StoreError> {
    let Some(desk) = desks::by_id(db, id)? else { return Ok(None) };
    let policy = plan::policy(db)?;
    // A revoked desk is not in the fleet, but its page stays.
    let state = fleet::read(db, Some(desk.team.as_str()), now)?.into_iter().find(|s| s.desk.no == desk.no);
    let (standing, latest, lost) = match state {
        Some(State { standing, latest, lost, .. }) => (standing, latest, lost),
        None => (Standing::Idle, None, 0),
    };
    let day = now.plus_ms(-FIGURES);
    let soon = now.plus_ms(DAY);
    let routine = reports::of_desk(db, desk.no, Lane::Routine, day, soon, ROUTINE)?;
    let checks = reports::of_desk(db, desk.no, Lane::Priority, day, soon, ROUTINE)?;
    let (readings, readings_at) = latest_readings(&routine, &checks, zone);
    let measured = routine.iter().chain(&checks).flat_map(|r| of(&r.body));
    let holds = latest.as_ref().filter(|(_, r)| r.valid_until > now);
    let consent = routine.iter().chain(&checks).max_by_key(|r| r.at).map(|r| r.consent);
    Ok(Some(DeskPage {
        frame: Frame { title: title(&desk), now, zone: zone.clone() },
        id: desk.id.to_string(),
        name: title(&desk),
        team: desk.team.to_string(),
        version: desk.daemon.clone(),
        enrolled: zone.moment(desk.enrolled),
        revoked: desk.revoked.map(|t| zone.moment(t)),
        seen: desk.last_seen.map_or_else(|| "never".into(), |t| when::relative(t, now)),
        standing,
        sentence: sentence(standing, holds.is_some(), desk.last_seen, now),
        judged: match &latest {
            None => "No check has been run on this desk yet.".into(),
            Some((at, r)) if r.valid_until > now => format!(
                "From the {} {}; holds until {}.",
                words::trigger(r.trigger),
                when::relative(*at, now),
                zone.time(r.valid_until)
            ),
            Some((at, r)) => format!(
                "The last verdict was {}, {} ({}); it held until {}.",
                said::verdict(r.verdict).to_lowercase(),
                when::relative(*at, now),
                words::trigger(r.trigger),
                zone.moment(r.valid_until)
            ),
        },
        fault: latest
            .as_ref()
            .and_then(|(_, r)| attribution::sentence(&r.fault, &r.readings))
            .unwrap_or_default(),
        findings: latest.iter().flat_map(|(_, r)| &r.findings).map(|f| shown(f, zone)).collect(),
        changes: latest.iter().flat_map(|(_, r)| &r.changes).map(words::change).collect(),
        troubles: troubles(db, desk.no, zone)?,
        lost,
        shifts: shifts(db, desk.no, now, zone)?,
        consent: consent.map(|c| [consent_word(c.background), consent_word(c.calls)]),
        readings,
        readings_at,
        figures: figures::all(measured, policy.as_ref(), day, now, zone),
        timeline: timeline::read(db, desk.no, now.plus_ms(-TIMELINE), now, zone)?,
    }))
}

/// What IT calls it; without a label, a desk and the beginning of its id.
fn title(desk: &desks::Desk) -> String {
    desk.label.clone().unwrap_or_else(|| format!("Desk {}", desk.name()))
}

fn sentence(standing: Standing, holds: bool, seen: Option<UnixMs>, now: UnixMs) -> String {
    match standing {
        Standing::NotSeen => match seen {
            Some(at) => {
                format!("It should have been heard of by now. It last spoke {}.", when::relative(at, now))
            }
            None => "It should have been heard of by now, and never was.".into(),
        },
        Standing::NotDue => "The check before its next shift is not due yet.".into(),
        Standing::Idle => "It has no shift, and no verdict that still holds.".into(),
        Standing::Unknown if !holds => "It speaks, but has no verdict that still holds.".into(),
        Standing::Ready => said::verdict_sentence(telemetry::Verdict::Ready).into(),
        Standing::AtRisk => said::verdict_sentence(telemetry::Verdict::AtRisk).into(),
        Standing::NotReady => "Calls would fail or be poor.".into(),
        Standing::Unknown => said::verdict_sentence(telemetry::Verdict::Unknown).into(),
    }
}

fn shown(finding: &Finding, zone: &when::Zone) -> Shown {
    let said = readiness::explain(finding);
    Shown {
        severity: readiness::words::severity(finding.severity),
        class: match finding.severity {
            telemetry::Severity::Blocking => "not_ready",
            telemetry::Severity::Warning => "at_risk",
            telemetry::Severity::Note => "idle",
        },
        what: said.what,
        why: said.why,
        advice: said.advice,
        whose: said.whose,
        since: finding.since.map(|t| zone.moment(t)).unwrap_or_default(),
    }
}

fn of(body: &Body) -> &[Reading] {
    match body {
        Body::Routine(r) => &r.readings,
        Body::Readiness(r) => &r.readings,
        _ => &[],
    }
}

/// The newest reading of each probe and target.
fn latest_readings(
    routine: &[telemetry::Report],
    checks: &[telemetry::Report],
    zone: &when::Zone,
) -> (Vec<Line>, String) {
    let mut all: Vec<&Reading> = routine.iter().chain(checks).flat_map(|r| of(&r.body)).collect();
    all.sort_by_key(|r| (r.probe, r.target.clone(), std::cmp::Reverse(r.at)));
    all.dedup_by_key(|r| (r.probe, r.target.clone()));
    let newest = all.iter().map(|r| r.at).max();
    (all.into_iter().map(readings::line).collect(), newest.map(|t| zone.moment(t)).unwrap_or_default())
}

fn consent_word(state: ConsentState) -> &'static str {
    match state {
        ConsentState::NotAsked => "not asked yet",
        ConsentState::Given => "given",
        ConsentState::Withdrawn => "withdrawn",
    }
}

fn troubles(db: &Connection, desk: i64, zone: &when::Zone) -> Result<Vec<Trouble>, StoreError> {
    db.prepare_cached("SELECT kind, count, last_at FROM troubles WHERE desk = ?1 ORDER BY last_at DESC")
        .and_then(|mut s| {
            s.query_map([desk], |r| {
                Ok(Trouble {
                    text: words::trouble(&r.get::<_, String>(0)?),
                    count: r.get(1)?,
                    last: zone.moment(UnixMs::new(r.get(2)?)),
                })
            })?
            .collect()
        })
        .doing("read a desk's troubles")
}

fn shifts(db: &Connection, desk: i64, now: UnixMs, zone: &when::Zone) -> Result<Vec<Coming>, StoreError> {
    db.prepare_cached(
        "SELECT id, begin_at, end_at FROM shifts
         WHERE desk = ?1 AND NOT retired AND end_at > ?2 ORDER BY begin_at LIMIT 5",
    )
    .and_then(|mut s| {
        s.query_map(params![desk, now.get()], |r| {
            let (begin, end) = (UnixMs::new(r.get(1)?), UnixMs::new(r.get(2)?));
            let relative = if begin <= now {
                format!("ends {}", when::relative(end, now))
            } else {
                format!("starts {}", when::relative(begin, now))
            };
            Ok(Coming { id: r.get(0)?, when: zone.span(begin, end, now), relative })
        })?
        .collect()
    })
    .doing("read a desk's shifts")
}
