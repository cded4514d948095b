//! `desks`

use crate::{clock, store};
use std::path::Path;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Args {
    /// Print the desks that are known, as CSV
    List,
    /// Answer a desk no longer; what it sent stays
    Revoke {
        /// Its id, the beginning of it, or its label
        desk: String,
    },
    /// Give a desk the name that IT uses for it. It is kept here and never comes from the desk
    Label {
        /// Its id, the beginning of it, or its label
        desk: String,
        /// The label; an empty one takes it away
        text: String,
    },
}

pub(super) fn run(data: &Path, args: &Args) -> anyhow::Result<()> {
    match args {
        Args::List => list(data),
        Args::Revoke { desk } => {
            let name = super::change(data, false, |db| {
                let desk = super::one_desk(db, desk)?;
                store::desks::revoke(db, desk.no, clock::system()())?;
                Ok(desk.id)
            })?;
            eprintln!("Desk {name} is revoked.");
            Ok(())
        }
        Args::Label { desk, text } => {
            let text = text.trim();
            check_label(text)?;
            super::change(data, false, |db| {
                let desk = super::one_desk(db, desk)?;
                if let Some(other) = store::desks::meant(db, text)?.first().filter(|d| d.no != desk.no)
                    && !text.is_empty()
                {
                    anyhow::bail!("'{text}' already means desk {}", other.id);
                }
                Ok(store::desks::label(db, desk.no, Some(text).filter(|t| !t.is_empty()))?)
            })
        }
    }
}

/// A label is shown and found by; it must not look like a desk's id.
fn check_label(text: &str) -> anyhow::Result<()> {
    if text.chars().count() > 60 || text.chars().any(char::is_control) {
        anyhow::bail!("a label is one line of at most 60 characters");
    }
    if text.len() == 32 && text.bytes().all(|b| b.is_ascii_hexdigit()) {
        anyhow::bail!("a label must not look like a desk's id");
    }
    Ok(())
}

fn list(data: &Path) -> anyhow::Result<()> {
    let db = store::open(data, false)?;
    let mut out = csv::Writer::from_writer(Vec::new());
    out.write_record(["desk", "label", "team", "state", "enrolled", "last_seen", "version"])?;
    for desk in store::desks::list(&db)? {
        let time = |t: telemetry::UnixMs| crate::store::export::time(t);
        out.write_record([
            desk.id.as_str(),
            &crate::store::export::safe(desk.label.as_deref().unwrap_or_default()),
            desk.team.as_str(),
            if desk.revoked.is_some() { "revoked" } else { "enrolled" },
            &time(desk.enrolled),
            &desk.last_seen.map(time).unwrap_or_default(),
            &desk.daemon,
        ])?;
    }
    super::print(&String::from_utf8(out.into_inner()?)?)
}
