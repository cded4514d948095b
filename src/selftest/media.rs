//! A voice stream against a reflector of our own on loopback: what this computer's own timing is worth,
//! without any network in between.

use super::{Bench, Check, Found, Said, blocking};
use crate::network::{
    statistics::quantile,
    stream::{self, Control, Plan, StreamError},
};
use datagram::Stamps;
use reflector::{Limits, Reflector};
use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::atomic::AtomicBool,
    time::Duration,
};
use telemetry::{Codec, Media, TimestampQuality};

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "media.loopback",
        should: "every packet of a voice stream to this computer itself comes back, with the stamps this system has",
        run: blocking!(loopback),
    },
    Check {
        name: "media.sending",
        should: "half of the packets leave within 2 ms of their time",
        run: blocking!(sending),
    },
];

/// 100 packets: enough for a 95th percentile.
const LENGTH: Duration = Duration::from_secs(2);
/// A sleep that ends with the tick of Windows' ordinary timer (15.6 ms) is some 8 ms late in the median, one by
/// a timer that can do better below 1 ms. The median is not moved by a computer that is busy now and then.
const SEND_ERROR_MS: f64 = 2.0;

/// What the stream of this bench experienced: figures, and how late each packet left in milliseconds.
pub(super) type Streamed = Result<(Media, Vec<f64>), StreamError>;

fn streamed(bench: &Bench) -> &Streamed {
    bench.streamed.get_or_init(|| {
        let here = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let reflector = Reflector::bind(here, Limits::default())
            .map_err(|e| StreamError::System(std::io::Error::other(e)))?;
        let plan = Plan {
            target: reflector.local_addr(),
            dscp: 0,
            ssid: 0x5e1f,
            length: LENGTH,
            longest: LENGTH,
            stamps: Stamps::Both,
            codec: Codec::default(),
        };
        // On a thread of its own: it is made a punctual one, and stays so.
        let run = move || {
            let cancel = AtomicBool::new(false);
            stream::measure(&plan, &Control { cancel: &cancel, needs_longer: &|_| false, progress: &|_| {} })
        };
        std::thread::spawn(run).join().unwrap_or(Err(StreamError::Cancelled))
    })
}

fn trouble(error: &StreamError) -> Found {
    Found::fail(match error {
        StreamError::Socket(e) => Said::of("no socket").refusal(&e.source),
        StreamError::System(e) => Said::of("it could not be set up").refusal(e),
        StreamError::NoRoute(e) => Said::of("no packet could be sent").refusal(e),
        StreamError::Refused => Said::of("the port of our own reflector is closed"),
        StreamError::Interrupted => Said::of("the computer slept or its clock was set meanwhile"),
        StreamError::Cancelled => Said::of("it was cancelled"),
    })
}

fn loopback(bench: &Bench) -> Found {
    let media = match streamed(bench) {
        Ok((media, _)) => media,
        Err(error) => return trouble(error),
    };
    let mut was = Said::of("sent").count(media.sent.into()).and("received").count(media.received.into());
    was = was.and("stamps").word(&media.timestamps);
    for (name, value) in [
        ("round trip least", media.rtt_min),
        ("p95", media.rtt_p95),
        ("jitter", media.jitter),
        ("stall p95", media.stall_p95),
    ] {
        if let Some(value) = value {
            was = was.figure(name, value.get(), "ms");
        }
    }
    Found::by(media.received == media.sent && stamps_are_right(media.timestamps), was)
}

/// Which stamps a system gives on loopback is known where Preshift was run or the call is documented.
fn stamps_are_right(quality: TimestampQuality) -> bool {
    match quality {
        TimestampQuality::Kernel => true,
        TimestampQuality::KernelReceive => !cfg!(target_os = "linux"),
        TimestampQuality::UserSpace => cfg!(windows),
    }
}

fn sending(bench: &Bench) -> Found {
    let late = match streamed(bench) {
        Ok((_, late)) => late,
        Err(error) => return trouble(error),
    };
    let at = |q| quantile(late, q).unwrap_or(f64::NAN);
    let was = Said::of("late by:").figure("p50", at(0.5), "ms").figure("p95", at(0.95), "ms").figure(
        "most",
        at(1.0),
        "ms",
    );
    Found::by(at(0.5) <= SEND_ERROR_MS, was)
}
