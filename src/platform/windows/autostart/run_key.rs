//! The user's Run key, and the mark by which Windows' task manager switches a value of it off.

use crate::autostart::NAME;
use std::{io, ptr::null_mut};
use windows_sys::Win32::{
    Foundation::{ERROR_FILE_NOT_FOUND, ERROR_PATH_NOT_FOUND, ERROR_SUCCESS, WIN32_ERROR},
    System::Registry::{
        HKEY_CURRENT_USER, REG_SZ, RRF_RT_REG_BINARY, RRF_RT_REG_SZ, RegDeleteKeyValueW, RegGetValueW,
        RegSetKeyValueW,
    },
};

const RUN: &str = r"Software\Microsoft\Windows\CurrentVersion\Run";
/// Where the task manager and the settings keep what a user switched off: twelve bytes, the first odd.
const APPROVED: &str = r"Software\Microsoft\Windows\CurrentVersion\Explorer\StartupApproved\Run";
/// Longest command line that the Run key takes, in characters, by Microsoft's documentation of it.
const LONGEST: usize = 260;

/// One value of the Run key.
pub struct RunKey {
    name: Vec<u16>,
}

impl RunKey {
    /// Ours.
    pub fn of_this_user() -> Self {
        Self::named(NAME)
    }

    fn named(name: &str) -> Self {
        Self { name: wide(name) }
    }

    /// Writes the command line, and forgets that somebody switched an older one off.
    pub fn write(&self, command_line: &str) -> io::Result<()> {
        if command_line.encode_utf16().count() > LONGEST {
            return Err(io::Error::other(format!("the Run key takes {LONGEST} characters at most")));
        }
        let (key, value) = (wide(RUN), wide(command_line));
        // SAFETY: the strings end in 0 and outlive the call; the length is the value's, in bytes.
        let status = unsafe {
            RegSetKeyValueW(
                HKEY_CURRENT_USER,
                key.as_ptr(),
                self.name.as_ptr(),
                REG_SZ,
                value.as_ptr().cast(),
                (value.len() * 2) as u32,
            )
        };
        there(status)?;
        self.delete(APPROVED).map(drop)
    }

    /// Removes it. Says whether there was one.
    pub fn remove(&self) -> io::Result<bool> {
        let was = self.delete(RUN)?;
        self.delete(APPROVED)?;
        Ok(was)
    }

    /// The command line, and whether Windows will run it.
    pub fn read(&self) -> io::Result<Option<(String, bool)>> {
        let mut text = [0u16; LONGEST + 1];
        let Some(bytes) = self.get(RUN, RRF_RT_REG_SZ, text.as_mut_ptr().cast(), size_of_val(&text))? else {
            return Ok(None);
        };
        let length = text[..bytes / 2].iter().position(|c| *c == 0).unwrap_or(bytes / 2);
        let mut mark = [0u8; 64];
        let marked = self.get(APPROVED, RRF_RT_REG_BINARY, mark.as_mut_ptr().cast(), mark.len());
        let off = matches!(marked, Ok(Some(1..))) && mark[0] & 1 == 1;
        Ok(Some((String::from_utf16_lossy(&text[..length]), !off)))
    }

    fn delete(&self, key: &str) -> io::Result<bool> {
        let key = wide(key);
        // SAFETY: both strings end in 0 and outlive the call.
        there(unsafe { RegDeleteKeyValueW(HKEY_CURRENT_USER, key.as_ptr(), self.name.as_ptr()) })
    }

    /// Reads a value into a place of so many bytes; says how many it has.
    fn get(
        &self,
        key: &str,
        kind: u32,
        to: *mut core::ffi::c_void,
        bytes: usize,
    ) -> io::Result<Option<usize>> {
        let key = wide(key);
        let mut length = bytes as u32;
        // SAFETY: the strings end in 0; `to` has room for `length` bytes, which the caller sees to.
        let status = unsafe {
            RegGetValueW(
                HKEY_CURRENT_USER,
                key.as_ptr(),
                self.name.as_ptr(),
                kind,
                null_mut(),
                to,
                &mut length,
            )
        };
        Ok(there(status)?.then_some(length as usize))
    }
}

/// Whether what was asked for is there.
fn there(status: WIN32_ERROR) -> io::Result<bool> {
    match status {
        ERROR_SUCCESS => Ok(true),
        ERROR_FILE_NOT_FOUND | ERROR_PATH_NOT_FOUND => Ok(false),
        code => Err(io::Error::from_raw_os_error(code as i32)),
    }
}

fn wide(text: &str) -> Vec<u16> {
    text.encode_utf16().chain([0]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_comes_and_goes() {
        let key = RunKey::named("Preshift test of the Run key");
        assert_eq!(key.read().unwrap(), None);
        assert!(!key.remove().unwrap());
        let line = r#""C:\Users\Zoë & Co\preshiftw.exe" run"#;
        key.write(line).unwrap();
        key.write(line).unwrap();
        assert_eq!(key.read().unwrap(), Some((line.to_owned(), true)));
        assert!(key.remove().unwrap());
        assert_eq!(key.read().unwrap(), None);
        let said = key.write(&"x".repeat(LONGEST + 1)).unwrap_err().to_string();
        assert!(said.contains("260"), "{said}");
        assert_eq!(key.read().unwrap(), None);
    }
}
