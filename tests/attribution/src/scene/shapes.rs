//! What the links do: the usual, what the case says, and what it changes meanwhile.

use crate::case::{Case, During};
use anyhow::Context as _;
use netshape::Lab;

/// One way, on a usual line: some milliseconds to the provider, some to the servers.
const USUAL: [(&str, &str); 7] = [
    ("wifi", "delay=1ms"),
    ("lan", "delay=0.2ms"),
    ("patch", "delay=0.2ms"),
    ("access", "delay=4ms"),
    ("transit", "delay=4ms"),
    ("transit2", "delay=4ms"),
    ("office", "delay=4ms"),
];

/// Sets all links. `stage` counts the changes: `None` is the usual without the case's fault.
pub fn set(lab: &Lab, case: &Case, stage: Option<&[&During]>, seed: u64) -> anyhow::Result<()> {
    for (number, direction) in lab.links().directions().iter().enumerate() {
        let settings = settings(case, stage, direction.name(), seed * 1000 + number as u64);
        let set = lab.links().set(direction.name(), &settings).map_err(anyhow::Error::msg);
        set.with_context(|| format!("{}: {}", case.name, direction.name()))?;
    }
    Ok(())
}

/// The settings of one direction. What comes later wins: the link before its direction, the case before what changes.
fn settings(case: &Case, stage: Option<&[&During]>, direction: &str, seed: u64) -> String {
    let link = direction.split('.').next().unwrap_or_default();
    let usual = USUAL.iter().filter(|(name, _)| *name == link).map(|(_, settings)| *settings);
    let mut words = vec!["clear".to_owned(), format!("seed={seed}")];
    words.extend(usual.map(str::to_owned));
    if let Some(changes) = stage {
        for links in std::iter::once(&case.links).chain(changes.iter().map(|d| &d.links)) {
            words.extend([link, direction].iter().filter_map(|name| links.get(*name).cloned()));
        }
    }
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_words_win_and_each_direction_has_a_pattern_of_its_own() {
        let case = crate::case::parse(
            "x",
            "about = 'a'\nwhy = 'w'\nculprit = []\n\
             links = { access = 'delay=9ms', 'access.up' = 'loss=5%' }\n\
             during = [{ after = 1.0, links = { access = 'outage' } }]\n",
        )
        .unwrap();
        assert_eq!(settings(&case, None, "access.up", 7), "clear seed=7 delay=4ms");
        assert_eq!(settings(&case, Some(&[]), "access.up", 7), "clear seed=7 delay=4ms delay=9ms loss=5%");
        assert_eq!(settings(&case, Some(&[]), "access.down", 8), "clear seed=8 delay=4ms delay=9ms");
        let change = [&case.during[0]];
        assert!(settings(&case, Some(&change), "access.down", 8).ends_with("delay=9ms outage"));
        assert_eq!(settings(&case, Some(&change), "wifi.up", 1), "clear seed=1 delay=1ms");
    }
}
