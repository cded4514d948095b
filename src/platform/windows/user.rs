//! The user this process runs as.
//!
//! Always the user itself, never the owner that the system would give to what it makes: for an elevated
//! administrator that is a group, and what belonged to it could not be opened by the same person's daemon.

use std::{ffi::c_void, io, ptr::null_mut};
use windows_sys::Win32::{
    Foundation::{CloseHandle, HANDLE, LocalFree},
    Security::{
        Authorization::ConvertSidToStringSidW, EqualSid, GetTokenInformation, PSID, TOKEN_QUERY, TOKEN_USER,
        TokenUser,
    },
    System::Threading::{GetCurrentProcess, OpenProcessToken},
};

/// The user this process runs as: the token's answer, with the SID inside.
pub struct User(Vec<u64>);

impl User {
    /// Asks the token of this process.
    pub fn current() -> io::Result<Self> {
        let mut token: HANDLE = null_mut();
        // SAFETY: the pseudo handle of this process is always valid; `token` is ours to be written.
        if unsafe { OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY, &mut token) } == 0 {
            return Err(io::Error::last_os_error());
        }
        // Far more than TOKEN_USER with the longest SID (68 bytes) takes; of u64 for its alignment.
        let mut buffer = vec![0u64; 32];
        let mut used = 0u32;
        // SAFETY: the buffer is as long as is said and outlives the call; the token was just opened.
        let done = unsafe {
            GetTokenInformation(
                token,
                TokenUser,
                buffer.as_mut_ptr().cast(),
                (buffer.len() * 8) as u32,
                &mut used,
            )
        };
        let error = io::Error::last_os_error();
        // SAFETY: the token was opened above and is not used any more.
        unsafe { CloseHandle(token) };
        if done == 0 { Err(error) } else { Ok(Self(buffer)) }
    }

    /// Its SID in words, such as `S-1-5-21-…-1001`.
    pub fn sid_text(&self) -> io::Result<String> {
        // SAFETY: the SID lives in our buffer.
        unsafe { text_of(self.sid()) }
    }

    /// Whether a SID is this user's.
    ///
    /// # Safety
    ///
    /// `sid` is null or points to a SID.
    pub unsafe fn is(&self, sid: PSID) -> bool {
        // SAFETY: by this function's own condition, and our own SID lives in our buffer.
        !sid.is_null() && unsafe { EqualSid(sid, self.sid()) } != 0
    }

    fn sid(&self) -> PSID {
        // SAFETY: the buffer was filled with a TOKEN_USER by `current`, and is aligned for one.
        unsafe { (*self.0.as_ptr().cast::<TOKEN_USER>()).User.Sid }
    }
}

/// A SID in words.
///
/// # Safety
///
/// `sid` points to a SID.
pub unsafe fn text_of(sid: PSID) -> io::Result<String> {
    let mut text: *mut u16 = null_mut();
    // SAFETY: by this function's own condition; `text` is ours to be written, and freed below.
    if unsafe { ConvertSidToStringSidW(sid, &mut text) } == 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the call above wrote a string that ends in 0.
    let units = unsafe {
        let length = (0..).take_while(|&i| *text.add(i) != 0).count();
        std::slice::from_raw_parts(text, length)
    };
    let sid = String::from_utf16_lossy(units);
    // SAFETY: the string came from a call that allocates with LocalAlloc, and nothing uses it any more.
    unsafe { LocalFree(text.cast::<c_void>()) };
    Ok(sid)
}
