//! Reads the registry of Windows, always its 64-bit view.

use crate::environment::{Seen, registry::Registry};
use std::ptr::{null, null_mut};
use windows_sys::Win32::{
    Foundation::{ERROR_FILE_NOT_FOUND, ERROR_PATH_NOT_FOUND, ERROR_SUCCESS, FILETIME, WIN32_ERROR},
    System::Registry::{
        HKEY, HKEY_CURRENT_USER, HKEY_LOCAL_MACHINE, KEY_READ, KEY_WOW64_64KEY, REG_ROUTINE_FLAGS,
        RRF_RT_REG_DWORD, RRF_RT_REG_QWORD, RRF_RT_REG_SZ, RegCloseKey, RegEnumKeyExW, RegGetValueW,
        RegOpenKeyExW, RegQueryInfoKeyW,
    },
};

/// Longest text that is read, in UTF-16 units.
const LONGEST: usize = 4_096;

pub use crate::environment::registry::Hive;

/// The registry of this computer.
pub struct Here;

impl Registry for Here {
    fn text(&self, hive: Hive, path: &str, name: &str) -> Seen<String> {
        match Key::open(hive, path) {
            Seen::Is(key) => key.text(name),
            other => other.map(|_| String::new()),
        }
    }

    fn number(&self, hive: Hive, path: &str, name: &str) -> Seen<u32> {
        match Key::open(hive, path) {
            Seen::Is(key) => key.number(name),
            other => other.map(|_| 0),
        }
    }

    fn exists(&self, hive: Hive, path: &str) -> Seen<bool> {
        match Key::open(hive, path) {
            Seen::Is(_) => Seen::Is(true),
            Seen::Nothing => Seen::Is(false),
            other => other.map(|_| false),
        }
    }
}

/// An open key.
pub struct Key(HKEY);

impl Drop for Key {
    fn drop(&mut self) {
        // SAFETY: the key was opened by `open` and is closed only here.
        unsafe { RegCloseKey(self.0) };
    }
}

impl Key {
    /// Opens a key for reading.
    pub fn open(hive: Hive, path: &str) -> Seen<Self> {
        let root = match hive {
            Hive::Machine => HKEY_LOCAL_MACHINE,
            Hive::User => HKEY_CURRENT_USER,
        };
        let path = wide(path);
        let mut key = null_mut();
        // SAFETY: the path ends in a zero and `key` has room for the handle.
        let result = unsafe { RegOpenKeyExW(root, path.as_ptr(), 0, KEY_READ | KEY_WOW64_64KEY, &mut key) };
        seen(result, || Self(key))
    }

    /// A value that is text.
    pub fn text(&self, name: &str) -> Seen<String> {
        let mut buffer = vec![0u16; LONGEST];
        let mut bytes = (LONGEST * 2) as u32;
        let result = self.value(name, RRF_RT_REG_SZ, buffer.as_mut_ptr().cast(), &mut bytes);
        seen(result, || {
            let text = &buffer[..(bytes as usize / 2).min(LONGEST)];
            let end = text.iter().position(|c| *c == 0).unwrap_or(text.len());
            String::from_utf16_lossy(&text[..end])
        })
    }

    /// A value that is a number of 32 bits.
    pub fn number(&self, name: &str) -> Seen<u32> {
        let mut number = 0u32;
        let mut bytes = 4;
        let result = self.value(name, RRF_RT_REG_DWORD, (&raw mut number).cast(), &mut bytes);
        seen(result, || number)
    }

    /// A value that is a number of 64 bits.
    pub fn long_number(&self, name: &str) -> Option<u64> {
        let mut number = 0u64;
        let mut bytes = 8;
        let result = self.value(name, RRF_RT_REG_QWORD, (&raw mut number).cast(), &mut bytes);
        (result == ERROR_SUCCESS).then_some(number)
    }

    /// Names of the keys under this one, some thousands at most.
    pub fn keys(&self) -> Vec<String> {
        (0..4_096)
            .map_while(|index| {
                // A key's name has 255 characters at most.
                let mut name = [0u16; 256];
                let mut length = name.len() as u32;
                // SAFETY: the name has room for `length` characters; the rest may be null.
                let result = unsafe {
                    RegEnumKeyExW(
                        self.0,
                        index,
                        name.as_mut_ptr(),
                        &mut length,
                        null(),
                        null_mut(),
                        null_mut(),
                        null_mut(),
                    )
                };
                (result == ERROR_SUCCESS).then(|| String::from_utf16_lossy(&name[..length as usize]))
            })
            .collect()
    }

    /// When a value of the key was last written, in units of 100 ns.
    pub fn written(&self) -> Option<u64> {
        let mut time = FILETIME::default();
        // SAFETY: every pointer may be null but the last, which has room for the time.
        let result = unsafe {
            RegQueryInfoKeyW(
                self.0,
                null_mut(),
                null_mut(),
                null(),
                null_mut(),
                null_mut(),
                null_mut(),
                null_mut(),
                null_mut(),
                null_mut(),
                null_mut(),
                &mut time,
            )
        };
        (result == ERROR_SUCCESS)
            .then(|| u64::from(time.dwHighDateTime) << 32 | u64::from(time.dwLowDateTime))
    }

    fn value(
        &self,
        name: &str,
        kind: REG_ROUTINE_FLAGS,
        to: *mut std::ffi::c_void,
        bytes: &mut u32,
    ) -> WIN32_ERROR {
        let name = wide(name);
        // SAFETY: the name ends in a zero; `to` has room for `bytes` bytes, which the callers see to.
        unsafe { RegGetValueW(self.0, null(), name.as_ptr(), kind, null_mut(), to, bytes) }
    }
}

/// A text value of a key, both given by name.
pub fn text(hive: Hive, path: &str, name: &str) -> Seen<String> {
    Here.text(hive, path, name)
}

fn wide(text: &str) -> Vec<u16> {
    text.encode_utf16().chain([0]).collect()
}

fn seen<T>(result: WIN32_ERROR, value: impl FnOnce() -> T) -> Seen<T> {
    match result {
        ERROR_SUCCESS => Seen::Is(value()),
        ERROR_FILE_NOT_FOUND | ERROR_PATH_NOT_FOUND => Seen::Nothing,
        _ => Seen::Unreadable,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_windows_has_a_build_and_no_key_of_ours() {
        let version = r"SOFTWARE\Microsoft\Windows NT\CurrentVersion";
        assert!(
            matches!(Here.text(Hive::Machine, version, "CurrentBuildNumber"), Seen::Is(b) if b.parse::<u32>().is_ok())
        );
        assert_eq!(Here.text(Hive::Machine, version, "No value of ours"), Seen::Nothing);
        assert_eq!(Here.exists(Hive::User, r"Software\No key of ours\at all"), Seen::Is(false));
        let Seen::Is(key) = Key::open(Hive::Machine, version) else { panic!("no key") };
        assert!(key.written().is_some());
        assert_eq!(key.number("CurrentBuildNumber"), Seen::Unreadable);
        assert_eq!(Here.number(Hive::User, r"Software\No key of ours\at all", "n"), Seen::Nothing);
    }
}
