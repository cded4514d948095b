//! `policy`

use super::BadFile;
use crate::{clock, store};
use anyhow::Context as _;
use readiness::Policy;
use std::path::{Path, PathBuf};

#[derive(Debug, clap::Subcommand)]
pub(super) enum Args {
    /// Check a policy file and put it into force; desks fetch it with their next delivery
    Set {
        /// The file, in TOML
        file: PathBuf,
    },
    /// Print the policy in force, as a file that can be set
    Show,
    /// Go back to the policy that the collector makes for itself
    Reset,
}

pub(super) fn run(data: &Path, args: &Args) -> anyhow::Result<()> {
    match args {
        Args::Set { file } => set(data, file),
        Args::Show => {
            let db = store::open(data, false)?;
            let policy = store::plan::policy(&db)?.context("there is no policy before the first 'serve'")?;
            super::print(&toml::to_string(&policy)?)
        }
        Args::Reset => super::change(data, false, |db| {
            db.execute("DELETE FROM settings WHERE key = ?1", [store::settings::POLICY])?;
            Ok(store::settings::count_up(db)?)
        }),
    }
}

fn set(data: &Path, file: &Path) -> anyhow::Result<()> {
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    // A profile becomes plain targets here: desks need not know it.
    let (policy, profile) = Policy::parse_file(&text)
        .map_err(|e| BadFile { file: file.display().to_string(), why: e.to_string() })?;
    super::change(data, true, |db| {
        if let Some(old) = store::plan::policy(db)?.filter(|old| old.id == policy.id) {
            let older = policy.version < old.version;
            let changed = policy.version == old.version && policy.digest() != old.digest();
            if older || changed {
                let why = format!(
                    "version {}: policy {} has version {} already; give this one a greater number",
                    policy.version, old.id, old.version
                );
                return Err(BadFile { file: file.display().to_string(), why }.into());
            }
        }
        Ok(store::plan::set_policy(db, store::settings::POLICY, &policy, clock::system()())?)
    })?;
    eprintln!("Policy {} version {} is in force.", policy.id, policy.version);
    if let Some(profile) = profile {
        eprintln!(
            "It takes profile {} version {}, as this program knows it.",
            profile.choice(),
            profile.version
        );
    }
    Ok(())
}
