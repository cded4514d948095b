//! Bulk transfers, which fill whatever line they go over.

use super::threads::{Over, PATIENCE, Threads, wait_for};
use crate::case::{Direction, Host, Traffic};
use netshape::{Fate, Lab, Place};
use std::{
    io::{ErrorKind, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    os::fd::AsRawFd as _,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

/// Where the second server takes what comes, and where it gives.
const TAKES: u16 = 5001;
const GIVES: u16 = 5002;
/// No transfer is faster, so that one over a link without a rate cannot keep the machine busy.
const MOST_BYTES_A_SECOND: f64 = 20e6 / 8.0;
const CHUNK: usize = 16 * 1024;
/// A transfer has found its speed when the first queue is full, or when it has run for so long.
const SETTLES_WITHIN: Duration = Duration::from_secs(6);

/// Starts all of them, and waits until they fill the line.
pub fn start(threads: &mut Threads, lab: &Lab, all: &[Traffic]) -> anyhow::Result<()> {
    if all.is_empty() {
        return Ok(());
    }
    let moved = Arc::new(AtomicU64::new(0));
    for (port, way) in [(TAKES, Direction::Down), (GIVES, Direction::Up)] {
        let any = SocketAddr::from(([0, 0, 0, 0], port));
        let listener = lab.inside(Place::Alt, || TcpListener::bind(any))??;
        listener.set_nonblocking(true)?;
        let moved = moved.clone();
        threads.start("bulk", move |over| serve(&listener, way, &moved, &over))?;
    }
    for traffic in all {
        let place = match traffic.host {
            Host::Ws => Place::Ws,
            Host::Tv => Place::Tv,
        };
        let port = if traffic.way == Direction::Up { TAKES } else { GIVES };
        let to = SocketAddr::new(Lab::SECOND_V4.parse()?, port);
        let stream = lab.inside(place, || TcpStream::connect_timeout(&to, SETTLES_WITHIN))??;
        let (way, moved) = (traffic.way, moved.clone());
        threads.start("bulk", move |over| transfer(stream, way, &moved, &over))?;
    }
    let began = Instant::now();
    let full =
        || lab.links().directions().iter().any(|d| d.records().iter().any(|r| r.fate == Fate::QueueFull));
    while began.elapsed() < SETTLES_WITHIN && !full() {
        thread::sleep(PATIENCE);
    }
    anyhow::ensure!(moved.load(Ordering::Relaxed) > 0, "the transfers do not get through");
    Ok(())
}

/// The server's side: it does the contrary of what the home does.
fn serve(listener: &TcpListener, way: Direction, moved: &Arc<AtomicU64>, over: &Over) {
    let mut running = Vec::new();
    while !over.is() {
        wait_for(listener);
        let Ok((stream, _)) = listener.accept() else { continue };
        if stream.set_nonblocking(false).is_ok() {
            let (moved, over) = (moved.clone(), over.clone());
            running.push(thread::spawn(move || transfer(stream, way, &moved, &over)));
        }
    }
    for thread in running {
        // A panic there has been printed.
        let _ = thread.join();
    }
}

/// One side of a transfer: `Up` writes, `Down` reads.
fn transfer(mut stream: TcpStream, way: Direction, moved: &AtomicU64, over: &Over) {
    fill_queues(&stream);
    if stream.set_read_timeout(Some(PATIENCE)).is_err() || stream.set_write_timeout(Some(PATIENCE)).is_err() {
        return;
    }
    let mut chunk = vec![0; CHUNK];
    let (began, mut bytes) = (Instant::now(), 0u64);
    while !over.is() {
        let done = match way {
            Direction::Up => stream.write(&chunk),
            Direction::Down => stream.read(&mut chunk),
        };
        match done {
            Ok(0) => return,
            Ok(n) => bytes += n as u64,
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(_) => return,
        }
        if way == Direction::Down {
            moved.fetch_max(bytes, Ordering::Relaxed);
        }
        let due = Duration::from_secs_f64(bytes as f64 / MOST_BYTES_A_SECOND);
        thread::sleep(due.saturating_sub(began.elapsed()).min(PATIENCE));
    }
}

/// Has a connection send faster until something is lost, as most of what homes upload does. The usual way of this
/// system slows down when answers come later, and would fill a queue only after a minute.
fn fill_queues(stream: &TcpStream) {
    const WAY: &[u8] = b"reno";
    // SAFETY: the descriptor is open, and `WAY` is as long as is said. Where it fails, the queue fills later.
    unsafe {
        libc::setsockopt(
            stream.as_raw_fd(),
            libc::IPPROTO_TCP,
            libc::TCP_CONGESTION,
            WAY.as_ptr().cast(),
            WAY.len() as libc::socklen_t,
        );
    }
}
