//! `preshift upgraded`: for whoever installed a new version and does not want to wait a minute.

use super::{Exit, owner};
use crate::{
    config::Settings,
    control::{Answer, Client, ClientError, Request},
};

pub fn run(settings: &Settings) -> anyhow::Result<Exit> {
    let said = owner::runtime()?.block_on(async {
        let client = Client::connect(&settings.data_dir).await?;
        client.ask(Request::Upgraded, |_| ()).await
    });
    match said {
        Ok(Answer::Done) => {
            anstream::println!(
                "The daemon looks at it, and takes over to it when no shift is on: preshift status"
            );
        }
        Ok(_) => anyhow::bail!("the daemon gave an answer that does not fit the question"),
        Err(ClientError::NotRunning) => {
            anstream::println!("No daemon runs: there is nothing to take over from.");
        }
        Err(error) => return Err(error.into()),
    }
    Ok(Exit::Done)
}
