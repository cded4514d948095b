//! `enroll-code`

use crate::{clock, secret, store};
use std::path::Path;
use telemetry::Id;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Team of the desks that enrol with it: a-z, 0-9, '-' and '_'
    #[arg(long)]
    team: Id,
    /// How many desks may enrol with it
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    uses: u32,
    /// How long it is valid, such as 30m, 24h or 7d; at most 30d
    #[arg(long, value_name = "TIME", default_value = "24h", value_parser = lifetime)]
    valid: i64,
    /// Print the code and nothing else
    #[arg(long)]
    quiet: bool,
}

pub(super) fn run(data: &Path, args: &Args) -> anyhow::Result<()> {
    let now = clock::system()();
    let (code, expires) = (secret::enroll_code()?, now.plus_ms(args.valid));
    super::change(data, true, |db| Ok(store::codes::add(db, &code, &args.team, args.uses, now, expires)?))?;
    super::print(&format!("{code}\n"))?;
    if !args.quiet {
        let desks = if args.uses == 1 { "one desk".into() } else { format!("{} desks", args.uses) };
        let until = jiff::Timestamp::from_millisecond(expires.get())?.strftime("%Y-%m-%d %H:%M UTC");
        eprintln!("For {desks} of team {}, until {until}. It is not shown again.", args.team);
        eprintln!("On the desk: preshift enroll ADDRESS-OF-THE-COLLECTOR");
    }
    Ok(())
}

/// A time such as `24h`, in milliseconds.
fn lifetime(text: &str) -> Result<i64, String> {
    let wrong = || "give a number with m, h or d, such as 30m, 24h or 7d".to_owned();
    let unit = match text.chars().last() {
        Some('m') => clock::MINUTE,
        Some('h') => clock::HOUR,
        Some('d') => clock::DAY,
        _ => return Err(wrong()),
    };
    let number: i64 = text[..text.len() - 1].parse().map_err(|_| wrong())?;
    match number.checked_mul(unit) {
        Some(ms) if (1..=30 * clock::DAY).contains(&ms) => Ok(ms),
        _ => Err("a code is valid for at most 30 days".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lifetimes_are_read_and_bounded() {
        assert_eq!(lifetime("30m"), Ok(1_800_000));
        assert_eq!(lifetime("24h"), Ok(86_400_000));
        assert_eq!(lifetime("30d"), Ok(30 * 86_400_000));
        for bad in ["", "h", "24", "24 h", "-1h", "0h", "31d", "1w", "99999999999999999d", "1ä"] {
            assert!(lifetime(bad).is_err(), "{bad}");
        }
    }
}
