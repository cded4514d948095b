//! What PulseAudio's and PipeWire's properties say about a device.
//!
//! Pure, and compiled on every system; `platform::linux` does the asking. Names and descriptions
//! are read only to sort out what is no device.

use super::inventory::AudioServer;
use telemetry::{Connection, FormFactor, UsbId, Version, Word};

/// A sink or source, as far as it matters here.
pub struct Described<'a> {
    /// The server's name for it.
    pub name: &'a str,
    /// Whether it carries back what a sink plays.
    pub monitor: bool,
    /// Whether the server says that there is hardware behind it.
    pub hardware: bool,
    /// Whether the server says that it is elsewhere.
    pub network: bool,
    /// Name of the active port, such as `analog-input-headset-mic`.
    pub port: Option<&'a str>,
    /// Its property list.
    pub property: &'a dyn Fn(&str) -> Option<&'a str>,
}

/// What could be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kind {
    /// How it is connected.
    pub connection: Connection,
    /// What it looks like.
    pub form_factor: FormFactor,
    /// Vendor id.
    pub vendor: Option<UsbId>,
    /// Product id.
    pub product: Option<UsbId>,
}

/// What a device is. `None` for what is none: monitors and the dummy that servers make up when
/// they have nothing else.
pub fn kind_of(device: &Described<'_>) -> Option<Kind> {
    let property = |key| (device.property)(key);
    if device.monitor || property("device.class") == Some("monitor") || is_dummy(device.name) {
        return None;
    }
    let id = |key| property(key).and_then(device_id);
    let connection = connection_of(device);
    Some(Kind {
        connection,
        form_factor: form_factor_of(device, connection),
        vendor: id("device.vendor.id"),
        product: id("device.product.id"),
    })
}

/// Whether a Bluetooth device is in its mode for music, which has no microphone.
pub fn is_music_profile<'a>(property: &dyn Fn(&str) -> Option<&'a str>) -> bool {
    ["bluetooth.protocol", "api.bluez5.profile", "device.profile.name"]
        .iter()
        .any(|key| property(key).is_some_and(|p| p.starts_with("a2dp")))
}

/// Which server it is, from the name and the version that it gives itself. PipeWire says that it
/// is PulseAudio, "on PipeWire" and its version; the version beside that is the one it stands in for.
pub fn server(name: &str, version: Option<&str>) -> AudioServer {
    match name.split_once("on PipeWire") {
        Some((_, version)) => AudioServer {
            kind: Word::Pipewire,
            version: Version::from_loose(version.trim_matches([' ', ')', '('])),
        },
        None => AudioServer { kind: Word::Pulseaudio, version: version.and_then(Version::from_loose) },
    }
}

/// Whether a module of the server switches Bluetooth headsets to their mode for calls when any
/// microphone is opened.
pub fn switches_headsets(module: &str, argument: Option<&str>) -> bool {
    module == "module-bluetooth-policy" && argument.is_some_and(|a| a.contains("auto_switch=2"))
}

/// The sockets on this computer that the variable `PULSE_SERVER` names: a list of alternatives, each
/// perhaps for one machine only (`{id}unix:/path`). One over the network is none of ours.
pub fn sockets(variable: &str) -> impl Iterator<Item = &str> {
    variable
        .split_whitespace()
        .map(|s| s.trim_start_matches(|c| c != '}').strip_prefix('}').unwrap_or(s))
        .filter_map(|s| s.strip_prefix("unix:").or_else(|| s.starts_with('/').then_some(s)))
}

fn is_dummy(name: &str) -> bool {
    name == "auto_null" || name.ends_with(".monitor")
}

fn connection_of(device: &Described<'_>) -> Connection {
    let property = |key| (device.property)(key);
    let port = device.port.unwrap_or_default().to_ascii_lowercase();
    let port_has = |words: &[&str]| words.iter().any(|w| port.contains(w));
    let bluetooth = property("device.api").is_some_and(|a| a.starts_with("bluez"));
    match property("device.bus") {
        Some("bluetooth") => Connection::Bluetooth,
        _ if bluetooth => Connection::Bluetooth,
        Some("usb") => Connection::Usb,
        _ if device.network => Connection::Network,
        _ if port_has(&["hdmi", "displayport"]) => Connection::Hdmi,
        bus @ (Some(_) | None) if bus.is_some() || device.hardware => {
            let jack = matches!(property("device.form_factor"), Some("headphone" | "headset"));
            if port_has(&["headset", "headphone"]) || jack {
                Connection::Jack
            } else if port_has(&["internal", "speaker"]) {
                Connection::Internal
            } else if port_has(&["mic", "line"]) && !port_has(&["mic1", "dmic"]) {
                // A plain "mic" beside an "internal-mic" is the socket's.
                Connection::Jack
            } else if matches!(property("device.form_factor"), Some("internal" | "computer" | "portable"))
                || port_has(&["mic1", "dmic"])
            {
                Connection::Internal
            } else {
                Connection::Unknown
            }
        }
        _ => Connection::Virtual,
    }
}

fn form_factor_of(device: &Described<'_>, connection: Connection) -> FormFactor {
    let port = device.port.unwrap_or_default().to_ascii_lowercase();
    match (device.property)("device.form_factor") {
        Some("headset") => FormFactor::Headset,
        Some("headphone") => FormFactor::Headphone,
        Some("speaker" | "hifi" | "tv") => FormFactor::Speaker,
        Some("hands-free" | "handset" | "car") => FormFactor::HandsFree,
        Some("microphone") => FormFactor::Microphone,
        Some("webcam") => FormFactor::Webcam,
        _ if port.contains("headset") => FormFactor::Headset,
        _ if port.contains("headphone") => FormFactor::Headphone,
        _ if connection == Connection::Internal => FormFactor::Internal,
        _ if connection == Connection::Jack && port.contains("mic") => FormFactor::Microphone,
        _ => FormFactor::Unknown,
    }
}

/// Reads an id: `0b0e` from PulseAudio, `0x0b0e` or `bluetooth:0x0b0e` from PipeWire.
fn device_id(text: &str) -> Option<UsbId> {
    let hex = text.rsplit(':').next()?.trim_start_matches("0x");
    if hex.is_empty() || hex.len() > 4 || !hex.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    u16::from_str_radix(hex, 16).ok().filter(|n| *n != 0).map(UsbId::from_number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures;
    use proptest::prelude::*;

    /// What is indented below a heading of `pactl list`, up to the next heading of the same depth.
    fn field<'a>(block: &'a str, name: &str) -> Option<&'a str> {
        block.lines().find_map(|l| l.strip_prefix('\t')?.strip_prefix(name)?.strip_prefix(": "))
    }

    fn property<'a>(block: &'a str, key: &str) -> Option<&'a str> {
        let line =
            block.lines().find_map(|l| l.strip_prefix("\t\t")?.strip_prefix(key)?.strip_prefix(" = "))?;
        Some(line.trim_matches('"'))
    }

    /// What `pactl info`, `pactl list sinks` and `pactl list sources` printed, told in a line.
    fn said(text: &str) -> String {
        let info = |name: &str| text.lines().find_map(|l| l.strip_prefix(name)?.strip_prefix(": "));
        let server = server(info("Server Name").unwrap_or_default(), info("Server Version"));
        fixtures::travels(&server);
        let mut all =
            vec![format!("{:?} {}", server.kind, server.version.map_or("-".into(), |v| v.to_string()))];
        for block in text.split("\n\n").filter(|b| b.starts_with("Sink #") || b.starts_with("Source #")) {
            let (name, flags) =
                (field(block, "Name").unwrap_or_default(), field(block, "Flags").unwrap_or_default());
            let lookup = |key: &str| property(block, key);
            let found = kind_of(&Described {
                name,
                monitor: field(block, "Monitor of Sink").is_some_and(|m| m != "n/a"),
                hardware: flags.split(' ').any(|f| f == "HARDWARE"),
                network: flags.split(' ').any(|f| f == "NETWORK"),
                port: field(block, "Active Port"),
                property: &lookup,
            });
            let Some(kind) = found else { continue };
            let ids = [kind.vendor, kind.product].map(|id| id.map_or("-".into(), |id| id.to_string()));
            let default = [info("Default Sink"), info("Default Source")].contains(&Some(name));
            let music = if is_music_profile(&lookup) { " music" } else { "" };
            all.push(format!(
                "{}{} {:?} {:?} {}{music}",
                if default { "*" } else { "" },
                block.split(' ').next().unwrap_or_default(),
                kind.connection,
                kind.form_factor,
                ids.join(":"),
            ));
        }
        all.join(", ")
    }

    #[test]
    fn sound_servers_as_they_were_seen() {
        fixtures::check(
            "pulse",
            &[
                (
                    "arch-pipewire-1.4-usb-and-filter.txt",
                    "Pipewire 1.4.9, *Sink Usb Headset 047f:c056, Source Usb Webcam 046d:082d, \
                     *Source Virtual Unknown -:-",
                ),
                (
                    "debian-12-pulseaudio-16-jack.txt",
                    "Pulseaudio 16.1, *Sink Jack Headphone 8086:9d71, *Source Jack Headset 8086:9d71, \
                     Sink Hdmi Unknown 8086:9d71",
                ),
                ("debian-12-pulseaudio-16-nothing.txt", "Pulseaudio 16.1"),
                (
                    "fedora-42-pipewire-1.4-bluetooth-music.txt",
                    "Pipewire 1.4.9, *Sink Bluetooth Headset 0067:2475 music, *Source Internal Internal 8086:9d71",
                ),
                ("pop-22.04-pipewire-1.5.txt", "Pipewire 1.5.85, *Sink Jack Unknown 8086:9d71"),
                (
                    "ubuntu-22.04-pulseaudio-15.txt",
                    "Pulseaudio 15.99.1, *Sink Usb Headset 0b0e:0e40, Sink Internal Internal 8086:9d71, \
                     *Source Usb Headset 0b0e:0e40, Source Internal Internal 8086:9d71",
                ),
                (
                    "ubuntu-24.04-pipewire-1.0-bluetooth-call.txt",
                    "Pipewire 1.0.5, *Sink Bluetooth Headset 0067:2475, *Source Bluetooth Headset 0067:2475",
                ),
            ],
            |_, bytes| said(std::str::from_utf8(bytes).unwrap()),
        );
    }

    #[test]
    fn servers() {
        let of = |name, version| {
            let server = server(name, version);
            format!("{:?} {}", server.kind, server.version.map_or("-".into(), |v| v.to_string()))
        };
        assert_eq!(of("pulseaudio", Some("17.0-rebootstrapped")), "Pulseaudio 17.0");
        assert_eq!(of("PulseAudio (on PipeWire 0.3.65)", Some("15.0.0")), "Pipewire 0.3.65");
        assert_eq!(of("PulseAudio (on PipeWire)", Some("15.0.0")), "Pipewire -");
        assert_eq!(of("", None), "Pulseaudio -");
    }

    #[test]
    fn modules_that_switch() {
        assert!(switches_headsets("module-bluetooth-policy", Some("auto_switch=2")));
        for (module, argument) in [
            ("module-bluetooth-policy", None),
            ("module-bluetooth-policy", Some("auto_switch=1")),
            ("x", Some("auto_switch=2")),
        ] {
            assert!(!switches_headsets(module, argument));
        }
    }

    #[test]
    fn sockets_of_the_variable() {
        let of = |variable| sockets(variable).collect::<Vec<_>>();
        assert_eq!(of("unix:/run/user/1000/pulse/native"), ["/run/user/1000/pulse/native"]);
        assert_eq!(of("{abc}unix:/a /b tcp:host:4713 {x}tcp6:h"), ["/a", "/b"]);
        assert_eq!(of("desk.example \t {}"), [""; 0]);
    }

    #[test]
    fn spoilt_lists_do_no_harm() {
        fixtures::spoilt("pulse", |bytes| drop(said(&String::from_utf8_lossy(bytes))));
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(bytes in fixtures::mangled("pulse"), port in "\\PC{0,20}", variable in "([{}a-z:/ ]|\\PC){0,30}") {
            said(&String::from_utf8_lossy(&bytes));
            sockets(&variable).count();
            kind_of(&Described { name: &port, monitor: false, hardware: true, network: false, port: Some(&port), property: &|_| None });
        }
    }

    fn kind(name: &str, port: Option<&'static str>, hardware: bool, props: &'static str) -> Option<Kind> {
        let property = move |key: &str| {
            props
                .split_whitespace()
                .find_map(|p| p.split_once('=').filter(|(k, _)| *k == key).map(|(_, v)| v))
        };
        kind_of(&Described { name, monitor: false, hardware, network: false, port, property: &property })
    }

    fn told(k: Option<Kind>) -> (Connection, FormFactor, Option<String>) {
        let k = k.unwrap();
        (k.connection, k.form_factor, k.vendor.map(|v| v.to_string()))
    }

    #[test]
    fn devices_are_told_by_their_properties() {
        use {Connection as C, FormFactor as F};
        for (name, port, props, want) in [
            (
                "alsa_input.usb-x",
                Some("analog-input-mic"),
                "device.bus=usb device.form_factor=headset device.vendor.id=0b0e device.product.id=0e21",
                (C::Usb, F::Headset, Some("0b0e")),
            ),
            (
                "alsa_input.usb-y",
                None,
                "device.bus=usb device.form_factor=webcam device.vendor.id=0x046d",
                (C::Usb, F::Webcam, Some("046d")),
            ),
            (
                "bluez_output.x",
                Some("headset-output"),
                "device.api=bluez5 device.form_factor=headset device.vendor.id=bluetooth:0x0067",
                (C::Bluetooth, F::Headset, Some("0067")),
            ),
            ("a", Some("analog-input-internal-mic"), "device.bus=pci", (C::Internal, F::Internal, None)),
            ("b", Some("analog-input-headset-mic"), "device.bus=pci", (C::Jack, F::Headset, None)),
            ("c", Some("analog-input-mic"), "device.bus=pci", (C::Jack, F::Microphone, None)),
            ("d", Some("[In] Mic1"), "device.bus=pci", (C::Internal, F::Internal, None)),
            ("e", Some("analog-output-speaker"), "device.bus=pci", (C::Internal, F::Internal, None)),
            ("f", Some("analog-output-headphones"), "device.bus=pci", (C::Jack, F::Headphone, None)),
            ("g", Some("hdmi-output-0"), "device.bus=pci", (C::Hdmi, F::Unknown, None)),
            ("h", None, "device.bus=pci device.form_factor=internal", (C::Internal, F::Internal, None)),
        ] {
            let (c, f, v) = told(kind(name, port, true, props));
            assert_eq!((c, f, v.as_deref()), want, "{name}");
        }
    }

    #[test]
    fn clutter_is_told_apart() {
        assert_eq!(kind("auto_null", None, false, "device.class=abstract"), None);
        assert_eq!(kind("x.monitor", None, true, "device.bus=usb"), None);
        assert_eq!(kind("x", None, true, "device.class=monitor device.bus=usb"), None);
        assert_eq!(told(kind("echo-cancel", None, false, "device.class=filter")).0, Connection::Virtual);
    }

    #[test]
    fn music_mode_is_seen() {
        let a2dp = |key: &str| (key == "api.bluez5.profile").then_some("a2dp-sink");
        let call = |key: &str| (key == "api.bluez5.profile").then_some("headset-head-unit");
        assert!(is_music_profile(&a2dp));
        assert!(!is_music_profile(&call));
    }

    #[test]
    fn hostile_ids_are_none() {
        for bad in ["", "0x", "zz", "12345", "0x12345", "-1", "+1", "0000", ":", "usb:", "1 2"] {
            assert_eq!(device_id(bad), None, "{bad:?}");
        }
        assert_eq!(device_id("B0E").map(|v| v.to_string()).as_deref(), Some("0b0e"));
    }
}
