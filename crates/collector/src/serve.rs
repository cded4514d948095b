//! The running server: listening, TLS, connections and their time limits, and the end in order.

mod connection;
mod tls;

pub use tls::TlsError;

use crate::{
    assignment, board,
    clock::Clock,
    http::{self, App},
    limits::Limits,
    store::{self, Readers, StoreError, plan, settings, writer::Writer},
};
use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::PathBuf,
    sync::Arc,
    thread::JoinHandle,
    time::Duration,
};
use tokio::{net::TcpListener, sync::watch, task::JoinHandle as Task};

/// How requests are protected on their way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Transport {
    /// Not at all: only on loopback, for trying it out.
    Plain,
    /// By a proxy in front, which speaks HTTPS with desks and plain HTTP with us.
    BehindProxy,
    /// By our own certificate.
    Tls {
        /// PEM file with the certificate and its chain.
        cert: PathBuf,
        /// PEM file with the private key.
        key: PathBuf,
    },
}

/// What a server is started with.
#[derive(Clone)]
pub struct Settings {
    /// The data folder.
    pub data: PathBuf,
    /// Where to listen; port 0 is any that is free.
    pub listen: SocketAddr,
    /// How requests are protected.
    pub transport: Transport,
    /// UDP port of the reflector; 0 is any that is free, `None` is none.
    pub reflector: Option<u16>,
    /// How many days reports are kept.
    pub retention_days: u32,
    /// The zone in which the board tells times.
    pub zone: board::Zone,
    /// The limits.
    pub limits: Limits,
}

/// Why a server did not start.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Plain HTTP would leave this computer.
    #[error(
        "{0} is not a loopback address: give --tls-cert and --tls-key, or --behind-proxy when a proxy speaks HTTPS for us"
    )]
    PlainOffLoopback(SocketAddr),
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The reflector did not start.
    #[error("cannot start the reflector: {0}")]
    Reflector(#[from] reflector::ReflectorError),
    /// The certificate cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The store cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There are no random numbers.
    #[error(transparent)]
    Random(#[from] crate::secret::NoRandom),
}

/// A server that runs. Dropping it does not end it; [`stop`](Self::stop) does.
pub struct Server {
    /// Where it listens.
    pub address: SocketAddr,
    /// Where its reflector listens.
    pub reflector: Option<SocketAddr>,
    /// The admin token, if this start made the first one. It is known only now.
    pub new_token: Option<String>,
    secure: bool,
    stopping: watch::Sender<bool>,
    tasks: Vec<Task<()>>,
    writer: JoinHandle<()>,
    udp: Option<reflector::Reflector>,
}

/// Old connections get so long to finish what they began.
const FAREWELL: Duration = Duration::from_secs(10);
/// How often a little of what is too old is pruned.
const TICK: Duration = Duration::from_secs(2);

impl Server {
    /// Starts one on the current tokio runtime.
    pub async fn start(settings: Settings, clock: Clock) -> Result<Self, ServeError> {
        let Settings { data, listen, transport, reflector, retention_days, zone, limits } = settings;
        if transport == Transport::Plain && !listen.ip().is_loopback() {
            return Err(ServeError::PlainOffLoopback(listen));
        }
        let acceptor = match &transport {
            Transport::Tls { cert, key } => Some(tls::acceptor(cert, key)?),
            _ => None,
        };
        let db = store::open(&data, true)?;
        let listener = TcpListener::bind(listen)
            .await
            .map_err(|source| ServeError::Listen { address: listen, source })?;
        let address =
            listener.local_addr().map_err(|source| ServeError::Listen { address: listen, source })?;
        let udp = reflector.map(|port| {
            let ip = reflector_ip(listen, &transport);
            reflector::Reflector::bind(SocketAddr::new(ip, port), reflector::Limits::default())
        });
        let udp = udp.transpose()?;
        let port = udp.as_ref().map(|r| r.local_addr().port());

        let policy = assignment::default_policy(port);
        if settings::get(&db, settings::DEFAULT_POLICY)?.as_deref() != Some(policy.digest().as_str()) {
            plan::set_policy(&db, settings::DEFAULT_POLICY, &policy, clock())?;
        }
        // What a desk is judged by until it has fetched its assignment.
        plan::keep_policy(&db, &readiness::Policy::builtin(), clock())?;
        let new_token = match settings::get(&db, settings::TOKEN)? {
            Some(_) => None,
            None => Some(settings::new_token(&db)?),
        };

        let (writer, thread) = Writer::start(db, clock.clone(), limits.queue, retention_days)?;
        let secure = transport != Transport::Plain;
        let sessions = board::session::Sessions::new(secure, limits.sign_in);
        let app = App::new(Readers::new(&data), writer, clock, limits, retention_days, sessions, zone)?;

        let (stopping, stop) = watch::channel(false);
        let routers =
            connection::Routers { all: http::router(app.clone()), load: http::load_router(app.clone()) };
        let accept = connection::accept(listener, acceptor, routers, app.clone(), stop.clone());
        let tasks = vec![tokio::spawn(accept), tokio::spawn(tick(app, stop))];
        Ok(Self {
            address,
            reflector: udp.as_ref().map(|r| r.local_addr()),
            new_token,
            secure: acceptor_is_ours(&transport),
            stopping,
            tasks,
            writer: thread,
            udp,
        })
        .inspect(|server| {
            tracing::info!(address = %server.address, reflector = ?server.reflector, cookies_secure = secure, "listening");
        })
    }

    /// The address as one types it.
    pub fn url(&self) -> String {
        format!("{}://{}", if self.secure { "https" } else { "http" }, self.address)
    }

    /// Ends it in order: no new connections, open requests are answered, what is queued is committed.
    pub async fn stop(self) {
        let _ = self.stopping.send(true);
        for task in self.tasks {
            let _ = task.await;
        }
        // The last `Writer` went with the last connection.
        let writer = self.writer;
        let _ = tokio::task::spawn_blocking(move || writer.join()).await;
        if let Some(udp) = self.udp {
            let _ = tokio::task::spawn_blocking(move || udp.shutdown()).await;
        }
    }
}

/// Where the reflector listens: a proxy in front passes no UDP on, so desks come to it past the proxy.
pub fn reflector_ip(listen: SocketAddr, transport: &Transport) -> IpAddr {
    match (transport, listen) {
        (Transport::BehindProxy, SocketAddr::V4(_)) => Ipv4Addr::UNSPECIFIED.into(),
        (Transport::BehindProxy, SocketAddr::V6(_)) => Ipv6Addr::UNSPECIFIED.into(),
        _ => listen.ip(),
    }
}

fn acceptor_is_ours(transport: &Transport) -> bool {
    matches!(transport, Transport::Tls { .. })
}

async fn tick(app: Arc<App>, mut stop: watch::Receiver<bool>) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(TICK) => app.tick(),
            _ = stop.changed() => return,
        }
    }
}
