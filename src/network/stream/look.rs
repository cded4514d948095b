//! Looking along the way while the stream goes on: when its packets leave, and what is concluded from all of them.
//!
//! Owns the bounds: how long, how many. Whether it is wanted is asked of whoever judges.

use super::{INTERVAL, PAYLOAD, Stream, StreamError, figures, hops::Hops};
use crate::network::{
    link::Links,
    path::{self, Beside, Meter, Own, Points, Sampled, Traffic, kinds},
    timing::Moment,
};
use std::{
    collections::BTreeMap,
    net::IpAddr,
    time::{Duration, Instant},
};
use telemetry::{HopMethod, Media, Millis, Path, PathPoint, Ratio};

/// With the five seconds before it, and what a check does before voice, this makes less than twenty.
const LENGTH: Duration = Duration::from_secs(10);
/// Where nothing was lost: delay and how it varies are seen by far fewer packets than a share that is lost, and where a line
/// is full, what a check does before voice takes long.
const NOTHING_LOST: Duration = Duration::from_secs(6);
/// Where nothing comes back it is soon seen how far anything gets.
const OUTAGE: Duration = Duration::from_millis(2_500);
/// So many packets die on the way between two of the stream: 100 a second of some 80 bytes are 64 kbit/s.
const BETWEEN: u32 = 2;
/// To somebody who does not answer only every so manieth packet of the stream goes on.
const SELDOM: usize = 10;
/// Where the stream's own packets cannot be made to tell, echoes of so many hops are sent beside it.
const ECHOES: u8 = 4;
/// Bytes of a packet's headers on a usual link: Ethernet, IPv4, UDP.
const HEADERS: u64 = 42;

/// What is asked while the way is looked at, and what is known of the desk's links.
pub struct Look<'a> {
    /// Whether the stream is such that the way should be looked at.
    pub wanted: &'a dyn Fn(&Media) -> bool,
    /// The links of the desk.
    pub links: &'a Links,
}

impl Stream<'_> {
    /// Looks along the way; `before` is what the stream experienced until now.
    pub(super) fn look(&mut self, look: &Look<'_>, before: &Media) -> Result<Path, StreamError> {
        let target = self.plan.target.ip();
        let own = Own { address: self.socket.local_addr().ok().map(|a| a.ip()), tunnel: look.links.vpn() };
        let mut nonce = [0; 8];
        getrandom::fill(&mut nonce).map_err(std::io::Error::other)?;
        // A reflector on the same link has no router before it.
        let hears = self.ledger.routers() != Some(0) && self.socket.hear_complaints();
        let routers = self.ledger.routers();
        self.hops = Some(Hops::new(own.address, nonce, routers));
        let mut way = Way {
            own,
            target,
            gateway: look.links.gateway.as_ref().map(|g| g.address),
            provider: None,
            beside: Beside::default(),
            below: None,
            first: self.ledger.sent().len(),
            begin: Instant::now(),
            meter: look.links.physical.as_ref().map(|i| Meter::new(i.index)),
            traffic: None,
        };
        way.traffic = way.meter.and_then(Meter::read);
        if let Some(gateway) = &look.links.gateway {
            way.beside.ask(gateway.address, Some(gateway.interface), None);
            if own.tunnel {
                way.below = super::below::begin(self.plan.target, gateway);
            }
        }
        if !hears {
            (1..=ECHOES).for_each(|hops| way.beside.ask(target, None, Some(hops)));
        }
        let silent = before.received == 0;
        let length = match (silent, before.received == before.sent) {
            (true, _) => OUTAGE,
            (false, true) => NOTHING_LOST,
            (false, false) => LENGTH,
        };
        self.weave(&mut way, length, hears, silent)?;
        let longest = self.ledger.longest_round_trip() * 2 + Duration::from_millis(100);
        self.wait(longest.clamp(super::WAIT.0, super::WAIT.1), |_| false)?;
        Ok(self.conclude(way))
    }

    /// Goes on with the stream, and puts between each two packets of it one that dies on the way.
    fn weave(
        &mut self,
        way: &mut Way,
        length: Duration,
        hears: bool,
        silent: bool,
    ) -> Result<(), StreamError> {
        let slots = (length.as_nanos() / INTERVAL.as_nanos()) as usize;
        let start = self.pause_over();
        for slot in 0..slots {
            if slot % 5 == 0 {
                (self.control.progress)(None);
            }
            let due = start + INTERVAL * slot as u32;
            if !silent || slot % SELDOM == 0 {
                self.send(due)?;
            }
            self.note();
            for n in 1..=BETWEEN {
                self.pacer.sleep_until(due + INTERVAL * n / (BETWEEN + 1));
                if hears {
                    self.send_hop(way)?;
                }
            }
            self.note();
        }
        Ok(())
    }

    fn send_hop(&mut self, way: &mut Way) -> Result<(), StreamError> {
        let Some(hops) = &mut self.hops else { return Ok(()) };
        let kinds = kinds(way.own, way.target, &hops.seen());
        // Its routers often say seldom what they are asked in passing, and more when asked themselves.
        if !way.own.tunnel && way.provider.is_none() {
            way.provider = kinds
                .iter()
                .find(|(_, point)| **point == PathPoint::Provider)
                .and_then(|(distance, _)| hops.seen().get(distance).copied());
            if let Some(provider) = way.provider {
                way.beside.ask(provider, None, None);
            }
        }
        let (packet, distance) = hops.next(&kinds);
        let now = Moment::now();
        let result = super::again(|| self.socket.send_limited(&packet, distance));
        self.ledger.hop_sent(super::ledger::Sent::new(now.instant, now, self.begin), result.is_ok());
        Ok(())
    }

    fn conclude(&self, mut way: Way) -> Path {
        let seconds = way.begin.elapsed().as_secs_f64();
        let traffic = way.traffic.zip(way.meter.and_then(Meter::read));
        let rates = traffic.and_then(|(before, after)| path::rates(before, after, seconds, self.ours(&way)));
        let mut points: Points = Vec::new();
        let mut echoed: BTreeMap<u8, (HopMethod, Sampled)> = BTreeMap::new();
        for (ask, sampled) in std::mem::take(&mut way.beside).collect() {
            match ask.hops {
                Some(hops) => {
                    echoed.insert(hops, (HopMethod::EchoTtl, sampled));
                }
                None if Some(ask.to) == way.gateway => {
                    points.push((PathPoint::Gateway, HopMethod::Echo, sampled))
                }
                None => points.push((PathPoint::Provider, HopMethod::Echo, sampled)),
            }
        }
        if let Some(below) = way.below.take() {
            points.extend(below.end());
        }
        self.path(&way, points, echoed, rates)
    }

    fn path(
        &self,
        way: &Way,
        mut points: Points,
        mut distances: BTreeMap<u8, (HopMethod, Sampled)>,
        rates: Option<(telemetry::BitRate, telemetry::BitRate)>,
    ) -> Path {
        if let Some(hops) = &self.hops {
            let in_flow = hops.sampled(&self.ledger);
            distances.extend(in_flow.into_iter().map(|(hops, s)| (hops, (HopMethod::FlowTtl, s))));
        }
        let seen: BTreeMap<u8, IpAddr> =
            distances.iter().filter_map(|(hops, (_, s))| Some((*hops, s.from?))).collect();
        let kinds = kinds(way.own, way.target, &seen);
        points.extend(path::placed(way.own, &kinds, distances));
        let (target, burst) = figures::since(&self.ledger, way.first);
        points.push((PathPoint::Target, HopMethod::Stream, target));
        points.sort_by_key(|p| p.0);
        let kind_of = |address: IpAddr| match seen.iter().find(|(_, a)| **a == address) {
            _ if address == way.target => Some(PathPoint::Target),
            Some((hops, _)) => kinds.get(hops).copied(),
            None if Some(address) == way.gateway => Some(PathPoint::Gateway),
            None => None,
        };
        Path {
            ipv6: self.plan.target.is_ipv6(),
            tunnel: way.own.tunnel,
            hops: points.iter().map(|(point, method, sampled)| path::hop(*point, *method, sampled)).collect(),
            burst_ratio: Ratio::new(burst),
            refused_by: self.hops.as_ref().and_then(Hops::refused_by).and_then(kind_of),
            dead_end: self.hops.as_ref().and_then(Hops::dead_end).and_then(kind_of),
            own_up: rates.map(|r| r.0),
            own_down: rates.map(|r| r.1),
            duration: Millis::new(way.begin.elapsed().as_secs_f64() * 1e3),
        }
    }

    /// What this measurement itself put on the link.
    fn ours(&self, way: &Way) -> Traffic {
        let voice = PAYLOAD as u64 + HEADERS;
        let sent = (self.ledger.sent().len() - way.first) as u64;
        let came = self.ledger.answers().iter().filter(|a| a.sequence as usize >= way.first).count() as u64;
        // A router quotes what died, behind headers of its own.
        let short = self.ledger.hops().len() as u64 * (40 + HEADERS);
        Traffic { sent: sent * voice + short, received: came * voice + short }
    }
}

/// What is gathered while the way is looked at.
struct Way {
    own: Own,
    target: IpAddr,
    gateway: Option<IpAddr>,
    provider: Option<IpAddr>,
    beside: Beside,
    below: Option<super::below::Below>,
    /// The stream's first packet of this time.
    first: usize,
    begin: Instant,
    meter: Option<Meter>,
    traffic: Option<Traffic>,
}
