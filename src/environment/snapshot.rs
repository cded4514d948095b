//! A snapshot of facts, and what differs between two.
//!
//! Three things are kept apart: a fact that is there, one that is certainly not there (the word
//! `none`) and one that could not be read (the word `unknown`, or no entry). The last is never
//! a change, and what was known before stays known.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use telemetry::{Change, Fact, FactKey, FactValue, List, Origin, UnixMs, Word};

/// The facts of a desk at one time, each key at most once.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(from = "Vec<Fact>", into = "Vec<Fact>")]
pub struct Snapshot(BTreeMap<FactKey, FactValue>);

impl Snapshot {
    /// What is known of a key: `None` if nothing is, `Some(Word(None))` if the thing is not there.
    pub fn get(&self, key: FactKey) -> Option<&FactValue> {
        self.0.get(&key).filter(|v| is_known(v))
    }

    /// Whether nothing at all is known, as before the first snapshot.
    pub fn is_empty(&self) -> bool {
        !self.0.values().any(is_known)
    }

    /// Takes in a later snapshot and says what changed. What the later one could not read stays
    /// as it was; what is known for the first time is learned and is not a change.
    pub fn advance(&mut self, later: &Self, at: UnixMs) -> Vec<Change> {
        let changes = diff(self, later, at);
        for (key, value) in &later.0 {
            if is_known(value) || !self.0.contains_key(key) {
                self.0.insert(*key, value.clone());
            }
        }
        changes
    }

    /// With changes made to it.
    pub fn apply(&mut self, changes: &[Change]) {
        for change in changes {
            let value = change.to.clone().unwrap_or(FactValue::Word(Word::None));
            self.0.insert(change.key, value);
        }
    }

    /// The facts, in the order of their keys.
    pub fn facts(&self) -> List<Fact, 48> {
        self.clone().into_facts().collect()
    }

    fn into_facts(self) -> impl Iterator<Item = Fact> {
        self.0.into_iter().map(|(key, value)| Fact { key, value, origin: Origin::Desk })
    }
}

impl FromIterator<(FactKey, FactValue)> for Snapshot {
    fn from_iter<I: IntoIterator<Item = (FactKey, FactValue)>>(facts: I) -> Self {
        Self(facts.into_iter().collect())
    }
}

impl Extend<(FactKey, FactValue)> for Snapshot {
    fn extend<I: IntoIterator<Item = (FactKey, FactValue)>>(&mut self, facts: I) {
        self.0.extend(facts);
    }
}

impl From<&[Fact]> for Snapshot {
    /// Takes what the desk observed; what a collector added is not the desk's to compare.
    fn from(facts: &[Fact]) -> Self {
        facts.iter().filter(|f| f.origin == Origin::Desk).map(|f| (f.key, f.value.clone())).collect()
    }
}

impl From<Vec<Fact>> for Snapshot {
    fn from(facts: Vec<Fact>) -> Self {
        Self::from(facts.as_slice())
    }
}

impl From<Snapshot> for Vec<Fact> {
    fn from(snapshot: Snapshot) -> Self {
        snapshot.into_facts().collect()
    }
}

/// What differs: only keys of which both snapshots know something.
pub fn diff(old: &Snapshot, new: &Snapshot, at: UnixMs) -> Vec<Change> {
    let changed = |(key, to): (&FactKey, &FactValue)| {
        let from = old.get(*key)?;
        let to = Some(to).filter(|to| is_known(to) && *to != from)?;
        Some(Change { key: *key, from: present(from), to: present(to), at })
    };
    new.0.iter().filter_map(changed).collect()
}

fn is_known(value: &FactValue) -> bool {
    *value != FactValue::Word(Word::Unknown)
}

fn present(value: &FactValue) -> Option<FactValue> {
    Some(value).filter(|v| **v != FactValue::Word(Word::None)).cloned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOW: i64 = 1_760_000_000_000;
    const KEYS: [FactKey; 6] = [
        FactKey::OsBuild,
        FactKey::ChromeVersion,
        FactKey::PendingRestart,
        FactKey::LinkKind,
        FactKey::UtcOffset,
        FactKey::GatewayHash,
    ];

    fn value() -> impl Strategy<Value = FactValue> {
        prop_oneof![
            3 => (1u32..4).prop_map(|n| FactValue::Version(n.to_string().parse().unwrap())),
            2 => any::<bool>().prop_map(FactValue::Flag),
            1 => (-60i16..60).prop_map(FactValue::Minutes),
            2 => Just(FactValue::Word(Word::None)),
            2 => Just(FactValue::Word(Word::Unknown)),
            1 => Just(FactValue::Word(Word::Wifi)),
        ]
    }

    fn snapshot() -> impl Strategy<Value = Snapshot> {
        prop::collection::vec((prop::sample::select(&KEYS[..]), value()), 0..10)
            .prop_map(|facts| facts.into_iter().collect())
    }

    proptest! {
        #[test]
        fn equal_snapshots_do_not_differ(a in snapshot()) {
            prop_assert!(diff(&a, &a, UnixMs::new(NOW)).is_empty());
        }

        #[test]
        fn applying_the_changes_gives_the_new_snapshot(old in snapshot(), new in snapshot()) {
            let changes = diff(&old, &new, UnixMs::new(NOW));
            let mut applied = old.clone();
            applied.apply(&changes);
            for key in KEYS {
                let expected = match (old.get(key), new.get(key)) {
                    (Some(_), Some(now)) => Some(now),
                    (before, _) => before,
                };
                prop_assert_eq!(applied.get(key), expected);
            }
            prop_assert!(changes.iter().all(|c| c.from != c.to && old.get(c.key).is_some()));
        }

        #[test]
        fn a_snapshot_taken_in_twice_changes_nothing_more(old in snapshot(), new in snapshot()) {
            let mut known = old.clone();
            known.advance(&new, UnixMs::new(NOW));
            prop_assert!(known.advance(&new, UnixMs::new(NOW)).is_empty());
            for key in KEYS {
                prop_assert_eq!(known.get(key), new.get(key).or(old.get(key)));
            }
        }

        #[test]
        fn a_reading_that_failed_between_hides_no_change(a in snapshot(), b in snapshot()) {
            let (mut direct, mut through) = (a.clone(), a);
            let blind = KEYS.map(|k| (k, FactValue::Word(Word::Unknown))).into_iter().collect();
            prop_assert!(through.advance(&blind, UnixMs::new(NOW)).is_empty());
            prop_assert_eq!(through.advance(&b, UnixMs::new(NOW)), direct.advance(&b, UnixMs::new(NOW)));
        }

        #[test]
        fn storing_and_reading_keeps_everything(a in snapshot()) {
            let json = serde_json::to_string(&a).unwrap();
            prop_assert_eq!(&serde_json::from_str::<Snapshot>(&json).unwrap(), &a);
            prop_assert_eq!(&Snapshot::from(&a.facts()[..]), &a);
        }
    }

    #[test]
    fn a_removed_and_an_installed_browser_are_changes() {
        let version = |v: &str| FactValue::Version(v.parse().unwrap());
        let none = FactValue::Word(Word::None);
        let old: Snapshot =
            [(FactKey::ChromeVersion, version("131.0")), (FactKey::EdgeVersion, none.clone())]
                .into_iter()
                .collect();
        let new: Snapshot =
            [(FactKey::ChromeVersion, none), (FactKey::EdgeVersion, version("130.0"))].into_iter().collect();
        let at = UnixMs::new(NOW);
        assert_eq!(
            diff(&old, &new, at),
            [
                Change { key: FactKey::ChromeVersion, from: Some(version("131.0")), to: None, at },
                Change { key: FactKey::EdgeVersion, from: None, to: Some(version("130.0")), at },
            ]
        );
    }

    #[test]
    fn a_key_of_a_newer_preshift_is_learned_and_not_a_change() {
        let mut old = Snapshot::default();
        let new: Snapshot = [(FactKey::Vpn, FactValue::Flag(true))].into_iter().collect();
        assert!(old.is_empty() && old.advance(&new, UnixMs::new(NOW)).is_empty());
        assert_eq!(old.get(FactKey::Vpn), Some(&FactValue::Flag(true)));
    }
}
