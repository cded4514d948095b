//! Whether the connection is paid for by the megabyte, as Windows' settings and the provider say.

use crate::network::metered::of_windows;
use windows::Networking::Connectivity::NetworkInformation;

/// The cost of the connection to the internet. `None` where Windows does not tell. Blocks.
pub fn metered() -> Option<bool> {
    let cost = NetworkInformation::GetInternetConnectionProfile().and_then(|p| p.GetConnectionCost()).ok()?;
    let kind = cost.NetworkCostType().ok()?;
    of_windows(kind.0, cost.Roaming().unwrap_or(false), cost.OverDataLimit().unwrap_or(false))
}

#[cfg(test)]
mod tests {
    #[test]
    fn asking_ends() {
        super::metered();
    }
}
