//! Reads what operating systems say of a Wi-Fi link: Linux's nl80211 and `/proc/net/wireless`,
//! the numbers of macOS, and in `windows` those of Windows.
//!
//! Pure. Asking is `platform::wifi`. Names and addresses of networks are never read.

pub mod windows;

use super::netlink::{attribute, u16_at, u32_at};
use telemetry::{BitRate, Db, Percent, WifiBand, WifiLink};

/// Signals outside this are a driver's way to say that it does not know.
const PLAUSIBLE_DBM: std::ops::RangeInclusive<i32> = -120..=-1;

/// Band of a channel's frequency in MHz.
pub fn band_of_frequency(mhz: u32) -> Option<WifiBand> {
    match mhz {
        2400..=2500 => Some(WifiBand::Ghz2),
        4900..=5924 => Some(WifiBand::Ghz5),
        5925..=7125 => Some(WifiBand::Ghz6),
        _ => None,
    }
}

/// A signal in dBm, if it is one.
pub fn signal(dbm: i32) -> Option<Db> {
    PLAUSIBLE_DBM.contains(&dbm).then(|| Db::new(f64::from(dbm)))
}

/// A rate from bits a second; none if it is nothing.
pub fn rate(bits_per_second: f64) -> Option<BitRate> {
    (bits_per_second > 0.0).then(|| BitRate::new(bits_per_second / 1e6))
}

/// Signal and rates of an `NL80211_CMD_NEW_STATION`, from behind its generic header.
pub fn nl80211_station(attributes: &[u8]) -> Option<WifiLink> {
    const ATTR_STA_INFO: u16 = 21;
    const SIGNAL: u16 = 7;
    const TX_BITRATE: u16 = 8;
    const SIGNAL_AVG: u16 = 13;
    const RX_BITRATE: u16 = 14;
    let station = attribute(attributes, ATTR_STA_INFO)?;
    let dbm = |kind| attribute(station, kind).and_then(|v| v.first()).map(|b| i32::from(*b as i8));
    Some(WifiLink {
        // The average is steadier; not every driver has it.
        signal_dbm: dbm(SIGNAL_AVG).and_then(signal).or_else(|| dbm(SIGNAL).and_then(signal)),
        quality: None,
        tx_rate: attribute(station, TX_BITRATE).and_then(nl80211_rate),
        rx_rate: attribute(station, RX_BITRATE).and_then(nl80211_rate),
        band: None,
    })
}

fn nl80211_rate(info: &[u8]) -> Option<BitRate> {
    const BITRATE: u16 = 1;
    const BITRATE32: u16 = 5;
    // Both are in 100 kbit/s; the older one has two bytes only.
    let wide = attribute(info, BITRATE32).and_then(|v| u32_at(v, 0));
    let narrow = || attribute(info, BITRATE).and_then(|v| u16_at(v, 0)).map(u32::from);
    rate(f64::from(wide.or_else(narrow)?) * 1e5)
}

/// Band of an `NL80211_CMD_NEW_INTERFACE`, from behind its generic header.
pub fn nl80211_band(attributes: &[u8]) -> Option<WifiBand> {
    const ATTR_WIPHY_FREQ: u16 = 38;
    attribute(attributes, ATTR_WIPHY_FREQ).and_then(|v| u32_at(v, 0)).and_then(band_of_frequency)
}

/// Signal and quality of one interface in `/proc/net/wireless`.
pub fn proc_net_wireless(text: &str, interface: &str) -> Option<WifiLink> {
    /// What cfg80211 counts the quality up to, for every driver behind it.
    const FULL: f64 = 70.0;
    let line = text.lines().find_map(|l| l.trim_start().strip_prefix(interface)?.strip_prefix(':'))?;
    let mut words = line.split_whitespace().skip(1).map(|w| w.trim_end_matches('.'));
    let quality: f64 = words.next()?.parse().ok()?;
    let level: i32 = words.next()?.parse().ok()?;
    // Old drivers tell the level as a byte: 197 is −59.
    let level = if (136..=255).contains(&level) { level - 256 } else { level };
    Some(WifiLink {
        signal_dbm: signal(level),
        quality: (quality >= 0.0).then(|| Percent::new(quality / FULL * 100.0)),
        ..WifiLink::default()
    })
}

/// Band of a channel number where nothing else is known: 6 GHz uses the same numbers, so only what
/// it cannot be is told.
pub fn band_of_channel(channel: u32) -> Option<WifiBand> {
    match channel {
        // 6 GHz counts 1, 5, 9, 13, … 233: these are only 2.4 GHz.
        2..=4 | 6..=8 | 10..=12 | 14 => Some(WifiBand::Ghz2),
        // And these only 5 GHz, which counts 36, 40, 44, … and 149, 153, …
        32 | 36 | 40 | 44 | 48 | 52 | 56 | 60 | 64 | 68 | 96 | 100 | 104 | 108 | 112 | 116 | 120 | 124
        | 128 | 132 | 136 | 140 | 144 => Some(WifiBand::Ghz5),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{fixtures, network::netlink::request};

    /// Attributes as the kernel would nest them.
    fn attributes(of: &[(u16, &[u8])]) -> Vec<u8> {
        request(0, 0, 0, &[], of)[16..].to_vec()
    }

    #[test]
    fn a_station_of_nl80211() {
        let tx = attributes(&[(1, &8667u16.to_ne_bytes()), (5, &8667u32.to_ne_bytes())]);
        let rx = attributes(&[(5, &120_100u32.to_ne_bytes())]);
        let station = attributes(&[(7, &[(-58i8) as u8]), (13, &[(-61i8) as u8]), (8, &tx), (14, &rx)]);
        let link = nl80211_station(&attributes(&[(3, &[3, 0, 0, 0]), (21, &station)])).unwrap();
        assert_eq!(link.signal_dbm.unwrap().get(), -61.0);
        assert_eq!(link.tx_rate.unwrap().get(), 866.7);
        assert_eq!(link.rx_rate.unwrap().get(), 12_010.0);
        let bare = attributes(&[(7, &[(-58i8) as u8])]);
        let link = nl80211_station(&attributes(&[(21, &bare)])).unwrap();
        assert_eq!((link.signal_dbm.unwrap().get(), link.tx_rate), (-58.0, None));
        assert_eq!(nl80211_station(&[]), None);
    }

    #[test]
    fn bands() {
        let of = |mhz: u32| nl80211_band(&attributes(&[(38, &mhz.to_ne_bytes())]));
        assert_eq!(of(2437), Some(WifiBand::Ghz2));
        assert_eq!(of(5180), Some(WifiBand::Ghz5));
        assert_eq!(of(5885), Some(WifiBand::Ghz5));
        assert_eq!(of(5955), Some(WifiBand::Ghz6));
        assert_eq!(of(60_480), None);
        assert_eq!(band_of_channel(6), Some(WifiBand::Ghz2));
        assert_eq!(band_of_channel(44), Some(WifiBand::Ghz5));
        assert_eq!(band_of_channel(1), None);
        assert_eq!(band_of_channel(149), None);
    }

    #[test]
    fn proc_net_wireless_as_it_was_seen() {
        let said = |name: &str, bytes: &[u8]| {
            let text = std::str::from_utf8(bytes).unwrap();
            let one = |link: &str| {
                let found = proc_net_wireless(text, link)?;
                fixtures::travels(&found);
                Some(format!(
                    "{link} {:?} {:?}",
                    found.signal_dbm.map(Db::get),
                    found.quality.map(Percent::get)
                ))
            };
            assert_eq!(proc_net_wireless(text, "wlp2"), None, "{name}");
            ["wlp2s0", "wlan0", "wlan1"].iter().filter_map(|l| one(l)).collect::<Vec<_>>().join(", ")
        };
        fixtures::check(
            "wireless",
            &[
                ("arch-6.17-not-connected", "wlan0 None Some(0.0)"),
                ("debian-12-6.1-iwlwifi", "wlp2s0 Some(-58.0) Some(74.286)"),
                ("fedora-43-6.17-none", ""),
                ("ubuntu-24.04-6.8-two", "wlp2s0 Some(-38.0) Some(100.0), wlan1 Some(-59.0) Some(72.857)"),
            ],
            said,
        );
        assert_eq!(proc_net_wireless("x: 0000\nx:\n", "x"), None);
    }

    /// The bytes of a fixture, and from behind its generic header.
    fn of_nl80211(text: &[u8]) -> Vec<u8> {
        let digits: Vec<u8> =
            text.iter().filter_map(|b| (*b as char).to_digit(16)).map(|d| d as u8).collect();
        digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).skip(4).collect()
    }

    fn said_of_nl80211(name: &str, text: &[u8]) -> String {
        let bytes = of_nl80211(text);
        if name.ends_with(".interface.hex") {
            return format!("{:?}", nl80211_band(&bytes));
        }
        let Some(link) = nl80211_station(&bytes) else { return "-".into() };
        fixtures::travels(&link);
        let (signal, tx, rx) = (link.signal_dbm, link.tx_rate, link.rx_rate);
        format!(
            "{:?} dBm, {:?} up, {:?} down",
            signal.map(Db::get),
            tx.map(BitRate::get),
            rx.map(BitRate::get)
        )
    }

    #[test]
    fn stations_and_interfaces_of_kernels() {
        fixtures::check(
            "nl80211",
            &[
                ("arch-6.17-not-connected.interface.hex", "None"),
                ("debian-10-4.19-2ghz.interface.hex", "Some(Ghz2)"),
                ("debian-10-4.19-legacy.station.hex", "Some(-70.0) dBm, Some(54.0) up, Some(1.0) down"),
                ("driver-without-signal.station.hex", "None dBm, None up, None down"),
                ("fedora-43-6.17-6ghz.interface.hex", "Some(Ghz6)"),
                ("fedora-43-6.17-he.station.hex", "Some(-47.0) dBm, Some(12010.0) up, Some(2401.9) down"),
                ("ubuntu-22.04-5.15-5ghz.interface.hex", "Some(Ghz5)"),
                ("ubuntu-22.04-5.15-vht.station.hex", "Some(-61.0) dBm, Some(866.7) up, Some(780.0) down"),
            ],
            said_of_nl80211,
        );
    }

    #[test]
    fn spoilt_answers_do_no_harm() {
        fixtures::spoilt("wireless", |bytes| {
            let text = String::from_utf8_lossy(bytes);
            proc_net_wireless(&text, "wlp2s0").iter().for_each(fixtures::travels);
        });
        fixtures::spoilt("nl80211", |text| {
            said_of_nl80211("x.station.hex", text);
            said_of_nl80211("x.interface.hex", text);
        });
    }

    proptest::proptest! {
        #[test]
        fn no_answer_breaks_the_parsers(text in fixtures::mangled("nl80211"), table in fixtures::mangled("wireless")) {
            said_of_nl80211("x.station.hex", &text);
            said_of_nl80211("x.interface.hex", &text);
            let table = String::from_utf8_lossy(&table);
            proc_net_wireless(&table, "wlp2s0").iter().for_each(fixtures::travels);
        }

        #[test]
        fn nothing_breaks_the_parsers(bytes in proptest::collection::vec(0u8..=255, 0..200), text in ".{0,200}") {
            nl80211_station(&bytes);
            nl80211_band(&bytes);
            nl80211_station(&attributes(&[(21, &bytes)]));
            proc_net_wireless(&text, "x");
            proc_net_wireless(&format!("x:{text}"), "x");
        }
    }
}
