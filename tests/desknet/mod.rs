//! A desk and the network it is on, in two namespaces with a cable between them.
//!
//! `desk` is 192.168.77.2 and fd77::2, with the router 192.168.77.1 and fd77::1 in `net`, which also
//! has 203.0.113.9 (a service) and 203.0.113.53 (a resolver). Probes run in a process of their own
//! inside `desk`, so that everything they ask the system is the namespace's.

use hickory_proto::{
    op::{Message, MessageType},
    rr::{RData, Record, RecordType, rdata},
};
use rustls::{ServerConfig, ServerConnection, StreamOwned, pki_types::PrivateKeyDer};
use std::{
    fs,
    io::{Read as _, Write as _},
    net::{Ipv4Addr, TcpListener, TcpStream, UdpSocket},
    os::{fd::AsRawFd as _, unix::fs::PermissionsExt as _},
    path::PathBuf,
    process::Command,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};
use telemetry::{ProbeId, Reading};

/// One at a time: they share the machine's clock and its patience.
static TURN: Mutex<()> = Mutex::new(());

/// Where certificates say that it is listed which of them were revoked.
pub const REVOKED: &str = "http://revoked.example:8080/list";

/// What a test of this kind needs and this machine does not have.
fn missing() -> Option<&'static str> {
    // SAFETY: takes nothing and cannot fail.
    if unsafe { libc::geteuid() } != 0 {
        return Some("root");
    }
    let works = |program: &str, arguments: &[&str]| {
        Command::new(program).args(arguments).output().is_ok_and(|o| o.status.success())
    };
    let try_out = format!("dn{}t", std::process::id());
    if !works("ip", &["netns", "add", &try_out]) {
        return Some("network namespaces and ip");
    }
    works("ip", &["netns", "del", &try_out]);
    (!works("nft", &["--version"])).then_some("nft")
}

/// The two namespaces; gone when dropped.
pub struct Desk {
    prefix: String,
    folder: tempfile::TempDir,
    /// Who signs the certificates on the desk's network.
    pub authority: rcgen::CertifiedIssuer<'static, rcgen::KeyPair>,
    _turn: MutexGuard<'static, ()>,
}

/// What a program in the desk's namespace may do.
#[derive(Clone, Copy, PartialEq)]
pub enum As {
    Root,
    Nobody,
}

impl Desk {
    /// Lays the cable; `None`, with a word on why, where that cannot be. With `PRESHIFT_LABS=1` that
    /// is a failure.
    pub fn up(test: &str) -> Option<Self> {
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(need) = missing() {
            assert!(std::env::var_os("PRESHIFT_LABS").is_none_or(|v| v != "1"), "{test}: needs {need}");
            eprintln!("SKIPPED: {test}: needs {need}");
            return None;
        }
        let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let key = rcgen::KeyPair::generate().unwrap();
        let authority = rcgen::CertifiedIssuer::self_signed(params, key).unwrap();
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("roots.pem"), authority.pem()).unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let desk = Self { prefix: format!("dn{}", std::process::id()), folder, authority, _turn: turn };
        desk.remove();
        for side in ["desk", "net"] {
            ip(&["netns", "add", &desk.name(side)]);
            desk.ip(side, "link set lo up");
            let settings = "net/ipv6/conf/all/accept_dad net/ipv6/conf/default/accept_dad net/ipv6/conf/default/router_solicitations";
            for setting in settings.split(' ') {
                desk.set(side, setting, "0");
            }
        }
        // The namespace's own resolver, until a test says otherwise; `ip netns exec` puts it in place.
        desk.resolver("203.0.113.53");
        Some(desk)
    }

    /// A desk whose cable is in, with both families.
    pub fn connected(test: &str) -> Option<Self> {
        let desk = Self::up(test)?;
        desk.cable();
        for (side, end) in [("desk", 2), ("net", 1)] {
            desk.ip(side, &format!("addr add 192.168.77.{end}/24 dev eth0"));
            desk.ip(side, &format!("addr add fd77::{end}/64 dev eth0 nodad"));
        }
        desk.ip("desk", "route add default via 192.168.77.1");
        desk.ip("desk", "route add default via fd77::1");
        for address in ["203.0.113.9/32", "203.0.113.53/32"] {
            desk.ip("net", &format!("addr add {address} dev lo"));
        }
        Some(desk)
    }

    /// Puts the cable in, without any address.
    pub fn cable(&self) {
        let (desk, net) = (self.name("desk"), self.name("net"));
        ip(&["link", "add", "eth0", "netns", &desk, "type", "veth", "peer", "name", "eth0", "netns", &net]);
        self.ip("desk", "link set eth0 up");
        self.ip("net", "link set eth0 up");
        self.set("net", "net/ipv4/ip_forward", "1");
        self.set("net", "net/ipv6/conf/all/forwarding", "1");
        // Otherwise a few errors a second are told, and a test is one of many.
        self.set("net", "net/ipv4/icmp_ratelimit", "0");
        self.set("net", "net/ipv6/icmp/ratelimit", "0");
    }

    /// Runs `ip` in one of the namespaces.
    pub fn ip(&self, side: &str, command: &str) {
        let name = self.name(side);
        let mut all = vec!["-n", &name];
        all.extend(command.split(' '));
        ip(&all);
    }

    /// Sets a kernel setting of one of the namespaces, if the kernel has it.
    pub fn set(&self, side: &str, setting: &str, value: &str) {
        let line = format!("echo {value} > /proc/sys/{setting}");
        let _ = Command::new("ip").args(["netns", "exec", &self.name(side), "sh", "-c", &line]).output();
    }

    /// Loads a ruleset in the network's namespace.
    pub fn nft(&self, rules: &str) {
        let file = self.folder.path().join("rules.nft");
        fs::write(&file, rules).unwrap();
        let output = Command::new("ip")
            .args(["netns", "exec", &self.name("net"), "nft", "-f"])
            .arg(&file)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// Sets the desk's only resolver.
    pub fn resolver(&self, address: &str) {
        fs::create_dir_all(self.etc()).unwrap();
        fs::write(self.etc().join("resolv.conf"), format!("nameserver {address}\n")).unwrap();
    }

    /// Does something with the network's namespace as this thread's own; sockets that are made stay there.
    pub fn in_net<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        let namespace = fs::File::open(format!("/run/netns/{}", self.name("net"))).unwrap();
        thread::scope(|scope| {
            let inside = || {
                // SAFETY: the descriptor is open and of a network namespace; only this thread moves.
                let moved = unsafe { libc::setns(namespace.as_raw_fd(), libc::CLONE_NEWNET) };
                assert_eq!(moved, 0, "{}", std::io::Error::last_os_error());
                work()
            };
            scope.spawn(inside).join().unwrap()
        })
    }

    /// Runs probes on the desk; gives their readings and how long it took.
    pub fn probe(&self, by: As, probes: &[ProbeId], policy: &str) -> (Vec<Reading>, Duration) {
        let mut program = std::env::current_exe().unwrap();
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.name("desk")]);
        if by == As::Nobody {
            // Nobody may not look where this program lies.
            let copy = self.folder.path().join("probes");
            fs::copy(&program, &copy).unwrap();
            fs::set_permissions(&copy, fs::Permissions::from_mode(0o755)).unwrap();
            program = copy;
            command.args(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all"]);
        }
        let names: Vec<&str> = probes.iter().map(|p| p.name()).collect();
        let began = Instant::now();
        let output = command
            .arg(program)
            .args(["--exact", "on_the_desk", "--nocapture", "--test-threads=1"])
            .env("PRESHIFT_ON_THE_DESK", names.join(","))
            .env("PRESHIFT_ON_THE_DESK_POLICY", format!("id = 'x'\nversion = 1\n{policy}"))
            .env("PRESHIFT_ON_THE_DESK_ROOTS", self.folder.path().join("roots.pem"))
            .current_dir("/")
            .output()
            .unwrap();
        let took = began.elapsed();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
        let readings = said
            .lines()
            .filter_map(|l| l.split_once("READING "))
            .map(|(_, json)| serde_json::from_str(json).unwrap_or_else(|e| panic!("{e}: {json}")));
        (readings.collect(), took)
    }

    /// A server's configuration with a certificate of the desk's own authority.
    pub fn certificate(&self, name: &str) -> Arc<ServerConfig> {
        certificate(name, |params, key| params.signed_by(key, &self.authority).unwrap())
    }

    /// Answers DNS with one address for every name, and nothing for any other type.
    pub fn dns(&self, answer: Ipv4Addr) {
        let socket = self.in_net(|| UdpSocket::bind("203.0.113.53:53").unwrap());
        thread::spawn(move || {
            let mut buffer = [0; 2048];
            while let Ok((length, from)) = socket.recv_from(&mut buffer) {
                let Ok(mut message) = Message::from_vec(&buffer[..length]) else { continue };
                message.metadata.message_type = MessageType::Response;
                message.additionals.clear();
                message.edns = None;
                let asked = message.queries[0].clone();
                if asked.query_type() == RecordType::A {
                    let data = RData::A(rdata::A(answer));
                    message.add_answer(Record::from_rdata(asked.name().clone(), 60, data));
                }
                let _ = socket.send_to(&message.to_vec().unwrap(), from);
            }
        });
    }

    /// A server on the network's side that gives one answer; with a configuration it speaks TLS.
    pub fn serve(&self, at: &str, tls: Option<Arc<ServerConfig>>, answer: &'static str) {
        let listener = self.in_net(|| TcpListener::bind(at).unwrap());
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let tls = tls.clone();
                thread::spawn(move || match tls {
                    Some(config) => {
                        let mut stream = StreamOwned::new(ServerConnection::new(config).unwrap(), stream);
                        let _ = stream.read(&mut [0; 2048]);
                        let _ = stream.write_all(answer.as_bytes());
                        let _ = stream.read(&mut [0]);
                    }
                    None => {
                        let mut stream: TcpStream = stream;
                        let _ = stream.read(&mut [0; 2048]);
                        let _ = stream.write_all(answer.as_bytes());
                        let _ = stream.read(&mut [0]);
                    }
                });
            }
        });
    }

    /// The name of one of the namespaces: `desk` or `net`.
    pub fn name(&self, side: &str) -> String {
        format!("{}-{side}", self.prefix)
    }

    fn etc(&self) -> PathBuf {
        PathBuf::from("/etc/netns").join(self.name("desk"))
    }

    fn remove(&self) {
        for side in ["desk", "net"] {
            let _ = Command::new("ip").args(["netns", "del", &self.name(side)]).output();
        }
        let _ = fs::remove_dir_all(self.etc());
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        self.remove();
    }
}

/// A server's configuration whose certificate nobody vouches for.
pub fn unknown_certificate(name: &str) -> Arc<ServerConfig> {
    certificate(name, |params, key| params.self_signed(key).unwrap())
}

fn certificate(
    name: &str,
    sign: impl FnOnce(&rcgen::CertificateParams, &rcgen::KeyPair) -> rcgen::Certificate,
) -> Arc<ServerConfig> {
    let (params, key) = request(name);
    let chain = vec![sign(&params, &key).der().clone()];
    let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder =
        ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    Arc::new(builder.with_no_client_auth().with_single_cert(chain, key).unwrap())
}

/// What a certificate shall say. It has a name of its own: one whose name is its issuer's looks like a root.
pub fn request(name: &str) -> (rcgen::CertificateParams, rcgen::KeyPair) {
    let mut params = rcgen::CertificateParams::new(vec![name.to_owned()]).unwrap();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(rcgen::DnType::CommonName, name);
    // Some systems believe no certificate of which they cannot look up whether it was revoked.
    params.crl_distribution_points = vec![rcgen::CrlDistributionPoint { uris: vec![REVOKED.into()] }];
    (params, rcgen::KeyPair::generate().unwrap())
}

fn ip(arguments: &[&str]) {
    let output = Command::new("ip").args(arguments).output().unwrap();
    assert!(output.status.success(), "ip {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}
