//! Voice-like packets beside the load: what a call would feel while somebody else fills the line.
//!
//! STAMP, twenty packets a second, timed in user space: good to a millisecond or so, where a queue is hundreds.

use super::{Voice, phase::Loaded, resolve};
use crate::network::{statistics::quantile, stream::PAYLOAD};
use stamp::{ErrorEstimate, Reply, Request, Timestamp};
use std::{
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};
use telemetry::{Millis, Percent, VoiceUnderLoad};
use tokio::{
    net::UdpSocket,
    task::JoinHandle,
    time::{MissedTickBehavior, interval, sleep_until, timeout},
};

/// Between two packets.
const APART: Duration = Duration::from_millis(50);
/// For finding the reflector.
const LOOK_UP: Duration = Duration::from_millis(500);
/// Packets still under way at the end are waited for so long.
const LAST: Duration = Duration::from_millis(400);
/// What has not come back after this is lost.
const LOST: Duration = Duration::from_secs(1);
/// Fewer answers say nothing.
const LEAST: usize = 5;

/// When a packet was sent, and how long its round trip took in milliseconds, if it came back.
type Packet = (Instant, Option<f64>);

/// Packets that are being sent.
pub struct Running {
    packets: Arc<Mutex<Vec<Packet>>>,
    task: JoinHandle<()>,
}

/// Begins to send, where there is a reflector that can be reached.
pub async fn begin(voice: Option<&Voice>) -> Option<Running> {
    let voice = voice?;
    let found = timeout(LOOK_UP, resolve(&voice.host, &voice.name, voice.port)).await.ok()?.ok()?;
    let target = found[0];
    let any: SocketAddr = match target {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    let socket = UdpSocket::bind(any).await.ok()?;
    socket.connect(target).await.ok()?;
    if target.is_ipv4() {
        // Where the system does not let us mark packets they go unmarked.
        let _ = socket2::SockRef::from(&socket).set_tos_v4(u32::from(voice.dscp & 0x3f) << 2);
    }
    // Never 0, which means "no session".
    let ssid = getrandom::u32().ok()? as u16 | 1;
    let packets = Arc::new(Mutex::new(Vec::new()));
    let task = tokio::spawn(talk(socket, ssid, voice.dscp & 0x3f, packets.clone()));
    Some(Running { packets, task })
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Running {
    /// Waits a moment for what is under way, and stops.
    pub async fn end(self, deadline: Instant) -> Heard {
        sleep_until(deadline.min(Instant::now() + LAST).into()).await;
        let packets = self.packets.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Heard { packets, until: Instant::now() }
    }
}

/// What came back.
pub struct Heard {
    packets: Vec<Packet>,
    until: Instant,
}

impl Heard {
    /// What a call would have felt in the second half of a load, when the queue has filled.
    pub fn under_load(&self, quiet_until: Instant, load: &Loaded) -> Option<VoiceUnderLoad> {
        self.between(quiet_until, load.began + (load.ended - load.began) / 2, load.ended)
    }

    fn between(&self, quiet_until: Instant, from: Instant, to: Instant) -> Option<VoiceUnderLoad> {
        let quiet: Vec<f64> = self.packets.iter().filter(|p| p.0 < quiet_until).filter_map(|p| p.1).collect();
        let loaded = || self.packets.iter().filter(|p| from <= p.0 && p.0 <= to);
        let came: Vec<f64> = loaded().filter_map(|p| p.1).collect();
        let lost = loaded().filter(|p| p.1.is_none() && p.0 + LOST <= self.until).count();
        if quiet.len() < LEAST || came.len() < LEAST {
            return None;
        }
        Some(VoiceUnderLoad {
            idle: Millis::new(super::figures::median(&quiet)?),
            median: Millis::new(super::figures::median(&came)?),
            p95: Millis::new(quantile(&came, 0.95)?),
            lost: Percent::new(lost as f64 * 100.0 / (came.len() + lost) as f64),
        })
    }
}

async fn talk(socket: UdpSocket, ssid: u16, dscp: u8, packets: Arc<Mutex<Vec<Packet>>>) {
    let mut ticks = interval(APART);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut buffer = [0; 512];
    loop {
        tokio::select! {
            _ = ticks.tick() => {
                let mut packet = [0; PAYLOAD];
                let sequence = with(&packets, |all| all.len() as u32);
                let sent = Timestamp::from_unix_nanos(nanos());
                let request = Request { sequence, sent, error: ErrorEstimate::UNSYNCHRONIZED, ssid };
                if request.write(&mut packet, dscp).is_ok() {
                    with(&packets, |all| all.push((Instant::now(), None)));
                    // What the system does not take now is as lost as what the line loses.
                    let _ = socket.try_send(&packet);
                }
            }
            came = socket.recv(&mut buffer) => match came {
                Ok(length) => with(&packets, |all| note(all, &buffer[..length], ssid)),
                // Nobody listens there; the ticks go on, and nothing comes.
                Err(_) => tokio::time::sleep(APART).await,
            },
        }
    }
}

/// Notes a reply: the round trip without what the reflector took for its turn.
fn note(packets: &mut [Packet], bytes: &[u8], ssid: u16) {
    let now = Instant::now();
    let Ok(reply) = Reply::read(bytes) else { return };
    let Some((sent, round_trip)) = packets.get_mut(reply.sender_sequence as usize) else { return };
    if reply.ssid != ssid || round_trip.is_some() {
        return;
    }
    let whole = (now - *sent).as_secs_f64() * 1e3;
    let turn = reply.sent.nanos_since(reply.received, reply.error.format) as f64 / 1e6;
    *round_trip = Some(if (0.0..=whole).contains(&turn) { whole - turn } else { whole });
}

fn with<T>(packets: &Mutex<Vec<Packet>>, work: impl FnOnce(&mut Vec<Packet>) -> T) -> T {
    work(&mut packets.lock().unwrap_or_else(PoisonError::into_inner))
}

fn nanos() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_nanos() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_quiet_and_the_loaded_are_told_apart_and_the_last_are_not_lost() {
        let t = Instant::now();
        let at = |ms: u64| t + Duration::from_millis(ms);
        let mut packets: Vec<Packet> = (0..10).map(|n| (at(n * 50), Some(20.0))).collect();
        packets.extend((0..18).map(|n| (at(1000 + n * 50), Some(500.0 + n as f64))));
        packets.extend([(at(1900), None), (at(2900), None)]);
        let heard = Heard { packets, until: at(3300) };
        let voice = heard.between(at(600), at(1000), at(3000)).unwrap();
        assert_eq!((voice.idle.get(), voice.median.get(), voice.p95.get()), (20.0, 508.5, 517.0));
        // One of nineteen: the last may still be on its way.
        assert!((voice.lost.get() - 5.263).abs() < 1e-9, "{}", voice.lost);
        assert_eq!(heard.between(at(600), at(1000), at(1100)), None, "three answers say nothing");
        assert_eq!(heard.between(at(100), at(1000), at(3000)), None, "nothing to compare with");
    }
}
