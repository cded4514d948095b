//! A VPN as a desk sees it: an interface of its own, whose packets travel in UDP between two places.
//!
//! It stands in for WireGuard and OpenVPN, which many kernels do not have. It does not encrypt: to the network
//! between its ends that makes no difference.

use crate::{
    inside,
    pump::be_punctual,
    tap::{self, Carries},
};
use std::{
    fs::File,
    io::{self, Read as _, Write as _},
    net::{SocketAddr, UdpSocket},
    os::fd::AsRawFd as _,
    ptr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
};

/// How often a thread looks whether it should end, when nothing comes.
const PATIENCE_NS: libc::c_long = 50_000_000;

/// One end of a tunnel: an interface, and the UDP socket that its packets travel by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mouth {
    /// The namespace by its name under `/run/netns`.
    pub namespace: String,
    /// The interface to make there. Its addresses and routes are the caller's to set.
    pub interface: String,
    /// Where it takes what the other end sends.
    pub bind: SocketAddr,
}

/// A tunnel that works until it is dropped.
#[derive(Debug)]
pub struct Tunnel {
    end: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Tunnel {
    /// Digs it. The client knows where the server is; the server answers where the client was last heard from, as
    /// it must behind address translation.
    pub fn dig(client: &Mouth, server: &Mouth, reached_at: SocketAddr) -> io::Result<Self> {
        let mut tunnel = Self { end: Arc::default(), threads: Vec::new() };
        let near =
            Arc::new(Side { socket: socket(client)?, peer: Mutex::new(Some(reached_at)), learns: false });
        let far = Arc::new(Side { socket: socket(server)?, peer: Mutex::new(None), learns: true });
        for (mouth, side) in [(client, near), (server, far)] {
            let device = Arc::new(tap::open(&mouth.namespace, &mouth.interface, Carries::Packets)?);
            let (end, from, by) = (tunnel.end.clone(), device.clone(), side.clone());
            tunnel.spawn("tunnel.in", move || by.send_all(&from, &end))?;
            let end = tunnel.end.clone();
            tunnel.spawn("tunnel.out", move || side.take_all(&device, &end))?;
        }
        Ok(tunnel)
    }

    fn spawn(&mut self, name: &str, work: impl FnOnce() + Send + 'static) -> io::Result<()> {
        let work = || {
            be_punctual();
            work();
        };
        self.threads.push(thread::Builder::new().name(name.into()).spawn(work)?);
        Ok(())
    }
}

impl Drop for Tunnel {
    fn drop(&mut self) {
        self.end.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            // A panic there has been printed.
            let _ = thread.join();
        }
    }
}

/// One side at work.
struct Side {
    socket: UdpSocket,
    peer: Mutex<Option<SocketAddr>>,
    learns: bool,
}

impl Side {
    /// From the interface into the network.
    fn send_all(&self, device: &File, end: &AtomicBool) {
        let mut packet = vec![0; 65_536];
        while !end.load(Ordering::Relaxed) {
            wait(device.as_raw_fd());
            while let Ok(length) = (&*device).read(&mut packet) {
                let peer = *self.peer.lock().unwrap_or_else(PoisonError::into_inner);
                // What cannot be sent is lost, as on any network.
                let _ = peer.map(|peer| self.socket.send_to(&packet[..length], peer));
            }
        }
    }

    /// From the network to the interface.
    fn take_all(&self, device: &File, end: &AtomicBool) {
        let mut packet = vec![0; 65_536];
        while !end.load(Ordering::Relaxed) {
            wait(self.socket.as_raw_fd());
            while let Ok((length, from)) = self.socket.recv_from(&mut packet) {
                if self.learns {
                    *self.peer.lock().unwrap_or_else(PoisonError::into_inner) = Some(from);
                }
                let _ = (&*device).write(&packet[..length]);
            }
        }
    }
}

fn socket(mouth: &Mouth) -> io::Result<UdpSocket> {
    let socket = inside(&mouth.namespace, || UdpSocket::bind(mouth.bind))??;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// Until there is something to read, or a while is over.
fn wait(descriptor: i32) {
    let mut poll = libc::pollfd { fd: descriptor, events: libc::POLLIN, revents: 0 };
    let time = libc::timespec { tv_sec: 0, tv_nsec: PATIENCE_NS };
    // SAFETY: one pollfd and a timespec that outlive the call; no signal mask is changed.
    unsafe { libc::ppoll(&raw mut poll, 1, &raw const time, ptr::null()) };
}
