//! Choosing a profile: `NAME` or `NAME/REGION`, and what to say when there is none of that name.

use super::{Addition, Profile, builtin};

/// Why nothing could be chosen.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChoiceError {
    /// No such profile.
    #[error("there is no profile '{name}'{}; there are {all}", did_you_mean(near))]
    NoSuch {
        /// What was named.
        name: String,
        /// Names that are like it.
        near: Vec<String>,
        /// What there is.
        all: String,
    },
    /// The region is missing.
    #[error("profile '{profile}' needs a region: write {profile}/REGION with one of {regions}")]
    RegionMissing {
        /// The profile.
        profile: String,
        /// What there is.
        regions: String,
    },
    /// No such region.
    #[error("profile '{profile}' has no region '{region}'{}; it has {regions}", did_you_mean(near))]
    NoSuchRegion {
        /// The profile.
        profile: String,
        /// What was named.
        region: String,
        /// Names that are like it.
        near: Vec<String>,
        /// What there is.
        regions: String,
    },
    /// It has no regions at all.
    #[error("profile '{profile}' has no regions: write {profile} alone")]
    NoRegions {
        /// The profile.
        profile: String,
    },
}

fn did_you_mean(near: &[String]) -> String {
    match near {
        [] => String::new(),
        [one] => format!(" (did you mean '{one}'?)"),
        some => format!(" (did you mean one of {}?)", some.join(", ")),
    }
}

/// The profile of that name, of these or of those that are built in. These go first.
pub fn find<'a>(name: &str, more: &'a [Profile]) -> Result<&'a Profile, ChoiceError> {
    let all = || more.iter().chain(builtin());
    all().find(|p| p.id.as_str() == name).ok_or_else(|| ChoiceError::NoSuch {
        name: shown(name),
        near: near(name, all().map(|p| p.id.as_str())),
        all: list(all().map(|p| p.id.as_str())),
    })
}

/// What the chosen profile adds in the chosen region.
pub fn choose(choice: &str, more: &[Profile]) -> Result<Addition, ChoiceError> {
    let (name, region) = choice.split_once('/').map_or((choice, None), |(name, region)| (name, Some(region)));
    let profile = find(name, more)?;
    let regions = || list(profile.regions.iter().map(|r| r.id.as_str()));
    let named = profile.id.to_string();
    match (region, profile.regions.is_empty()) {
        (None, true) => Ok(profile.compile(None)),
        (None, false) => Err(ChoiceError::RegionMissing { profile: named, regions: regions() }),
        (Some(_), true) => Err(ChoiceError::NoRegions { profile: named }),
        (Some(region), false) => match profile.region(region) {
            Some(region) => Ok(profile.compile(Some(region))),
            None => Err(ChoiceError::NoSuchRegion {
                profile: named,
                region: shown(region),
                near: near(region, profile.regions.iter().map(|r| r.id.as_str())),
                regions: regions(),
            }),
        },
    }
}

fn list<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.collect::<Vec<_>>().join(", ")
}

/// What was typed, as it may be shown: messages end up on terminals and in logs.
fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(60).collect()
}

/// At most three names that are most like this one.
fn near<'a>(name: &str, all: impl Iterator<Item = &'a str>) -> Vec<String> {
    let name = name.trim().to_lowercase().replace([' ', '_'], "-");
    let mut near: Vec<(usize, &str)> = all
        .filter_map(|candidate| {
            let within = name.len() >= 3 && (candidate.contains(&name) || name.contains(candidate));
            let distance = if within { 0 } else { distance(&name, candidate) };
            // Less than half of its letters, or it is another word.
            let like = distance <= 2 + candidate.len() / 6 && distance * 2 < candidate.len();
            like.then_some((distance, candidate))
        })
        .collect();
    near.sort();
    let least = near.first().map_or(0, |(distance, _)| *distance);
    near.retain(|(distance, _)| *distance == least);
    near.into_iter().take(3).map(|(_, name)| name.to_owned()).collect()
}

/// How many letters must be changed, added or taken away (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().take(80).enumerate() {
        let mut before = std::mem::replace(&mut row[0], i + 1);
        for (j, y) in b.iter().enumerate() {
            let changed = before + usize::from(x != *y);
            before = row[j + 1];
            row[j + 1] = changed.min(before + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_are_counted() {
        assert_eq!((distance("", ""), distance("", "abc"), distance("abc", "")), (0, 3, 3));
        assert_eq!((distance("kitten", "sitting"), distance("amazon", "amazon")), (3, 0));
    }

    #[test]
    fn what_is_like_it_is_named() {
        let all = ["amazon-connect", "genesys-cloud", "twilio-flex", "8x8"];
        let like = |name| near(name, all.into_iter());
        assert_eq!(like("amazon"), ["amazon-connect"]);
        assert_eq!(like("Genesys Cloud"), ["genesys-cloud"]);
        assert_eq!(like("twillio-flex"), ["twilio-flex"]);
        assert_eq!(like("9x8"), ["8x8"]);
        assert!(like("avaya").is_empty());
        assert!(near("uk", ["us", "eu"].into_iter()).is_empty());
    }
}
