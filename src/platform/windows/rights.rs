//! Rights for one user and nobody else: how they are made, put on something, and read back.
//!
//! Owner and sole entry are the user by SID. The short form for "whoever owns it" is not used: what an
//! elevated administrator makes would be owned by a group, and so be open to every administrator.

use super::user::User;
use crate::platform::sddl;
use std::{ffi::c_void, io, os::windows::io::AsRawHandle, ptr::null_mut};
use windows_sys::Win32::{
    Foundation::{ERROR_SUCCESS, LocalFree},
    Security::{
        Authorization::{
            ConvertSecurityDescriptorToStringSecurityDescriptorW,
            ConvertStringSecurityDescriptorToSecurityDescriptorW, GetSecurityInfo, SDDL_REVISION_1,
            SE_OBJECT_TYPE,
        },
        DACL_SECURITY_INFORMATION, GetSecurityDescriptorOwner, OBJECT_SECURITY_INFORMATION,
        OWNER_SECURITY_INFORMATION, PROTECTED_DACL_SECURITY_INFORMATION, PSECURITY_DESCRIPTOR, PSID,
        SetKernelObjectSecurity,
    },
};

/// What the rights are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum For {
    /// A folder: what is made in it gets the same.
    Folder,
    /// One file, or a pipe.
    Itself,
}

/// Rights for one user and nobody else.
pub struct Rights(Descriptor);

impl Rights {
    /// Makes them. `P` in the list takes nothing from above, `OICI` hands down, `FA` is everything.
    pub fn only(user: &User, what: For) -> io::Result<Self> {
        let sid = user.sid_text()?;
        let down = if what == For::Folder { "OICI" } else { "" };
        let sddl = format!("O:{sid}D:P(A;{down};FA;;;{sid})");
        Descriptor::parse(&sddl).map(Self)
    }

    /// For calls that make something with rights. Lives as long as `self`.
    pub fn as_ptr(&self) -> PSECURITY_DESCRIPTOR {
        self.0.0
    }

    /// Puts them on something that is open for changing its rights; its owner as well if that is wanted. What
    /// is in a folder already keeps its own.
    pub fn put_on(&self, what: &impl AsRawHandle, owner: bool) -> io::Result<()> {
        let mut parts: OBJECT_SECURITY_INFORMATION =
            DACL_SECURITY_INFORMATION | PROTECTED_DACL_SECURITY_INFORMATION;
        if owner {
            parts |= OWNER_SECURITY_INFORMATION;
        }
        // The call that sets exactly what it is given. Wine's `SetSecurityInfo` mixes in what the folder above
        // hands down, even into a list that is protected against it.
        // SAFETY: the handle is open, and the descriptor a whole one.
        match unsafe { SetKernelObjectSecurity(what.as_raw_handle(), parts, self.0.0) } {
            0 => Err(io::Error::last_os_error()),
            _ => Ok(()),
        }
    }
}

/// Who owns something that is open for reading its rights, and who may do what with it.
pub fn read(what: &impl AsRawHandle, kind: SE_OBJECT_TYPE) -> io::Result<Descriptor> {
    let mut descriptor: PSECURITY_DESCRIPTOR = null_mut();
    // SAFETY: the handle is open; `descriptor` is ours to be written, the rest may be null.
    let status = unsafe {
        GetSecurityInfo(
            what.as_raw_handle(),
            kind,
            OWNER_SECURITY_INFORMATION | DACL_SECURITY_INFORMATION,
            null_mut(),
            null_mut(),
            null_mut(),
            null_mut(),
            &mut descriptor,
        )
    };
    match status {
        ERROR_SUCCESS => Ok(Descriptor(descriptor)),
        code => Err(io::Error::from_raw_os_error(code as i32)),
    }
}

/// Who owns something, and who may do what with it.
pub struct Descriptor(PSECURITY_DESCRIPTOR);

// SAFETY: the descriptor is plain memory that is only read after it was made.
unsafe impl Send for Descriptor {}
// SAFETY: as above.
unsafe impl Sync for Descriptor {}

impl Descriptor {
    /// Makes one from its text (SDDL).
    fn parse(sddl: &str) -> io::Result<Self> {
        let sddl: Vec<u16> = sddl.encode_utf16().chain([0]).collect();
        let mut descriptor: PSECURITY_DESCRIPTOR = null_mut();
        // SAFETY: `sddl` ends in 0 and outlives the call; `descriptor` is ours to be written.
        let made = unsafe {
            ConvertStringSecurityDescriptorToSecurityDescriptorW(
                sddl.as_ptr(),
                SDDL_REVISION_1,
                &mut descriptor,
                null_mut(),
            )
        };
        if made == 0 { Err(io::Error::last_os_error()) } else { Ok(Self(descriptor)) }
    }

    /// Whether a user owns it.
    pub fn is_owned_by(&self, user: &User) -> io::Result<bool> {
        // SAFETY: the owner points into our descriptor.
        Ok(unsafe { user.is(self.owner()?) })
    }

    /// Whether it belongs to a user and lets nobody else in but the system itself.
    pub fn is_only_for(&self, user: &User) -> io::Result<bool> {
        Ok(sddl::only_this_user(&self.text()?, &user.sid_text()?))
    }

    /// Whether nobody but this user, the administrators and the system may change it.
    pub fn only_trusted_write(&self, user: &User) -> io::Result<bool> {
        Ok(sddl::only_trusted_write(&self.text()?, &user.sid_text()?))
    }

    /// Owner and list, as the system writes them out (SDDL).
    fn text(&self) -> io::Result<String> {
        let (mut text, mut length) = (null_mut::<u16>(), 0u32);
        // SAFETY: the descriptor is a whole one; `text` and `length` are ours to be written.
        let written = unsafe {
            ConvertSecurityDescriptorToStringSecurityDescriptorW(
                self.0,
                SDDL_REVISION_1,
                OWNER_SECURITY_INFORMATION | DACL_SECURITY_INFORMATION,
                &mut text,
                &mut length,
            )
        };
        if written == 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the call above wrote so many units, with a 0 at the end.
        let units = unsafe { std::slice::from_raw_parts(text, length as usize) };
        let end = units.iter().position(|unit| *unit == 0).unwrap_or(units.len());
        let sddl = String::from_utf16_lossy(&units[..end]);
        // SAFETY: the string came from a call that allocates with LocalAlloc, and nothing uses it any more.
        unsafe { LocalFree(text.cast::<c_void>()) };
        Ok(sddl)
    }

    /// Its owner, who lives as long as `self`.
    fn owner(&self) -> io::Result<PSID> {
        let (mut owner, mut defaulted): (PSID, _) = (null_mut(), 0);
        // SAFETY: the descriptor is a whole one; both are ours to be written.
        match unsafe { GetSecurityDescriptorOwner(self.0, &mut owner, &mut defaulted) } {
            0 => Err(io::Error::last_os_error()),
            _ => Ok(owner),
        }
    }
}

impl Drop for Descriptor {
    fn drop(&mut self) {
        // SAFETY: the descriptor came from a call that allocates with LocalAlloc, and nothing uses it any more.
        unsafe { LocalFree(self.0.cast::<c_void>()) };
    }
}

#[cfg(test)]
#[path = "rights_tests.rs"]
pub mod tests;
