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
        // BTHENUM, BTHHFENUM (hands-free), BTHLE, BTHLEDEVICE, BTHLEENUM.
        (name, _) if name.starts_with("BTH") => Connection::Bluetooth,
        (_, Some(9)) => Connection::Hdmi,
        (_, Some(0)) => Connection::Network,
        // On the sound card of the computer, what is worn on a head comes by a socket.
        ("HDAUDIO" | "INTELAUDIO" | "PCI" | "ACPI", Some(3 | 5)) => Connection::Jack,
        ("HDAUDIO" | "INTELAUDIO" | "PCI" | "ACPI" | "SOUNDWIRE", _) => Connection::Internal,
        ("ROOT" | "SWD" | "SW", _) => Connection::Virtual,
        _ => Connection::Unknown,
    }
}

/// The enumerator at the head of an instance id, with or without the number that Windows puts before the
/// one of an endpoint's hardware: `{1}.USB\VID_…`.
pub fn enumerator(path: &str) -> &str {
    let id = match path.split_once("}.") {
        Some((number, id)) if number.starts_with('{') => id,
        _ => path,
    };
    id.split('\\').next().unwrap_or_default()
}

/// Vendor and product from the instance id of the hardware behind a device, such as
/// `{1}.USB\VID_0B0E&PID_0E21&MI_00\7&…`, `{1}.HDAUDIO\FUNC_01&VEN_10EC&DEV_0295\…` or
/// `BTHENUM\{0000111E-…}_VID&0002054C_PID&0CD3\…`. What else is in it, a serial number or the address of a
/// Bluetooth device (`BTHENUM\DEV_…`), is never taken for one.
pub fn ids_of_path(path: &str) -> (Option<UsbId>, Option<UsbId>) {
    let path = path.to_ascii_uppercase();
    let digits = |name: &str, from: &str| {
        let (_, rest) = from.split_once(name)?;
        let end = rest.find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(rest.len());
        Some((rest[..end].to_owned(), rest[end..].to_owned()))
    };
    for (vendor, product) in [("VID_", "PID_"), ("VEN_", "DEV_"), ("VID&", "PID&")] {
        let Some((number, rest)) = digits(vendor, &path) else { continue };
        let number = match (vendor, number.len()) {
            // Bluetooth says before the number who gave it: 2 is the USB forum, 1 the Bluetooth group,
            // whose numbers mean other makers. Low energy writes the same with two digits.
            ("VID&", 8) => number.strip_prefix("0002"),
            ("VID&", 6) => number.strip_prefix("02"),
            ("VID&", _) => None,
            _ => Some(number.as_str()),
        };
        let Some(found) = number.and_then(id) else { continue };
        return (Some(found), digits(product, &rest).and_then(|(number, _)| id(&number)));
    }
    (None, None)
}

/// What the devices that share a piece of hardware with an endpoint say of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hardware {
    /// How it is connected, if they say.
    pub connection: Option<Connection>,
    /// Its maker.
    pub vendor: Option<UsbId>,
    /// Its model.
    pub product: Option<UsbId>,
}

/// From their instance ids. A headset that is connected by Bluetooth counts as such even while its dock or
/// charger is plugged in, for its sound goes by the air.
pub fn hardware<'a>(nodes: impl IntoIterator<Item = &'a str>) -> Hardware {
    let mut found = Hardware::default();
    for node in nodes {
        let connection = match connection(enumerator(node), None) {
            known @ (Connection::Bluetooth | Connection::Usb) => known,
            _ => continue,
        };
        let ids = ids_of_path(node);
        let better = found.connection.is_none()
            || (connection == Connection::Bluetooth && found.connection == Some(Connection::Usb));
        if better {
            found = Hardware { connection: Some(connection), vendor: ids.0, product: ids.1 };
        } else if found.vendor.is_none() && found.connection == Some(connection) {
            (found.vendor, found.product) = ids;
        }
    }
    found
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
            // The hardware behind endpoints of Windows 10 and 11.
            (r"{1}.USB\VID_0B0E&PID_0E21&MI_00\7&2A8B&0&0000", "0b0e", "0e21"),
            (r"{1}.HDAUDIO\FUNC_01&VEN_10EC&DEV_0295&SUBSYS_10280\4&1", "10ec", "0295"),
            (r"{1}.INTELAUDIO\FUNC_01&VEN_8086&DEV_280B&SUBSYS_80860101\5&1", "8086", "280b"),
            (r"{1}.BTHENUM\{0000110B-0000-1000-8000-00805F9B34FB}_VID&0002054C_PID&0CD3\7&1", "054c", "0cd3"),
            (r"{1}.BTHHFENUM\BTHHFPAUDIO\8&12EB9D1B&0&97", "", ""),
            (r"{2}.\\?\usb#vid_046d&pid_0a44&mi_00#7&1", "046d", "0a44"),
            // Of devices.
            (r"USB\VID_047F&PID_C056\4A8C0E3F1D2B4A5C", "047f", "c056"),
            (r"BTHENUM\{0000111E-0000-1000-8000-00805F9B34FB}_VID&00020B0E_PID&2453\8&1", "0b0e", "2453"),
            (r"BTHLE\{0000180A}_DEV_VID&0205A7_PID&40FC_REV&0100_381234567890\9&1", "05a7", "40fc"),
            // Numbers of the Bluetooth group are not those of the USB forum: 004C is Apple there.
            (r"BTHENUM\{0000111E-0000-1000-8000-00805F9B34FB}_VID&0001004C_PID&2014\8&1", "", ""),
            // The address of a headset is no model.
            (r"BTHENUM\DEV_38184C3E5A11\8&1B5C4B0&0&BLUETOOTHDEVICE_38184C3E5A11", "", ""),
            (r"BTHENUM\{0000111E}_LOCALMFG&000F\8&1B5C4B0&0&38184C3E5A11_C00000000", "", ""),
            // What is none, or only half of one.
            (r"{1}.ROOT\MEDIA\0000", "", ""),
            (r"USB\VID_0B0E", "0b0e", ""),
            (r"USB\VID_0B0E&PID_0E210", "0b0e", ""),
            (r"USB\PID_0E21&VID_0B0E", "0b0e", ""),
            (r"USB\VID_&PID_12", "", ""),
            (r"USB\VID_ZZZZ&PID_0000", "", ""),
            (r"BTHENUM\X_VID&2054C_PID&0CD3", "", ""),
            ("VID_é", "", ""),
            ("", "", ""),
        ] {
            assert_eq!(text(ids_of_path(path)), (vendor.into(), product.into()), "{path}");
        }
    }

    #[test]
    fn the_enumerator_comes_first() {
        for (path, name) in [
            (r"{1}.USB\VID_0B0E&PID_0E21\7", "USB"),
            (r"BTHENUM\{0000111E}_VID&0002054C\8", "BTHENUM"),
            (r"{0.0.1.00000000}.{6B0F5B36}", "{6B0F5B36}"),
            ("SWD", "SWD"),
            ("", ""),
        ] {
            assert_eq!(enumerator(path), name, "{path}");
        }
    }

    #[test]
    fn what_shares_the_hardware_says_what_it_is() {
        let of = |nodes: &[&str]| {
            let found = hardware(nodes.iter().copied());
            (found.connection, text((found.vendor, found.product)))
        };
        let ids = |v: &str, p: &str| (v.to_owned(), p.to_owned());
        let none = ids("", "");
        // A hands-free endpoint says nothing itself; its headset's services do, its address does not.
        let headset = [
            r"BTHENUM\DEV_38184C3E5A11\8&1B5C4B0&0&BLUETOOTHDEVICE_38184C3E5A11",
            r"BTHENUM\{0000111E-0000-1000-8000-00805F9B34FB}_VID&0002054C_PID&0CD3\8&1",
        ];
        assert_eq!(of(&headset), (Some(Connection::Bluetooth), ids("054c", "0cd3")));
        assert_eq!(of(&headset[..1]), (Some(Connection::Bluetooth), none.clone()));
        let dongle = [r"USB\VID_0B0E&PID_2481\0020B0", r"USB\VID_0B0E&PID_2481&MI_00\7&1"];
        assert_eq!(of(&dongle), (Some(Connection::Usb), ids("0b0e", "2481")));
        // On the air, with its cable in for charging.
        assert_eq!(of(&[dongle[0], headset[1]]), (Some(Connection::Bluetooth), ids("054c", "0cd3")));
        assert_eq!(of(&[headset[1], dongle[0]]), (Some(Connection::Bluetooth), ids("054c", "0cd3")));
        assert_eq!(of(&[headset[0], dongle[0]]), (Some(Connection::Bluetooth), none.clone()));
        assert_eq!(of(&[r"SWD\MMDEVAPI\X", r"HDAUDIO\FUNC_01&VEN_10EC&DEV_0295\4"]), (None, none.clone()));
        assert_eq!(of(&[]), (None, none));
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
        assert_eq!(connection("BTHENUM", None), Connection::Bluetooth);
        assert_eq!(connection("hdaudio", Some(3)), Connection::Jack);
        assert_eq!(connection("HDAUDIO", Some(4)), Connection::Internal);
        assert_eq!(connection("HDAUDIO", Some(9)), Connection::Hdmi);
        assert_eq!(connection("ROOT", Some(4)), Connection::Virtual);
        assert_eq!(connection("", None), Connection::Unknown);
    }

    proptest::proptest! {
        #[test]
        fn nothing_breaks_the_parsers(text in ".{0,80}", hex in "[0-9a-fA-F]{0,9}") {
            for path in [text.clone(), format!("VID_{text}"), format!("{{1}}.BTHENUM\\X_VID&{hex}_PID&{hex}{text}")] {
                ids_of_path(&path);
                enumerator(&path);
                hardware([path.as_str()]);
            }
        }
    }
}
