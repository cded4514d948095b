//! What PulseAudio's and PipeWire's properties say about a device.
//!
//! Pure, and compiled on every system; `platform::linux` does the asking. Names and descriptions
//! are read only to sort out what is no device.

use telemetry::{Connection, FormFactor, UsbId};

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
