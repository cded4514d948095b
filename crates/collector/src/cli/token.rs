//! `token`

use crate::store;
use std::path::Path;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Args {
    /// Make a new token for the board and print it; the old one and all who are signed in with it are out
    Rotate {
        /// Print the token and nothing else
        #[arg(long)]
        quiet: bool,
    },
}

pub(super) fn run(data: &Path, Args::Rotate { quiet }: &Args) -> anyhow::Result<()> {
    let token = super::change(data, true, |db| Ok(store::settings::new_token(db)?))?;
    super::print(&format!("{token}\n"))?;
    if !quiet {
        eprintln!("Sign in to the board with it. It is not shown again; the old one no longer works.");
    }
    Ok(())
}
