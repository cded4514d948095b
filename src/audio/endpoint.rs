//! What Windows and macOS say about a device, taken apart.
//!
//! Pure, and compiled on every system; `platform::windows` and `platform::macos` do the asking.

use telemetry::{Connection, FormFactor, UsbId};

/// What a device looks like, by Windows' `EndpointFormFactor` (mmdeviceapi.h).
pub fn form_factor(number: u32) -> FormFactor {
    match number {
        1 => FormFactor::Speaker,
        3 => FormFactor::Headphone,
        4 => FormFactor::Microphone,
        5 => FormFactor::Headset,
        6 => FormFactor::HandsFree,
        _ => FormFactor::Unknown,
    }
}

/// How a device is connected, by the enumerator that found it and by its form factor's number.
pub fn connection(enumerator: &str, form_factor: Option<u32>) -> Connection {
    match (enumerator.to_ascii_uppercase().as_str(), form_factor) {
        ("USB", _) => Connection::Usb,
        ("BTHENUM" | "BTHHFENUM" | "BTHLE" | "BTHLEENUM" | "BTHLEDEVICE", _) => Connection::Bluetooth,
        (_, Some(9)) => Connection::Hdmi,
        (_, Some(0)) => Connection::Network,
        // On the sound card of the computer, what is worn on a head comes by a socket.
        ("HDAUDIO" | "INTELAUDIO" | "PCI" | "ACPI", Some(3 | 5)) => Connection::Jack,
        ("HDAUDIO" | "INTELAUDIO" | "PCI" | "ACPI" | "SOUNDWIRE", _) => Connection::Internal,
        ("ROOT" | "SWD" | "SW", _) => Connection::Virtual,
        _ => Connection::Unknown,
    }
}

/// Vendor and product from the path of the hardware behind a device, such as
/// `{1}.USB\VID_0B0E&PID_0E21&MI_00\7&…` or `{1}.HDAUDIO\FUNC_01&VEN_10EC&DEV_0295\…`.
pub fn ids_of_path(path: &str) -> (Option<UsbId>, Option<UsbId>) {
    let path = path.to_ascii_uppercase();
    let after = |names: [&str; 2]| {
        names.iter().find_map(|name| {
            let (_, rest) = path.split_once(name)?;
            // Bluetooth writes the kind of number before the number: VID&0001004C.
            let digits: &str = &rest[..rest.find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(rest.len())];
            id(digits.get(digits.len().checked_sub(4)?..)?)
        })
    };
    (after(["VID_", "VEN_"]), after(["PID_", "DEV_"]))
}

/// Vendor and product from the end of macOS' model UID, such as `Jabra EVOLVE 20:0B0E:0E21`.
pub fn ids_of_model(uid: &str) -> (Option<UsbId>, Option<UsbId>) {
    let mut parts = uid.rsplit(':');
    match (parts.next().and_then(id), parts.next().and_then(id), parts.next()) {
        (Some(product), Some(vendor), Some(_)) => (Some(vendor), Some(product)),
        _ => (None, None),
    }
}

fn id(hex: &str) -> Option<UsbId> {
    let good = hex.len() == 4 && hex.bytes().all(|b| b.is_ascii_hexdigit());
    let number = u16::from_str_radix(hex, 16).ok()?;
    (good && number != 0).then(|| UsbId::from_number(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(ids: (Option<UsbId>, Option<UsbId>)) -> (String, String) {
        let text = |id: Option<UsbId>| id.map(|id| id.to_string()).unwrap_or_default();
        (text(ids.0), text(ids.1))
    }

    #[test]
    fn ids_come_from_paths() {
        for (path, vendor, product) in [
            (r"{1}.USB\VID_0B0E&PID_0E21&MI_00\7&2A8B&0&0000", "0b0e", "0e21"),
            (r"{1}.HDAUDIO\FUNC_01&VEN_10EC&DEV_0295&SUBSYS_10280\4&1", "10ec", "0295"),
            (r"{2}.\\?\usb#vid_046d&pid_0a44&mi_00#7&1", "046d", "0a44"),
            (r"{1}.ROOT\MEDIA\0000", "", ""),
            (r"USB\VID_&PID_12", "", ""),
            (r"USB\VID_ZZZZ&PID_0000", "", ""),
            ("VID_é", "", ""),
            ("", "", ""),
        ] {
            assert_eq!(text(ids_of_path(path)), (vendor.into(), product.into()), "{path}");
        }
    }

    #[test]
    fn ids_come_from_model_uids() {
        for (uid, vendor, product) in [
            ("Jabra EVOLVE 20:0B0E:0E21", "0b0e", "0e21"),
            ("Anna: her headset:046D:0A44", "046d", "0a44"),
            ("Codec Input", "", ""),
            ("0B0E:0E21", "", ""),
            ("AirPods:", "", ""),
            ("x:0B0E0:0E21", "", ""),
            ("x:+0B0:0E21", "", ""),
            ("", "", ""),
        ] {
            assert_eq!(text(ids_of_model(uid)), (vendor.into(), product.into()), "{uid}");
        }
    }

    #[test]
    fn connections_follow_the_enumerator() {
        assert_eq!(connection("USB", Some(5)), Connection::Usb);
        assert_eq!(connection("BTHHFENUM", Some(5)), Connection::Bluetooth);
        assert_eq!(connection("hdaudio", Some(3)), Connection::Jack);
        assert_eq!(connection("HDAUDIO", Some(4)), Connection::Internal);
        assert_eq!(connection("HDAUDIO", Some(9)), Connection::Hdmi);
        assert_eq!(connection("ROOT", Some(4)), Connection::Virtual);
        assert_eq!(connection("", None), Connection::Unknown);
    }
}
