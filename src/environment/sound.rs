//! Facts of sound: the server and the default devices, from the inventory that `audio` takes.

use super::Seen;
use crate::audio::{AudioError, Inventory};
use telemetry::{Connection, Direction, FactKey, FactValue, Word};

/// The facts. A server that hangs changes nothing: what it would have said was not read.
pub fn facts(inventory: &Result<Inventory, AudioError>) -> Vec<(FactKey, FactValue)> {
    let (kind, version) = match inventory {
        // Windows' and macOS's own are a part of the system and have no version.
        Ok(i) if matches!(i.server.kind, Word::Wasapi | Word::Coreaudio) => {
            (Seen::Is(i.server.kind), Seen::Unsupported)
        }
        Ok(i) => (Seen::Is(i.server.kind), Seen::or_unreadable(i.server.version.clone())),
        Err(AudioError::NoSoundSystem) => (Seen::Nothing, Seen::Nothing),
        Err(_) => (Seen::Unreadable, Seen::Unreadable),
    };
    let input = device(inventory, Direction::Input);
    let output = device(inventory, Direction::Output);
    let [input_vendor, input_product, input_connection] = input;
    let [output_vendor, output_product, output_connection] = output;
    [
        (FactKey::AudioServer, kind.fact()),
        (FactKey::AudioServerVersion, version.fact()),
        (FactKey::InputVendor, input_vendor.fact()),
        (FactKey::InputProduct, input_product.fact()),
        (FactKey::InputConnection, input_connection.fact()),
        (FactKey::OutputVendor, output_vendor.fact()),
        (FactKey::OutputProduct, output_product.fact()),
        (FactKey::OutputConnection, output_connection.fact()),
    ]
    .into_iter()
    .filter_map(|(key, value)| Some((key, value?)))
    .collect()
}

/// Vendor, product and connection of the default device of a direction.
fn device(inventory: &Result<Inventory, AudioError>, direction: Direction) -> [Seen<FactValue>; 3] {
    let device = match inventory {
        Ok(inventory) => inventory.default_of(direction),
        Err(AudioError::NoSoundSystem) => None,
        Err(_) => return [Seen::Unreadable, Seen::Unreadable, Seen::Unreadable],
    };
    let id = |id: Option<telemetry::UsbId>| Seen::or_nothing(id.map(FactValue::Usb));
    [
        id(device.and_then(|d| d.vendor.clone())),
        id(device.and_then(|d| d.product.clone())),
        Seen::or_nothing(device.map(|d| FactValue::Word(word(d.connection)))),
    ]
}

fn word(connection: Connection) -> Word {
    match connection {
        Connection::Usb => Word::Usb,
        Connection::Bluetooth => Word::Bluetooth,
        Connection::Internal => Word::Internal,
        Connection::Jack => Word::Jack,
        Connection::Hdmi => Word::Hdmi,
        Connection::Virtual => Word::Virtual,
        Connection::Network => Word::Network,
        // Not `Word::Unknown`: the device was read, and its kind is none that we have a word for.
        Connection::Unknown => Word::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::environment::{Snapshot, diff};
    use telemetry::UnixMs;

    fn inventory(devices: &str) -> Result<Inventory, AudioError> {
        let text = format!(
            r#"{{"server":{{"kind":"pipewire","version":"1.0.5"}},"devices":[{devices}],
                "microphone_use":"free","would_switch_headset":false}}"#
        );
        Ok(serde_json::from_str(&text).unwrap())
    }

    fn device(direction: &str, default: bool, vendor: &str, connection: &str) -> String {
        format!(
            r#"{{"key":"{:064}","direction":"{direction}","default":{default},"vendor":"{vendor}","product":"0001",
                "connection":"{connection}","form_factor":"headset"}}"#,
            0
        )
    }

    fn changes(from: &Result<Inventory, AudioError>, to: &Result<Inventory, AudioError>) -> Vec<FactKey> {
        let snapshot = |i| facts(i).into_iter().collect::<Snapshot>();
        diff(&snapshot(from), &snapshot(to), UnixMs::new(1_760_000_000_000))
            .into_iter()
            .map(|c| c.key)
            .collect()
    }

    fn usb() -> String {
        [device("input", true, "0b0e", "usb"), device("output", true, "0b0e", "usb")].join(",")
    }

    #[test]
    fn only_default_devices_are_facts() {
        let more = [usb(), device("input", false, "046d", "usb")].join(",");
        assert_eq!(changes(&inventory(&usb()), &inventory(&more)), []);
        assert_eq!(facts(&inventory(&more)).len(), 8);
    }

    #[test]
    fn another_microphone_is_a_change() {
        let bluetooth =
            [device("input", true, "05ac", "bluetooth"), device("output", true, "0b0e", "usb")].join(",");
        assert_eq!(
            changes(&inventory(&usb()), &inventory(&bluetooth)),
            [FactKey::InputVendor, FactKey::InputConnection]
        );
    }

    #[test]
    fn an_unplugged_headset_is_gone_and_a_hung_server_says_nothing() {
        use FactKey::{InputConnection, InputProduct, InputVendor};
        let speaker = device("output", true, "0b0e", "usb");
        assert_eq!(
            changes(&inventory(&usb()), &inventory(&speaker)),
            [InputVendor, InputProduct, InputConnection]
        );
        assert_eq!(changes(&inventory(&usb()), &Err(AudioError::SoundServer)), []);
        assert_eq!(
            changes(&inventory(""), &Err(AudioError::NoSoundSystem)),
            [FactKey::AudioServer, FactKey::AudioServerVersion]
        );
    }
}
