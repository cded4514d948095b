//! From reports in the spool to the bytes of a batch.
//!
//! The reports' own bytes are taken as they are, never read and written again: what was spooled, what
//! the agent can see and what arrives are the same to the byte.

use crate::store::Spooled;
use telemetry::{Batch, Digest, InstanceId, List, UnixMs, Versions, limits};

/// Level of zstd. A routine report in a batch of 60 comes to 160 bytes at 3, 133 at 9 and 113 at 19; 9 takes
/// under a millisecond, 19 a hundred (`cargo test -p preshift --lib tests::wire -- --nocapture`).
pub const LEVEL: i32 = 9;
/// Most bytes of reports in one batch before they are packed: what is sent is also held in memory.
pub const MOST_BYTES: usize = 512 * 1024;

/// What a batch says beside its reports.
#[derive(Debug, Clone)]
pub struct Head {
    /// Which start of the daemon.
    pub instance: InstanceId,
    /// When that was.
    pub started: UnixMs,
    /// The assignment that the desk has.
    pub assignment: Option<Digest>,
}

/// A batch as it travels.
#[derive(Debug, Clone)]
pub struct Packed {
    /// How many of the reports are in it, from the first on.
    pub reports: usize,
    /// zstd.
    pub bytes: Vec<u8>,
}

/// Packs as many of the reports as fit.
pub fn pack(head: &Head, reports: &[Spooled]) -> std::io::Result<Packed> {
    let mut count = reports.len().min(limits::BATCH_REPORTS);
    loop {
        let bytes = zstd::bulk::compress(&unpacked(head, &reports[..count])?, LEVEL)?;
        // One report is at most 64 KiB, so that one always fits.
        if bytes.len() <= limits::BATCH_COMPRESSED || count <= 1 {
            return Ok(Packed { reports: count, bytes });
        }
        count = count.div_ceil(2);
    }
}

/// The JSON of a batch: the head as it is written everywhere, with the reports' bytes put into its empty list.
pub(super) fn unpacked(head: &Head, reports: &[Spooled]) -> std::io::Result<Vec<u8>> {
    const END: &[u8] = b"]}";
    let mut json = serde_json::to_vec(&Batch {
        versions: Versions::OURS,
        instance: head.instance.clone(),
        started: head.started,
        assignment: head.assignment.clone(),
        reports: List::new(),
    })?;
    if !json.ends_with(b"\"reports\":[]}") {
        return Err(std::io::Error::other("a batch does not end with its reports"));
    }
    json.truncate(json.len() - END.len());
    json.reserve(reports.iter().map(|r| r.bytes.len() + 1).sum::<usize>() + END.len());
    for (n, report) in reports.iter().enumerate() {
        if n > 0 {
            json.push(b',');
        }
        json.extend_from_slice(&report.bytes);
    }
    json.extend_from_slice(END);
    Ok(json)
}
