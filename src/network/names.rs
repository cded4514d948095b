//! From a target's name to addresses that a policy may point at.

use super::{allowed::may_point_at, look_up::look_up};
use readiness::Host;
use std::{net::SocketAddr, time::Duration};

/// Why there is no address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoAddress {
    /// Nobody knows the name, or not in time.
    NotFound,
    /// All are where no policy may send a desk.
    Forbidden,
}

/// The addresses of a host in the system's order, which is by what is likely to work. `name` is the host's name or
/// address as this desk knows it.
pub async fn addresses(
    host: &Host,
    name: &str,
    port: u16,
    limit: Duration,
) -> Result<Vec<SocketAddr>, NoAddress> {
    let found = look_up(name, port, limit).await.map_err(|_| NoAddress::NotFound)?;
    let allowed: Vec<SocketAddr> = found.into_iter().filter(|a| may_point_at(host, a.ip())).collect();
    if allowed.is_empty() { Err(NoAddress::Forbidden) } else { Ok(allowed) }
}
