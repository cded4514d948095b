//! Accepting connections, and each connection's life.
//!
//! Must not note where a connection comes from: the peer's address is dropped as it is accepted.

use super::{FAREWELL, tls::H2};
use crate::{http::App, limits::Limits};
use axum::Router;
use hyper::server::conn::{http1, http2};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use std::{sync::Arc, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::{Semaphore, watch},
    task::JoinSet,
};
use tokio_rustls::TlsAcceptor;

/// What is served to whom.
#[derive(Clone)]
pub(super) struct Routers {
    /// To everybody.
    pub all: Router,
    /// To who speaks HTTP/2.
    pub load: Router,
}

/// Accepts until told to stop; returns when the last connection has ended.
pub(super) async fn accept(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    routers: Routers,
    app: Arc<App>,
    mut stop: watch::Receiver<bool>,
) {
    let places = Arc::new(Semaphore::new(app.limits.connections));
    let mut open = JoinSet::new();
    loop {
        let place = places.clone().acquire_owned();
        let next = async {
            let place = place.await;
            (listener.accept().await, place)
        };
        let (accepted, place) = tokio::select! {
            next = next => next,
            Some(_) = open.join_next() => continue,
            _ = stop.changed() => break,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                // Mostly "too many open files": waiting a moment lets some end.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let _ = stream.set_nodelay(true);
        let (tls, routers, limits, stop) = (tls.clone(), routers.clone(), app.limits.clone(), stop.clone());
        open.spawn(async move {
            match tls {
                None => serve(stream, routers.all, &limits, stop).await,
                Some(tls) => {
                    if let Ok(Ok(stream)) = tokio::time::timeout(limits.head, tls.accept(stream)).await {
                        let (below, session) = stream.get_ref();
                        if session.alpn_protocol() == Some(H2) {
                            keep_backlog_short(below);
                            serve_load(stream, routers.load, &limits, stop).await;
                        } else {
                            serve(stream, routers.all, &limits, stop).await;
                        }
                    }
                }
            }
            drop(place);
        });
    }
    drop(listener);
    let _ = tokio::time::timeout(FAREWELL, async { while open.join_next().await.is_some() {} }).await;
    open.shutdown().await;
}

async fn serve(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    router: Router,
    limits: &Limits,
    mut stop: watch::Receiver<bool>,
) {
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head)
        .max_headers(64)
        .max_buf_size(64 * 1024)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        _ = connection.as_mut() => return,
        () = tokio::time::sleep(limits.connection_age) => {}
        _ = stop.wait_for(|stop| *stop) => {}
    }
    connection.as_mut().graceful_shutdown();
    let _ = tokio::time::timeout(FAREWELL, connection).await;
}

/// Serves a connection that loads a line. It may ask for few things at once, and is ended when a test would be over.
async fn serve_load(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    router: Router,
    limits: &Limits,
    mut stop: watch::Receiver<bool>,
) {
    /// The load itself, and what is asked beside it.
    const STREAMS: u32 = 32;
    /// What waits here waits before every answer on this connection.
    const WAITING: usize = 16 << 10;
    const WINDOW: u32 = 1 << 20;
    let connection = http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS)
        .max_send_buf_size(WAITING)
        .initial_stream_window_size(WINDOW)
        .initial_connection_window_size(WINDOW)
        .max_header_list_size(16 << 10)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    tokio::select! {
        _ = connection => {}
        // Not in order: who loads a line stops reading when it has seen enough.
        () = tokio::time::sleep(limits.tests.length) => {}
        _ = stop.wait_for(|stop| *stop) => {}
    }
}

/// What the kernel holds and has not sent yet would delay every answer behind it, and that is no delay of the line's.
fn keep_backlog_short(stream: &TcpStream) {
    const UNSENT: u32 = 16 << 10;
    #[cfg(target_os = "linux")]
    let _ = socket2::SockRef::from(stream).set_tcp_notsent_lowat(UNSENT);
    #[cfg(not(target_os = "linux"))]
    let _ = (stream, UNSENT);
}
