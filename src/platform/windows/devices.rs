//! The devices of one piece of hardware, by the container that Windows groups them in.

use windows_sys::{
    Win32::{
        Devices::{
            DeviceAndDriverInstallation::{
                CM_GETIDLIST_FILTER_ENUMERATOR, CM_GETIDLIST_FILTER_PRESENT, CM_Get_DevNode_PropertyW,
                CM_Get_Device_ID_List_SizeW, CM_Get_Device_ID_ListW, CM_LOCATE_DEVNODE_NORMAL,
                CM_Locate_DevNodeW, CR_SUCCESS,
            },
            Properties::{DEVPKEY_Device_ContainerId, DEVPROP_TYPE_GUID},
        },
        Foundation::DEVPROPKEY,
    },
    core::GUID,
};

/// What headsets are found by.
const ENUMERATORS: [&str; 4] = ["USB", "BTHENUM", "BTHLE", "BTHLEDEVICE"];
/// Longest list that is read, in UTF-16 units.
const LONGEST: u32 = 256 * 1024;

/// Which piece of hardware a device is part of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Container(pub u128);

impl Container {
    /// What is part of the computer itself, by Microsoft's definition of container ids.
    const COMPUTER: Self = Self(0x00000000_0000_0000_ffff_ffffffffffff);

    /// Whether it is a piece of hardware of its own.
    fn is_apart(self) -> bool {
        self != Self::COMPUTER && self.0 != 0
    }
}

/// The instance ids of the devices in a container that are there now, such as
/// `USB\VID_0B0E&PID_0E21\0020B0123456`. They hold serial numbers and addresses: only
/// `audio::endpoint` may see them.
pub fn nodes(of: Container) -> Vec<String> {
    if !of.is_apart() {
        return Vec::new();
    }
    let all = ENUMERATORS.into_iter().flat_map(present);
    all.filter(|id| container(id) == Some(of)).collect()
}

/// Instance ids of what an enumerator found and is there.
fn present(enumerator: &str) -> Vec<String> {
    let (filter, flags) = (wide(enumerator), CM_GETIDLIST_FILTER_ENUMERATOR | CM_GETIDLIST_FILTER_PRESENT);
    let mut length = 0;
    // SAFETY: the filter ends in a zero and there is room for the length.
    let sized = unsafe { CM_Get_Device_ID_List_SizeW(&raw mut length, filter.as_ptr(), flags) };
    if sized != CR_SUCCESS || length == 0 || length > LONGEST {
        return Vec::new();
    }
    let mut list = vec![0u16; length as usize];
    // SAFETY: as above; the list has room for `length` units.
    let listed = unsafe { CM_Get_Device_ID_ListW(filter.as_ptr(), list.as_mut_ptr(), length, flags) };
    if listed != CR_SUCCESS {
        return Vec::new();
    }
    list.split(|unit| *unit == 0).filter(|id| !id.is_empty()).map(String::from_utf16_lossy).collect()
}

fn container(id: &str) -> Option<Container> {
    let (id, mut node) = (wide(id), 0);
    // SAFETY: the id ends in a zero and there is room for the handle, which needs no closing.
    if unsafe { CM_Locate_DevNodeW(&raw mut node, id.as_ptr(), CM_LOCATE_DEVNODE_NORMAL) } != CR_SUCCESS {
        return None;
    }
    let key: DEVPROPKEY = DEVPKEY_Device_ContainerId;
    let (mut found, mut kind, mut size) = (GUID::from_u128(0), 0, size_of::<GUID>() as u32);
    // SAFETY: the key, the kind and the GUID with its size outlive the call, which writes no more than that.
    let read = unsafe {
        CM_Get_DevNode_PropertyW(
            node,
            &raw const key,
            &raw mut kind,
            (&raw mut found).cast(),
            &raw mut size,
            0,
        )
    };
    (read == CR_SUCCESS && kind == DEVPROP_TYPE_GUID).then(|| Container(number(&found)))
}

fn number(guid: &GUID) -> u128 {
    u128::from(guid.data1) << 96
        | u128::from(guid.data2) << 80
        | u128::from(guid.data3) << 64
        | u128::from(u64::from_be_bytes(guid.data4))
}

fn wide(text: &str) -> Vec<u16> {
    text.encode_utf16().chain([0]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn containers_are_numbers_as_they_are_written() {
        let written = 0x8c7ed206_3f8a_4827_b3ab_ae9e1faefc6c;
        assert_eq!(number(&GUID::from_u128(written)), written);
        assert!(Container(written).is_apart() && !Container::COMPUTER.is_apart());
    }

    #[test]
    fn the_devices_of_this_machine_can_be_listed() {
        // Whatever there is, it is no part of a container that nobody has.
        assert_eq!(nodes(Container(1)), Vec::<String>::new());
        assert_eq!(nodes(Container::COMPUTER), Vec::<String>::new());
        assert_eq!(container(r"USB\no such device\0"), None);
    }
}
