//! Web servers: the service and the known answer at the second server, and the router's sign-in page.

use super::{
    authority::{self, Authority},
    names,
    threads::{Threads, wait_for},
};
use netshape::{Lab, Place};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::Arc,
    thread,
    time::Duration,
};

/// Where the router's sign-in page is, for those that `routers` sends there: plain and with TLS.
pub const PORTAL: [u16; 2] = [8080, 8443];

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok";
const EMPTY: &str = "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n";
const SIGN_IN: &str = "HTTP/1.1 302 Found\r\nLocation: http://login.hotel.example/\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
/// A visitor who says nothing for so long is sent away.
const GIVE_UP: Duration = Duration::from_secs(10);

/// Starts all of them.
pub fn serve(threads: &mut Threads, lab: &Lab, authority: &Authority) -> anyhow::Result<()> {
    let any = |port| SocketAddr::from(([0; 16], port));
    at(threads, lab, Place::Alt, any(443), Some(authority.config(names::APP)?), OK)?;
    at(threads, lab, Place::Alt, any(80), None, EMPTY)?;
    at(threads, lab, Place::Gw, any(PORTAL[0]), None, SIGN_IN)?;
    at(threads, lab, Place::Gw, any(PORTAL[1]), Some(authority::unknown("login.hotel.example")?), OK)
}

fn at(
    threads: &mut Threads,
    lab: &Lab,
    place: Place,
    at: SocketAddr,
    tls: Option<Arc<ServerConfig>>,
    answer: &'static str,
) -> anyhow::Result<()> {
    let listener = lab.inside(place, || TcpListener::bind(at))??;
    listener.set_nonblocking(true)?;
    threads.start("web", move |over| {
        while !over.is() {
            wait_for(&listener);
            let Ok((stream, _)) = listener.accept() else { continue };
            let tls = tls.clone();
            // It ends by itself: every read and write of it has a limit.
            thread::spawn(move || visit(stream, tls, answer));
        }
    })?;
    Ok(())
}

/// A visitor whose connection breaks is no trouble of ours.
fn visit(stream: TcpStream, tls: Option<Arc<ServerConfig>>, answer: &str) {
    let limits = [stream.set_nonblocking(false), stream.set_nodelay(true)];
    let times = [stream.set_read_timeout(Some(GIVE_UP)), stream.set_write_timeout(Some(GIVE_UP))];
    if limits.iter().chain(&times).any(|set| set.is_err()) {
        return;
    }
    match tls.map(ServerConnection::new) {
        None => reply(stream, answer),
        Some(Ok(connection)) => reply(StreamOwned::new(connection, stream), answer),
        Some(Err(_)) => {}
    }
}

fn reply(mut stream: impl Read + Write, answer: &str) {
    if stream.read(&mut [0; 4096]).is_ok_and(|n| n > 0) && stream.write_all(answer.as_bytes()).is_ok() {
        let _ = stream.flush();
        let _ = stream.read(&mut [0; 64]);
    }
}
