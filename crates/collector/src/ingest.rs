//! From the bytes of a batch to reports that can be stored.
//!
//! Owns unpacking within limits and reading each report on its own, strictly: one bad report is
//! refused, the others of its batch are not. Must not touch the store.

use crate::clock::{DAY, HOUR};
use serde::Deserialize;
use serde_json::value::RawValue;
use sha2::{Digest as _, Sha256};
use std::io::Read as _;
use telemetry::{
    Body, ContentRefusal, DeskId, Digest, Epoch, ErrorCode, Gap, Id, InstanceId, Lane, List, Report, UnixMs,
    Verdict, Versions, limits,
};

/// A batch that was read.
#[derive(Debug)]
pub struct Batch {
    /// Which start of the daemon sent it.
    pub instance: InstanceId,
    /// The assignment that the desk has.
    pub assignment: Option<Digest>,
    /// Its reports, in order.
    pub reports: Vec<Item>,
}

/// One report of a batch: who it is, and what it says or why it was refused.
#[derive(Debug)]
pub struct Item {
    /// Which local store.
    pub epoch: Epoch,
    /// Which sequence.
    pub lane: Lane,
    /// Its place in it.
    pub seq: u64,
    /// What it says.
    pub content: Result<Content, ContentRefusal>,
}

/// A report that keeps the schema.
#[derive(Debug)]
pub struct Content {
    /// The report as it came.
    pub json: Box<str>,
    /// The first half of its SHA-256.
    pub digest: [u8; 16],
    /// When it was made, on the collector's clock as far as the desk knew it.
    pub at: UnixMs,
    /// Its kind.
    pub kind: &'static str,
    /// Preshift's version on the desk.
    pub daemon: telemetry::Version,
    /// Ids in it that a policy must define.
    pub ids: Vec<Id>,
    /// What is kept a second time for the board.
    pub extra: Extra,
}

/// What is kept a second time for the board.
#[derive(Debug)]
pub enum Extra {
    /// Nothing.
    None,
    /// A verdict.
    Readiness {
        /// For which shift.
        shift: Option<Id>,
        /// The verdict.
        verdict: Verdict,
        /// Until when it holds.
        valid_until: UnixMs,
        /// The report's body as JSON.
        body: String,
    },
    /// Reports that are lost.
    Gap(Gap),
}

/// Unpacks a batch. A small body can claim to be a large one: output and window are bounded.
pub fn unpack(packed: &[u8]) -> Result<Vec<u8>, ErrorCode> {
    let mut decoder = zstd::stream::read::Decoder::with_buffer(packed).map_err(|_| ErrorCode::Internal)?;
    // 2^22 is the largest window that a batch within its limit can need.
    decoder.window_log_max(22).map_err(|_| ErrorCode::Internal)?;
    let mut unpacked = Vec::with_capacity((packed.len() * 8).min(limits::BATCH_UNPACKED));
    let most = limits::BATCH_UNPACKED as u64;
    decoder.by_ref().take(most + 1).read_to_end(&mut unpacked).map_err(|_| ErrorCode::Malformed)?;
    if unpacked.len() as u64 > most { Err(ErrorCode::TooLarge) } else { Ok(unpacked) }
}

/// Reads a batch of this desk.
pub fn read(desk: &DeskId, json: &[u8], now: UnixMs, retention_days: u32) -> Result<Batch, ErrorCode> {
    let batch: Envelope<'_> = serde_json::from_slice(json).map_err(|_| {
        // A later desk's batch may have fields that this collector does not know.
        match serde_json::from_slice::<Spoken>(json) {
            Ok(spoken) if !in_common(spoken.versions) => ErrorCode::Version,
            _ => ErrorCode::Malformed,
        }
    })?;
    if !in_common(batch.versions) {
        return Err(ErrorCode::Version);
    }
    let reports = batch.reports.into_iter().map(|raw| item(desk, raw.get(), now, retention_days)).collect();
    Ok(Batch { instance: batch.instance, assignment: batch.assignment, reports })
}

/// Whether there is a schema version that both sides speak.
pub fn in_common(theirs: Versions) -> bool {
    theirs.oldest <= Versions::OURS.newest && theirs.newest >= Versions::OURS.oldest
}

/// Only the versions.
#[derive(Deserialize)]
struct Spoken {
    versions: Versions,
}

/// `telemetry::Batch` with its reports not yet read.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Envelope<'a> {
    versions: Versions,
    instance: InstanceId,
    #[serde(rename = "started")]
    _started: UnixMs,
    #[serde(default)]
    assignment: Option<Digest>,
    #[serde(borrow)]
    reports: List<&'a RawValue, { limits::BATCH_REPORTS }>,
}

/// The identity of a report that breaks the schema elsewhere, so that its answer can name it.
#[derive(Deserialize)]
struct Identity {
    epoch: Epoch,
    lane: Lane,
    seq: u64,
    #[serde(default)]
    schema: u16,
}

fn item(desk: &DeskId, raw: &str, now: UnixMs, retention_days: u32) -> Item {
    let refused = |why| {
        let nobody =
            || Identity { epoch: Epoch::from_bytes([0; 16]), lane: Lane::Routine, seq: 0, schema: 0 };
        let who: Identity = serde_json::from_str(raw).unwrap_or_else(|_| nobody());
        let spoken = Versions::OURS.oldest..=Versions::OURS.newest;
        let why =
            if who.schema != 0 && !spoken.contains(&who.schema) { ContentRefusal::Version } else { why };
        Item { epoch: who.epoch, lane: who.lane, seq: who.seq.min(MAX_SEQ), content: Err(why) }
    };
    if raw.len() > limits::REPORT {
        return refused(ContentRefusal::Schema);
    }
    let Ok(report) = serde_json::from_str::<Report>(raw) else {
        return refused(ContentRefusal::Schema);
    };
    let content = content(desk, &report, raw, now, retention_days);
    Item { epoch: report.epoch, lane: report.lane, seq: report.seq, content }
}

/// Greatest sequence: what JSON numbers hold exactly.
const MAX_SEQ: u64 = (1 << 53) - 1;

/// More than this one desk cannot have lost: a report a second for thirty years.
const MOST_LOST: u64 = 1_000_000_000;
/// The longest that a policy lets a verdict hold.
const LONGEST_VALID: i64 = 12 * HOUR;

fn content(
    desk: &DeskId,
    report: &Report,
    raw: &str,
    now: UnixMs,
    retention_days: u32,
) -> Result<Content, ContentRefusal> {
    if !(Versions::OURS.oldest..=Versions::OURS.newest).contains(&report.schema) {
        return Err(ContentRefusal::Version);
    }
    if report.desk != *desk {
        return Err(ContentRefusal::WrongDesk);
    }
    if report.lane != report.body.lane() {
        return Err(ContentRefusal::WrongLane);
    }
    if !(1..=MAX_SEQ).contains(&report.seq) {
        return Err(ContentRefusal::Schema);
    }
    let offset = report.clock_offset.map_or(0, |o| o.get() as i64);
    let at = report.at.plus_ms(-offset);
    let age = now.since_ms(at);
    if age < -DAY || age > i64::from(retention_days) * DAY {
        return Err(ContentRefusal::Time);
    }
    if let Body::Gap(gap) = &report.body
        && (gap.first > gap.last || gap.last - gap.first > MOST_LOST)
    {
        return Err(ContentRefusal::Schema);
    }
    // A clock that has just jumped ahead must not put its verdict before all that follow.
    let at = at.min(now);
    let digest: [u8; 32] = Sha256::digest(raw.as_bytes()).into();
    let mut half = [0; 16];
    half.copy_from_slice(&digest[..16]);
    Ok(Content {
        json: raw.into(),
        digest: half,
        at,
        kind: report.body.kind(),
        daemon: report.daemon.clone(),
        ids: ids(report),
        extra: extra(&report.body, at, offset),
    })
}

fn extra(body: &Body, at: UnixMs, offset: i64) -> Extra {
    match body {
        Body::Readiness(r) => {
            // On the collector's clock, like the report's own time: the board holds it against that.
            let valid_until = r.valid_until.plus_ms(-offset).min(at.plus_ms(LONGEST_VALID));
            let on_our_clock = telemetry::Readiness { valid_until, ..r.clone() };
            Extra::Readiness {
                shift: r.shift.clone(),
                verdict: r.verdict,
                valid_until,
                body: serde_json::to_string(&on_our_clock).expect("a report is plain data"),
            }
        }
        Body::Gap(gap) => Extra::Gap(gap.clone()),
        _ => Extra::None,
    }
}

/// The ids in a report that a policy must define. Shifts are checked against the desk's own.
fn ids(report: &Report) -> Vec<Id> {
    let readings = match &report.body {
        Body::Readiness(r) => &r.readings[..],
        Body::Routine(r) => &r.readings[..],
        _ => &[],
    };
    let findings = match &report.body {
        Body::Readiness(r) => &r.findings[..],
        Body::Episode(e) => std::slice::from_ref(&e.finding),
        _ => &[],
    };
    let mut ids: Vec<Id> = std::iter::once(&report.policy.id)
        .chain(readings.iter().filter_map(|r| r.target.as_ref()))
        .chain(findings.iter().filter_map(|f| f.target.as_ref()))
        .cloned()
        .collect();
    ids.sort();
    ids.dedup();
    ids
}

/// The name of a verdict as it is stored.
pub fn verdict_name(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Ready => "ready",
        Verdict::AtRisk => "at_risk",
        Verdict::NotReady => "not_ready",
        Verdict::Unknown => "unknown",
    }
}
