//! The control pipe, on Windows.
//!
//! The pipe's name is made of the user's SID and the data folder, its list of rights has this user
//! alone, it takes nobody from another computer, and a command checks that the pipe it reached
//! belongs to this user: anybody may make a pipe with a name that is free.

use std::{
    ffi::c_void,
    io,
    os::windows::io::AsRawHandle,
    path::Path,
    pin::Pin,
    ptr::null_mut,
    task::{Context, Poll},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::windows::named_pipe::{ClientOptions, NamedPipeClient, NamedPipeServer, ServerOptions},
};
use windows_sys::Win32::{
    Foundation::{CloseHandle, ERROR_PIPE_BUSY, ERROR_SUCCESS, HANDLE, LocalFree},
    Security::{
        Authorization::{
            ConvertSidToStringSidW, ConvertStringSecurityDescriptorToSecurityDescriptorW, GetSecurityInfo,
            SDDL_REVISION_1, SE_KERNEL_OBJECT,
        },
        EqualSid, GetTokenInformation, OWNER_SECURITY_INFORMATION, PSECURITY_DESCRIPTOR, PSID,
        SECURITY_ATTRIBUTES, TOKEN_QUERY, TOKEN_USER, TokenUser,
    },
    System::Threading::{GetCurrentProcess, OpenProcessToken},
};

/// A pipe whose every instance is taken is tried again after this, some twenty times.
const BUSY_AGAIN: Duration = Duration::from_millis(50);

/// Listens for commands of this user.
pub struct Listener {
    name: String,
    rights: Rights,
    next: NamedPipeServer,
}

impl Listener {
    /// Listens for the desk whose data folder this is.
    pub fn bind(data_dir: &Path) -> io::Result<Self> {
        let user = User::current()?;
        let name = pipe_name(data_dir, &user)?;
        let rights = Rights::only_for(&user)?;
        let next = rights.create(&name, true)?;
        Ok(Self { name, rights, next })
    }

    /// Waits for the next command. An error concerns that one only.
    pub async fn accept(&mut self) -> io::Result<Stream> {
        self.next.connect().await?;
        let following = self.rights.create(&self.name, false)?;
        Ok(Stream::Server(std::mem::replace(&mut self.next, following)))
    }
}

/// Connects to the daemon of the desk whose data folder this is.
pub async fn connect(data_dir: &Path) -> io::Result<Stream> {
    let user = User::current()?;
    let name = pipe_name(data_dir, &user)?;
    let mut tries = 0;
    let client = loop {
        match ClientOptions::new().open(&name) {
            Err(e) if e.raw_os_error() == Some(ERROR_PIPE_BUSY as i32) && tries < 20 => {
                tries += 1;
                tokio::time::sleep(BUSY_AGAIN).await;
            }
            other => break other?,
        }
    };
    if user.owns(client.as_raw_handle())? {
        Ok(Stream::Client(client))
    } else {
        Err(io::ErrorKind::PermissionDenied.into())
    }
}

/// A connection to or from a command.
#[derive(Debug)]
pub enum Stream {
    /// The daemon's end.
    Server(NamedPipeServer),
    /// A command's end.
    Client(NamedPipeClient),
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, to: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Server(s) => Pin::new(s).poll_read(cx, to),
            Self::Client(c) => Pin::new(c).poll_read(cx, to),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, from: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Server(s) => Pin::new(s).poll_write(cx, from),
            Self::Client(c) => Pin::new(c).poll_write(cx, from),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Server(s) => Pin::new(s).poll_flush(cx),
            Self::Client(c) => Pin::new(c).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Server(s) => Pin::new(s).poll_shutdown(cx),
            Self::Client(c) => Pin::new(c).poll_shutdown(cx),
        }
    }
}

fn pipe_name(data_dir: &Path, user: &User) -> io::Result<String> {
    use sha2::{Digest as _, Sha256};
    let hash = Sha256::digest(std::fs::canonicalize(data_dir)?.as_os_str().as_encoded_bytes());
    let hash: String = hash[..8].iter().map(|b| format!("{b:02x}")).collect();
    Ok(format!(r"\\.\pipe\preshift-{}-{hash}", user.sid_text()?))
}

/// The user this process runs as: the token's answer, with the SID inside.
pub(super) struct User(Vec<u64>);

impl User {
    pub(super) fn current() -> io::Result<Self> {
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

    pub(super) fn sid(&self) -> PSID {
        // SAFETY: the buffer was filled with a TOKEN_USER by `current`, and is aligned for one.
        unsafe { (*self.0.as_ptr().cast::<TOKEN_USER>()).User.Sid }
    }

    fn sid_text(&self) -> io::Result<String> {
        let mut text: *mut u16 = null_mut();
        // SAFETY: the SID lives in our buffer; `text` is ours to be written, and freed below.
        if unsafe { ConvertSidToStringSidW(self.sid(), &mut text) } == 0 {
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

    fn owns(&self, handle: HANDLE) -> io::Result<bool> {
        let (mut owner, mut descriptor): (PSID, PSECURITY_DESCRIPTOR) = (null_mut(), null_mut());
        // SAFETY: the handle is open; `owner` and `descriptor` are ours to be written.
        let status = unsafe {
            GetSecurityInfo(
                handle,
                SE_KERNEL_OBJECT,
                OWNER_SECURITY_INFORMATION,
                &mut owner,
                null_mut(),
                null_mut(),
                null_mut(),
                &mut descriptor,
            )
        };
        if status != ERROR_SUCCESS {
            return Err(io::Error::from_raw_os_error(status as i32));
        }
        // SAFETY: `owner` points into the descriptor, which is freed only after this.
        let same = unsafe { EqualSid(owner, self.sid()) } != 0;
        // SAFETY: the descriptor came from a call that allocates with LocalAlloc, and nothing uses it any more.
        unsafe { LocalFree(descriptor) };
        Ok(same)
    }
}

/// Rights for one user and nobody else.
struct Rights(PSECURITY_DESCRIPTOR);

// SAFETY: the descriptor is plain memory that is only read after it was made.
unsafe impl Send for Rights {}
// SAFETY: as above.
unsafe impl Sync for Rights {}

impl Rights {
    fn only_for(user: &User) -> io::Result<Self> {
        // Owner and sole entry are the user by SID: an administrator's default owner would be a group.
        let sid = user.sid_text()?;
        let sddl: Vec<u16> = format!("O:{sid}D:P(A;;GA;;;{sid})").encode_utf16().chain([0]).collect();
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

    fn create(&self, name: &str, first: bool) -> io::Result<NamedPipeServer> {
        let mut attributes = SECURITY_ATTRIBUTES {
            nLength: size_of::<SECURITY_ATTRIBUTES>() as u32,
            lpSecurityDescriptor: self.0,
            bInheritHandle: 0,
        };
        let mut options = ServerOptions::new();
        options.first_pipe_instance(first).reject_remote_clients(true);
        let attributes: *mut SECURITY_ATTRIBUTES = &mut attributes;
        // SAFETY: the attributes are valid and outlive the call, and so does the descriptor.
        unsafe { options.create_with_security_attributes_raw(name, attributes.cast::<c_void>()) }
    }
}

impl Drop for Rights {
    fn drop(&mut self) {
        // SAFETY: the descriptor came from a call that allocates with LocalAlloc, and nothing uses it any more.
        unsafe { LocalFree(self.0) };
    }
}
