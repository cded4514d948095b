//! What Windows says of a Wi-Fi link, read from the bytes that `WlanQueryInterface` gives.
//!
//! Pure. Asking is `platform::windows::wifi`. Names and addresses of networks are stepped over, not read.

use super::{band_of_channel, band_of_frequency, rate, signal};
use crate::network::netlink::u32_at;
use telemetry::{Db, Percent, WifiLink};

/// No link of a home is faster; what says so is a driver's way to say that it does not know.
const FASTEST_KBIT: u32 = 100_000_000;
/// From this build on (Windows 11 24H2) "current connection" wants the user's consent to location, and
/// asking for it would show the agent that Preshift asks where they are.
const WANTS_LOCATION: u32 = 26_100;

/// Whether "current connection" may be asked for on this build. Where the build is not known it is not.
pub fn may_ask_connection(build: Option<u32>) -> bool {
    build.is_some_and(|build| build < WANTS_LOCATION)
}

/// Quality from 0 to 100, rates in kbit/s, and, where they are told, the signal and the channel's frequency.
fn link(quality: u32, rx_kbit: u32, tx_kbit: u32, rssi: Option<i32>, mhz: Option<u32>) -> WifiLink {
    let quality = (quality <= 100).then_some(quality);
    // Microsoft's definition: 0 is −100 dBm, 100 is −50 dBm, even in between. The ends stand for
    // everything beyond them, and so say nothing exact.
    let by_quality = || quality.filter(|q| (1..100).contains(q)).map(|q| Db::new(f64::from(q) / 2.0 - 100.0));
    let rate = |kbit: u32| if kbit > FASTEST_KBIT { None } else { rate(f64::from(kbit) * 1e3) };
    WifiLink {
        signal_dbm: rssi.and_then(signal).or_else(by_quality),
        quality: quality.map(|q| Percent::new(f64::from(q))),
        tx_rate: rate(tx_kbit),
        rx_rate: rate(rx_kbit),
        band: mhz.and_then(band_of_frequency),
    }
}

/// "Real-time connection quality" (`WLAN_REALTIME_CONNECTION_QUALITY` of wlanapi.h, Windows 11): a head of
/// six numbers (kind, quality, rate in, rate out, whether there are several links, their number), then 272
/// bytes for each link (its id, frequency, width, signal, and 256 of the rates that it supports). Of several
/// links the strongest is the one that counts.
pub fn realtime(bytes: &[u8]) -> Option<WifiLink> {
    const HEAD: usize = 24;
    const LINK: usize = 272;
    let (quality, rx, tx) = (u32_at(bytes, 4)?, u32_at(bytes, 8)?, u32_at(bytes, 12)?);
    let count = u32_at(bytes, 20)? as usize;
    let links = || {
        let whole = bytes.get(HEAD..).unwrap_or_default().chunks_exact(LINK).take(count);
        whole.filter_map(|l| Some((u32_at(l, 12)? as i32, u32_at(l, 4)?)))
    };
    let strongest = links().filter(|(rssi, _)| signal(*rssi).is_some()).max_by_key(|(rssi, _)| *rssi);
    let counts = strongest.or_else(|| links().next());
    // Documented in kilohertz, seen in megahertz.
    let mhz = counts.map(|(_, f)| if f > 100_000 { f / 1000 } else { f });
    Some(link(quality, rx, tx, strongest.map(|(rssi, _)| rssi), mhz))
}

/// "Current connection" (`WLAN_CONNECTION_ATTRIBUTES` of wlanapi.h), where there is nothing better, with the
/// answers to the queries for the signal and the channel.
pub fn connection(bytes: &[u8], rssi: Option<&[u8]>, channel: Option<&[u8]>) -> Option<WifiLink> {
    // Behind state, mode, the profile's name (512 bytes), SSID (36), kind, BSSID and physical kind.
    const QUALITY: usize = 576;
    /// With what encrypts the link.
    const WHOLE: usize = 604;
    if bytes.len() < WHOLE {
        return None;
    }
    let (quality, rx, tx) =
        (u32_at(bytes, QUALITY)?, u32_at(bytes, QUALITY + 4)?, u32_at(bytes, QUALITY + 8)?);
    let told = link(quality, rx, tx, number(rssi).map(|n| n as i32), None);
    Some(WifiLink { band: number(channel).and_then(band_of_channel), ..told })
}

/// Signal and channel alone: what is left where "real-time connection quality" does not answer and "current
/// connection" must not be asked for.
pub fn signal_alone(rssi: Option<&[u8]>, channel: Option<&[u8]>) -> Option<WifiLink> {
    let told = WifiLink {
        signal_dbm: number(rssi).and_then(|n| signal(n as i32)),
        band: number(channel).and_then(band_of_channel),
        ..WifiLink::default()
    };
    (told != WifiLink::default()).then_some(told)
}

fn number(answer: Option<&[u8]>) -> Option<u32> {
    u32_at(answer?, 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use telemetry::WifiBand;

    fn numbers(n: &[u32]) -> Vec<u8> {
        n.iter().flat_map(|v| v.to_ne_bytes()).collect()
    }

    fn one_link(mhz: u32, rssi: i32) -> Vec<u8> {
        let mut bytes = numbers(&[1, mhz, 80, rssi as u32]);
        bytes.resize(272, 0);
        bytes
    }

    fn head(quality: u32, links: u32) -> Vec<u8> {
        numbers(&[8, quality, 780_000, 866_700, u32::from(links > 1), links])
    }

    fn dbm(link: &WifiLink) -> Option<f64> {
        link.signal_dbm.map(Db::get)
    }

    /// The form of an answer of build 26200 with Wi-Fi 5: 296 bytes.
    #[test]
    fn windows_11_with_one_link() {
        let bytes = [head(87, 1), one_link(5745, -47)].concat();
        assert_eq!(bytes.len(), 296);
        let link = realtime(&bytes).unwrap();
        assert_eq!((dbm(&link), link.band), (Some(-47.0), Some(WifiBand::Ghz5)));
        assert_eq!((link.rx_rate.unwrap().get(), link.tx_rate.unwrap().get()), (780.0, 866.7));
        assert_eq!(link.quality.unwrap().get(), 87.0);
    }

    #[test]
    fn of_several_links_the_strongest_counts() {
        let two = [head(87, 2), one_link(2_437_000, -60), one_link(5_955_000, -44)].concat();
        let link = realtime(&two).unwrap();
        assert_eq!((dbm(&link), link.band), (Some(-44.0), Some(WifiBand::Ghz6)));
        // More are announced than are there, and one says that it does not know its signal.
        let absurd = [head(87, u32::MAX), one_link(5745, 0), one_link(2437, -71), vec![9; 271]].concat();
        let link = realtime(&absurd).unwrap();
        assert_eq!((dbm(&link), link.band), (Some(-71.0), Some(WifiBand::Ghz2)));
        let unknown = [head(87, 1), one_link(5745, 0)].concat();
        let link = realtime(&unknown).unwrap();
        assert_eq!((dbm(&link), link.band), (Some(-56.5), Some(WifiBand::Ghz5)));
    }

    #[test]
    fn what_is_cut_short_or_absurd() {
        assert_eq!(dbm(&realtime(&head(87, 0)).unwrap()), Some(-56.5));
        assert_eq!(realtime(&head(87, 1)[..23]), None);
        assert_eq!(realtime(&[]), None);
        let cut = [head(87, 1), one_link(5745, -47)].concat();
        let link = realtime(&cut[..295]).unwrap();
        assert_eq!((dbm(&link), link.band), (Some(-56.5), None), "a link that is not whole is none");
        let nonsense = realtime(&numbers(&[u32::MAX; 6])).unwrap();
        assert_eq!(nonsense, WifiLink::default());
        assert_eq!(realtime(&numbers(&[0; 6])).unwrap().quality.unwrap().get(), 0.0);
        assert_eq!(dbm(&realtime(&numbers(&[0; 6])).unwrap()), None, "0 is −100 dBm or anything below");
    }

    /// Windows 10 22H2: names and addresses fill what is stepped over.
    #[test]
    fn windows_10_tells_its_connection() {
        let mut bytes = vec![b'x'; 576];
        bytes.extend(numbers(&[80, 1_201_000, 866_700]));
        bytes.resize(604, 0);
        let told = connection(&bytes, Some(&(-58i32).to_ne_bytes()), Some(&numbers(&[44]))).unwrap();
        assert_eq!((dbm(&told), told.band), (Some(-58.0), Some(WifiBand::Ghz5)));
        assert_eq!((told.rx_rate.unwrap().get(), told.tx_rate.unwrap().get()), (1201.0, 866.7));
        let told = connection(&bytes, None, Some(&[1])).unwrap();
        assert_eq!((dbm(&told), told.band), (Some(-60.0), None));
        assert_eq!(connection(&bytes[..603], None, None), None);
    }

    #[test]
    fn consent_to_location_is_never_asked_for() {
        for (build, may) in [
            (Some(19_045), true),
            (Some(22_631), true),
            (Some(26_099), true),
            (Some(26_100), false),
            (Some(26_200), false),
            (None, false),
        ] {
            assert_eq!(may_ask_connection(build), may, "{build:?}");
        }
        let alone = signal_alone(Some(&(-66i32).to_ne_bytes()), Some(&numbers(&[6]))).unwrap();
        assert_eq!((dbm(&alone), alone.band, alone.quality), (Some(-66.0), Some(WifiBand::Ghz2), None));
        assert_eq!(signal_alone(None, None), None);
        assert_eq!(signal_alone(Some(&[0; 4]), Some(&[0; 4])), None);
    }

    proptest::proptest! {
        #[test]
        fn nothing_breaks_the_parsers(bytes in proptest::collection::vec(0u8..=255, 0..700)) {
            realtime(&bytes);
            connection(&bytes, Some(&bytes), Some(&bytes));
            signal_alone(Some(&bytes), Some(&bytes));
        }
    }
}
