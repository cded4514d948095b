//! What waits to be sent, what was lost and what was refused, and what an enrolment file waits for: for
//! `preshift status`.

use super::{render::time, view::View};
use crate::{config::Settings, deliver::PresetStatus, store::keys};
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

/// The row of a desk that a file is to enrol.
pub fn preset(
    settings: &Settings,
    view: &View,
    running: bool,
    now: UnixMs,
) -> anyhow::Result<Option<(&'static str, String)>> {
    let Some(file) = settings.enrolment_files.iter().find(|f| f.path.exists()) else { return Ok(None) };
    let file = file.path.display().to_string();
    let status = view.store.get(keys::PRESET)?.filter(|s| s.file == file);
    let left = view.identity.left();
    Ok(Some(("Enrolment", said(&file, status, left, running, now))))
}

fn said(
    file: &str,
    status: Option<PresetStatus>,
    left: Option<UnixMs>,
    running: bool,
    now: UnixMs,
) -> String {
    if let Some(left) = left {
        let when = time::near(left, now);
        return format!(
            "you said no {when}, so {file} is not used. To use it: preshift enroll --from '{file}'"
        );
    }
    let Some(status) = status else {
        let when = if running { "is about to be tried" } else { "is tried when the daemon runs" };
        return format!("{file} {when}");
    };
    let why = status.why.map(|why| format!(": {why}")).unwrap_or_default();
    match (status.last_try, status.next_try) {
        (None, _) => format!("{file}{why}. It is read again when it changes"),
        (Some(at), _) if status.refused => {
            format!("{file} was refused {}{why}. It is tried again when it changes", time::ago(at, now))
        }
        (Some(at), Some(next)) if next > now => {
            format!("{file} was tried {}{why}; again {}", time::ago(at, now), time::near(next, now))
        }
        (Some(at), _) => format!("{file} was tried {}{why}; again in a moment", time::ago(at, now)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_enrolment_file_says_what_it_waits_for() {
        let now = UnixMs::new(1_795_392_000_000);
        let tried = PresetStatus {
            file: "F".into(),
            last_try: Some(now.plus_ms(-180_000)),
            why: Some("nobody answers".into()),
            ..PresetStatus::default()
        };
        let say = |status, left, running| said("F", status, left, running, now);
        assert_eq!(say(None, None, true), "F is about to be tried");
        assert_eq!(say(None, None, false), "F is tried when the daemon runs");
        let refused = PresetStatus { refused: true, ..tried.clone() };
        assert_eq!(
            say(Some(refused), None, true),
            "F was refused 3 min ago: nobody answers. It is tried again when it changes"
        );
        let waits = PresetStatus { next_try: Some(now.plus_ms(60_000)), ..tried.clone() };
        let again = time::near(now.plus_ms(60_000), now);
        assert_eq!(
            say(Some(waits), None, true),
            format!("F was tried 3 min ago: nobody answers; again {again}")
        );
        assert_eq!(
            say(Some(tried.clone()), None, true),
            "F was tried 3 min ago: nobody answers; again in a moment"
        );
        let wrong = PresetStatus { last_try: None, why: Some("code is missing".into()), ..tried };
        assert_eq!(say(Some(wrong), None, true), "F: code is missing. It is read again when it changes");
        assert!(say(None, Some(now), true).contains("preshift enroll --from 'F'"));
    }
}
