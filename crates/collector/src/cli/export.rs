//! `export`

use crate::store;
use std::path::Path;
use telemetry::UnixMs;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// As CSV: the only form there is so far
    #[arg(long, required = true)]
    csv: bool,
    /// From this moment on, such as 2026-11-01 or 2026-11-01T06:00Z
    #[arg(long, value_name = "TIME", value_parser = moment)]
    from: Option<UnixMs>,
    /// Before this moment
    #[arg(long, value_name = "TIME", value_parser = moment)]
    to: Option<UnixMs>,
}

pub(super) fn run(data: &Path, args: &Args) -> anyhow::Result<()> {
    let db = store::open(data, false)?;
    let from = args.from.unwrap_or(UnixMs::new(UnixMs::MIN));
    let to = args.to.unwrap_or(UnixMs::new(UnixMs::MAX));
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    match store::export::verdicts(&db, None, from, to, &mut out) {
        Err(store::export::ExportError::Write(e)) if e.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        done => Ok(done?),
    }
}

/// A day or a moment; without a zone it is UTC.
fn moment(text: &str) -> Result<UnixMs, String> {
    let at = text
        .parse::<jiff::Timestamp>()
        .or_else(|_| {
            text.parse::<jiff::civil::DateTime>()?.to_zoned(jiff::tz::TimeZone::UTC).map(|z| z.timestamp())
        })
        .map_err(|_| "give a day such as 2026-11-01 or a moment such as 2026-11-01T06:00Z".to_owned())?;
    Ok(UnixMs::new(at.as_millisecond()))
}
