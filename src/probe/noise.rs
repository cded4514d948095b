//! The `noise` probe: level and health of the microphone.
//!
//! Whether it may run at all (consent, shift, pause) is decided before it is called. It does not
//! run while another program records, nor where it would switch a playing headset.

use super::{BoxFuture, Context, Medium, Probe, Progress};
use crate::audio;
use std::{sync::Arc, time::Duration};
use telemetry::{Outcome, ProbeId, Reading, Value};

/// The probe.
pub const PROBE: Probe = Probe {
    id: ProbeId::Noise,
    medium: Medium::Microphone,
    timeout: |context| Duration::from_secs(u64::from(seconds(context)) + 8),
    run: |context| Box::pin(run(context)) as BoxFuture<Vec<Reading>>,
};

/// How long the microphone is open: as the policy says, and never longer than the child allows.
fn seconds(context: &Context) -> u32 {
    context.policy.microphone.seconds.clamp(1, audio::child::MAX_SECONDS)
}

async fn run(context: Arc<Context>) -> Vec<Reading> {
    let begun = context.begin(ProbeId::Noise, None);
    let seconds = seconds(&context);
    let listen = audio::listen(seconds, None);
    tokio::pin!(listen);
    let started = tokio::time::Instant::now();
    let mut tick = tokio::time::interval(Duration::from_millis(250));
    let heard = loop {
        tokio::select! {
            heard = &mut listen => break heard,
            _ = tick.tick() => {
                let done = started.elapsed().as_secs_f32() / (seconds as f32 + 0.5);
                (context.progress)(Progress { probe: ProbeId::Noise, done: Some(done.min(0.99)) });
            }
        }
    };
    let outcome = match heard {
        Ok(numbers) => Outcome::Measured(Value::Noise(numbers.reading(|id| (context.hasher)(id)))),
        Err(error) => error.into(),
    };
    vec![begun.finish(outcome)]
}
