//! The `audio_devices` probe: microphones and speakers, and whether another program uses one.

use super::{BoxFuture, Context, Medium, Probe};
use crate::audio;
use std::{sync::Arc, time::Duration};
use telemetry::{Outcome, ProbeId, Reading, Value};

/// The probe. Asking a sound server opens no microphone, so it runs beside anything.
pub const PROBE: Probe = Probe {
    id: ProbeId::AudioDevices,
    medium: Medium::Local,
    timeout: |_| Duration::from_secs(5),
    run: |context| Box::pin(run(context)) as BoxFuture<Vec<Reading>>,
};

async fn run(context: Arc<Context>) -> Vec<Reading> {
    let begun = context.begin(ProbeId::AudioDevices, None);
    let outcome = match audio::inventory().await {
        Ok(inventory) => Outcome::Measured(Value::AudioDevices(inventory.reading(|id| (context.hasher)(id)))),
        Err(error) => error.into(),
    };
    vec![begun.finish(outcome)]
}
