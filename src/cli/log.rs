//! Where the log goes, and what a panic may say.

use crate::config::{Colour, LogLevel, Settings, Source};
use tracing_subscriber::filter::LevelFilter;

/// Starts logging to standard error. A command logs only if somebody asked for it; the daemon does
/// from `info` on.
pub fn start(settings: &Settings, daemon: bool) {
    match settings.colour {
        Colour::Auto => {}
        Colour::Always => anstream::ColorChoice::Always.write_global(),
        Colour::Never => anstream::ColorChoice::Never.write_global(),
    }
    let asked = settings.shown.iter().any(|(key, _, from)| *key == "log_level" && *from != Source::Default);
    let level = match settings.log_level {
        _ if !daemon && !asked => LevelFilter::OFF,
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    };
    let colour = anstream::AutoStream::choice(&std::io::stderr()) != anstream::ColorChoice::Never;
    tracing_subscriber::fmt()
        .with_max_level(level)
        .with_writer(std::io::stderr)
        .with_ansi(colour)
        .with_target(false)
        .init();
    std::panic::set_hook(Box::new(|panic| {
        // What a panic says may hold a name or an address; where it happened may not.
        match panic.location() {
            Some(at) => tracing::error!(file = at.file(), line = at.line(), "a mistake in Preshift"),
            None => tracing::error!("a mistake in Preshift"),
        }
        tracing::debug!(%panic, "what it said");
    }));
}
