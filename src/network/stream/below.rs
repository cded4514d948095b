//! The way below a tunnel: packets that leave by the physical link, to die at the routers of the home and the provider.
//!
//! They go towards the same reflector, which none of them reaches. Only where the system hands an ICMP error to the
//! socket that caused it, and lets a program choose the link: Linux. Elsewhere the home router is asked by echoes alone.

use crate::network::{link::Gateway, path::Points};
use std::net::SocketAddr;

/// Packets that go on until it is ended.
pub(super) struct Below {
    #[cfg(target_os = "linux")]
    running: linux::Running,
}

impl Below {
    /// Ends it: what became of the packets for each point.
    pub(super) fn end(self) -> Points {
        #[cfg(target_os = "linux")]
        return self.running.end();
        #[cfg(not(target_os = "linux"))]
        Points::new()
    }
}

/// Begins, if the system can.
pub(super) fn begin(target: SocketAddr, gateway: &Gateway) -> Option<Below> {
    #[cfg(target_os = "linux")]
    return linux::begin(target, gateway).map(|running| Below { running });
    #[cfg(not(target_os = "linux"))]
    {
        let _ = (target, gateway);
        None
    }
}

#[cfg(target_os = "linux")]
mod linux {
    use crate::network::{
        link::Gateway,
        path::{self, Own, Points, kinds},
        stream::{
            hops::Hops,
            ledger::{Ledger, Sent},
        },
        timing::Moment,
    };
    use datagram::{Departure, Socket, Stamps, Told};
    use std::{
        net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
        sync::{
            Arc,
            atomic::{AtomicBool, Ordering},
        },
        thread::{self, JoinHandle},
        time::{Duration, Instant},
    };
    use telemetry::{HopMethod, PathPoint};

    /// As many a second as the stream's own.
    const EVERY: Duration = Duration::from_millis(20);
    /// Packets with more hops could come out somewhere; the provider's first router is nearer.
    const FARTHEST: u8 = 4;

    pub(super) struct Running {
        end: Arc<AtomicBool>,
        thread: JoinHandle<Points>,
    }

    impl Running {
        pub(super) fn end(self) -> Points {
            self.end.store(true, Ordering::Relaxed);
            self.thread.join().unwrap_or_default()
        }
    }

    pub(super) fn begin(target: SocketAddr, gateway: &Gateway) -> Option<Running> {
        let any: IpAddr =
            if target.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
        let socket = Socket::bind(SocketAddr::new(any, 0), Stamps::Both).ok()?;
        socket.leave_by(&gateway.interface_name).ok()?;
        socket.connect(target).ok()?;
        socket.hear_complaints().then_some(())?;
        let end = Arc::new(AtomicBool::new(false));
        let ending = end.clone();
        let thread =
            thread::Builder::new().name("below".into()).spawn(move || run(&socket, target.ip(), &ending));
        Some(Running { end, thread: thread.ok()? })
    }

    fn run(socket: &Socket, target: IpAddr, end: &AtomicBool) -> Points {
        let mut nonce = [0; 8];
        if getrandom::fill(&mut nonce).is_err() {
            return Points::new();
        }
        let own = Own { address: socket.local_addr().ok().map(|a| a.ip()), tunnel: false };
        let (mut hops, mut ledger, begin) =
            (Hops::new(own.address, nonce, Some(FARTHEST)), Ledger::default(), Instant::now());
        let mut slot = 0u32;
        while !end.load(Ordering::Relaxed) {
            let (packet, distance) = hops.next(&kinds(own, target, &hops.seen()));
            let now = Moment::now();
            let sent = crate::network::stream::again(|| socket.send_limited(&packet, distance)).is_ok();
            ledger.hop_sent(Sent::new(now.instant, now, begin), sent);
            slot += 1;
            thread::sleep((begin + EVERY * slot).saturating_duration_since(Instant::now()));
            socket.told(|told| match told {
                Told::Departed(Departure { id, at, at_driver }) => ledger.departed(id, at, at_driver),
                Told::Complained(complaint) => hops.heard(&complaint, &ledger, Moment::now().wall),
            });
        }
        let sampled = hops.sampled(&ledger);
        let kinds = kinds(own, target, &hops.seen());
        let distances = sampled.into_iter().map(|(distance, s)| (distance, (HopMethod::UdpTtl, s))).collect();
        let mut points = path::placed(own, &kinds, distances);
        points.retain(|p| p.0 != PathPoint::Target);
        points
    }
}
