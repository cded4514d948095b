//! Versions and kinds of what the desk runs: one fact for each thing, looked up and never started.

use super::{BoxFuture, Context, Hasher, Medium, Probe};
use crate::{
    audio,
    environment::{Places, Seen, Snapshot, network, sound, watch},
    platform::facts,
};
use std::{sync::Arc, time::Duration};
use telemetry::{FactKey, FactValue, Failure, Outcome, ProbeId, Reading, UnixMs, Value, Version};

/// The probe.
pub const PROBE: Probe =
    Probe { id: ProbeId::Environment, medium: Medium::Local, timeout: |_| Duration::from_secs(8), run };

fn run(context: Arc<Context>) -> BoxFuture<Vec<Reading>> {
    Box::pin(async move {
        let reading = context.begin(ProbeId::Environment, None);
        let now = (context.clock)();
        let looked = context.clone();
        let look = tokio::task::spawn_blocking(move || look(&Places::here(), now, &looked.hasher));
        let (snapshot, inventory) = tokio::join!(look, audio::inventory());
        let outcome = match snapshot {
            Ok(mut snapshot) => {
                snapshot.extend(sound::facts(&inventory));
                Outcome::Measured(Value::Environment(snapshot.facts()))
            }
            Err(_) => Outcome::Failed(Failure::Panic),
        };
        vec![reading.finish(outcome)]
    })
}

/// Looks at everything but sound. Blocks.
fn look(places: &Places, now: UnixMs, hasher: &Hasher) -> Snapshot {
    let offset = Seen::or_unreadable(watch::utc_offset(now)).map(FactValue::Minutes);
    let own = Seen::or_unreadable(Version::from_loose(env!("CARGO_PKG_VERSION")));
    let mut snapshot: Snapshot =
        [(FactKey::UtcOffset, offset.fact()), (FactKey::PreshiftVersion, own.fact())]
            .into_iter()
            .filter_map(|(key, value)| Some((key, value?)))
            .collect();
    snapshot.extend(facts::os(places).facts());
    snapshot.extend(facts::browsers(places).facts());
    snapshot.extend(network::facts(hasher));
    snapshot
}

#[cfg(test)]
mod tests {
    use super::*;
    use telemetry::{Hash, Word};

    fn look_here(now: UnixMs) -> Snapshot {
        look(&Places::here(), now, &(Arc::new(|_: &str| Hash::from_bytes([7; 16])) as Hasher))
    }

    #[test]
    fn this_desk_has_a_system_and_a_preshift() {
        let snapshot = look_here(UnixMs::new(1_760_000_000_000));
        assert!(matches!(snapshot.get(FactKey::OsName), Some(FactValue::Word(w)) if *w != Word::Other));
        assert!(matches!(snapshot.get(FactKey::PreshiftVersion), Some(FactValue::Version(_))));
        assert!(matches!(snapshot.get(FactKey::UtcOffset), Some(FactValue::Minutes(_))));
    }

    #[test]
    fn looking_twice_finds_no_change() {
        let now = UnixMs::new(1_760_000_000_000);
        let (first, second) = (look_here(now), look_here(now));
        assert_eq!(crate::environment::diff(&first, &second, now), []);
    }
}
