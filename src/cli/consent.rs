//! `preshift consent`: what the microphone may be used for.

use super::{
    Exit,
    owner::{self, Owner},
    render::{STRONG, text},
    view::View,
    welcome,
};
use crate::{
    config::Settings,
    control::{ConsentUse, Request},
    store::keys,
};
use clap::{Subcommand, ValueEnum};
use std::{io::Write as _, sync::Arc};
use telemetry::{Consent, ConsentState};

#[derive(Debug, Subcommand)]
pub enum Command {
    /// What you agreed to, and what it means
    Show,
    /// Agree
    Give {
        /// To what
        #[arg(value_enum, default_value_t = About::Background)]
        about: About,
    },
    /// Take it back; works at once
    Withdraw {
        /// What; without it, everything
        #[arg(value_enum)]
        about: Option<About>,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum About {
    /// A few seconds now and then, from the pre-shift check to the end of the shift, never while another
    /// program uses the microphone
    Background,
    /// Also while you are in a call. This version keeps your answer and does not measure in calls yet
    Calls,
}

impl From<About> for ConsentUse {
    fn from(about: About) -> Self {
        match about {
            About::Background => Self::Background,
            About::Calls => Self::Calls,
        }
    }
}

pub fn run(settings: Arc<Settings>, command: &Command) -> anyhow::Result<Exit> {
    match command {
        Command::Show => return show(&settings),
        Command::Give { about } => {
            change(&settings, &[(*about, true)])?;
            let word = match about {
                About::Background => "the level of the microphone may be measured between calls",
                About::Calls => "your answer about calls is kept; this version measures between calls only",
            };
            anstream::println!("Thank you: {word}. Take it back at any time: preshift consent withdraw");
        }
        Command::Withdraw { about } => {
            let all = [(About::Background, false), (About::Calls, false)];
            match about {
                Some(about) => change(&settings, &[(*about, false)])?,
                None => change(&settings, &all)?,
            }
            anstream::println!("Done: the microphone stays closed, but for checks that you start yourself.");
        }
    }
    Ok(Exit::Done)
}

fn change(settings: &Arc<Settings>, changes: &[(About, bool)]) -> anyhow::Result<()> {
    owner::runtime()?.block_on(async {
        for (about, given) in changes {
            let (about, given) = (ConsentUse::from(*about), *given);
            let owner = Owner::find(settings.clone()).await?;
            let request = Request::Consent { about, given };
            owner.have_done(request, async |desk| Ok(desk.consent(about, given)?)).await?;
        }
        Ok(())
    })
}

fn show(settings: &Settings) -> anyhow::Result<Exit> {
    let consent: Consent = match View::open(settings)? {
        Some(view) => view.store.get(keys::CONSENT)?.unwrap_or_default(),
        None => Consent::default(),
    };
    let word = |state| match state {
        ConsentState::NotAsked => "not asked yet (counts as no)",
        ConsentState::Given => "yes",
        ConsentState::Withdrawn => "no",
    };
    let width = text::width();
    let mut out = anstream::stdout().lock();
    text::entry(&mut out, 0, ("Between calls", STRONG), 16, word(consent.background), width)?;
    text::entry(&mut out, 0, ("During calls", STRONG), 16, word(consent.calls), width)?;
    writeln!(out)?;
    welcome::write(&mut out)?;
    Ok(Exit::Done)
}
