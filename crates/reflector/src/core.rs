//! What is answered, and with which count: no socket, no clock.

use crate::{Limits, counters::Count, rate::Rate, stun, table::Table};
use datagram::Received;
use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

/// The sessions and rates of one socket.
pub(crate) struct Core {
    limits: Limits,
    sessions: Table<Session, u32>,
    sources: Table<Source, Rate>,
    total: Rate,
}

/// A session: who asks, and the id it gives. The address asked is our own.
type Session = (SocketAddr, u16);
/// An IPv4 address, or the network half of an IPv6 one: the rest is the asker's to choose.
type Source = u64;

/// What is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reply {
    /// All of the packet, marked like this.
    Stamp {
        /// DSCP.
        dscp: u8,
    },
    /// So many bytes at the beginning of the packet.
    Stun {
        /// How many.
        length: usize,
    },
}

impl Core {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            limits: limits.clone(),
            sessions: Table::new(limits.sessions, limits.session_idle),
            // A rate forgotten early only gives its source a new burst.
            sources: Table::new(limits.sessions, Duration::from_secs(10)),
            total: Rate::default(),
        }
    }

    /// Makes the reply in `packet`; `None` if there is to be none. `arrived` is wall-clock time in nanoseconds,
    /// `now` is monotonic.
    pub(crate) fn answer(
        &mut self,
        packet: &mut [u8],
        received: &Received,
        arrived: u64,
        now: Duration,
        count: &Count,
    ) -> Option<Reply> {
        count.received();
        // In this order: what leaves no state comes first.
        if received.ttl.is_some_and(|ttl| ttl < self.limits.least_ttl) {
            count.low_ttl();
            return None;
        }
        let request = match stamp::Request::read(packet) {
            _ if received.truncated || received.from.port() == 0 => None,
            // Before STAMP: read as such, the cookie would be a time in 1917.
            _ if stun::is_binding_request(packet) => Some(None),
            Ok(request) => Some(Some(request)),
            Err(_) => None,
        };
        let Some(request) = request else {
            count.garbage();
            return None;
        };
        let burst = self.limits.source_burst;
        let rate = self.sources.touch(source(received.from.ip()), now, Rate::default);
        if !rate.allow(self.limits.source_rate, burst, now)
            || !self.total.allow(self.limits.total_rate, self.limits.total_rate, now)
        {
            count.limited();
            return None;
        }
        let Some(request) = request else {
            let Some(length) = stun::answer(packet, received.from) else {
                count.garbage();
                return None;
            };
            return Some(Reply::Stun { length });
        };
        let sequence = self.sessions.touch((received.from, request.ssid), now, || 0);
        let seen = stamp::Seen {
            sequence: *sequence,
            received: stamp::Timestamp::from_unix_nanos(arrived),
            error: stamp::ErrorEstimate::UNSYNCHRONIZED,
            ttl: received.ttl.unwrap_or(0),
            traffic_class: received.traffic_class,
        };
        *sequence = sequence.wrapping_add(1);
        count.sessions(self.sessions.len(), self.sessions.displaced());
        stamp::reflect(packet, &request, &seen).ok().map(|dscp| Reply::Stamp { dscp })
    }
}

fn source(address: IpAddr) -> Source {
    match address {
        IpAddr::V4(v4) => u64::from(u32::from(v4)),
        IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
            Some(v4) => u64::from(u32::from(v4)),
            None => (u128::from(v6) >> 64) as u64,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use stamp::{ErrorEstimate, Request, Timestamp};

    fn limits() -> Limits {
        Limits { sessions: 4, source_rate: 50, source_burst: 10, ..Limits::default() }
    }

    fn from(address: &str, ttl: u8) -> Received {
        let from = address.parse().unwrap();
        Received {
            length: 172,
            truncated: false,
            from,
            to: None,
            at: None,
            traffic_class: Some(184),
            ttl: Some(ttl),
        }
    }

    fn request(sequence: u32, ssid: u16) -> Vec<u8> {
        let mut packet = vec![0; 172];
        let sent = Timestamp::from_unix_nanos(5);
        Request { sequence, sent, error: ErrorEstimate::UNSYNCHRONIZED, ssid }
            .write(&mut packet, 46)
            .unwrap();
        packet
    }

    struct Bench {
        core: Core,
        count: Count,
    }

    impl Bench {
        fn new(limits: Limits) -> Self {
            Self { core: Core::new(&limits), count: Count::default() }
        }

        fn ask(&mut self, address: &str, ssid: u16, ms: u64) -> Option<u32> {
            let mut packet = request(99, ssid);
            let now = Duration::from_millis(ms);
            self.core.answer(&mut packet, &from(address, 60), 7, now, &self.count)?;
            Some(stamp::Reply::read(&packet).unwrap().sequence)
        }
    }

    #[test]
    fn each_session_has_a_count_of_its_own() {
        let mut bench = Bench::new(limits());
        let asked =
            [("1.1.1.1:5", 1), ("1.1.1.1:5", 1), ("1.1.1.1:5", 2), ("1.1.1.1:6", 1), ("[2001:db8::1]:5", 1)];
        let counts = asked.map(|(who, ssid)| bench.ask(who, ssid, 0).unwrap());
        assert_eq!(counts, [0, 1, 0, 0, 0]);
        assert_eq!(bench.count.read().sessions, 4);
    }

    #[test]
    fn a_silent_session_is_forgotten_and_an_active_one_is_not() {
        let mut bench = Bench::new(limits());
        for ms in (0..60_000).step_by(1_000) {
            assert_eq!(bench.ask("1.1.1.1:5", 1, ms), Some(ms as u32 / 1_000));
        }
        assert_eq!(bench.ask("2.2.2.2:5", 1, 60_000), Some(0));
        assert_eq!(bench.ask("2.2.2.2:5", 1, 60_000 + 30_001), Some(0), "30 s of silence end a session");
    }

    #[test]
    fn a_flood_of_sessions_does_not_displace_one_that_talks() {
        let mut bench = Bench::new(limits());
        for n in 0..2_000u64 {
            // One step in two is the stream; the others are a new "session" each, from forged addresses.
            let forged = format!("9.{}.{}.9:9", n / 200, n % 200);
            assert_eq!(bench.ask(&forged, n as u16, n * 20), Some(0));
            assert_eq!(bench.ask("1.1.1.1:5", 1, n * 20 + 10), Some(n as u32));
        }
        let counters = bench.count.read();
        assert!(counters.sessions <= 4 && counters.displaced > 1_900, "{counters:?}");
    }

    #[test]
    fn a_source_has_its_rate_and_others_do_not_suffer() {
        let mut bench = Bench::new(limits());
        let answered = (0..1_000).filter(|ms| bench.ask("1.1.1.1:5", 1, *ms).is_some()).count();
        assert!((58..=62).contains(&answered), "a burst of 10 and 50 a second: {answered}");
        let v6 = |n: u64| format!("[2001:db8::{n:x}]:5");
        let answered = (0..1_000).filter(|ms| bench.ask(&v6(*ms), 1, 2_000 + ms).is_some()).count();
        assert!((58..=62).contains(&answered), "a /64 is one source: {answered}");
        assert!(bench.ask("3.3.3.3:5", 1, 3_000).is_some());
        assert!(bench.count.read().limited > 1_800);
    }

    #[test]
    fn all_sources_together_have_a_rate() {
        let mut bench = Bench::new(Limits { total_rate: 100, sessions: 4_096, ..limits() });
        let answered =
            (0..1_000u64).filter(|n| bench.ask(&format!("9.9.{}.{}:9", n / 250, n % 250), 1, *n).is_some());
        let answered = answered.count();
        assert!((198..=202).contains(&answered), "a second's worth at once, then 100 a second: {answered}");
    }

    #[test]
    fn what_came_too_far_or_is_none_of_ours_leaves_no_state() {
        let mut bench = Bench::new(limits());
        let mut answer = |packet: &mut [u8], received: &Received| {
            bench.core.answer(packet, received, 7, Duration::ZERO, &bench.count)
        };
        assert_eq!(answer(&mut request(0, 1), &from("1.1.1.1:5", 2)), None, "two hops left");
        assert_eq!(answer(&mut request(0, 1)[..43], &from("1.1.1.1:5", 60)), None, "short");
        assert_eq!(answer(&mut request(0, 1), &Received { truncated: true, ..from("1.1.1.1:5", 60) }), None);
        assert_eq!(answer(&mut request(0, 1), &from("1.1.1.1:0", 60)), None, "port 0 cannot be answered");
        assert_eq!(answer(&mut [0xff; 172], &from("1.1.1.1:5", 60)), None);
        let mut packet = request(0, 1);
        assert_eq!(answer(&mut packet, &from("1.1.1.1:5", 60)), Some(Reply::Stamp { dscp: 46 }));
        assert_eq!(answer(&mut packet, &from("1.1.1.1:5", 60)), None, "a reply is not answered");
        let counters = bench.count.read();
        assert_eq!((counters.low_ttl, counters.garbage, counters.sessions), (1, 5, 1));
    }

    proptest! {
        #[test]
        fn any_bytes_leave_it_bounded(packets in proptest::collection::vec((any::<[u8; 8]>(), proptest::collection::vec(any::<u8>(), 0..100)), 0..60)) {
            let mut bench = Bench::new(limits());
            for (n, (who, mut bytes)) in packets.into_iter().enumerate() {
                if bytes.len() >= 44 && who[6] & 1 == 0 {
                    bytes[16..44].fill(0);
                }
                let length = bytes.len();
                let address = format!("{}.{}.{}.{}:{}", who[0], who[1], who[2], who[3], u16::from_be_bytes([who[4], who[5]]));
                let received = Received { length, ..from(&address, who[7]) };
                bench.core.answer(&mut bytes, &received, 7, Duration::from_millis(n as u64), &bench.count);
                prop_assert!(bench.core.sessions.len() <= 4 && bench.core.sources.len() <= 4);
            }
        }
    }
}
