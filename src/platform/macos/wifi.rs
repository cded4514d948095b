//! The Wi-Fi link, by CoreWLAN. Names are never asked for.
//!
//! Source: CoreWLAN.framework, `CWWiFiClient.h`, `CWInterface.h`, `CWChannel.h`, `CoreWLANTypes.h` (by
//! objc2-core-wlan, which is generated from them). Only the names of networks and of their radios want
//! Location Services there; signal, rate and channel do not. Noise is told too and not asked for: the
//! wire has no place for it.

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
        // SAFETY: plain calls of Objective-C classes, which take and give what their headers say; the
        // objects live as long as this closure holds them.
        unsafe {
            // nil for the name of an interface that is no Wi-Fi.
            let found = CWWiFiClient::sharedWiFiClient().interfaceWithName(Some(&name))?;
            let link = WifiLink {
                // `rssiValue` in dBm and `transmitRate` in Mbit/s: both are 0 without a network, and on errors.
                signal_dbm: i32::try_from(found.rssiValue()).ok().and_then(signal),
                tx_rate: rate(found.transmitRate() * 1e6),
                // `wlanChannel` is nil without one.
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
