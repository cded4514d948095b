//! The Wi-Fi link, by the native Wi-Fi functions of Windows.
//!
//! Windows 11 tells "real-time connection quality", which has no name of a network in it and needs no
//! consent to location. Only on versions before consent was wanted for it "current connection" is asked, and
//! only its numbers are read; on later ones signal and channel alone.

use super::registry::{self, Hive};
use crate::network::{
    link::Interface,
    wifi::windows::{connection, may_ask_connection, realtime, signal_alone},
};
use std::ptr::{null, null_mut};
use telemetry::WifiLink;
use windows_sys::{
    Win32::{
        Foundation::{ERROR_SUCCESS, HANDLE},
        NetworkManagement::WiFi::{
            WLAN_ASSOCIATION_ATTRIBUTES, WLAN_CONNECTION_ATTRIBUTES, WLAN_INTF_OPCODE, WlanCloseHandle,
            WlanFreeMemory, WlanOpenHandle, WlanQueryInterface, wlan_intf_opcode_channel_number,
            wlan_intf_opcode_current_connection, wlan_intf_opcode_rssi,
            wlan_intf_opcode_secondary_sta_synchronized_connections,
        },
    },
    core::GUID,
};

/// `wlan_intf_opcode_realtime_connection_quality` of wlanapi.h (SDK 26100), which windows-sys 0.61 does not
/// name yet: the one behind the last that it names.
const REALTIME_CONNECTION_QUALITY: WLAN_INTF_OPCODE = 19;
const _: () =
    assert!(REALTIME_CONNECTION_QUALITY == wlan_intf_opcode_secondary_sta_synchronized_connections + 1);
/// Where `network::wifi::windows` looks for the quality.
const _: () = assert!(
    std::mem::offset_of!(WLAN_CONNECTION_ATTRIBUTES, wlanAssociationAttributes)
        + std::mem::offset_of!(WLAN_ASSOCIATION_ATTRIBUTES, wlanSignalQuality)
        == 576
        && size_of::<WLAN_CONNECTION_ATTRIBUTES>() == 604
);
/// The version of the functions since Windows Vista.
const CLIENT_VERSION: u32 = 2;

/// The link of a Wi-Fi adapter; none if nothing is known of it.
pub fn wifi(interface: &Interface) -> Option<WifiLink> {
    let adapter = parse_guid(&interface.name)?;
    let wlan = Wlan::open()?;
    if let Some(bytes) = wlan.query(&adapter, REALTIME_CONNECTION_QUALITY) {
        return realtime(&bytes);
    }
    let rssi = wlan.query(&adapter, wlan_intf_opcode_rssi);
    let channel = wlan.query(&adapter, wlan_intf_opcode_channel_number);
    if may_ask_connection(build()) {
        let bytes = wlan.query(&adapter, wlan_intf_opcode_current_connection)?;
        return connection(&bytes, rssi.as_deref(), channel.as_deref());
    }
    signal_alone(rssi.as_deref(), channel.as_deref())
}

fn build() -> Option<u32> {
    let version = r"SOFTWARE\Microsoft\Windows NT\CurrentVersion";
    registry::text(Hive::Machine, version, "CurrentBuildNumber").is()?.parse().ok()
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
