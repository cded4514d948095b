//! The Wi-Fi link, by CoreWLAN. Signal, rate and band need no consent; names are never asked for.

use crate::network::{
    link::Interface,
    wifi::{rate, signal},
};
use objc2::rc::autoreleasepool;
use objc2_core_wlan::{CWChannelBand, CWWiFiClient};
use objc2_foundation::NSString;
use telemetry::{WifiBand, WifiLink};

/// The link of a Wi-Fi interface; none if nothing is known of it.
pub fn wifi(interface: &Interface) -> Option<WifiLink> {
    // A pool of our own: threads that never end would never free what CoreWLAN leaves to theirs.
    autoreleasepool(|_| {
        let name = NSString::from_str(&interface.name);
        // SAFETY: plain calls of an Objective-C class that may be called from any thread; the
        // objects live as long as this closure holds them.
        unsafe {
            let found = CWWiFiClient::sharedWiFiClient().interfaceWithName(Some(&name))?;
            let link = WifiLink {
                // Both are 0 without a network.
                signal_dbm: i32::try_from(found.rssiValue()).ok().and_then(signal),
                tx_rate: rate(found.transmitRate() * 1e6),
                band: found.wlanChannel().and_then(|channel| band(channel.channelBand())),
                ..WifiLink::default()
            };
            (link != WifiLink::default()).then_some(link)
        }
    })
}

fn band(band: CWChannelBand) -> Option<WifiBand> {
    match band {
        CWChannelBand::Band2GHz => Some(WifiBand::Ghz2),
        CWChannelBand::Band5GHz => Some(WifiBand::Ghz5),
        CWChannelBand::Band6GHz => Some(WifiBand::Ghz6),
        _ => None,
    }
}
