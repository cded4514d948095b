//! A real relay for tests: Debian's coturn on loopback, on ports of its own, ended with the test.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, UdpSocket},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

pub const USER: &str = "desk";
pub const PASSWORD: &str = "correct horse";

/// A relay that runs.
pub struct Coturn {
    child: Child,
    port: u16,
    tls_port: u16,
    _folder: tempfile::TempDir,
}

impl Coturn {
    /// Starts one with these further options; `None`, said aloud, where it is not installed.
    pub fn start(more: &[&str]) -> Option<Self> {
        Self::start_with(more, None)
    }

    /// The same, with a certificate and its key in PEM for TLS.
    pub fn start_with(more: &[&str], pem: Option<(&str, &str)>) -> Option<Self> {
        let Some(program) =
            ["/usr/bin/turnserver", "/usr/local/bin/turnserver"].into_iter().find(|p| Path::new(p).exists())
        else {
            eprintln!("skipped: no turnserver here (Debian: apt-get install coturn)");
            return None;
        };
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new(program);
        let (port, tls_port) = (free_port(), free_port());
        command
            .args(["-n", "--no-cli", "--lt-cred-mech", "--realm=test.example", "--fingerprint", "--no-dtls"])
            .args([
                "--listening-ip=127.0.0.1",
                "--relay-ip=127.0.0.1",
                "--allow-loopback-peers",
                "--no-multicast-peers",
            ])
            .args(["--user-quota=2", "--simple-log", "--log-file=stdout", "--no-software-attribute"])
            .arg(format!("--user={USER}:{PASSWORD}"))
            .arg(format!("--listening-port={port}"))
            .arg(format!("--tls-listening-port={tls_port}"))
            .arg(format!("--userdb={}", folder.path().join("users").display()))
            .arg(format!("--pidfile={}", folder.path().join("pid").display()))
            .args(more)
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        match pem {
            Some((certificate, key)) => {
                let (c, k) = (folder.path().join("certificate.pem"), folder.path().join("key.pem"));
                std::fs::write(&c, certificate).unwrap();
                std::fs::write(&k, key).unwrap();
                command.arg(format!("--cert={}", c.display())).arg(format!("--pkey={}", k.display()));
            }
            None => drop(command.arg("--no-tls")),
        }
        let child = command.spawn().unwrap();
        let relay = Self { child, port, tls_port, _folder: folder };
        relay.wait_until_it_answers();
        Some(relay)
    }

    /// Where it listens for datagrams, and for connections in the plain.
    pub fn udp(&self) -> SocketAddr {
        SocketAddr::new(Ipv4Addr::LOCALHOST.into(), self.port)
    }

    /// The port of the same.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its port for TLS.
    pub fn tls_port(&self) -> u16 {
        self.tls_port
    }

    fn wait_until_it_answers(&self) {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
        let began = Instant::now();
        let binding = [0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];
        while began.elapsed() < Duration::from_secs(30) {
            let _ = socket.send_to(&binding, self.udp());
            if socket.recv(&mut [0; 500]).is_ok() {
                return;
            }
        }
        panic!("coturn does not answer");
    }
}

impl Drop for Coturn {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A port that is free for datagrams and for connections.
fn free_port() -> u16 {
    let here = IpAddr::from(Ipv4Addr::LOCALHOST);
    loop {
        let udp = UdpSocket::bind((here, 0)).unwrap();
        let port = udp.local_addr().unwrap().port();
        if TcpListener::bind((here, port)).is_ok() {
            return port;
        }
    }
}
