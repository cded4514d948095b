//! What is on the other side of the cable: the real collector with a certificate of the test's own authority, and that
//! authority's list of what it revoked, without which Wine believes no certificate.

use super::desknet::{self, Desk};
use std::{
    io::{Read as _, Write as _},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// Where it listens: for the web and, with the same number, for voice.
pub const AT: &str = "203.0.113.9:8443";
/// Its address, by the name in its certificate.
pub const URL: &str = "https://collector.example:8443";

/// A collector; it ends when dropped.
pub struct Collector {
    process: Child,
    program: PathBuf,
    data: PathBuf,
}

impl Collector {
    /// Starts it in the network's namespace, and waits until it listens.
    pub fn start(desk: &Desk, folder: &Path) -> Self {
        let program = super::binary::binary();
        let (params, key) = desknet::request("collector.example");
        let certificate = params.signed_by(&key, &desk.authority).unwrap();
        let (cert_file, key_file) = (folder.join("cert.pem"), folder.join("key.pem"));
        std::fs::write(&cert_file, certificate.pem()).unwrap();
        std::fs::write(&key_file, key.serialize_pem()).unwrap();
        let (data, announce) = (folder.join("collector"), folder.join("announce"));
        let log = std::fs::File::create(folder.join("collector.log")).unwrap();
        let process = Command::new("ip")
            .args(["netns", "exec", &desk.name("net")])
            .arg(&program)
            .arg("serve")
            .arg("--data")
            .arg(&data)
            .args(["--listen", AT, "--reflector-port", "8443", "--zone", "UTC"])
            .arg("--tls-cert")
            .arg(cert_file)
            .arg("--tls-key")
            .arg(key_file)
            .arg("--announce")
            .arg(&announce)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut collector = Self { process, program, data };
        let began = Instant::now();
        while std::fs::read_to_string(&announce).map_or(0, |said| said.len()) == 0 {
            let ended = collector.process.try_wait().unwrap();
            let log = || std::fs::read_to_string(folder.join("collector.log")).unwrap();
            assert!(ended.is_none() && began.elapsed() < Duration::from_secs(30), "{ended:?}: {}", log());
            std::thread::sleep(Duration::from_millis(20));
        }
        collector
    }

    /// One of its commands, beside the running server.
    pub fn command(&self, arguments: &[&str]) -> String {
        let output =
            Command::new(&self.program).args(arguments).arg("--data").arg(&self.data).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Serves the list of what was revoked: nothing.
pub fn list_what_is_revoked(desk: &Desk) {
    let list = rcgen::CertificateRevocationListParams {
        this_update: rcgen::date_time_ymd(2020, 1, 1),
        next_update: rcgen::date_time_ymd(2090, 1, 1),
        crl_number: rcgen::SerialNumber::from(1),
        issuing_distribution_point: None,
        revoked_certs: Vec::new(),
        key_identifier_method: rcgen::KeyIdMethod::Sha256,
    };
    let list = list.signed_by(&desk.authority).unwrap().der().to_vec();
    let port = desknet::REVOKED.split([':', '/']).nth(4).unwrap();
    let listener = desk.in_net(|| TcpListener::bind(format!("203.0.113.9:{port}")).unwrap());
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _ = stream.read(&mut [0; 2048]);
            let head =
                format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", list.len());
            let _ = stream.write_all(&[head.as_bytes(), &list].concat());
        }
    });
}
