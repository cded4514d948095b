//! `serve`

use crate::{
    board, clock,
    limits::Limits,
    load_tests::TestLimits,
    serve::{Server, Settings, Transport, reflector_ip},
};
use anyhow::Context as _;
use std::{
    io::IsTerminal as _,
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Where to listen; port 0 is any that is free
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8443")]
    listen: SocketAddr,
    /// PEM file with the certificate and its chain
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// PEM file with the certificate's private key
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// A proxy in front of this server speaks HTTPS with desks and browsers; here is plain HTTP
    #[arg(long, conflicts_with = "tls_cert")]
    behind_proxy: bool,
    /// UDP port of the reflector that voice streams are measured against; 0 is any that is free
    /// [default: 862, or the port of --listen where 862 is not allowed]
    #[arg(long, value_name = "PORT")]
    reflector_port: Option<u16>,
    /// Run no reflector: desks cannot measure a voice stream against this collector
    #[arg(long, conflicts_with = "reflector_port")]
    no_reflector: bool,
    /// How many days reports are kept
    #[arg(long, value_name = "DAYS", default_value_t = 90, value_parser = clap::value_parser!(u32).range(1..=3650))]
    retention_days: u32,
    /// Time zone in which the board tells times, such as Europe/Berlin [default: this computer's]
    #[arg(long, value_name = "ZONE")]
    zone: Option<String>,
    /// Connections at once
    #[arg(long, value_name = "N", default_value_t = 2_000)]
    connections: usize,
    /// Desks that may load their line against this collector at once, a few seconds each, to see how it behaves when
    /// it is busy; others are told to come later, and 0 is never
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u16).range(0..=64))]
    load_tests: u16,
    /// When it listens, write its address to this file
    #[arg(long, value_name = "FILE")]
    announce: Option<PathBuf>,
}

pub(super) fn run(data: &Path, args: Args) -> anyhow::Result<()> {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_target(false)
        .with_ansi(std::io::stderr().is_terminal())
        .init();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(serve(data, args))
}

async fn serve(data: &Path, args: Args) -> anyhow::Result<()> {
    let transport = match (args.tls_cert, args.tls_key) {
        (Some(cert), Some(key)) => Transport::Tls { cert, key },
        _ if args.behind_proxy => Transport::BehindProxy,
        _ => Transport::Plain,
    };
    let mut settings = Settings {
        data: data.into(),
        listen: args.listen,
        transport,
        reflector: args.reflector_port.or(Some(STAMP_PORT)).filter(|_| !args.no_reflector),
        retention_days: args.retention_days,
        zone: board::Zone::named(args.zone.as_deref()).context("cannot use --zone")?,
        limits: Limits {
            connections: args.connections,
            tests: TestLimits { at_once: args.load_tests.into(), ..TestLimits::default() },
            ..Limits::default()
        },
    };
    if args.reflector_port.is_none()
        && !args.no_reflector
        && !may_bind(reflector_ip(args.listen, &settings.transport), STAMP_PORT)
    {
        tracing::info!("UDP port 862 cannot be had here: the reflector uses the port of --listen");
        settings.reflector = Some(args.listen.port());
    }
    let server = Server::start(settings, clock::system()).await?;
    let url = server.url();
    if let Some(file) = &args.announce {
        announce(file, &url).with_context(|| format!("cannot write {}", file.display()))?;
    }
    if let Some(token) = &server.new_token {
        // Under systemd this would end in a log that others read.
        if std::env::var_os("JOURNAL_STREAM").is_none() {
            super::print(&format!("The token for signing in to the board, shown only now:\n{token}\n"))?;
        } else {
            tracing::info!("make a token for the board with 'preshift-collector token rotate'");
        }
    }
    eprintln!("The board: {url}/");
    wait_for_end().await?;
    tracing::info!("stopping");
    server.stop().await;
    Ok(())
}

/// The port of STAMP (RFC 8762).
const STAMP_PORT: u16 = 862;

fn may_bind(ip: IpAddr, port: u16) -> bool {
    std::net::UdpSocket::bind((ip, port)).is_ok()
}

/// Written whole or not at all: whoever waits for it reads it as soon as it is there.
fn announce(file: &Path, url: &str) -> std::io::Result<()> {
    let new = file.with_extension("new");
    std::fs::write(&new, format!("{url}\n"))?;
    std::fs::rename(new, file)
}

#[cfg(unix)]
async fn wait_for_end() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut term = signal(SignalKind::terminate())?;
    tokio::select! {
        ended = tokio::signal::ctrl_c() => ended,
        _ = term.recv() => Ok(()),
    }
}

#[cfg(not(unix))]
async fn wait_for_end() -> std::io::Result<()> {
    tokio::signal::ctrl_c().await
}
