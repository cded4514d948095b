//! The readiness report of a team for one shift: a page to print or to hand on.

use super::{
    fleet::{self, Standing},
    page::{self, Frame, NoPage},
    when, words,
};
use crate::{
    clock::{DAY, MINUTE},
    http::App,
    store::{Doing as _, StoreError, desks::Desk, plan},
};
use askama::Template;
use axum::{
    extract::{Query, State},
    http::HeaderMap,
    response::Response,
};
use readiness::words as said;
use rusqlite::{Connection, OptionalExtension as _, params};
use serde::Deserialize;
use std::sync::Arc;
use telemetry::{Readiness, UnixMs};

/// Which report.
#[derive(Debug, Deserialize)]
pub(super) struct Asked {
    team: String,
    shift: String,
}

#[derive(Template)]
#[template(path = "shifts.html")]
struct Shifts {
    frame: Frame,
    rows: Vec<ShiftRow>,
}

struct ShiftRow {
    team: String,
    id: String,
    when: String,
    relative: String,
    desks: i64,
    link: String,
}

#[derive(Template)]
#[template(path = "report.html")]
struct Report {
    frame: Frame,
    team: String,
    shift: String,
    when: String,
    begun: bool,
    counts: Vec<(Standing, usize)>,
    desks: Vec<Line>,
}

struct Line {
    name: String,
    id: String,
    standing: Standing,
    judged: String,
    /// Reports of this shift that will never come: the verdict is not the whole story.
    lost: u64,
    findings: Vec<Found>,
    changes: Vec<String>,
    seen: String,
}

struct Found {
    what: String,
    whose: String,
    advice: &'static str,
}

/// `GET /shifts`
pub(super) async fn list(State(app): State<Arc<App>>, headers: HeaderMap) -> Result<Response, NoPage> {
    page::signed_in(&app, &headers).await?;
    let (now, zone) = ((app.clock)(), app.zone.clone());
    let for_rows = zone.clone();
    let rows = app.read(move |db| rows(db, now, &for_rows)).await?;
    Ok(page::html(&Shifts { frame: Frame { title: "Shifts".into(), now, zone }, rows })?)
}

fn rows(db: &Connection, now: UnixMs, zone: &when::Zone) -> Result<Vec<ShiftRow>, StoreError> {
    db.prepare_cached(
        "SELECT d.team, s.id, min(s.begin_at), max(s.end_at), count(*) FROM shifts s JOIN desks d ON d.no = s.desk
         WHERE NOT s.retired AND s.end_at > ?1 AND s.begin_at < ?2 GROUP BY d.team, s.id
         ORDER BY max(s.end_at) < ?3, abs(min(s.begin_at) - ?3), d.team, s.id LIMIT 300",
    )
    .and_then(|mut s| {
        s.query_map(params![now.plus_ms(-2 * DAY).get(), now.plus_ms(14 * DAY).get(), now.get()], |r| {
            let (team, id): (String, String) = (r.get(0)?, r.get(1)?);
            let (begin, end) = (UnixMs::new(r.get(2)?), UnixMs::new(r.get(3)?));
            let query = url::form_urlencoded::Serializer::new(String::new())
                .append_pair("team", &team)
                .append_pair("shift", &id)
                .finish();
            let relative = if end <= now {
                format!("ended {}", when::relative(end, now))
            } else if begin <= now {
                format!("ends {}", when::relative(end, now))
            } else {
                format!("starts {}", when::relative(begin, now))
            };
            let when = zone.span(begin, end, now);
            Ok(ShiftRow { team, id, when, relative, desks: r.get(4)?, link: format!("/report?{query}") })
        })?
        .collect()
    })
    .doing("read the shifts")
}

/// `GET /report`
pub(super) async fn page(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    Query(asked): Query<Asked>,
) -> Result<Response, NoPage> {
    page::signed_in(&app, &headers).await?;
    let (now, zone) = ((app.clock)(), app.zone.clone());
    let report = app.read(move |db| read(db, &asked, now, zone)).await?;
    Ok(page::html(&report.ok_or(NoPage::NotFound("There is no such shift in this team."))?)?)
}

fn read(db: &Connection, asked: &Asked, now: UnixMs, zone: when::Zone) -> Result<Option<Report>, StoreError> {
    let sql = format!(
        "SELECT {}, s.begin_at, s.end_at FROM shifts s JOIN desks d ON d.no = s.desk
         WHERE s.id = ?1 AND d.team = ?2 AND NOT s.retired AND d.revoked IS NULL",
        Desk::COLUMNS
    );
    let desks: Vec<(Desk, UnixMs, UnixMs)> = db
        .prepare_cached(&sql)
        .and_then(|mut s| {
            s.query_map([&asked.shift, &asked.team], |r| {
                Ok((Desk::read(r)?, UnixMs::new(r.get(9)?), UnixMs::new(r.get(10)?)))
            })?
            .collect()
        })
        .doing("read the desks of a shift")?;
    let (Some(begin), Some(end)) = (desks.iter().map(|d| d.1).min(), desks.iter().map(|d| d.2).max()) else {
        return Ok(None);
    };
    let pre_shift = plan::policy(db)?.map_or(30, |p| p.schedule.pre_shift_minutes);
    let mut lines = Vec::with_capacity(desks.len());
    for (desk, begin, end) in &desks {
        lines.push(line(db, desk, (*begin, *end), i64::from(pre_shift) * MINUTE, now, &zone)?);
    }
    lines.sort_by(|a, b| (a.standing, &a.name).cmp(&(b.standing, &b.name)));
    let counts = Standing::ALL.map(|s| (s, lines.iter().filter(|l| l.standing == s).count()));
    Ok(Some(Report {
        when: zone.span(begin, end, now),
        frame: Frame { title: format!("Readiness of team {}, shift {}", asked.team, asked.shift), now, zone },
        team: asked.team.clone(),
        shift: asked.shift.clone(),
        begun: begin <= now,
        counts: counts.into_iter().filter(|(_, n)| *n > 0).collect(),
        desks: lines,
    }))
}

/// How a desk began the shift; before it begins, how it stands now.
fn line(
    db: &Connection,
    desk: &Desk,
    (begin, end): (UnixMs, UnixMs),
    pre_shift_ms: i64,
    now: UnixMs,
    zone: &when::Zone,
) -> Result<Line, StoreError> {
    let verdict = at_begin(db, desk.no, begin, end, now)?;
    let standing = match &verdict {
        Some((_, r)) if begin <= now => Standing::from(r.verdict),
        None if begin <= now => Standing::NotSeen,
        _ => {
            let latest = verdict.as_ref().map(|(_, r)| (r.verdict, r.valid_until));
            fleet::standing(desk.last_seen, latest, Some((begin, end)), pre_shift_ms, now)
        }
    };
    let report = verdict.as_ref().map(|(_, r)| r);
    let findings = report.map(|r| &r.findings[..]).unwrap_or_default();
    let lost = lost(db, desk.no, begin.plus_ms(-pre_shift_ms), end)?;
    Ok(Line {
        lost,
        name: desk.name().into(),
        id: desk.id.to_string(),
        standing,
        judged: verdict
            .as_ref()
            .map(|(at, r)| format!("{}, {}", zone.moment(*at), words::trigger(r.trigger)))
            .unwrap_or_default(),
        findings: findings
            .iter()
            .filter(|f| f.severity > telemetry::Severity::Note)
            .map(|f| {
                let words = readiness::explain(f);
                Found { what: words.what, whose: said::domains(&f.domains), advice: words.advice }
            })
            .collect(),
        changes: report.map(|r| &r.changes[..]).unwrap_or_default().iter().map(words::change).collect(),
        seen: desk.last_seen.map_or_else(|| "never".into(), |t| when::relative(t, now)),
    })
}

/// How many reports of a desk are lost for good between two times.
fn lost(db: &Connection, desk: i64, from: UnixMs, to: UnixMs) -> Result<u64, StoreError> {
    db.prepare_cached(
        "SELECT CAST(min(total(last - first + 1), 9e15) AS INTEGER) FROM gaps
         WHERE desk = ?1 AND to_at >= ?2 AND from_at <= ?3",
    )
    .and_then(|mut s| s.query_row(params![desk, from.get(), to.get()], |r| r.get::<_, i64>(0)))
    .map(i64::unsigned_abs)
    .doing("count what is lost of a shift")
}

/// The verdict that held when the shift began; if none did, the first one in it.
fn at_begin(
    db: &Connection,
    desk: i64,
    begin: UnixMs,
    end: UnixMs,
    now: UnixMs,
) -> Result<Option<(UnixMs, Readiness)>, StoreError> {
    let until = begin.min(now);
    let get = |sql: &str| {
        db.prepare_cached(sql)
            .and_then(|mut s| {
                s.query_row(params![desk, until.get(), end.get()], |r| {
                    Ok((r.get::<_, i64>(0)?, r.get::<_, String>(1)?))
                })
                .optional()
            })
            .doing("read the verdict of a shift")
    };
    let held =
        get("SELECT at, body FROM verdicts WHERE desk = ?1 AND at <= ?2 AND valid_until >= ?2 AND ?3 > 0
                    ORDER BY at DESC LIMIT 1")?;
    let found = match held {
        Some(found) => Some(found),
        None => {
            get("SELECT at, body FROM verdicts WHERE desk = ?1 AND at > ?2 AND at <= ?3 ORDER BY at LIMIT 1")?
        }
    };
    found.map(|(at, body)| fleet::verdict(at, &body)).transpose()
}
