//! The way to one server: its address, how to connect to it, and each phase of that timed.
//!
//! Owns what a connection is. HTTP/2 where the server speaks it, HTTP/1.1 elsewhere. A connection that is dropped is
//! gone with all its tasks.

use super::{
    Plan,
    body::{Sent, noise},
    config::{self, Urls},
    meter::{Meter, Metered},
    notes::{Kind, Notes},
    once::Once,
    resolve,
};
use crate::network::https;
use http_body_util::BodyExt as _;
use hyper::{
    Request, Response, Version,
    body::{Bytes, Incoming},
    client::conn::{http1, http2},
    header,
};
use hyper_util::rt::TokioIo;
use rustls::{
    AlertDescription, ClientConfig, Error, ProtocolVersion, client::Resumption, pki_types::ServerName,
};
use std::{
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use telemetry::{Failure, LoadProtocol};
use tokio::{net::TcpStream, task::AbortHandle, time::timeout};
use tokio_rustls::TlsConnector;
use url::Url;

/// How long one address may take while there are others.
const EACH: Duration = Duration::from_millis(800);
/// More addresses of a name are not tried.
const MAX_ADDRESSES: usize = 3;
/// How much of a body may be under way before it is taken: what a server that does not stop may send too much.
const WINDOW: u32 = 1 << 20;
/// What waits here waits before everything else on a connection.
const WAITING: usize = 16 << 10;
/// HTTP/2 and HTTP/1.1, as TLS names them.
const H2: &[u8] = b"h2";
const H1: &[u8] = b"http/1.1";
/// How much the desk wants to download at most, for a server that keeps to it.
const MOST: &str = "preshift-max-bytes";

/// A direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// To the desk.
    Down,
    /// From the desk.
    Up,
}

/// Why something did not go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// It failed.
    Failed(Failure),
    /// The server measures with others.
    Busy,
    /// The server does not do this.
    NotOffered,
    /// No policy may send a desk there.
    Forbidden,
    /// The bytes are used up: that is no fault.
    Spent,
}

/// The way to one server.
pub struct Line {
    address: SocketAddr,
    tls: Option<(TlsConnector, ServerName<'static>)>,
    http2: bool,
    urls: Urls,
    meter: Arc<Meter>,
    noise: Bytes,
}

impl Line {
    /// Finds the server and asks it for a test. `most` is how much shall be downloaded.
    pub async fn open(plan: &Plan, meter: Arc<Meter>, most: u64) -> Result<Self, Trouble> {
        let host = plan.url.host_str().ok_or(Trouble::Failed(Failure::System))?;
        let port = plan.url.port_or_known_default().ok_or(Trouble::Failed(Failure::System))?;
        let addresses = resolve(&plan.host, host, port).await?;
        let mut line = Self {
            address: addresses[0],
            tls: None,
            http2: false,
            urls: Urls { small: plan.url.clone(), large: plan.url.clone(), upload: plan.url.clone() },
            meter,
            noise: noise(),
        };
        if plan.url.scheme() == "https" {
            let verifier = plan.verifier.clone().ok_or(Trouble::Failed(Failure::System))?;
            let name = ServerName::try_from(host.trim_matches(['[', ']']).to_owned());
            let name = name.map_err(|_| Trouble::Failed(Failure::NameNotFound))?;
            let once = Arc::new(Once::new(verifier));
            line.tls = Some((connector(once.clone(), H2)?, name.clone()));
            let notes = Notes::default();
            let first = match line.reach(&addresses, &notes).await {
                // Some servers say no to a protocol that they do not know; the others do without.
                Err(Trouble::Failed(Failure::BadAnswer)) => {
                    line.tls = Some((connector(once, H1)?, name));
                    line.reach(&addresses, &notes).await?
                }
                other => other?,
            };
            line.http2 = matches!(first.sender, Sender::Two(_));
            return line.begin(first, plan, most).await;
        }
        let first = line.reach(&addresses, &Notes::default()).await?;
        line.begin(first, plan, most).await
    }

    /// What the load is made with.
    pub fn protocol(&self) -> LoadProtocol {
        if self.http2 { LoadProtocol::Http2 } else { LoadProtocol::Http1 }
    }

    /// Whether all bytes are used up.
    pub fn is_spent(&self) -> bool {
        self.meter.is_spent()
    }

    /// Bytes for a load.
    pub fn noise(&self) -> Bytes {
        self.noise.clone()
    }

    /// The addresses of the test.
    pub fn urls(&self) -> &Urls {
        &self.urls
    }

    /// Connects, and times the handshakes.
    pub async fn connect(&self, notes: &Notes) -> Result<Connection, Trouble> {
        let tcp = notes.begin(Kind::Tcp);
        let stream =
            TcpStream::connect(self.address).await.map_err(|e| Trouble::Failed(https::failure(&e)))?;
        tcp.done(1);
        let _ = stream.set_nodelay(true);
        keep_backlog_short(&stream);
        let stream = Metered::new(stream, self.meter.clone());
        let Some((connector, name)) = &self.tls else {
            return Connection::one(TokioIo::new(stream)).await.map_err(|e| self.trouble(&e));
        };
        let tls = notes.begin(Kind::Tls);
        let stream = connector.connect(name.clone(), stream).await.map_err(|e| self.tls_trouble(&e))?;
        let session = stream.get_ref().1;
        // A full handshake of TLS 1.2 is two round trips, one of TLS 1.3 is one.
        tls.done(if session.protocol_version() == Some(ProtocolVersion::TLSv1_2) { 2 } else { 1 });
        let two = session.alpn_protocol() == Some(H2);
        let io = TokioIo::new(stream);
        let connected = if two { Connection::two(io).await } else { Connection::one(io).await };
        connected.map_err(|e| self.trouble(&e))
    }

    /// Asks, and gives the answer's head; only 200 is one.
    pub async fn ask(
        &self,
        sender: &mut Sender,
        request: Request<Sent>,
    ) -> Result<Response<Incoming>, Trouble> {
        let response = sender.ask(request).await.map_err(|e| self.trouble(&e))?;
        match response.status().as_u16() {
            200 => Ok(response),
            429 | 503 => Err(Trouble::Busy),
            404 | 501 => Err(Trouble::NotOffered),
            401 | 403 => Err(Trouble::Failed(Failure::Refused)),
            _ => Err(Trouble::Failed(Failure::BadAnswer)),
        }
    }

    /// A whole body of at most so many bytes.
    pub async fn body(&self, mut body: Incoming, most: usize) -> Result<Vec<u8>, Trouble> {
        let mut all = Vec::new();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|e| self.trouble(&e))?;
            all.extend_from_slice(frame.data_ref().map_or(&[][..], |data| data));
            if all.len() > most {
                return Err(Trouble::Failed(Failure::BadAnswer));
            }
        }
        Ok(all)
    }

    /// A request as the kind of connection wants it.
    pub fn request(&self, method: &str, url: &Url, body: Sent) -> Result<Request<Sent>, Trouble> {
        let authority = &url[url::Position::BeforeHost..url::Position::AfterPort];
        let path = &url[url::Position::BeforePath..url::Position::AfterQuery];
        let builder = Request::builder().method(method);
        let builder = if self.http2 {
            builder.uri(format!("{}://{authority}{path}", url.scheme())).version(Version::HTTP_2)
        } else {
            builder.uri(path).header(header::HOST, authority)
        };
        builder
            .header(header::USER_AGENT, concat!("preshift/", env!("CARGO_PKG_VERSION")))
            .header(header::ACCEPT_ENCODING, "identity")
            .body(body)
            .map_err(|_| Trouble::Failed(Failure::System))
    }

    /// Tries the addresses one after the other; the first that answers is kept to.
    async fn reach(&mut self, addresses: &[SocketAddr], notes: &Notes) -> Result<Connection, Trouble> {
        let tried = &addresses[..addresses.len().min(MAX_ADDRESSES)];
        let mut last = Trouble::Failed(Failure::NoAnswer);
        for (number, address) in tried.iter().enumerate() {
            self.address = *address;
            let limit = if number + 1 == tried.len() { EACH * 3 } else { EACH };
            match timeout(limit, self.connect(notes)).await {
                Ok(Ok(connection)) => return Ok(connection),
                // It was reached: another address is the same server.
                Ok(Err(why @ Trouble::Failed(Failure::BadAnswer | Failure::BadCertificate))) => {
                    return Err(why);
                }
                Ok(Err(why)) => last = why,
                Err(_) => {}
            }
        }
        Err(last)
    }

    async fn begin(mut self, mut first: Connection, plan: &Plan, most: u64) -> Result<Self, Trouble> {
        let mut request = self.request("GET", &plan.url, Sent::Nothing)?;
        let system = |_| Trouble::Failed(Failure::System);
        request.headers_mut().insert(MOST, most.into());
        for (name, value) in plan.sign.iter().flat_map(|sign| sign(plan.url.path())) {
            request.headers_mut().insert(name, value.parse().map_err(system)?);
        }
        let response = self.ask(&mut first.sender, request).await?;
        let body = self.body(response.into_body(), config::MOST).await?;
        self.urls = config::parse(&body, &plan.url).ok_or(Trouble::Failed(Failure::BadAnswer))?;
        Ok(self)
    }

    /// What an error on an open connection means.
    fn trouble(&self, error: &hyper::Error) -> Trouble {
        if self.meter.is_spent() {
            return Trouble::Spent;
        }
        let source = std::error::Error::source(error);
        Trouble::Failed(match source.and_then(|s| s.downcast_ref::<io::Error>()) {
            Some(error) => https::failure(error),
            None if error.is_incomplete_message() || error.is_closed() || error.is_canceled() => {
                Failure::NoAnswer
            }
            None => Failure::BadAnswer,
        })
    }

    fn tls_trouble(&self, error: &io::Error) -> Trouble {
        let inner = error.get_ref().and_then(|e| e.downcast_ref::<Error>());
        match inner {
            _ if self.meter.is_spent() => Trouble::Spent,
            Some(Error::AlertReceived(AlertDescription::NoApplicationProtocol)) => {
                Trouble::Failed(Failure::BadAnswer)
            }
            _ => Trouble::Failed(https::failure(error)),
        }
    }
}

/// Where requests go in.
pub enum Sender {
    /// One after the other.
    One(http1::SendRequest<Sent>),
    /// Beside each other.
    Two(http2::SendRequest<Sent>),
}

impl Sender {
    async fn ask(&mut self, request: Request<Sent>) -> hyper::Result<Response<Incoming>> {
        match self {
            Self::One(sender) => {
                sender.ready().await?;
                sender.send_request(request).await
            }
            Self::Two(sender) => {
                sender.ready().await?;
                sender.send_request(request).await
            }
        }
    }
}

/// An open connection, closed when it is dropped.
pub struct Connection {
    /// Where requests go in.
    pub sender: Sender,
    _tasks: Guard,
}

impl Connection {
    async fn one<T>(io: T) -> hyper::Result<Self>
    where
        T: hyper::rt::Read + hyper::rt::Write + Unpin + Send + 'static,
    {
        let tasks = Tasks::default();
        let (sender, driver) = http1::Builder::new().max_buf_size(WAITING).handshake(io).await?;
        tasks.spawn(async { drop(driver.await) });
        Ok(Self { sender: Sender::One(sender), _tasks: Guard(tasks) })
    }

    async fn two<T>(io: T) -> hyper::Result<Self>
    where
        T: hyper::rt::Read + hyper::rt::Write + Unpin + Send + 'static,
    {
        let tasks = Tasks::default();
        let (sender, driver) = http2::Builder::new(tasks.clone())
            .initial_stream_window_size(WINDOW)
            .initial_connection_window_size(WINDOW)
            .max_send_buf_size(WAITING)
            .max_header_list_size(16 << 10)
            .handshake(io)
            .await?;
        tasks.spawn(async { drop(driver.await) });
        Ok(Self { sender: Sender::Two(sender), _tasks: Guard(tasks) })
    }
}

/// The tasks of one connection.
#[derive(Clone, Default)]
struct Tasks(Arc<Mutex<Vec<AbortHandle>>>);

impl Tasks {
    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let task = tokio::spawn(task).abort_handle();
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(task);
    }
}

impl<F: Future + Send + 'static> hyper::rt::Executor<F> for Tasks {
    fn execute(&self, task: F) {
        self.spawn(async { drop(task.await) });
    }
}

/// Ends them. The tasks themselves hold `Tasks` too, so that this cannot be its own end.
struct Guard(Tasks);

impl Drop for Guard {
    fn drop(&mut self) {
        let tasks = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        tasks.iter().for_each(AbortHandle::abort);
    }
}

fn connector(once: Arc<Once>, protocol: &[u8]) -> Result<TlsConnector, Trouble> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|_| Trouble::Failed(Failure::System))?
        .dangerous()
        .with_custom_certificate_verifier(once)
        .with_no_client_auth();
    config.alpn_protocols = vec![protocol.to_vec()];
    // Each handshake is a whole one, so that its time means the same every time.
    config.resumption = Resumption::disabled();
    Ok(TlsConnector::from(Arc::new(config)))
}

/// What the system holds and has not sent yet would delay what is asked behind it, and that is no delay of the line's.
fn keep_backlog_short(stream: &TcpStream) {
    #[cfg(target_os = "linux")]
    let _ = socket2::SockRef::from(stream).set_tcp_notsent_lowat(WAITING as u32);
    #[cfg(not(target_os = "linux"))]
    let _ = stream;
}
