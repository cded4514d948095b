//! UDP sockets that tell what the kernel knows of a datagram: when it came and left, how it was
//! marked, how far it could have gone.
//!
//! Owns all system calls for that, for the media stream and the reflector alike. Knows nothing of
//! what the datagrams hold. A thing that the system cannot tell is `None`, never a guess.

mod complaint;
mod control;
#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "macos")]
mod macos;
#[cfg(windows)]
#[path = "windows.rs"]
mod system;
#[cfg(unix)]
#[path = "unix.rs"]
mod system;
mod ticks;
mod winsock;

pub use complaint::{Complaint, Says};
use std::{
    io,
    net::{IpAddr, Ipv6Addr, SocketAddr, UdpSocket},
    time::Duration,
};

/// How long sending may wait for room in the queue.
const SEND_PATIENCE: Duration = Duration::from_millis(5);

/// Why a socket could not be had.
#[derive(Debug, thiserror::Error)]
#[error("cannot {operation}: {source}")]
pub struct SocketError {
    /// What was tried.
    pub operation: &'static str,
    /// What the system said.
    #[source]
    pub source: io::Error,
}

/// Which kernel timestamps a socket asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stamps {
    /// None: a test's way to see what user space alone can tell.
    None,
    /// Of datagrams that come.
    Receive,
    /// Of datagrams that come and of those that leave.
    Both,
}

/// What came with a datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Received {
    /// Length of the datagram in the buffer.
    pub length: usize,
    /// It was longer than the buffer.
    pub truncated: bool,
    /// Who sent it.
    pub from: SocketAddr,
    /// The address it was sent to, so that the answer leaves from there.
    pub to: Option<Local>,
    /// When the kernel received it, in nanoseconds since the Unix epoch by the wall clock.
    pub at: Option<u64>,
    /// DSCP and ECN.
    pub traffic_class: Option<u8>,
    /// TTL or hop limit that was left.
    pub ttl: Option<u8>,
}

/// One of our own addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Local {
    /// The address.
    pub address: IpAddr,
    /// The interface, where the address alone does not tell (link-local IPv6); else 0.
    pub interface: u32,
}

/// When the kernel sent a datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Departure {
    /// Which: counts the datagrams of this socket from zero.
    pub id: u32,
    /// When, in nanoseconds since the Unix epoch by the wall clock.
    pub at: u64,
    /// It was seen at the driver; otherwise only when it was queued for it.
    pub at_driver: bool,
}

/// What the kernel has to say of datagrams that were sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told<'a> {
    /// One left.
    Departed(Departure),
    /// Somebody on the way could not take one further.
    Complained(Complaint<'a>),
}

/// A UDP socket.
#[derive(Debug)]
pub struct Socket {
    socket: UdpSocket,
    stamps: Stamps,
    state: system::State,
}

impl Socket {
    /// Binds a socket and asks for everything that the system can tell about datagrams.
    /// `[::]` takes IPv4 too.
    pub fn bind(address: SocketAddr, stamps: Stamps) -> Result<Self, SocketError> {
        let failed = |operation| move |source| SocketError { operation, source };
        let domain = socket2::Domain::for_address(address);
        let socket = socket2::Socket::new(domain, socket2::Type::DGRAM, Some(socket2::Protocol::UDP))
            .map_err(failed("open a UDP socket"))?;
        if address.ip() == IpAddr::V6(Ipv6Addr::UNSPECIFIED) {
            socket.set_only_v6(false).map_err(failed("take IPv4 on an IPv6 socket"))?;
        }
        socket.bind(&address.into()).map_err(failed("bind a UDP socket"))?;
        let socket = UdpSocket::from(socket);
        // A full queue, as when radio is lost, must not hold up a punctual sender.
        socket.set_write_timeout(Some(SEND_PATIENCE)).map_err(failed("set a timeout"))?;
        let (stamps, state) = system::prepare(&socket, address.is_ipv6(), stamps);
        Ok(Self { socket, stamps, state })
    }

    /// Fixes the peer: only its datagrams come, and its "port unreachable" becomes an error.
    pub fn connect(&self, peer: SocketAddr) -> Result<(), SocketError> {
        self.socket
            .connect(peer)
            .map_err(|source| SocketError { operation: "connect a UDP socket", source })?;
        system::connected(&self.socket);
        Ok(())
    }

    /// What was granted of the timestamps asked for. A driver may still not stamp what leaves.
    pub fn stamps(&self) -> Stamps {
        self.stamps
    }

    /// The address it is bound to.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// How long `receive` waits.
    pub fn set_timeout(&self, timeout: Duration) -> io::Result<()> {
        self.socket.set_read_timeout(Some(timeout))
    }

    /// Room for datagrams that wait for us, as far as the system allows.
    pub fn set_receive_buffer(&self, bytes: usize) -> io::Result<()> {
        socket2::SockRef::from(&self.socket).set_recv_buffer_size(bytes)
    }

    /// Marks what is sent from now on; an error where the system is known not to. Others may still drop the
    /// mark: only the far end can tell.
    pub fn set_traffic_class(&self, class: u8) -> io::Result<()> {
        system::set_traffic_class(&self.socket, &self.state, class)
    }

    /// Receives one datagram; `WouldBlock` or `TimedOut` after the timeout.
    pub fn receive(&self, buffer: &mut [u8]) -> io::Result<Received> {
        system::receive(&self.socket, &self.state, buffer)
    }

    /// Sends to the peer.
    pub fn send(&self, datagram: &[u8]) -> io::Result<()> {
        system::send(&self.socket, &self.state, self.stamps, datagram)
    }

    /// Sends to somebody; for a socket without a peer.
    pub fn send_to(&self, datagram: &[u8], to: SocketAddr) -> io::Result<()> {
        system::send_to(&self.socket, &self.state, self.stamps, datagram, to)
    }

    /// From now on nothing that is sent may be cut into fragments, neither here nor on the way, and nothing is
    /// held back because something as large did not pass before: whether it passes is what is to be seen. What
    /// is too large for the interface is an error (`too_large`).
    pub fn forbid_fragments(&self) -> io::Result<()> {
        system::forbid_fragments(&self.socket)
    }

    /// The largest packet, with its headers, that the system has learnt to pass to the peer; none where it does
    /// not tell. At first that is what the interface takes.
    pub fn path_mtu(&self) -> Option<u32> {
        system::path_mtu(&self.socket).filter(|mtu| (68..=65_535).contains(mtu))
    }

    /// Sends to the peer, as far as so many routers: the last of them should say that it died there.
    pub fn send_limited(&self, datagram: &[u8], hops: u8) -> io::Result<()> {
        let socket = socket2::SockRef::from(&self.socket);
        if self.local_addr()?.is_ipv4() {
            let usual = socket.ttl_v4()?;
            socket.set_ttl_v4(u32::from(hops))?;
            let sent = self.send(datagram);
            socket.set_ttl_v4(usual)?;
            return sent;
        }
        let usual = socket.unicast_hops_v6()?;
        socket.set_unicast_hops_v6(u32::from(hops))?;
        let sent = self.send(datagram);
        socket.set_unicast_hops_v6(usual)?;
        sent
    }

    /// Asks to be told of ICMP errors, by `told`. From then on sending and receiving may fail once for each of them.
    /// Whether this system does so without rights.
    pub fn hear_complaints(&self) -> bool {
        system::hear_complaints(&self.socket)
    }

    /// Leaves by this interface whatever the routes say; an error where the system cannot.
    #[cfg(target_os = "linux")]
    pub fn leave_by(&self, interface: &str) -> io::Result<()> {
        socket2::SockRef::from(&self.socket).bind_device(Some(interface.as_bytes()))
    }

    /// Takes what the kernel has to say of datagrams that were sent; never waits.
    pub fn told(&self, mut each: impl FnMut(Told<'_>)) {
        system::told(&self.socket, &self.state, self.stamps, &mut each);
    }

    /// Sends an answer to where `request` came from, from the address that it was sent to.
    pub fn answer(&self, datagram: &[u8], request: &Received, traffic_class: u8) -> io::Result<()> {
        system::answer(&self.socket, &self.state, datagram, request, traffic_class)
    }

    /// Takes the times at which datagrams left, as far as they are known by now; never waits.
    pub fn departures(&self, mut each: impl FnMut(Departure)) {
        if self.stamps == Stamps::Both {
            self.told(|told| {
                if let Told::Departed(departure) = told {
                    each(departure);
                }
            });
        }
    }
}

/// `WouldBlock` and `TimedOut` are both "nothing came", depending on the system.
pub fn nothing_came(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut | io::ErrorKind::Interrupted)
}

/// Something was too large: for our own interface if sending says so, for a router on the way if receiving does.
pub fn too_large(error: &io::Error) -> bool {
    error.raw_os_error() == Some(system::TOO_LARGE)
}

/// A port unreachable that came back for something sent earlier.
pub fn refused(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionReset)
}
