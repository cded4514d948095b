//! `shifts`

use super::BadFile;
use crate::{shifts, store};
use anyhow::Context as _;
use std::path::{Path, PathBuf};

#[derive(Debug, clap::Subcommand)]
pub(super) enum Args {
    /// Replace the plan by a CSV file with the columns desk,shift,begin,end,zone
    #[command(long_about = "Replace the plan by a CSV file with the columns desk,shift,begin,end,zone.\n\n\
        desk is a desk's id, the beginning of it, or the label that 'desks label' gave it; shift is an id such \
        as early-1; begin and end are local times such as 2026-11-23T08:00 in the time zone, such as \
        Europe/Berlin. Shifts that are not in the file are no longer planned.")]
    Set {
        /// The file
        file: PathBuf,
    },
    /// Print the plan as such a file
    Show,
}

pub(super) fn run(data: &Path, args: &Args) -> anyhow::Result<()> {
    match args {
        Args::Set { file } => set(data, file),
        Args::Show => {
            let db = store::open(data, false)?;
            let mut out = csv::Writer::from_writer(Vec::new());
            out.write_record(shifts::COLUMNS)?;
            let mut rows = db.prepare(
                "SELECT d.id, s.id, s.begin, s.end, s.zone FROM shifts s JOIN desks d ON d.no = s.desk
                 WHERE NOT retired ORDER BY s.begin_at, d.id",
            )?;
            let rows = rows.query_map([], |r| Ok([r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?, r.get(4)?]))?;
            for row in rows {
                let row: [String; 5] = row?;
                out.write_record(row)?;
            }
            super::print(&String::from_utf8(out.into_inner()?)?)
        }
    }
}

fn set(data: &Path, file: &Path) -> anyhow::Result<()> {
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    let planned = super::change(data, false, |db| {
        let find = |text: &str| super::one_desk(db, text).map(|d| d.no).map_err(|e| format!("{e:#}"));
        let plan = shifts::parse(&text, find)
            .map_err(|e| BadFile { file: file.display().to_string(), why: e.to_string() })?;
        store::plan::set_shifts(db, &plan, (crate::clock::system())())?;
        Ok(plan.len())
    })?;
    eprintln!("{planned} shifts are planned.");
    Ok(())
}
