//! The Wi-Fi link, by the native Wi-Fi functions of Windows.
//!
//! Windows 11 tells "real-time connection quality", which has no name of a network in it and needs no
//! consent to location. Only where that does not exist, on older versions, "current connection" is
//! asked, and only its numbers are read.

use crate::network::{
    link::Interface,
    wifi::{band_of_channel, from_windows, windows_realtime},
};
use std::ptr::{null, null_mut};
use telemetry::WifiLink;
use windows_sys::{
    Win32::{
        Foundation::{ERROR_SUCCESS, HANDLE},
        NetworkManagement::WiFi::{
            WLAN_CONNECTION_ATTRIBUTES, WLAN_INTF_OPCODE, WlanCloseHandle, WlanFreeMemory, WlanOpenHandle,
            WlanQueryInterface, wlan_intf_opcode_channel_number, wlan_intf_opcode_current_connection,
            wlan_intf_opcode_rssi,
        },
    },
    core::GUID,
};

/// Not yet named by windows-sys: `wlan_intf_opcode_realtime_connection_quality` of `wlanapi.h`.
const REALTIME_CONNECTION_QUALITY: WLAN_INTF_OPCODE = 19;
/// The version of the functions since Windows Vista.
const CLIENT_VERSION: u32 = 2;

/// The link of a Wi-Fi adapter; none if nothing is known of it.
pub fn wifi(interface: &Interface) -> Option<WifiLink> {
    let adapter = parse_guid(&interface.name)?;
    let wlan = Wlan::open()?;
    if let Some(bytes) = wlan.query(&adapter, REALTIME_CONNECTION_QUALITY) {
        return windows_realtime(&bytes);
    }
    let bytes = wlan.query(&adapter, wlan_intf_opcode_current_connection)?;
    if bytes.len() < size_of::<WLAN_CONNECTION_ATTRIBUTES>() {
        return None;
    }
    // SAFETY: there are enough bytes, any of which make these numbers; the read needs no alignment.
    let connection: WLAN_CONNECTION_ATTRIBUTES =
        unsafe { bytes.as_ptr().cast::<WLAN_CONNECTION_ATTRIBUTES>().read_unaligned() };
    let association = connection.wlanAssociationAttributes;
    let number = |opcode| Some(u32::from_ne_bytes(wlan.query(&adapter, opcode)?.get(..4)?.try_into().ok()?));
    let link = from_windows(
        association.wlanSignalQuality,
        association.ulRxRate,
        association.ulTxRate,
        number(wlan_intf_opcode_rssi).map(|n| n as i32),
        None,
    );
    Some(WifiLink { band: number(wlan_intf_opcode_channel_number).and_then(band_of_channel), ..link })
}

struct Wlan(HANDLE);

impl Wlan {
    fn open() -> Option<Self> {
        let (mut version, mut handle) = (0, null_mut());
        // SAFETY: both have room for what is written.
        let result = unsafe { WlanOpenHandle(CLIENT_VERSION, null(), &mut version, &mut handle) };
        (result == ERROR_SUCCESS).then_some(Self(handle))
    }

    fn query(&self, adapter: &GUID, opcode: WLAN_INTF_OPCODE) -> Option<Vec<u8>> {
        let (mut size, mut data) = (0u32, null_mut());
        // SAFETY: every pointer is to something that lives on and has room for what is written.
        let result =
            unsafe { WlanQueryInterface(self.0, adapter, opcode, null(), &mut size, &mut data, null_mut()) };
        if result != ERROR_SUCCESS || data.is_null() {
            return None;
        }
        // SAFETY: on success there are `size` bytes at `data`, until they are freed.
        let bytes = unsafe { std::slice::from_raw_parts(data.cast::<u8>(), size as usize) }.to_vec();
        // SAFETY: the memory came from `WlanQueryInterface` and is not used any more.
        unsafe { WlanFreeMemory(data) };
        Some(bytes)
    }
}

impl Drop for Wlan {
    fn drop(&mut self) {
        // SAFETY: the handle was opened by `open` and is closed only here.
        unsafe { WlanCloseHandle(self.0, null()) };
    }
}

/// Reads "{6BDD1FC6-810F-11D0-BEC7-08002BE2092F}".
fn parse_guid(text: &str) -> Option<GUID> {
    let hex: String = text.strip_prefix('{')?.strip_suffix('}')?.split('-').collect();
    let number = (hex.len() == 32).then(|| u128::from_str_radix(&hex, 16).ok())??;
    Some(GUID::from_u128(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adapters_are_named_by_a_guid() {
        let guid = parse_guid("{6BDD1FC6-810F-11D0-BEC7-08002BE2092F}").unwrap();
        assert_eq!((guid.data1, guid.data4[7]), (0x6BDD_1FC6, 0x2F));
        for bad in
            ["", "{}", "6BDD1FC6-810F-11D0-BEC7-08002BE2092F", "{6BDD1FC6-810F-11D0-BEC7-08002BE2092G}"]
        {
            assert!(parse_guid(bad).is_none(), "{bad}");
        }
    }
}
