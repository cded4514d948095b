//! Well-known headsets by vendor and product id.
//!
//! Source: the public list of USB ids (linux-usb.org/usb.ids, 2023) where nothing else is said. A
//! device that is not here is reported without a model, never by the name it gives itself.

use telemetry::{Id, UsbId};

/// Vendor, product and our name for the model, in order.
#[rustfmt::skip]
const MODELS: &[(u16, u16, &str)] = &[
    // Microsoft
    (0x045e, 0x070f, "microsoft-lifechat-lx-3000"),
    (0x045e, 0x077f, "microsoft-lifechat-lx-6000"),
    // Logitech
    (0x046d, 0x0a02, "logitech-premium-stereo-350"),
    (0x046d, 0x0a0c, "logitech-clearchat-comfort"),
    (0x046d, 0x0a15, "logitech-g35"),
    (0x046d, 0x0a17, "logitech-g330"),
    (0x046d, 0x0a29, "logitech-h600"),
    (0x046d, 0x0a37, "logitech-h540"),
    (0x046d, 0x0a38, "logitech-h340"),
    (0x046d, 0x0a44, "logitech-h390"),
    (0x046d, 0x0a45, "logitech-960"),
    (0x046d, 0x0a4d, "logitech-g430"),
    (0x046d, 0x0a5b, "logitech-g933"),
    (0x046d, 0x0a66, "logitech-g533"),
    (0x046d, 0x0a8f, "logitech-h390"),
    (0x046d, 0x0a90, "logitech-zone-receiver"),
    (0x046d, 0x0aaa, "logitech-g-pro-x"),
    (0x046d, 0x0ac4, "logitech-g535"),
    // Poly (Plantronics)
    (0x047f, 0x02ee, "poly-bt600"),
    (0x047f, 0x0411, "poly-savi-office"),
    (0x047f, 0xaa05, "poly-da45"),
    (0x047f, 0xac01, "poly-savi-7xx"),
    (0x047f, 0xad01, "poly-gamecom-777"),
    (0x047f, 0xaf00, "poly-da70"),
    (0x047f, 0xaf01, "poly-da80"),
    (0x047f, 0xc008, "poly-audio-655"),
    (0x047f, 0xc00e, "poly-blackwire-c310"),
    (0x047f, 0xc053, "poly-blackwire-c5220"),
    (0x047f, 0xc056, "poly-blackwire-c3220"),
    (0x047f, 0xca01, "poly-calisto-800"),
    (0x047f, 0xda60, "poly-da60"),
    // Jabra (GN)
    (0x0b0e, 0x0305, "jabra-evolve-link-ms"),
    (0x0b0e, 0x0311, "jabra-evolve-65"),
    (0x0b0e, 0x0343, "jabra-uc-voice-150a"),
    (0x0b0e, 0x0348, "jabra-uc-voice-550a-ms"),
    (0x0b0e, 0x034c, "jabra-uc-voice-750-ms"),
    (0x0b0e, 0x034d, "jabra-uc-voice-750"),
    (0x0b0e, 0x0410, "jabra-speak-410"),
    (0x0b0e, 0x0420, "jabra-speak-510"),
    (0x0b0e, 0x0422, "jabra-speak-510-usb"),
    // Named so by their maker's driver library or by users who measured them.
    (0x0b0e, 0x0e36, "jabra-evolve2-30-se"),
    (0x0b0e, 0x0e40, "jabra-evolve2-40"),
    (0x0b0e, 0x1017, "jabra-pro-930"),
    (0x0b0e, 0x1022, "jabra-pro-9450"),
    (0x0b0e, 0x1041, "jabra-pro-9460"),
    (0x0b0e, 0x1900, "jabra-biz-1900"),
    (0x0b0e, 0x2007, "jabra-gn2000"),
    (0x0b0e, 0x2456, "jabra-speak-810"),
    (0x0b0e, 0x245e, "jabra-link-370"),
    // As above: the kernel's log of a Link 380, and users' notes.
    (0x0b0e, 0x2475, "jabra-speak-710"),
    (0x0b0e, 0x24c7, "jabra-link-380"),
    (0x0b0e, 0x24c8, "jabra-link-380"),
    (0x0b0e, 0x9330, "jabra-gn9330"),
    (0x0b0e, 0xa346, "jabra-engage-75"),
    // EPOS and Sennheiser
    (0x1395, 0x0025, "sennheiser-pc-8"),
    (0x1395, 0x0026, "sennheiser-sc-230"),
    (0x1395, 0x0027, "sennheiser-sc-260"),
    (0x1395, 0x0028, "sennheiser-sc-230-ctrl"),
    (0x1395, 0x0029, "sennheiser-sc-260-ctrl"),
    (0x1395, 0x002a, "sennheiser-sc-230-lync"),
    (0x1395, 0x002b, "sennheiser-sc-260-lync"),
    (0x1395, 0x002d, "sennheiser-btd-800"),
    (0x1395, 0x002e, "sennheiser-presence"),
    (0x1395, 0x0032, "sennheiser-sc-30-lync"),
    (0x1395, 0x0033, "sennheiser-sc-60-lync"),
    (0x1395, 0x0034, "sennheiser-sc-30-control"),
    (0x1395, 0x0035, "sennheiser-sc-60-control"),
    (0x1395, 0x0036, "sennheiser-sc-630-lync"),
    (0x1395, 0x0037, "sennheiser-sc-660-lync"),
    (0x1395, 0x0038, "sennheiser-sc-630-ctrl"),
    (0x1395, 0x0039, "sennheiser-sc-660-ctrl"),
    (0x1395, 0x003f, "sennheiser-sp-20"),
    (0x1395, 0x0040, "sennheiser-mb-pro"),
    (0x1395, 0x0041, "sennheiser-sp-20-lync"),
    (0x1395, 0x0042, "sennheiser-sp-10"),
    (0x1395, 0x0043, "sennheiser-sp-10-lync"),
    (0x1395, 0x004f, "sennheiser-sc-230-ms-ii"),
    (0x1395, 0x0050, "sennheiser-sc-260-ms-ii"),
    (0x1395, 0x0059, "sennheiser-sc-40-ms"),
    (0x1395, 0x005a, "sennheiser-sc-70-ms"),
    (0x1395, 0x005b, "sennheiser-sc-40-ctrl"),
    (0x1395, 0x005c, "sennheiser-sc-70-ctrl"),
    (0x1395, 0x0060, "sennheiser-scx5-ms"),
    (0x1395, 0x0061, "sennheiser-scx5-ctrl"),
    (0x1395, 0x0064, "sennheiser-mb-660-ms"),
    (0x1395, 0x0065, "sennheiser-mb-660"),
    (0x1395, 0x006b, "sennheiser-sc-6x5"),
];

/// Our id for a model; `None` if it is not one of the well-known.
pub fn model(vendor: &UsbId, product: &UsbId) -> Option<Id> {
    let number = |id: &UsbId| u16::from_str_radix(id.as_str(), 16).ok();
    let key = (number(vendor)?, number(product)?);
    let at = MODELS.binary_search_by_key(&key, |(v, p, _)| (*v, *p)).ok()?;
    MODELS[at].2.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_order_and_all_of_it_can_be_sent() {
        assert!(MODELS.is_sorted_by(|a, b| (a.0, a.1) < (b.0, b.1)));
        for (vendor, product, name) in MODELS {
            let found = model(&UsbId::from_number(*vendor), &UsbId::from_number(*product));
            assert_eq!(found.map(|m| m.to_string()).as_deref(), Some(*name));
        }
    }

    #[test]
    fn a_stranger_has_no_model() {
        assert_eq!(model(&UsbId::from_number(0x1234), &UsbId::from_number(0x5678)), None);
    }
}
