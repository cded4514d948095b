//! What waits to be sent, what was lost and what was refused, for `preshift status`.

use super::{render::time, view::View};
use crate::store::keys;
use telemetry::UnixMs;

/// The rows of a desk that is enrolled.
pub fn rows(view: &View, now: UnixMs) -> anyhow::Result<Vec<(&'static str, String)>> {
    let mut rows = Vec::new();
    let spool = view.store.spool_state()?;
    let waiting = spool.priority + spool.routine;
    rows.push((
        "To be sent",
        match spool.oldest {
            Some(oldest) if waiting > 0 => {
                format!(
                    "{waiting} reports, {} bytes, the oldest from {}",
                    spool.bytes,
                    time::near(oldest, now)
                )
            }
            _ => "nothing waits".into(),
        },
    ));
    if let Some(d) = view.store.get(keys::DELIVERY)? {
        rows.extend(d.last_success.map(|at| ("Last sent", time::ago(at, now))));
        if let Some(stop) = d.stopped {
            rows.push(("Sending", format!("stopped: {}", stop.words())));
        } else if let Some(trouble) = d.trouble {
            let next = d.next_try.filter(|at| *at > now).map(|at| format!("; again {}", time::near(at, now)));
            rows.push(("Sending", format!("{}{}", trouble.words(), next.unwrap_or_default())));
        }
        if d.conflicts > 0 {
            rows.push(("Conflicts", format!("{} reports; please tell your IT", d.conflicts)));
        }
        rows.extend(d.assignment_refused.map(|why| ("Policy", format!("the newest is not valid: {why}"))));
    }
    if spool.gaps > 0 {
        rows.push(("Lost", format!("{} stretches of reports; the collector will be told", spool.gaps)));
    }
    let refusals = view.store.refusals()?;
    if !refusals.is_empty() {
        let all: Vec<String> = refusals.iter().map(|(code, n)| format!("{n} {code}")).collect();
        rows.push(("Refused", format!("by the collector: {}", all.join(", "))));
    }
    Ok(rows)
}
